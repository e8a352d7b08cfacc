"""`task.data=squad`: SQuAD 1.1 (Rajpurkar et al., 2016), 2.0 (Rajpurkar et al., 2018) and other files of their layout.

`task.no_answer` says which: without it every question has an answer in its context.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from albert_lab.data.tasks.benchmark import HUB, Benchmark, find_folder
from albert_lab.data.tasks.examples import Answer, Examples, SpanExample
from albert_lab.data.tasks.hub_rows import open_hub_records
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.data.tasks.values import BadValue, describe, text
from albert_lab.errors import UserError
from albert_lab.storage.files import read_bytes

SOURCE = "https://rajpurkar.github.io/SQuAD-explorer/"
HUB_DATASETS = {False: "rajpurkar/squad", True: "rajpurkar/squad_v2"}  # by `task.no_answer`
HUB_SPLITS = {"train": "train", "dev": "validation"}

Question = tuple[int, Any, Any]  # its number in the file, from 1; its context; its record in SQuAD's layout


class Squad(Benchmark):
    """`train-v1.1.json` and `dev-v1.1.json`, or with `task.no_answer` those of v2.0; there is no public test set.

    In place of such a file the folder may hold one part of it whose name goes on, such as `train-v1.1-part.json`.
    """

    head = "spans"
    metrics = ("answer_f1", "exact_match")

    def find_file(self, split: str) -> Path | None:
        """The file of "train", "dev" or "test"; None where the split is on the hub, or nowhere.

        Raises: UserError where a file is missing, or one of several is to be chosen.
        """
        given = getattr(self.task.files, split)
        if given is not None:
            file = Path(given).expanduser()
            if not file.is_file():
                raise UserError(f"task.files.{split}={given}: no such file")
            return file
        if self.data_root == HUB or split == "test":
            return None
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
        files = {split: self.find_file(split) for split in HUB_SPLITS}
        on_hub = [split for split, file in files.items() if file is None]
        hub = {"hub": [HUB_DATASETS[self.task.no_answer], on_hub]} if on_hub else {}
        return self.identify([file for file in files.values() if file is not None]) | hub

    def load(self, split: str) -> Examples[SpanExample]:
        file = self.find_file(split)
        if file is not None:
            return self._read(_read_file(checks := self._check(file)), checks, labelled=split != "test")
        if split not in HUB_SPLITS:
            raise UserError(f"task={self.task.name} has no public {split} set; name a file: task.files.{split}=FILE")
        dataset = HUB_DATASETS[self.task.no_answer]
        checks = self._check(Path(dataset, HUB_SPLITS[split]))
        return self._read(_read_hub(checks, dataset, HUB_SPLITS[split]), checks, labelled=True)

    def read(self, file: Path) -> Examples[SpanExample]:
        """Questions in SQuAD's layout; `answers` may be missing or empty."""
        return self._read(_read_file(checks := self._check(file)), checks, labelled=False)

    def _check(self, file: Path) -> RowChecks:
        return RowChecks(file, self.task.bad_rows)

    def _read(self, questions: Iterator[Question], checks: RowChecks, labelled: bool) -> Examples[SpanExample]:
        """`labelled`: a question without answers is malformed, or has none where `task.no_answer` allows that.

        Raises: UserError where there is no question, and as `checks` does.
        """
        rows: dict[str, SpanExample] = {}
        for number, context, record in questions:
            try:
                example = make_example(context, record, labelled, self.task.no_answer)
                if example.id in rows:
                    raise BadValue("an earlier question has the same id")
                rows[example.id] = example
            except BadValue as reason:
                name = record.get("id") if isinstance(record, dict) else None
                checks.refuse(number, str(reason) if name is None else f"question {name}: {reason}")
        if not rows:
            raise UserError(f"{checks.file} holds no question" + (" that is whole" if checks.left_out else ""))
        return Examples(list(rows.values()), tuple(checks.left_out))


def _read_file(checks: RowChecks) -> Iterator[Question]:
    """Raises: UserError for a file that isn't SQuAD's JSON; an article or paragraph of another shape is malformed."""
    number = 0

    def items(parent: Any, key: str) -> list[Any]:
        value = parent.get(key) if isinstance(parent, dict) else None
        if isinstance(value, list):
            return value
        if key == "data":
            raise UserError(f'{checks.file} is not in the layout of SQuAD: {{"data": [{{"paragraphs": [...]}}]}}')
        checks.refuse(number + 1, f"where this question should be, there is no list of {key}")
        return []

    try:
        content = json.loads(read_bytes(checks.file).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{checks.file} is not JSON: {error}") from None
    for article in items(content, "data"):
        for paragraph in items(article, "paragraphs"):
            for record in items(paragraph, "qas"):
                number += 1
                yield number, paragraph.get("context"), record


def _read_hub(checks: RowChecks, dataset: str, split: str) -> Iterator[Question]:
    columns = ("id", "context", "question", "answers")
    for number, (name, context, question, answers) in open_hub_records(checks, dataset, None, split).select(columns):
        pairs = zip(answers["text"], answers["answer_start"], strict=True)
        marked = [{"text": answer, "answer_start": start} for answer, start in pairs]
        yield number, context, {"id": name, "question": question, "answers": marked}


def make_example(context: Any, record: Any, labelled: bool, no_answer: bool) -> SpanExample:
    """The example of a record in SQuAD's layout. Raises: BadValue for a malformed one."""
    if not isinstance(record, dict):
        raise BadValue(f"a question is {describe(record)}, not an object")
    number = record.get("id")
    name = str(number) if type(number) is int else text(number, "id")
    question, whole = text(record.get("question"), "question"), text(context, "context")
    impossible, answers = record.get("is_impossible"), record.get("answers")
    if impossible not in (None, False, True):
        raise BadValue(f"is_impossible is {describe(impossible)}, neither true nor false")
    if not answers and not labelled and not impossible:
        return SpanExample(name, question, whole, impossible=None)
    if not isinstance(answers, list):
        raise BadValue("it has no list of answers")
    marked = tuple(_make_answer(answer, whole) for answer in answers)
    if marked and impossible:
        raise BadValue("is_impossible is true, yet it has answers")
    if not marked and impossible is False:
        raise BadValue("is_impossible is false, yet it has no answer")
    if not marked and not no_answer:
        raise BadValue("it has no answer, which task=squad2 (task.no_answer=true) allows")
    return SpanExample(name, question, whole, marked, not marked)


def _make_answer(record: Any, context: str) -> Answer:
    if not isinstance(record, dict):
        raise BadValue(f"an answer is {describe(record)}, not an object")
    answer, start = text(record.get("text"), "an answer's text"), record.get("answer_start")
    if type(start) is not int:
        raise BadValue(f"answer_start is {describe(start)}, not a whole number")
    if start < 0 or context[start : start + len(answer)] != answer:
        at = context.find(answer)
        nearest = f"it is at {at}" if at >= 0 else "the context doesn't hold it"
        raise BadValue(f"the answer {answer!r} is not at character {start} of its context; {nearest}")
    return Answer(answer, start)


BENCHMARK = Squad
