"""Documents as streams: where each begins in a stream of lines, and parts of bounded size.

Parts keep memory bounded, so that a book in one file needs no more than a short text, and let worker processes share
the work of splitting and encoding.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from albert_lab.config.training import DataConfig, TextFormat
from albert_lab.data.corpora.readers import file_type, read_lines, read_records
from albert_lab.data.corpora.sentences import split_sentences
from albert_lab.errors import UserError

PART_CHARACTERS = 1 << 17


class Line(NamedTuple):
    """A line of a corpus: a sentence or a paragraph, as the corpus's format says."""

    starts_document: bool
    text: str


class Part(NamedTuple):
    """Consecutive lines of one document; the next part may continue the same document."""

    document: int  # number from 0 in the corpus
    lines: list[str]


def sentences_of(lines: list[str], line_format: TextFormat) -> list[str]:
    """The sentences of a part's lines, without blank ones."""
    if line_format is TextFormat.sentences:
        return [line for line in lines if line.strip()]
    return [sentence for line in lines for sentence in split_sentences(line)]


def lines_of_file(file: Path, data: DataConfig) -> Iterator[Line]:
    """The lines of a text file, or of the records of a .jsonl or .parquet file."""
    if file_type(file) != ".txt":
        yield from lines_of_records(read_records(file, data.text_key), data)
    elif data.format is TextFormat.sentences:
        yield from lines_of_sentences(file)
    else:
        pattern = compile_document_pattern(data)
        for number, line in read_lines(file):
            yield Line(number == 1 or bool(pattern and pattern.search(line)), line)


def lines_of_sentences(file: Path) -> Iterator[Line]:
    """A sentence per line; blank lines separate documents."""
    starts_document = True
    for _, line in read_lines(file):
        if line.strip():
            yield Line(starts_document, line)
        starts_document = not line.strip()


def lines_of_records(texts: Iterable[str], data: DataConfig) -> Iterator[Line]:
    """A document per record, or with `document_pattern` one per matching line, however many records it spans."""
    pattern = compile_document_pattern(data)
    for text in texts:
        for number, line in enumerate(text.splitlines()):
            yield Line(bool(pattern.search(line)) if pattern else number == 0, line)


def compile_document_pattern(data: DataConfig) -> re.Pattern[str] | None:
    if data.document_pattern is None or data.format is not TextFormat.paragraphs:
        return None
    try:
        return re.compile(data.document_pattern)
    except re.error as error:
        message = f"data.document_pattern={data.document_pattern!r} is not a regular expression: {error}"
        raise UserError(message) from None


def cut_parts(lines: Iterable[Line], max_documents: int | None = None) -> Iterator[Part]:
    """Parts of about `PART_CHARACTERS`; documents are numbered from 0."""
    document, part, size = -1, list[str](), 0
    for starts_document, line in lines:
        starts_document = starts_document or document < 0
        if part and (starts_document or size > PART_CHARACTERS):
            yield Part(document, part)
            part, size = [], 0
        document += starts_document
        if max_documents is not None and document >= max_documents:
            return
        part.append(line)
        size += len(line)
    if part:
        yield Part(document, part)
