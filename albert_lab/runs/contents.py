"""What the files that a configuration names hold: a run's identity counts that, not the files' paths."""

from pathlib import Path
from typing import Any

from albert_lab.config.schema import FinetuneConfig, PretrainConfig, RunConfig
from albert_lab.data.corpora.corpus import open_corpus
from albert_lab.data.tasks.benchmark import open_benchmark
from albert_lab.errors import UserError
from albert_lab.model.layer_map import make_layer_map
from albert_lab.storage.digests import file_digest, identify_files
from albert_lab.storage.hub import pretrained_folder

CHECKPOINT_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json", "*.bin", "*.bin.index.json")
TOKENIZER_FILES = ("spiece.model", "tokenizer.json", "tokenizer_config.json")


def read_contents(config: RunConfig) -> dict[str, Any]:
    """Digests of the corpus, the vocabulary and the checkpoint, as far as the run reads them.

    Raises:
        UserError: a file or a checkpoint is missing, or the layer map is impossible.
    """
    if isinstance(config, FinetuneConfig):
        return _finetuning_contents(config)
    assert isinstance(config, PretrainConfig)
    return _pretraining_contents(config)


def prepare_contents(config: RunConfig) -> None:
    """Builds what a run reads and is not there yet: the vocabulary and the token store of pre-training."""
    if isinstance(config, PretrainConfig):
        from albert_lab.data.prepare import prepare

        prepare(config.data, config.tokenizer, Path(config.paths.cache))


def _pretraining_contents(config: PretrainConfig) -> dict[str, Any]:
    make_layer_map(config.sharing, config.model.num_hidden_layers)  # an impossible one fails before any file is read
    contents = open_corpus(config.data, Path(config.paths.cache)).identity()
    if config.tokenizer.model_file is not None:
        file = Path(config.tokenizer.model_file)
        if not file.is_file():
            raise UserError(f"tokenizer.model_file={file}: no such file")
        contents["tokenizer"] = file_digest(file)
    if config.warm_start.checkpoint is not None:
        folder = _checkpoint_folder("warm_start.checkpoint", config.warm_start.checkpoint, CHECKPOINT_FILES)
        contents["warm_start"] = _digests(folder, CHECKPOINT_FILES, config.paths.cache)
    return contents


def _finetuning_contents(config: FinetuneConfig) -> dict[str, Any]:
    assert config.checkpoint is not None
    patterns = (*CHECKPOINT_FILES, *TOKENIZER_FILES)
    folder = _checkpoint_folder("checkpoint", config.checkpoint, patterns)
    return {
        "checkpoint": _digests(folder, patterns, config.paths.cache),
        "data": open_benchmark(config).identity(),
    }


def _checkpoint_folder(key: str, name_or_path: str, patterns: tuple[str, ...]) -> Path:
    folder = pretrained_folder(name_or_path, patterns)
    if not (folder / "config.json").is_file():
        raise UserError(f"{key}={name_or_path} holds no config.json; is that run finished?")
    return folder


def _digests(folder: Path, patterns: tuple[str, ...], cache: str) -> list[list[Any]]:
    files = sorted(file for pattern in patterns for file in folder.glob(pattern))
    return identify_files(files, Path(cache))
