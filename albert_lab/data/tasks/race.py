"""`task.data=race`: RACE, exams in reading comprehension with four choices, from its own files or the hub.

Lai et al. 2017 (arXiv:1704.04683). `task.name` is race for both schools, race_middle or race_high for one. A choice is
what Google's race_utils.py makes of it: the question with the option in place of its `_`, or with the option after it.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from albert_lab.config.training import TaskConfig
from albert_lab.data.tasks.examples import ChoiceExample, Examples
from albert_lab.data.tasks.records import Records, open_records
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.data.tasks.split_files import HubSource, Layout, SplitFiles
from albert_lab.data.tasks.values import BadValue, describe, text
from albert_lab.errors import UserError, nearest

SCHOOLS = {"race": ("middle", "high"), "race_middle": ("middle",), "race_high": ("high",)}
LETTERS = ("A", "B", "C", "D")
GAP = "_"


class Race(SplitFiles[ChoiceExample]):
    """A passage gives as many examples as it has questions; they are scored together and by school."""

    head = "choice"

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        if task.name not in SCHOOLS:
            raise UserError(f"task.name={task.name} is no task of task.data=race{nearest(task.name, SCHOOLS)}")
        schools = SCHOOLS[task.name]
        splits = {
            split: tuple(
                (f"{split}/{school}/all.txt", f"{split}/{school}/*.txt", f"{split}_{school}.jsonl")
                for school in schools
            )
            for split in ("train", "dev", "test")
        }
        hub = HubSource("ehovy/race", "all" if len(schools) > 1 else schools[0])
        self.layout = Layout(("race", "RACE", "multiple_choice/race"), splits, hub)
        super().__init__(task, data_root, cache)

    def read_file(self, checks: RowChecks, split: str) -> Examples[ChoiceExample]:
        """A passage a line, in files of whatever name."""
        records = open_records(checks, kind=".jsonl")
        answers = ["answers"] if split in ("train", "dev") or "answers" in records.columns else []
        names = ["questions", "options", *answers]
        rows: list[ChoiceExample] = []
        for line, (passage, article, *lists) in records.select(["id", "article", *names]):
            try:
                questions = _split_passage(names, lists)
            except BadValue as reason:
                checks.refuse(line, str(reason))
                continue
            for number, question in enumerate(questions):
                try:
                    rows.append(_make(f"{passage}-{number}", article, *question, split=split))
                except BadValue as reason:
                    checks.refuse(line, f"question {number + 1}: {reason}")
        return Examples(rows, tuple(checks.left_out))

    def read_hub(self, records: Records, split: str) -> Examples[ChoiceExample]:
        """The hub has a question a record."""
        rows: list[ChoiceExample] = []
        questions = Counter[str]()
        for line, (passage, *values) in records.select(["example_id", "article", "question", "options", "answer"]):
            try:
                rows.append(_make(f"{passage}-{questions[passage]}", *values, split=split))
            except BadValue as reason:
                records.checks.refuse(line, str(reason))
            questions[passage] += 1
        return Examples(rows, tuple(records.checks.left_out))


def _split_passage(names: Sequence[str], lists: Sequence[Any]) -> Iterator[tuple[Any, ...]]:
    """(question, options, and the answer where there are some) of every question."""
    for name, values in zip(names, lists, strict=True):
        if not isinstance(values, list):
            raise BadValue(f"{name} is {describe(values)}, not a list")
    if len({len(values) for values in lists}) > 1:
        counts = (f"{len(values)} {name}" for name, values in zip(names, lists, strict=True))
        raise BadValue(f"{' and '.join(counts)} do not match")
    return zip(*lists, strict=True)


def _make(
    identifier: str, article: Any, question: Any, options: Any, answer: Any = None, *, split: str
) -> ChoiceExample:
    article, question = text(article, "article"), text(question, "question")
    if not isinstance(options, list):
        raise BadValue(f"options is {describe(options)}, not a list")
    if len(options) != len(LETTERS):
        raise BadValue(f"the number of options is {len(options)}, not {len(LETTERS)}")
    options = [text(option, "option") for option in options]
    if answer not in LETTERS and (answer not in (None, "") or split in ("train", "dev")):
        raise BadValue(f"answer {answer!r} is none of {', '.join(LETTERS)}")
    endings = tuple(question.replace(GAP, option) if GAP in question else f"{question} {option}" for option in options)
    school = next((school for school in SCHOOLS["race"] if identifier.startswith(school)), "")
    return ChoiceExample(identifier, article, endings, LETTERS.index(answer) if answer else None, school)


BENCHMARK = Race
