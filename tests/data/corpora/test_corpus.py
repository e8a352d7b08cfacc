"""Corpora of every file kind give the same documents; every bad input is named with what to do."""

import gzip
import json
import lzma
import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow
import pytest
import zstandard
from pyarrow import parquet

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import DataConfig, TextFormat
from albert_lab.errors import UserError
from tests.data.conftest import corpus_of, text_config

DOCUMENTS = [["One is here.", "Two is there."], ["Three is gone.", "Four is back."]]
TEXTS = ["\n".join(document) for document in DOCUMENTS]


def write(file: Path) -> Path:
    """The two documents in the file's own kind, compressed by its extension."""
    kind = next(suffix for suffix in file.suffixes if suffix in (".txt", ".jsonl", ".parquet"))
    plain = file.with_name("plain" + kind)
    if kind == ".parquet":
        parquet.write_table(pyarrow.table({"id": [1, 2], "text": TEXTS}), plain)
    elif kind == ".jsonl":
        plain.write_text("".join(json.dumps({"id": 1, "text": text}) + "\n" for text in TEXTS))
    else:
        plain.write_text("\n\n".join(TEXTS) + "\n")
    pack = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstandard.ZstdCompressor().compress}
    content = plain.read_bytes()
    plain.unlink()
    file.write_bytes(pack[file.suffix](content) if file.suffix in pack else content)
    return file


@pytest.mark.parametrize("compression", ["", ".gz", ".xz", ".zst"])
@pytest.mark.parametrize("kind", [".txt", ".jsonl", ".parquet"])
def test_every_file_kind_gives_the_same_documents(tmp_path: Path, kind: str, compression: str) -> None:
    file = write(tmp_path / f"corpus{kind}{compression}")
    assert list(corpus_of(text_config(tmp_path, file)).documents()) == DOCUMENTS


def test_globs_are_sorted_and_files_are_taken_once(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).write_text(f"{name}\nsecond\n")
    config = text_config(tmp_path, tmp_path / "*.txt", tmp_path / "a.txt")
    assert [document[0] for document in corpus_of(config).documents()] == ["a.txt", "b.txt"]


def paragraphs(tmp_path: Path, text: str, pattern: str | None = None) -> list[list[str]]:
    file = tmp_path / "text.txt"
    file.write_text(text)
    config = text_config(tmp_path, file)
    config.data.format, config.data.document_pattern = TextFormat.paragraphs, pattern
    return list(corpus_of(config).documents())


def test_paragraphs_are_split_and_a_file_is_a_document(tmp_path: Path) -> None:
    assert paragraphs(tmp_path, "One. Two.\n\nThree. Four.\n") == [["One.", "Two.", "Three.", "Four."]]


def test_documents_start_at_matching_lines(tmp_path: Path) -> None:
    text = "Preface.\n = A =\nOne. Two.\n = B = \nThree.\n"
    expected = [["Preface."], ["= A =", "One.", "Two."], ["= B =", "Three."]]
    assert paragraphs(tmp_path, text, r"^ = [^=]+ = ?$") == expected


def test_a_long_document_comes_in_parts_of_bounded_size(tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("A sentence of some words.\n" * 50_000)
    found = list(corpus_of(text_config(tmp_path, file)).parts())
    assert {part.document for part in found} == {0}
    assert max(sum(map(len, part.lines)) for part in found) < 1.1 * 2**17
    assert sum(len(part.lines) for part in found) == 50_000


def test_max_documents_stops_there(tmp_path: Path) -> None:
    config = text_config(tmp_path, write(tmp_path / "corpus.txt"))
    config.data.max_documents = 1
    assert list(corpus_of(config).documents()) == DOCUMENTS[:1]


def test_a_byte_order_mark_and_carriage_returns_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "windows.txt").write_bytes("\ufeffOne.\r\nTwo.\r\n\r\nThree.\r\n".encode())
    assert list(corpus_of(text_config(tmp_path, tmp_path / "windows.txt")).documents()) == [
        ["One.", "Two."],
        ["Three."],
    ]


BAD = {
    "missing": ({}, ["absent.txt"], "matches no file"),
    "misspelt": ({"train.txt": b"A.\n"}, ["tran.txt"], "did you mean 'train.txt'"),
    "glob": ({}, ["*.txt"], "matches no file"),
    "folder": ({}, ["."], "it is a folder: name its files"),
    "extension": ({"a.doc": b""}, ["a.doc"], "unknown extension"),
    "latin1": ({"a.txt": b"fine\ncaf\xe9\n"}, ["a.txt"], "not UTF-8 at line 2, byte 8"),
    "empty": ({"a.txt": b"\n \n"}, ["a.txt"], "corpus is empty"),
    "not json": ({"a.jsonl": b'{"text": "a"}\n{"text: 3\n'}, ["a.jsonl"], "line 2 is not JSON"),
    "no object": ({"a.jsonl": b"[1]\n"}, ["a.jsonl"], "line 1 is not a JSON object"),
    "no key": ({"a.jsonl": b'{"body": "a", "id": 1}\n'}, ["a.jsonl"], "its keys: body, id"),
    "number": ({"a.jsonl": b'{"text": 3}\n'}, ["a.jsonl"], "holds int, not text"),
    "cut gz": ({"a.txt.gz": gzip.compress(b"A sentence.\n" * 99)[:40]}, ["a.txt.gz"], "is damaged"),
    "cut xz": ({"a.txt.xz": lzma.compress(b"A sentence.\n" * 99)[:60]}, ["a.txt.xz"], "is damaged"),
    "no gz": ({"a.txt.gz": b"plain text"}, ["a.txt.gz"], "is damaged"),
    "no zst": ({"a.txt.zst": b"plain text"}, ["a.txt.zst"], "is damaged"),
    "no parquet": ({"a.parquet": b"plain text, not a table"}, ["a.parquet"], "damaged or not a Parquet"),
    "no files": ({}, [], "data=text needs data.files="),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_in_one_line(tmp_path: Path, case: str) -> None:
    files, patterns, message = BAD[case]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as raised:
        list(corpus_of(text_config(tmp_path, *(tmp_path / pattern for pattern in patterns))).documents())
    assert "\n" not in str(raised.value)
    assert "data." in str(raised.value) or str(tmp_path) in str(raised.value)  # the setting, or the file itself


@pytest.mark.parametrize("pattern", ["corpus.txt", "*.txt"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_pipe_or_a_device_is_refused_and_never_read(tmp_path: Path, kind: str, pattern: str) -> None:
    if kind == "pipe":
        os.mkfifo(tmp_path / "corpus.txt")
    else:
        (tmp_path / "corpus.txt").symlink_to("/dev/zero")
    with pytest.raises(UserError, match=r"data.files: .*corpus.txt' is not a regular file but a pipe"):
        corpus_of(text_config(tmp_path, tmp_path / pattern)).identity()


def test_a_missing_key_of_a_parquet_file_lists_its_columns(tmp_path: Path) -> None:
    config = text_config(tmp_path, write(tmp_path / "corpus.parquet"))
    config.data.text_key = "body"
    with pytest.raises(UserError, match="its keys: id, text"):
        list(corpus_of(config).documents())


def test_a_bad_pattern_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"data\.document_pattern='\('"):
        paragraphs(tmp_path, "One.", "(")


def hub_config(tmp_path: Path, dataset: str | None, **settings: object) -> PretrainConfig:
    config = text_config(tmp_path)
    config.data = DataConfig(corpus="hub", dataset=dataset, **settings)  # type: ignore[arg-type]
    return config


@pytest.mark.parametrize("streaming", [True, False])
def test_a_folder_of_data_files_is_read_as_a_hub_data_set(
    tmp_path: Path, streaming: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    folder = tmp_path / "set"
    folder.mkdir()
    write(folder / "train.parquet")
    assert list(corpus_of(hub_config(tmp_path, str(folder), streaming=streaming)).documents()) == DOCUMENTS
    with pytest.raises(UserError, match="its keys: id, text"):
        list(corpus_of(hub_config(tmp_path, str(folder), text_key="body")).documents())
    with pytest.raises(UserError, match=r"data\.split='trian'.*did you mean 'train'"):
        list(corpus_of(hub_config(tmp_path, str(folder), split="trian")).documents())


def test_without_network_the_hub_says_where_to_put_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Couldn't reach it")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    with pytest.raises(UserError, match=r"no network.*data\.corpus=text data\.files="):
        list(corpus_of(hub_config(tmp_path, "Salesforce/wikitext")).documents())
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: _broken_stream())
    with pytest.raises(UserError, match="no network"):
        list(corpus_of(hub_config(tmp_path, "Salesforce/wikitext")).documents())
    with pytest.raises(UserError, match=r"data=hub needs data\.dataset="):
        list(corpus_of(hub_config(tmp_path, None)).documents())


def _broken_stream() -> Iterator[dict[str, str]]:
    yield {"text": "One is here."}
    raise ConnectionError("lost half-way")
