"""SQuAD 1.1 (Rajpurkar et al., 2016) and 2.0 (Rajpurkar et al., 2018), and any file of their JSON layout.

`task.no_answer` says which: without it every question has an answer in its context.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from albert_lab.config.training import TaskConfig
from albert_lab.data.tasks.benchmark import Benchmark, find_folder
from albert_lab.data.tasks.examples import Answer, Examples, SpanExample
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.errors import UserError
from albert_lab.storage.files import read_bytes

SOURCE = "https://rajpurkar.github.io/SQuAD-explorer/"
Record = dict[str, Any]


class Squad(Benchmark):
    """`train-v1.1.json` and `dev-v1.1.json`, or with `task.no_answer` those of v2.0; there is no public test set.

    In place of such a file the folder may hold one part of it whose name goes on, such as `train-v1.1-part.json`.
    """

    head = "spans"
    metrics = ("answer_f1", "exact_match")

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        super().__init__(task, data_root, cache)
        self.files = {split: self._find_file(split) for split in ("train", "dev")}
        if task.files.test is not None:
            self.files["test"] = Path(task.files.test).expanduser()

    def _find_file(self, split: str) -> Path:
        given = getattr(self.task.files, split)
        if given is not None:
            file = Path(given).expanduser()
            if not file.is_file():
                raise UserError(f"task.files.{split}={given}: no such file")
            return file
        folder = find_folder(self.task.name, self.data_root, "squad", "SQuAD", ".")
        name = f"{split}-v{'2.0' if self.task.no_answer else '1.1'}"
        files = [folder / f"{name}.json"]
        if not files[0].is_file():
            files = sorted(folder.glob(f"{name}*.json"))
        if len(files) == 1:
            return files[0]
        found = f"has {', '.join(file.name for file in files)}" if files else f"has no {name}.json, which {SOURCE} has"
        raise UserError(f"task={self.task.name}: {folder} {found}; name the file: task.files.{split}=FILE")

    def identity(self) -> dict[str, Any]:
        return self.identify(list(self.files.values()))

    def load(self, split: str) -> Examples[SpanExample]:
        if split not in self.files:
            raise UserError(f"task={self.task.name} has no public {split} set; name a file: task.files.{split}=FILE")
        return QuestionReader(self.files[split], self.task, labelled=split != "test").read()

    def read(self, file: Path) -> Examples[SpanExample]:
        """Questions in SQuAD's layout; `answers` may be missing or empty."""
        return QuestionReader(file, self.task, labelled=False).read()


class QuestionReader:
    """Reads the questions of one file; a malformed one is refused by its number in the file and its id."""

    def __init__(self, file: Path, task: TaskConfig, labelled: bool) -> None:
        """`labelled`: a question without answers is malformed, or has none where `task.no_answer` allows that."""
        self.file, self.no_answer, self.labelled = file, task.no_answer, labelled
        self.checks = RowChecks(file, task.bad_rows)
        self.number = 0  # of the latest question

    def read(self) -> Examples[SpanExample]:
        """Raises: UserError for a file that isn't SQuAD's JSON or holds no question, and as `RowChecks` does."""
        rows: dict[str, SpanExample] = {}
        for paragraph, record in self._records():
            self.number += 1
            try:
                example = self._make_example(paragraph, record)
                if example.id in rows:
                    raise ValueError("an earlier question has the same id")
                rows[example.id] = example
            except ValueError as error:
                name = record.get("id") if isinstance(record, dict) else None
                self.checks.refuse(self.number, f"question {name}: {error}" if name else str(error))
        if not rows:
            raise UserError(f"{self.file} holds no question" + (" that is whole" if self.checks.left_out else ""))
        return Examples(list(rows.values()), tuple(self.checks.left_out))

    def _records(self) -> Iterator[tuple[Record, Any]]:
        """Every question and the paragraph that it is about."""
        for article in self._list(_read_json(self.file), "data"):
            for paragraph in self._list(article, "paragraphs"):
                for record in self._list(paragraph, "qas"):
                    yield paragraph, record

    def _list(self, parent: Any, key: str) -> list[Any]:
        value = parent.get(key) if isinstance(parent, dict) else None
        if isinstance(value, list):
            return value
        if key == "data":
            raise UserError(f'{self.file} is not in the layout of SQuAD: {{"data": [{{"paragraphs": [...]}}]}}')
        self.checks.refuse(self.number + 1, f"where this question should be, there is no list of {key}")
        return []

    def _make_example(self, paragraph: Record, record: Any) -> SpanExample:
        """Raises: ValueError for a malformed one."""
        if not isinstance(record, dict):
            raise ValueError("a question is not an object")
        name = record.get("id")
        record = record | {"id": str(name) if type(name) is int else name}
        identity, question, context = _text(record, "id"), _text(record, "question"), _text(paragraph, "context")
        impossible = record.get("is_impossible")
        if impossible not in (None, False, True):
            raise ValueError("is_impossible is neither true nor false")
        answers = record.get("answers")
        if not answers and not self.labelled and not impossible:
            return SpanExample(identity, question, context, impossible=None)
        if not isinstance(answers, list):
            raise ValueError("it has no list of answers")
        marked = tuple(_make_answer(answer, context) for answer in answers)
        self._check_whether_answered(marked, impossible)
        return SpanExample(identity, question, context, marked, not marked)

    def _check_whether_answered(self, answers: tuple[Answer, ...], impossible: bool | None) -> None:
        if answers and impossible:
            raise ValueError("is_impossible is true, yet it has answers")
        if not answers and impossible is False:
            raise ValueError("is_impossible is false, yet it has no answer")
        if not answers and not self.no_answer:
            raise ValueError("it has no answer, which task=squad2 (task.no_answer=true) allows")


def _read_json(file: Path) -> Any:
    try:
        return json.loads(read_bytes(file).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not JSON: {error}") from None


def _text(record: Record, key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} is missing" if value is None else f"{key} is not a text")
    if not value.strip():
        raise ValueError(f"{key} is empty")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{key} holds half of a surrogate pair, which is no character") from None
    return value


def _make_answer(record: Any, context: str) -> Answer:
    if not isinstance(record, dict):
        raise ValueError("an answer is not an object")
    text, start = _text(record, "text"), record.get("answer_start")
    if type(start) is not int:
        raise ValueError("answer_start is missing or not a whole number")
    if start < 0 or context[start : start + len(text)] != text:
        at = context.find(text)
        nearest = f"it is at {at}" if at >= 0 else "the context doesn't hold it"
        raise ValueError(f"the answer {text!r} is not at character {start} of its context; {nearest}")
    return Answer(text, start)


BENCHMARK = Squad
