"""A corpus as a stream of documents; a document is a list of sentences.

The stream is cut into parts of bounded size, so that a book in one file needs no more memory than a short text, and
so that worker processes can share the work of splitting and encoding.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import CorpusKind, DataConfig, TextFormat
from albert_lab.data.corpora.docstrings import docstrings_file, installed_packages
from albert_lab.data.corpora.sentences import split_sentences
from albert_lab.data.corpora.textfiles import corpus_files, kind_of, read_lines, read_records
from albert_lab.errors import UserError

PART_CHARACTERS = 1 << 17


class Part(NamedTuple):
    """Consecutive lines of one document; the next part may go on with the same document."""

    document: int  # number from 0 in the corpus
    lines: list[str]


Mark = tuple[bool, str]  # (whether a document starts at this line, the line)


def documents(config: PretrainConfig, workers: int | None = None) -> Iterator[list[str]]:
    """The corpus's documents that have a sentence, each a list of sentences (for readers; `parts` bounds memory)."""
    number, sentences = 0, list[str]()
    for part in parts(config, workers):
        if part.document != number and sentences:
            yield sentences
            sentences = []
        number = part.document
        sentences += sentences_of(part.lines, text_format(config.data))
    if sentences:
        yield sentences


def parts(config: PretrainConfig, workers: int | None = None) -> Iterator[Part]:
    """The corpus of a configuration in parts of about `PART_CHARACTERS`, documents numbered from 0.

    Raises: UserError for whatever is wrong with the files or the data set, and for a corpus without text.
    """
    empty = True
    for part in _cut(_marked_lines(config, workers), config.data.max_documents):
        empty = empty and not any(line.strip() for line in part.lines)
        yield part
    if empty:
        raise UserError(f"the corpus is empty: data.corpus={config.data.corpus.value} gave no line of text")


def text_format(data: DataConfig) -> TextFormat:
    return TextFormat.sentences if data.corpus is CorpusKind.docstrings else data.format


def sentences_of(lines: list[str], kind: TextFormat) -> list[str]:
    """The sentences of a part's lines, blank ones left out."""
    if kind is TextFormat.sentences:
        return [line for line in lines if line.strip()]
    return [sentence for line in lines for sentence in split_sentences(line)]


def _marked_lines(config: PretrainConfig, workers: int | None) -> Iterator[Mark]:
    data = config.data
    if data.corpus is CorpusKind.docstrings:
        yield from _blank_line_documents(docstrings_file(Path(config.paths.cache), installed_packages(), workers))
    elif data.corpus is CorpusKind.hub:
        from albert_lab.data.corpora.hub import hub_texts

        yield from _record_documents(hub_texts(data), data)
    else:
        for file in corpus_files(data.files):
            yield from _file_documents(file, data)


def _file_documents(file: Path, data: DataConfig) -> Iterator[Mark]:
    if kind_of(file) != ".txt":
        yield from _record_documents(read_records(file, data.text_key), data)
    elif data.format is TextFormat.sentences:
        yield from _blank_line_documents(file)
    else:
        starts = document_starts(data)
        for number, line in read_lines(file):
            yield number == 1 or bool(starts and starts.search(line)), line


def _blank_line_documents(file: Path) -> Iterator[Mark]:
    first = True
    for _, line in read_lines(file):
        if line.strip():
            yield first, line
        first = not line.strip()


def _record_documents(texts: Iterable[str], data: DataConfig) -> Iterator[Mark]:
    """A document per record; with `document_pattern` one per matching line, however many records it spans."""
    starts = document_starts(data)
    for text in texts:
        for number, line in enumerate(text.splitlines()):
            yield bool(starts.search(line)) if starts else number == 0, line


def document_starts(data: DataConfig) -> re.Pattern[str] | None:
    if data.document_pattern is None or data.format is not TextFormat.paragraphs:
        return None
    try:
        return re.compile(data.document_pattern)
    except re.error as error:
        raise UserError(f"data.document_pattern={data.document_pattern!r} is no regular expression: {error}") from None


def _cut(marks: Iterable[Mark], max_documents: int | None) -> Iterator[Part]:
    document, lines, size = -1, list[str](), 0
    for starts, line in marks:
        starts = starts or document < 0
        if lines and (starts or size > PART_CHARACTERS):
            yield Part(document, lines)
            lines, size = [], 0
        document += starts
        if max_documents is not None and document >= max_documents:
            return
        lines.append(line)
        size += len(line)
    if lines:
        yield Part(document, lines)
