"""Makes what a run reads: the vocabulary and the token store; what is there already is used as it is."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import CorpusKind
from albert_lab.data.corpora.identity import corpus_identity
from albert_lab.data.recipe import recipe_hash
from albert_lab.errors import UserError
from albert_lab.storage.digests import file_digest
from albert_lab.storage.disk import told_if_full
from albert_lab.storage.files import lock, new_folder, write_json

if TYPE_CHECKING:
    from albert_lab.data.samples.pretraining import Samples

log = logging.getLogger(__name__)

_RECIPE_VERSION = 1  # raise it when the same text would give another vocabulary or other sentences


@dataclass(frozen=True)
class Prepared:
    """Where a run's vocabulary and token store are, and what the store holds (training, held out)."""

    tokenizer_file: Path
    store: Path
    vocab_size: int
    documents: tuple[int, int]
    sentences: tuple[int, int]
    tokens: tuple[int, int]


def prepare(config: PretrainConfig, workers: int | None = None) -> Prepared:
    """Builds the vocabulary and the token store that `config` asks for, where they are missing.

    Call it once, before any training process starts. `workers`: processes to build with (None: the cores).

    Raises: UserError for whatever is wrong with the corpus, the tokenizer, a store or the disk.
    """
    text = _text_recipe(config)
    tokenizer_file = _tokenizer_file(config, text, workers)
    recipe = text | {
        "tokenizer": file_digest(tokenizer_file),
        "vocab_size": config.tokenizer.vocab_size,
        "do_lower_case": config.tokenizer.do_lower_case,
        "keep_accents": config.tokenizer.keep_accents,
    }
    folder = Path(config.paths.cache) / "stores" / recipe_hash(recipe)
    if not folder.exists():
        _build(folder, config, tokenizer_file, recipe, workers)
    return _prepared(folder, tokenizer_file)


def vocabulary_file(config: PretrainConfig, workers: int | None = None) -> Path:
    """The `.model` file that `config` asks for: the one it names, or one trained on its corpus and kept in the cache.

    Raises: UserError as `prepare` does.
    """
    return _tokenizer_file(config, _text_recipe(config), workers)


def open_samples(
    config: PretrainConfig, prepared: Prepared, split: str = "train", seed: int | None = None
) -> "Samples":
    """The samples of a split ("train" or "held_out"); `seed` is `train.seed` where none is given."""
    from albert_lab.data.samples.pretraining import Samples
    from albert_lab.data.store.text_encoder import Tokenizer
    from albert_lab.data.store.token_store import Store

    tokenizer = Tokenizer.load(prepared.tokenizer_file)
    seed = config.train.seed if seed is None else seed
    return Samples(Store(prepared.store), tokenizer, config.objective, seed, split)


def _text_recipe(config: PretrainConfig) -> dict[str, Any]:
    """What makes the sentences what they are."""
    data = config.data
    recipe = {
        "version": _RECIPE_VERSION,
        "corpus": corpus_identity(config),
        "max_documents": data.max_documents,
        "held_out": data.held_out,
    }
    if data.corpus is not CorpusKind.docstrings:
        recipe |= {"format": data.format.value, "text_key": data.text_key, "pattern": data.document_pattern}
    return recipe


def _tokenizer_file(config: PretrainConfig, text: dict[str, Any], workers: int | None) -> Path:
    tokenizer = config.tokenizer
    if tokenizer.model_file is not None:
        file = Path(tokenizer.model_file)
        if not file.is_file():
            raise UserError(f"tokenizer.model_file={file} is not a file (looked from {Path.cwd()})")
        return file
    recipe = text | {
        "vocab_size": tokenizer.vocab_size,
        "do_lower_case": tokenizer.do_lower_case,
        "keep_accents": tokenizer.keep_accents,
        "character_coverage": tokenizer.character_coverage,
        "training_sentences": tokenizer.training_sentences,
    }
    folder = Path(config.paths.cache) / "vocabularies" / recipe_hash(recipe)
    if not folder.exists():
        _train_vocabulary(folder, config, recipe, workers)
    if not (folder / "spiece.model").is_file():
        raise UserError(f"{folder} holds no spiece.model; delete the folder and run again to train it")
    return folder / "spiece.model"


def _train_vocabulary(folder: Path, config: PretrainConfig, recipe: dict[str, Any], workers: int | None) -> None:
    from albert_lab.data.store.build import training_sentences
    from albert_lab.data.store.train_vocabulary import train_vocabulary

    with lock(folder, "the vocabulary"), _timed(f"vocabulary of {config.tokenizer.vocab_size} pieces", folder):
        if folder.exists():
            return
        with told_if_full(folder, "paths.cache", "about half the size of the text"), new_folder(folder) as scratch:
            model = train_vocabulary(training_sentences(config, workers), config.tokenizer)
            (scratch / "spiece.model").write_bytes(model)
            write_json(scratch / "manifest.json", {"recipe": recipe})


def _build(
    folder: Path, config: PretrainConfig, tokenizer_file: Path, recipe: dict[str, Any], workers: int | None
) -> None:
    from albert_lab.data.store.build import build_store
    from albert_lab.data.store.text_encoder import Tokenizer

    found = Tokenizer.load(tokenizer_file).vocab_size
    if found != config.tokenizer.vocab_size:
        raise UserError(
            f"tokenizer.vocab_size={config.tokenizer.vocab_size}, but {tokenizer_file} has {found} pieces; "
            f"set tokenizer.vocab_size={found}"
        )
    with lock(folder, "the token store"), _timed("token store", folder):
        if not folder.exists():
            build_store(folder, config, tokenizer_file.read_bytes(), recipe, workers)


def _prepared(folder: Path, tokenizer_file: Path) -> Prepared:
    from albert_lab.data.store.token_store import check_files, read_manifest

    manifest = read_manifest(folder)
    check_files(folder, manifest)
    documents, sentences, tokens = (tuple(manifest[name]) for name in ("documents", "sentences", "tokens"))
    return Prepared(tokenizer_file, folder, manifest["vocab_size"], documents, sentences, tokens)


@contextmanager
def _timed(what: str, folder: Path) -> Iterator[None]:
    start = time.monotonic()
    log.info("making the %s in %s", what, folder)
    yield
    log.info("made the %s in %.1f s", what, time.monotonic() - start)
