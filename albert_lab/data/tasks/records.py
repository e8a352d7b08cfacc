"""Reads files of records with named columns: .csv, .tsv, .jsonl, .json and .parquet, also compressed.

A .csv file quotes as RFC 4180 says, so that a field may hold commas, quotes and line ends. In a .tsv file a quote is a
character like any other, as in the files of GLUE: a line is a record, a tab ends a field. A .json file is one list of
objects; a .jsonl file has an object a line. Only \\n ends a line, after an optional \\r: texts hold U+2028 and U+0085.
"""

import csv
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from operator import itemgetter
from pathlib import Path
from typing import Any

from albert_lab.data.corpora.readers import COMPRESSIONS, open_seekable, open_unpacked, read_lines
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.errors import UserError, first_line, list_some, nearest

FILE_TYPES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")

Fields = tuple[int, list[str]]  # the line where a record starts, and its fields


class Records(ABC):
    """The records of one file. `columns` are the names that any of them has."""

    def __init__(self, checks: RowChecks, columns: Sequence[str]) -> None:
        self.checks, self.columns = checks, tuple(columns)

    @abstractmethod
    def select(self, names: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        """(line, the values of the columns `names`) of every record; a malformed one goes to `checks`."""

    def require(self, key: str, name: str) -> str:
        """`name`, a column that the setting `key` names. Raises: UserError where there is none, or more than one."""
        if name not in self.columns:
            hint = nearest(name, self.columns)
            if len(self.columns) == 1 and ";" in self.columns[0]:
                hint = "; its fields seem to end with ; but those of a .csv file end with a comma"
            raise UserError(f"{key}={name}: {self.checks.file} has no such column{hint}")
        if self.columns.count(name) > 1:
            raise UserError(f"{key}={name}: {self.checks.file} has {self.columns.count(name)} columns of that name")
        return name


def open_records(checks: RowChecks, unnamed: Sequence[str] = (), kind: str | None = None) -> Records:
    """The records of `checks.file`, by its extension.

    Args:
        unnamed: names of the columns where a .csv or .tsv file has no header: its first line has none of these names.
        kind: one of `FILE_TYPES` that it is, whatever its extension; None: what that says.

    Raises:
        UserError: the file is missing, damaged, empty or of an unknown type.
    """
    file = checks.file
    kind = kind or (Path(file.stem).suffix if file.suffix in COMPRESSIONS else file.suffix)
    if kind not in FILE_TYPES:
        raise UserError(
            f"{str(file)!r} has an unknown extension; known: {', '.join(FILE_TYPES)}, "
            f"each also with {', '.join(COMPRESSIONS)}"
        )
    if not file.is_file():
        raise UserError(f"{str(file)!r}: no such file (looked from {Path.cwd()})")
    if kind == ".parquet":
        return _ParquetRecords(checks)
    if kind in (".jsonl", ".json"):
        return _Objects(checks, _parse_lines(file) if kind == ".jsonl" else _parse_list(file))
    lines = _without_blank_end(read_lines(file))
    return _Delimited(checks, _fields_of_csv(checks, lines) if kind == ".csv" else _fields_of_tsv(lines), unnamed)


class _Delimited(Records):
    def __init__(self, checks: RowChecks, rows: Iterator[Fields], unnamed: Sequence[str]) -> None:
        first = next(rows, None)
        if first is None:
            raise UserError(f"{checks.file} is empty")
        has_header = not unnamed or not set(unnamed).isdisjoint(first[1])
        self._rows = rows if has_header else _put_first(first, rows)
        super().__init__(checks, first[1] if has_header else unnamed)

    def select(self, names: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        places, count = [self.columns.index(name) for name in names], len(self.columns)
        pick = itemgetter(*places) if len(places) > 1 else lambda fields: (fields[places[0]],)
        for line, fields in self._rows:
            if len(fields) == count:
                yield line, pick(fields)
            elif fields in ([], [""]):
                self.checks.refuse(line, "the line is blank")
            else:
                plural = "" if len(fields) == 1 else "s"
                self.checks.refuse(line, f"{len(fields)} field{plural}, but the file has {count} columns")


def _put_first(first: Fields, rows: Iterator[Fields]) -> Iterator[Fields]:
    yield first
    yield from rows


def _fields_of_tsv(lines: Iterable[tuple[int, str]]) -> Iterator[Fields]:
    return ((number, line.split("\t")) for number, line in lines)


def _fields_of_csv(checks: RowChecks, lines: Iterable[tuple[int, str]]) -> Iterator[Fields]:
    csv.field_size_limit(sys.maxsize)  # a text may be longer than the module's 128 KB
    reader = csv.reader((f"{line}\n" for _, line in lines), strict=True)
    while True:
        start = reader.line_num + 1
        try:
            yield start, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if reader.line_num > start or "end of data" in str(error):  # how many rows are in it, nobody knows
                raise UserError(
                    f"{checks.file}:{start}: a quote opens here, and what it encloses is not closed by line "
                    f'{reader.line_num}; within quotes, a quote is written twice: ""'
                ) from None
            checks.refuse(start, f"not CSV: {error}")


def _without_blank_end(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    blank = []
    for number, line in lines:
        if not line:
            blank.append((number, line))
            continue
        if blank:
            yield from blank
            blank = []
        yield number, line


class _Objects(Records):
    """JSON objects. Memory holds them all: the columns are the names that any of them has."""

    def __init__(self, checks: RowChecks, objects: Sequence[tuple[int, Any]]) -> None:
        names = dict.fromkeys(name for _, record in objects if isinstance(record, dict) for name in record)
        super().__init__(checks, list(names))
        self._objects = objects

    def select(self, names: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        for line, record in self._objects:
            if isinstance(record, _NotJson):
                self.checks.refuse(line, f"not JSON: {record}")
            elif not isinstance(record, dict):
                self.checks.refuse(line, f"a JSON {type(record).__name__}, not an object")
            elif missing := [name for name in names if name not in record]:
                self.checks.refuse(line, f"lacks {missing[0]!r}; it has {list_some(record, 12)}")
            else:
                yield line, tuple(record[name] for name in names)


class _NotJson(str):
    """Why a line isn't JSON."""


def _parse_lines(file: Path) -> list[tuple[int, Any]]:
    # between two objects JSON allows any white space
    return [(line, _parse_json(text)) for line, text in read_lines(file) if text.strip()]


def _parse_list(file: Path) -> list[tuple[int, Any]]:
    with open_unpacked(file) as stream:
        try:
            records = _parse_json(stream.read().decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise UserError(f"{file} is not UTF-8 at byte {error.start}") from None
    if isinstance(records, _NotJson):
        raise UserError(f"{file} is not JSON: {records}")
    if not isinstance(records, list):
        raise UserError(f"{file} is not a list of objects; a file with an object a line is called .jsonl")
    return list(enumerate(records, 1))


def _parse_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # also for numbers of thousands of digits, and endless nesting
        return _NotJson(first_line(error))


class _ParquetRecords(Records):
    def __init__(self, checks: RowChecks) -> None:
        with closing(_read_parquet(checks.file, [])) as reader:
            super().__init__(checks, next(reader))

    def select(self, names: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        batches = _read_parquet(self.checks.file, names)
        next(batches)
        yield from enumerate((row for columns in batches for row in zip(*columns, strict=True)), 1)


def _read_parquet(file: Path, names: Sequence[str]) -> Generator[list[Any], None, None]:
    """The names of all columns, then batches of the values of `names`, a list per column."""
    from pyarrow import ArrowException, parquet

    with open_seekable(file) as stream:
        try:
            table = parquet.ParquetFile(stream)
            yield table.schema_arrow.names
            for batch in table.iter_batches(columns=list(names)):
                yield [batch.column(name).to_pylist() for name in names]
        except UnicodeDecodeError as error:
            raise UserError(f"{file} has a text that is not UTF-8 ({error.reason})") from None
        except (ArrowException, OSError) as error:
            raise UserError(f"{file} is damaged or not a Parquet file ({first_line(error)})") from None
