"""Reads text files as streams: .txt, .jsonl and .parquet, also compressed by gzip, xz or zstd."""

import gzip
import json
import lzma
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from albert_lab.errors import UserError, first_line

FILE_TYPES = (".txt", ".jsonl", ".parquet")
COMPRESSIONS = (".gz", ".xz", ".zst")


def file_type(file: Path) -> str:
    """`.txt`, `.jsonl` or `.parquet`: the extension before that of the compression."""
    kind = Path(file.stem).suffix if file.suffix in COMPRESSIONS else file.suffix
    if kind not in FILE_TYPES:
        raise UserError(
            f"data.files: {str(file)!r} has an unknown extension; known: {', '.join(FILE_TYPES)}, "
            f"each also with {', '.join(COMPRESSIONS)}"
        )
    return kind


def read_lines(file: Path) -> Iterator[tuple[int, str]]:
    """(number from 1, line without its end) of a text file, in bounded memory.

    Raises: UserError for bytes that are not UTF-8 and for a damaged compressed file.
    """
    offset = 0
    with open_unpacked(file) as stream:
        for number, raw in enumerate(stream, 1):
            try:
                line = raw.decode("utf-8")
            except UnicodeDecodeError as error:
                raise UserError(
                    f"{file} is not UTF-8 at line {number}, byte {offset + error.start}; "
                    f"convert it, e.g. iconv -f latin1 -t utf-8"
                ) from None
            offset += len(raw)
            yield number, (line.removeprefix("\ufeff") if number == 1 else line).rstrip("\r\n")


def read_records(file: Path, text_key: str) -> Iterator[str]:
    """The text of each record of a .jsonl or .parquet file, in bounded memory.

    Raises: UserError for a line that is not a JSON object, and for a record without a text under `text_key`.
    """
    if file_type(file) == ".parquet":
        yield from _parquet_texts(file, text_key)
        return
    for number, line in read_lines(file):
        if not line.strip():
            continue
        where = f"{file} line {number}"
        try:
            text = text_of(json.loads(line), text_key, where)
            text.encode()
        except UserError:
            raise
        except UnicodeEncodeError:
            raise UserError(
                f"{where} has half of a surrogate pair (\\ud800 to \\udfff), which is not a character"
            ) from None
        except (ValueError, RecursionError) as error:  # also for numbers of thousands of digits, and endless nesting
            raise UserError(f"{where} is not JSON: {error}") from None
        yield text


def text_of(record: Any, text_key: str, where: str) -> str:
    """The text of a record. Raises: UserError that lists the keys it has."""
    if not isinstance(record, dict):
        raise UserError(f"{where} is not a JSON object with a text under {text_key!r}")
    if text_key not in record:
        raise UserError(f"data.text_key={text_key!r} is not in {where}; its keys: {', '.join(map(str, record))}")
    text = record[text_key]
    if not isinstance(text, str | None):
        raise UserError(f"data.text_key={text_key!r} holds {type(text).__name__}, not text, in {where}")
    return text or ""


def _parquet_texts(file: Path, text_key: str) -> Iterator[str]:
    from pyarrow import ArrowException, parquet

    with open_seekable(file) as stream:
        try:
            table = parquet.ParquetFile(stream)
            if text_key not in table.schema_arrow.names:
                keys = ", ".join(table.schema_arrow.names)
                raise UserError(f"data.text_key={text_key!r} is not in {file}; its keys: {keys}")
            for batch in table.iter_batches(batch_size=256, columns=[text_key]):
                for text in batch.column(0).to_pylist():
                    yield text_of({text_key: text}, text_key, str(file))
        except UnicodeDecodeError as error:
            raise UserError(f"{file} has a text that is not UTF-8 ({error.reason})") from None
        except (ArrowException, OSError) as error:
            raise UserError(f"{file} is damaged or not a Parquet file ({first_line(error)})") from None


@contextmanager
def open_seekable(file: Path) -> Iterator[IO[bytes]]:
    """Parquet is read from its end, so a compressed one is unpacked into a temporary file first."""
    if file.suffix not in COMPRESSIONS:
        with open(file, "rb") as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as unpacked:
        with open_unpacked(file) as packed:
            while block := packed.read(1 << 20):
                unpacked.write(block)
        unpacked.seek(0)
        yield unpacked


@contextmanager
def open_unpacked(file: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, compressed or not. Raises: UserError where it is damaged or may not be read."""
    damage = (EOFError, lzma.LZMAError, gzip.BadGzipFile, zlib.error)
    try:
        if file.suffix == ".gz":
            with gzip.open(file) as stream:
                yield cast(IO[bytes], stream)
        elif file.suffix == ".xz":
            with lzma.open(file) as stream:
                yield stream
        elif file.suffix == ".zst":
            with _open_zstandard(file) as stream:
                yield stream
        else:
            with open(file, "rb") as stream:
                yield stream
    except damage as error:
        raise UserError(f"{file} is damaged ({first_line(error)}); copy it again") from None
    except PermissionError:
        raise UserError(f"{file} can't be read: permission denied") from None


@contextmanager
def _open_zstandard(file: Path) -> Iterator[IO[bytes]]:
    import io

    import zstandard

    try:
        with open(file, "rb") as packed:
            reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
            yield io.BufferedReader(reader, 1 << 20)
    except zstandard.ZstdError as error:
        raise EOFError(str(error)) from error
