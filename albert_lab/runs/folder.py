"""A run's identity and its folder: the same settings always lead to the same place."""

import hashlib
import json
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from albert_lab.config.schema import RESULT_GROUPS, PretrainConfig
from albert_lab.config.variant import ModelConfig, NormSharing, SharingConfig

NUMERICS = 3  # raised when a change of the code changes what a configuration computes


def fingerprint(config: PretrainConfig, content: dict[str, Any]) -> str:
    """Hash of every setting that can change a result; `content` says what the files that it names hold.

    Paths are left out: what `content` digests counts, not where it lies.
    """
    settings: dict[str, Any] = {group: asdict(getattr(config, group)) for group in RESULT_GROUPS}
    del settings["data"]["files"], settings["tokenizer"]["model_file"], settings["warm_start"]["checkpoint"]
    text = json.dumps([NUMERICS, settings, content], sort_keys=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.name
    raise TypeError(f"no stable form for {value!r}")


def describe(config: PretrainConfig) -> str:
    """A name that a person can read: `all E16 H96 L6 seed 0`, `all E16 H96 L6 pre lora8 seed 0`."""
    model = config.model
    sizes = f"E{model.embedding_size} H{model.hidden_size} L{model.num_hidden_layers}"
    words = [describe_sharing(config.sharing), sizes, *_options(model), *_start(config), f"seed {config.train.seed}"]
    return " ".join(words)


# What tells a model with ALBERT's own blocks and embeddings from others, and what stands before the value.
OPTIONS = {
    "norm_placement": "",
    "depth_signal": "",
    "position_embedding_type": "positions_",
    "output_embedding_size": "O",
    "lora_rank": "lora",
    "adapter_size": "adapter",
}


def _options(model: ModelConfig) -> list[str]:
    usual = ModelConfig()
    changed = [name for name in OPTIONS if getattr(model, name) != getattr(usual, name)]
    return [f"{OPTIONS[name]}{getattr(model, name)}" for name in changed]


def _start(config: PretrainConfig) -> list[str]:
    return [] if config.warm_start.blocks is None else [f"from_{config.warm_start.blocks}"]


def describe_sharing(sharing: SharingConfig) -> str:
    """The scheme with what else tells it apart: `groups2x3` (G x K), `cycle4`, `all per-layer norms`, `custom-1f0a`."""
    words = [sharing.scheme]
    if sharing.scheme == "groups":
        words[0] += f"{sharing.num_hidden_groups}" + f"x{sharing.inner_group_num}" * (sharing.inner_group_num > 1)
    elif sharing.scheme == "immediate":
        words[0] += f"{sharing.repeats}"
    elif sharing.num_blocks is not None:
        words[0] += f"{sharing.num_blocks}"
    if sharing.norms is not None:
        words.append("per-layer norms" if sharing.norms is NormSharing.per_layer else "block norms")
    listed = [sharing.attention, sharing.ffn, sharing.attention_norm, sharing.ffn_norm]
    if any(ids is not None for ids in listed):  # too long for a folder's name
        words[0] += f"-{hashlib.sha256(json.dumps(listed).encode()).hexdigest()[:4]}"
    return " ".join(words)


class RunFolder:
    """`<paths.runs>/pretrain/<name>-<fingerprint>/` and the files in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"  # resolved
        self.result = path / "result.json"  # the record; there only when the run is finished
        self.weights = path / "model.safetensors"  # with config.json: a checkpoint that `from_pretrained` reads
        self.checkpoints = path / "checkpoints"
        self.metrics = path / "metrics.jsonl"  # every metric logged, a line each
        self.tracking = path / "tracking.json"  # the MLflow run, and how much of it was sent
        self.log = path / "log.txt"

    @classmethod
    def of(cls, config: PretrainConfig, identity: str) -> "RunFolder":
        name = describe(config).replace(" ", "-")
        return cls(Path(config.paths.runs).absolute() / "pretrain" / f"{name}-{identity[:10]}")

    def record(self) -> dict[str, Any] | None:
        """The finished run's record, or None while it isn't finished."""
        return read_json(self.result)


def mlflow_database(config: PretrainConfig) -> Path:
    """The SQLite file that MLflow runs go to unless `tracking.uri` names a server."""
    return Path(config.paths.runs).absolute() / "mlflow.db"


def tracking_uri(config: PretrainConfig) -> str:
    return config.tracking.uri or f"sqlite:///{mlflow_database(config)}"


def read_json(path: Path) -> dict[str, Any] | None:
    if not path.exists():
        return None
    value = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value
