"""`task.data=conll`: sentences with a tag for every word, in the columns of CoNLL's shared tasks, or from the hub.

A line has a word first and its tag last, with tabs or spaces between; an empty line ends a sentence, `-DOCSTART-`
begins a document. `task.name` may be conll2003, wikiann or wikigold; any other is a user's, in the files that
`task.files` names. Entities may be tagged by any scheme that `iob.py` reads; they become IOB2.
"""

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from albert_lab.config.training import TaskConfig
from albert_lab.data.corpora.readers import read_lines
from albert_lab.data.tasks.examples import Examples, TokenExample
from albert_lab.data.tasks.iob import count_starts, is_iob, list_tags, to_iob2
from albert_lab.data.tasks.records import Records
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.data.tasks.split_files import HubSource, Layout, SplitFiles
from albert_lab.data.tasks.values import BadValue, class_number
from albert_lab.errors import UserError

log = logging.getLogger(__name__)

DOCUMENT = "-DOCSTART-"
DOCUMENTS_PER_HELD_OUT = 5  # WikiGold: every fifth document is held out
ENTITY_METRICS = ("entity_f1", "entity_precision", "entity_recall", "token_accuracy")
_LANGUAGE = re.compile(r"[a-z][a-z-]+:(?=.)")  # WikiANN's "en:" in front of every word


class Named(NamedTuple):
    """A benchmark in this format.

    Attributes:
        types: of entities.
        hub_tags: in the order of the hub's numbers.
        has_language: whether the code of a language may be in front of every word.
        one_file: whether the held-out documents are in the file of the others.
    """

    layout: Layout
    types: tuple[str, ...]
    hub_tags: tuple[str, ...] = ()
    has_language: bool = False
    one_file: bool = False


def _hub_tags(*types: str) -> tuple[str, ...]:
    return ("O", *(f"{prefix}-{kind}" for kind in types for prefix in "BI"))


def _folders(*names: str) -> tuple[str, ...]:
    return tuple(f"{root}{name}" for name in names for root in ("ner/", ""))


NAMED = {
    "conll2003": Named(
        Layout(
            _folders("conll2003", "CoNLL-2003", "conll-2003", "conll03"),
            {
                "train": (("eng.train", "train.txt", "train"),),
                "dev": (("eng.testa", "valid.txt", "dev.txt", "testa", "dev"),),
                "test": (("eng.testb", "test.txt", "testb", "test"),),
            },
            # The converted files: main has a script, which `datasets` no longer runs.
            HubSource("eriktks/conll2003", "conll2003", "refs/convert/parquet"),
        ),
        ("LOC", "MISC", "ORG", "PER"),
        _hub_tags("PER", "ORG", "LOC", "MISC"),
    ),
    "wikiann": Named(
        Layout(
            _folders("wikiann-en", "wikiann/en", "panx/en", "wikiann"),
            {split: ((f"{split}.txt", split, f"{split}.tsv"),) for split in ("train", "dev", "test")},
            HubSource("unimelb-nlp/wikiann", "en"),
        ),
        ("LOC", "ORG", "PER"),
        _hub_tags("PER", "ORG", "LOC"),
        has_language=True,
    ),
    "wikigold": Named(
        Layout(_folders("wikigold"), dict.fromkeys(("train", "dev"), (("wikigold.conll.txt",),))),
        ("LOC", "MISC", "ORG", "PER"),
        one_file=True,
    ),
}


class Sentence(NamedTuple):
    words: tuple[str, ...]
    tags: tuple[str, ...] | None  # as the file has them; None: the file has words alone
    lines: Sequence[int]  # of every word


class Conll(SplitFiles[TokenExample]):
    """Sentences of tagged words. A malformed line costs its whole sentence.

    The labels of a user's files are those of the training file: a tag that only other files have is malformed there.
    For every type of entity they are both B-TYPE and I-TYPE. Tags that mark no entities, such as parts of speech, are
    taken as they are.
    """

    head = "tokens"

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        self.named = NAMED.get(task.name)
        self.layout = self.named.layout if self.named else Layout((), {"train": (), "dev": (), "test": ()})
        self._holds_out = self.named is not None and self.named.one_file and task.files.dev is None
        super().__init__(task, data_root, cache)

    @cached_property
    def label_names(self) -> tuple[str, ...]:  # type: ignore[override]  # a user's file is read when first asked for
        """O, then all others sorted."""
        if self.named:
            return list_tags(self.named.types)
        checks = RowChecks(self.files("train")[0], self.task.bad_rows)
        tags = {tag for sentence in read_sentences(checks) for tag in sentence.tags or ()}
        if len(tags) < 2:
            raise UserError(f"{self.files('train')[0]} has {len(tags)} different tags, so there is nothing to learn")
        if is_iob(tags):
            return list_tags(tag[2:] for tag in tags if is_iob([tag]))
        return tuple(sorted(tags, key=lambda tag: (tag != "O", tag)))

    def take_labels(self, names: Sequence[str]) -> None:
        """A user's training file may be gone: a tag that the model doesn't know is malformed."""
        if not self.named:
            self.label_names = tuple(names)
        super().take_labels(names)

    @cached_property
    def metrics(self) -> tuple[str, ...]:  # type: ignore[override]  # those of tags depend on the tags
        return ENTITY_METRICS if self._marks_entities else ("token_accuracy",)

    @property
    def _marks_entities(self) -> bool:
        return is_iob(self.label_names)

    def identity(self) -> dict[str, Any]:
        identity = super().identity() | {"layout": self.task.name if self.named else None}
        return identity | ({"held_out": f"1/{DOCUMENTS_PER_HELD_OUT}"} if self._holds_out else {})

    def load(self, split: str) -> Examples[TokenExample]:
        if split == "dev" and self._holds_out:
            log.warning(
                "task=%s has one file: every document whose number is a multiple of %d is held out",
                self.task.name, DOCUMENTS_PER_HELD_OUT,
            )  # fmt: skip
        return super().load(split)

    def read_file(self, checks: RowChecks, split: str) -> Examples[TokenExample]:
        has_language = self.named is not None and self.named.has_language
        examples = self._encode(checks, read_sentences(checks, has_language, lambda number: self._is_in(split, number)))
        if split in ("train", "dev") and any(row.labels is None for row in examples.rows):
            raise UserError(f"{checks.file} has one column; the tag of a word is in the last one of several")
        return examples

    def _is_in(self, split: str, document: int) -> bool:
        if not self._holds_out or split not in ("train", "dev"):
            return True
        return (document % DOCUMENTS_PER_HELD_OUT == 0) == (split == "dev")

    def read_hub(self, records: Records, split: str) -> Examples[TokenExample]:
        return self._encode(records.checks, self._read_records(records))

    def _read_records(self, records: Records) -> Iterator[Sentence]:
        hub_tags = self.named.hub_tags if self.named else ()
        for line, (words, tags) in records.select(["tokens", "ner_tags"]):
            if not len(words) == len(tags) > 0:
                records.checks.refuse(line, f"{len(words)} words, but {len(tags)} tags")
            elif not all(0 <= tag < len(hub_tags) for tag in tags):
                records.checks.refuse(line, f"tags {min(tags)} to {max(tags)}, not 0 to {len(hub_tags) - 1}")
            else:
                yield Sentence(tuple(words), tuple(hub_tags[tag] for tag in tags), [line] * len(words))

    def _encode(self, checks: RowChecks, sentences: Iterable[Sentence]) -> Examples[TokenExample]:
        numbers = {name: number for number, name in enumerate(self.label_names)}
        convert = to_iob2 if self._marks_entities else iter
        rows: list[TokenExample] = []
        inside = begin = 0
        for words, tags, lines in sentences:
            identifier, labels = str(len(rows) + len(checks.left_out)), list[int]()
            try:
                for tag in convert(tags or ()):
                    labels.append(class_number(tag, numbers, "tag"))
            except BadValue as reason:
                checks.refuse(lines[len(labels)], f"{reason}; its sentence is left out")
            else:
                rows.append(TokenExample(identifier, words, None if tags is None else tuple(labels)))
                starts = count_starts(tags or ()) if self._marks_entities else (0, 0)
                inside, begin = inside + starts[0], begin + starts[1]
        if inside and begin:
            log.warning(
                "%s: %d entities start with I- and %d with B-; either is taken for a start, as conlleval does",
                checks.file, inside, begin,
            )  # fmt: skip
        return Examples(rows, tuple(checks.left_out))


def read_sentences(
    checks: RowChecks, has_language: bool = False, is_wanted: Callable[[int], bool] = lambda document: True
) -> Iterator[Sentence]:
    """The sentences of a file; one with a malformed line goes to `checks`.

    Args:
        has_language: words may start with the code of a language, which is removed.
        is_wanted: of a document's number, which counts the -DOCSTART- lines before it.
    """
    columns, language = 0, ""
    for document, lines in _split_into_sentences(checks.file):
        if not columns:
            columns = len(lines[0][1])
            match = _LANGUAGE.match(lines[0][1][0]) if has_language else None
            language = match[0] if match else ""
        if not is_wanted(document):
            continue
        bad = next(((line, why) for line, fields in lines if (why := _find_fault(fields, columns, language))), None)
        if bad is not None:
            checks.refuse(bad[0], f"{bad[1]}; its sentence is left out")
            continue
        words = tuple(fields[0].removeprefix(language) for _, fields in lines)
        tags = tuple(fields[-1] for _, fields in lines) if columns > 1 else None
        yield Sentence(words, tags, [line for line, _ in lines])


def _split_into_sentences(file: Path) -> Iterator[tuple[int, list[tuple[int, list[str]]]]]:
    """(number of the document, the lines with their numbers and fields) of every sentence."""
    document, lines = 0, list[tuple[int, list[str]]]()
    for number, line in read_lines(file):
        # Other white space, such as U+00A0, may be a word. A word of WikiANN may have a space in it.
        fields = line.split("\t") if "\t" in line else [field for field in line.split(" ") if field]
        is_blank, is_document = not line.strip(" \t"), fields[:1] == [DOCUMENT]
        if not is_blank and not is_document:
            lines.append((number, fields))
            continue
        if lines:
            yield document, lines
        document, lines = document + is_document, []
    if lines:
        yield document, lines


def _find_fault(fields: Sequence[str], columns: int, language: str) -> str | None:
    if len(fields) != columns:
        return f"{len(fields)} column{'' if len(fields) == 1 else 's'}, but the file's first line has {columns}"
    if not fields[0].removeprefix(language):
        return "the word is empty"
    if not fields[0].startswith(language):
        return f"{fields[0]!r} does not start with {language!r}, as the file's first word does"
    return None if fields[-1] else "the tag is empty"


BENCHMARK = Conll
