"""Corpora, and what is kept of them in the cache."""

import gzip
import json
import lzma
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zstandard

from albert_lab.cli.hydra_app import raise_unusable_path
from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import DataConfig, ObjectiveConfig, TextFormat
from albert_lab.data.corpora.corpus import open_corpus
from albert_lab.data.prepare import open_samples, prepare
from albert_lab.data.tasks import docstring_packages
from albert_lab.storage.digests import identify_files
from tests.faults.kind import Kind
from tests.faults.mutations import ANY_BYTES, Mutate, change_json, change_json_line, inside_compression
from tests.lab import made_up_text

TEXTS = [*made_up_text(6).split("\n\n"), "Ünïcode \U0001f600\u2028separated.\x0bBy odd\x85lines.", ""]


def write_text(folder: Path) -> None:
    (folder / "corpus.txt").write_text("\n\n".join(TEXTS), encoding="utf-8")


def write_compressed(folder: Path) -> None:
    text = "\n\n".join(TEXTS).encode()
    (folder / "corpus.txt.gz").write_bytes(gzip.compress(text))
    (folder / "corpus.txt.xz").write_bytes(lzma.compress(text))
    (folder / "corpus.txt.zst").write_bytes(zstandard.compress(text))


def write_json_lines(folder: Path) -> None:
    lines = [json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(TEXTS)]
    (folder / "corpus.jsonl").write_text("".join(lines))


def write_parquet(folder: Path, **options: Any) -> None:
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({"id": list(range(len(TEXTS))), "text": TEXTS, "more": [["a"], None] * (len(TEXTS) // 2)})
    parquet.write_table(table, folder / "corpus.parquet", compression="none", **options)
    (folder / "corpus.parquet.gz").write_bytes(gzip.compress((folder / "corpus.parquet").read_bytes()))


@contextmanager
def explain_paths(cache: Path) -> Iterator[None]:
    """As a command does for an unusable folder."""
    try:
        yield
    except OSError as error:
        raise_unusable_path(error, {"paths.cache": str(cache)})
        raise


def read_corpus(*names: str, **settings: Any) -> Callable[[Path], None]:
    """What `prepare` and a run's fingerprint ask of a corpus."""

    def read(folder: Path) -> None:
        for name in names:
            data = DataConfig(corpus="text", files=[str(folder / name)], **settings)
            corpus = open_corpus(data, folder / "cache")
            corpus.identity()
            for _ in corpus.documents(workers=1):
                pass

    return read


def read_paragraphs(folder: Path) -> None:
    read_corpus("corpus.txt", format=TextFormat.paragraphs, document_pattern="^[A-Z]")(folder)


def make_store(folder: Path) -> None:
    (folder / "corpus.txt").write_text(made_up_text(40))
    prepare_store(folder)


def prepare_store(folder: Path) -> Any:
    data = DataConfig(corpus="text", files=[str(folder / "corpus.txt")], held_out=0.2)
    tokenizer = PretrainConfig().tokenizer
    tokenizer.vocab_size, tokenizer.character_coverage = 90, 1.0
    return prepare(data, tokenizer, folder / "cache", workers=1)


def read_store(folder: Path) -> None:
    import numpy as np

    with explain_paths(folder / "cache"):
        prepared = prepare_store(folder)
    for split in ("train", "held_out"):
        samples = open_samples(prepared, ObjectiveConfig(max_seq_length=32), seed=0, split=split)
        batch = samples.batch(np.arange(16))
        assert batch.input_ids.max() < prepared.vocab_size


def make_examples(folder: Path) -> None:
    """Of a task, in the folder where the task looks for them."""
    from albert_lab.data.recipe import recipe_hash

    examples = folder / "tasks" / recipe_hash(docstring_packages.identity())
    examples.mkdir(parents=True)
    content = {"texts": TEXTS, "labels": [0, 1] * (len(TEXTS) // 2), "label_names": ["one", "two"]}
    for split in ("train", "held_out"):
        (examples / f"{split}.json").write_text(json.dumps(content))


def read_examples(folder: Path) -> None:
    for split in ("train", "held_out"):
        examples = docstring_packages.load_examples(folder, split, workers=1)
        assert len(examples.texts) == len(examples.labels)


def make_digests(folder: Path) -> None:
    write_text(folder)
    read_digests(folder)


def read_digests(folder: Path) -> None:
    with explain_paths(folder):
        ((_, _, digest),) = identify_files([folder / "corpus.txt"], folder)
    assert isinstance(digest, str)


COMPRESSED: dict[str, Sequence[Mutate]] = {
    "corpus.txt.gz": (inside_compression(gzip.decompress, gzip.compress), *ANY_BYTES),
    "corpus.txt.xz": (inside_compression(lzma.decompress, lzma.compress), *ANY_BYTES),
    "corpus.txt.zst": (inside_compression(zstandard.decompress, zstandard.compress), *ANY_BYTES),
}
LINES = (*[change_json_line] * 10, *ANY_BYTES)

TEXT_FILES = (
    Kind("text", write_text, {"corpus.txt": ANY_BYTES}, read_corpus("corpus.txt"), ("cache",)),
    Kind("text-paragraphs", write_text, {"corpus.txt": ANY_BYTES}, read_paragraphs, ("cache",)),
    Kind("text-compressed", write_compressed, COMPRESSED, read_corpus(*COMPRESSED), ("cache",)),
    Kind("json-lines", write_json_lines, {"corpus.jsonl": LINES}, read_corpus("corpus.jsonl"), ("cache",)),
    Kind(
        "parquet",
        write_parquet,
        {"corpus.parquet": ANY_BYTES, "corpus.parquet.gz": (inside_compression(gzip.decompress, gzip.compress),)},
        read_corpus("corpus.parquet", "corpus.parquet.gz"),
        ("cache",),
    ),
    Kind(
        "token-store",
        make_store,
        {"cache/stores/*/manifest.json": (change_json, *ANY_BYTES), "cache/stores/*/*.bin": ANY_BYTES},
        read_store,
        ("cache",),
    ),
    Kind(
        "cached-vocabulary",
        make_store,
        {"cache/vocabularies/*/spiece.model": ANY_BYTES, "cache/vocabularies/*/manifest.json": (change_json,)},
        read_store,
        ("cache",),
        share=0.3,
    ),
    Kind("task-examples", make_examples, {"tasks/*/*.json": (change_json, *ANY_BYTES)}, read_examples),
    Kind(
        "file-digests",
        make_digests,
        {"digests.json": (change_json, *ANY_BYTES)},
        read_digests,
        ("digests.json", ".digests.json"),
        share=0.5,
    ),
)
