"""Makes what a run reads: the vocabulary and the token store; what is there already is used as it is."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from albert_lab.config.training import DataConfig, ObjectiveConfig, TokenizerConfig
from albert_lab.data.corpora.corpus import Corpus, open_corpus
from albert_lab.data.recipe import recipe_hash
from albert_lab.errors import UserError
from albert_lab.storage.digests import file_digest
from albert_lab.storage.disk import explain_full_disk
from albert_lab.storage.files import write_json
from albert_lab.storage.folders import build_folder
from albert_lab.storage.locks import lock

if TYPE_CHECKING:
    from albert_lab.data.samples.pretraining import Samples

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedData:
    """Where a run's vocabulary and token store are, and what the store holds (training, held out)."""

    tokenizer_file: Path
    store: Path
    vocab_size: int
    documents: tuple[int, int]
    sentences: tuple[int, int]
    tokens: tuple[int, int]


def prepare(data: DataConfig, tokenizer: TokenizerConfig, cache: Path, workers: int | None = None) -> PreparedData:
    """Builds the vocabulary and the token store of a corpus under `cache`, where they are missing.

    Call it once, before any training process starts. `workers`: processes to build with (None: the cores).

    Raises: UserError for whatever is wrong with the corpus, the tokenizer, a store or the disk.
    """
    corpus = open_corpus(data, cache)
    tokenizer_file = _find_vocabulary(corpus, tokenizer, workers)
    recipe = corpus.recipe() | {
        "tokenizer": file_digest(tokenizer_file),
        "vocab_size": tokenizer.vocab_size,
        "do_lower_case": tokenizer.do_lower_case,
        "keep_accents": tokenizer.keep_accents,
    }
    folder = cache / "stores" / recipe_hash(recipe)
    if not folder.exists():
        _build_store(folder, corpus, tokenizer, tokenizer_file, recipe, workers)
    return _check_store(folder, tokenizer_file, cache)


def vocabulary_file(data: DataConfig, tokenizer: TokenizerConfig, cache: Path, workers: int | None = None) -> Path:
    """The `.model` file that `tokenizer` asks for: the one it names, or one trained on the corpus and kept in `cache`.

    Raises: UserError as `prepare` does.
    """
    return _find_vocabulary(open_corpus(data, cache), tokenizer, workers)


def open_samples(prepared: PreparedData, objective: ObjectiveConfig, seed: int, split: str = "train") -> "Samples":
    """The samples of a split ("train" or "held_out")."""
    from albert_lab.data.samples.pretraining import Samples
    from albert_lab.data.store.text_encoder import TextEncoder
    from albert_lab.data.store.token_store import TokenStore

    return Samples(TokenStore(prepared.store), TextEncoder.load(prepared.tokenizer_file), objective, seed, split)


def _find_vocabulary(corpus: Corpus, tokenizer: TokenizerConfig, workers: int | None) -> Path:
    if tokenizer.model_file is not None:
        file = Path(tokenizer.model_file)
        if not file.is_file():
            raise UserError(f"tokenizer.model_file={file} is not a file (looked from {Path.cwd()})")
        return file
    recipe = corpus.recipe() | {
        "vocab_size": tokenizer.vocab_size,
        "do_lower_case": tokenizer.do_lower_case,
        "keep_accents": tokenizer.keep_accents,
        "character_coverage": tokenizer.character_coverage,
        "training_sentences": tokenizer.training_sentences,
    }
    folder = corpus.cache / "vocabularies" / recipe_hash(recipe)
    if not folder.exists():
        _train_vocabulary(folder, corpus, tokenizer, recipe, workers)
    if not (folder / "spiece.model").is_file():
        raise UserError(f"{folder} holds no spiece.model; delete the folder and run again to train it")
    return folder / "spiece.model"


def _train_vocabulary(
    folder: Path, corpus: Corpus, tokenizer: TokenizerConfig, recipe: dict[str, Any], workers: int | None
) -> None:
    from albert_lab.data.store.build import training_sentences
    from albert_lab.data.store.train_vocabulary import train_vocabulary

    with lock(folder, "the vocabulary"), _log_time(f"vocabulary of {tokenizer.vocab_size} pieces", folder):
        if folder.exists():
            return
        with (
            explain_full_disk(folder, "paths.cache", "about half the size of the text"),
            build_folder(folder) as scratch,
        ):
            model = train_vocabulary(training_sentences(corpus, tokenizer, workers), tokenizer)
            (scratch / "spiece.model").write_bytes(model)
            write_json(scratch / "manifest.json", {"recipe": recipe})


def _build_store(
    folder: Path,
    corpus: Corpus,
    tokenizer: TokenizerConfig,
    tokenizer_file: Path,
    recipe: dict[str, Any],
    workers: int | None,
) -> None:
    from albert_lab.data.store.build import build_store
    from albert_lab.data.store.text_encoder import TextEncoder

    found = TextEncoder.load(tokenizer_file).vocab_size
    if found != tokenizer.vocab_size:
        raise UserError(
            f"tokenizer.vocab_size={tokenizer.vocab_size}, but {tokenizer_file} has {found} pieces; "
            f"set tokenizer.vocab_size={found}"
        )
    with lock(folder, "the token store"), _log_time("token store", folder):
        if not folder.exists():
            build_store(folder, corpus, tokenizer, tokenizer_file.read_bytes(), recipe, workers)


def _check_store(folder: Path, tokenizer_file: Path, cache: Path) -> PreparedData:
    from albert_lab.data.store.token_store import check_digests, check_files, read_manifest

    manifest = read_manifest(folder)
    check_files(folder, manifest)
    check_digests(folder, manifest, cache)
    documents, sentences, tokens = (tuple(manifest[name]) for name in ("documents", "sentences", "tokens"))
    return PreparedData(tokenizer_file, folder, manifest["vocab_size"], documents, sentences, tokens)


@contextmanager
def _log_time(what: str, folder: Path) -> Iterator[None]:
    start = time.monotonic()
    log.info("making the %s in %s", what, folder)
    yield
    log.info("made the %s in %.1f s", what, time.monotonic() - start)
