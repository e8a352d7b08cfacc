"""What a benchmark's files give to a task: rows of one of four kinds, whatever their layout."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

# A class; a score to regress; of several labels that may hold at once, those that do
Label = int | float | tuple[int, ...]


@dataclass(frozen=True)
class TextExample:
    """A text, or a pair of texts, to classify or to score."""

    id: str
    text: str
    pair: str | None = None
    label: Label | None = None  # None: not known, as in a benchmark's test set


@dataclass(frozen=True)
class TokenExample:
    """A sentence with a label for every word."""

    id: str
    words: tuple[str, ...]
    labels: tuple[int, ...] | None = None


class Answer(NamedTuple):
    """A part of a context: `context[start:start + len(text)] == text`."""

    text: str
    start: int  # in characters


@dataclass(frozen=True)
class SpanExample:
    """A question whose answer is a part of a context, or not there at all."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()  # what each annotator marked; none: impossible, or not known
    impossible: bool | None = False  # None: not known


@dataclass(frozen=True)
class ChoiceExample:
    """A context and several ways to go on, one of which is right."""

    id: str
    context: str
    endings: tuple[str, ...]
    label: int | None = None
    group: str = ""  # part of the benchmark that is scored apart as well: "middle" of RACE


Row = TypeVar("Row", TextExample, TokenExample, SpanExample, ChoiceExample)


class BadRow(NamedTuple):
    """A row that was left out, and why."""

    file: str
    line: int  # of the file, from 1; of a JSON array or a Parquet file: the record's number
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(frozen=True)
class Examples(Generic[Row]):
    """One split of a benchmark."""

    rows: list[Row]
    left_out: tuple[BadRow, ...] = ()
