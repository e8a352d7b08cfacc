"""`task.data=glue`: the ten tasks of the GLUE benchmark, from its own files or from the hub.

Reads the files that GLUE's download scripts give, in a folder per task under `data_root`. Columns are found by their
names in the header, so files with fewer columns will do, and .jsonl or .parquet files with the hub's names.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from albert_lab.config.training import TaskConfig, TaskKind
from albert_lab.data.tasks.benchmark import HUB, Benchmark, find_folder
from albert_lab.data.tasks.examples import Examples, Label, TextExample
from albert_lab.data.tasks.hub_rows import open_hub_records
from albert_lab.data.tasks.records import Records, open_records
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.data.tasks.values import class_name, class_number, read_rows, score, text
from albert_lab.errors import UserError, nearest

log = logging.getLogger(__name__)

HUB_DATASET = "nyu-mll/glue"
SPLITS = {"train": ("train.tsv",), "dev": ("dev.tsv",), "test": ("test.tsv",)}
MNLI_SPLITS = {
    "train": ("train.tsv",),
    "dev_matched": ("dev_matched.tsv",),
    "dev_mismatched": ("dev_mismatched.tsv",),
    "test_matched": ("test_matched.tsv",),
    "test_mismatched": ("test_mismatched.tsv",),
    "test_ax": ("../AX/diagnostic.tsv", "../diagnostic/diagnostic.tsv"),
}
HUB_SPLITS = {
    "dev": "validation", "dev_matched": "validation_matched", "dev_mismatched": "validation_mismatched",
    "test_ax": "test",
}  # fmt: skip
ENTAILMENT = ("entailment", "not_entailment")


class GlueTask(NamedTuple):
    """One of GLUE's tasks. Of a column its names: in GLUE's own files, and on the hub where that differs.

    Attributes:
        folder: where its files are, and other names of it.
        texts: columns of a text; of a pair, two.
        label_names: in the order of Google's code; empty for a score from 0 to 5.
        hub_labels: the order of the hub's numbers, where it is another.
        unnamed: the columns of its files that have no header.
        splits: split -> file in the folder, or files of which one is enough.
    """

    folder: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...] = (("sentence1",), ("sentence2",))
    label: tuple[str, ...] = ("label",)
    label_names: tuple[str, ...] = ("0", "1")
    metrics: tuple[str, ...] = ("accuracy",)
    hub_labels: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
    splits: Mapping[str, tuple[str, ...]] = SPLITS


MNLI = GlueTask(
    ("MNLI", "mnli"), (("sentence1", "premise"), ("sentence2", "hypothesis")), ("gold_label", "label"),
    ("contradiction", "entailment", "neutral"), hub_labels=("entailment", "neutral", "contradiction"),
    splits=MNLI_SPLITS,
)  # fmt: skip
TASKS = {
    "cola": GlueTask(
        ("CoLA", "cola"), (("sentence",),), metrics=("matthews", "accuracy"),
        unnamed=("source", "label", "mark", "sentence"),
    ),
    "sst2": GlueTask(("SST-2", "sst-2", "sst2"), (("sentence",),)),
    "mrpc": GlueTask(
        ("MRPC", "mrpc"), (("#1 String", "sentence1"), ("#2 String", "sentence2")), ("Quality", "label"),
        metrics=("accuracy", "f1"),
    ),
    "stsb": GlueTask(
        ("STS-B", "sts-b", "stsb"), label=("score", "label"), label_names=(), metrics=("pearson", "spearman")
    ),
    "qqp": GlueTask(
        ("QQP", "qqp"), (("question1",), ("question2",)), ("is_duplicate", "label"), metrics=("accuracy", "f1")
    ),
    "mnli": MNLI,
    "qnli": GlueTask(("QNLI", "qnli"), (("question",), ("sentence",)), label_names=ENTAILMENT),
    "rte": GlueTask(("RTE", "rte"), label_names=ENTAILMENT),
    "wnli": GlueTask(("WNLI", "wnli")),
    "ax": MNLI._replace(folder=("AX", "ax", "diagnostic"), splits={"test": ("diagnostic.tsv",)}),
}  # fmt: skip


class Glue(Benchmark):
    """The task `task.name` of GLUE.

    MNLI has two held-out splits; where the second one's file is missing, a warning says so. Nothing is trained on AX:
    a model of MNLI answers it, as "test_ax".
    """

    head = "classification"

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        super().__init__(task, data_root, cache)
        if task.name not in TASKS:
            raise UserError(f"task.name={task.name} is no task of task.data=glue{nearest(task.name, TASKS)}")
        self.spec = TASKS[task.name]
        kind = TaskKind.single_label if self.spec.label_names else TaskKind.regression
        if task.kind is not kind:
            raise UserError(f"task.kind={task.kind.value} doesn't fit task.name={task.name}; nearest: {kind.value}")
        self.label_names, self.metrics = self.spec.label_names, self.spec.metrics
        self.files = self._find_files()  # of those splits that are there
        there = [split for split in self.spec.splits if data_root == HUB or split in self.files]
        self.held_out = tuple(split for split in there if split.startswith("dev")) or self._names("dev")[:1]
        self.test_splits = tuple(split for split in there if split.startswith("test"))
        for split in self._names("dev"):
            if self.files and split not in there:
                log.warning("task=%s: no %s, so no figures of %s", task.name, self.spec.splits[split][0], split)

    def _names(self, kind: str) -> tuple[str, ...]:
        return tuple(split for split in self.spec.splits if split.startswith(kind))

    def _find_files(self) -> dict[str, Path]:
        """Split -> file, of those that `task.files` names or that are in the folder of the task."""
        given, found = self.task.files, {}
        if self.data_root != HUB:
            with suppress(UserError):
                folder = self._find_folder()
                files = ((split, folder / name) for split, names in self.spec.splits.items() for name in names)
                found = {split: file for split, file in files if file.is_file()}
        for kind, file in (("train", given.train), ("dev", given.dev), ("test", given.test)):
            if file is not None and self._names(kind):
                found[self._names(kind)[0]] = Path(file).expanduser()
        return found

    def _find_folder(self) -> Path:
        places = [f"{root}{name}" for name in self.spec.folder for root in ("glue/", "", "glue_data/")]
        return find_folder(self.task.name, self.data_root, *places)

    def _file(self, split: str) -> Path:
        if split in self.files:
            return self.files[split]
        if split not in self.spec.splits:
            raise UserError(f"task={self.task.name} has no split {split!r}{nearest(split, self.spec.splits)}")
        raise UserError(
            f"task={self.task.name}: {self._find_folder()} has no {self.spec.splits[split][0]}; "
            f"task.files.{split.split('_')[0]}=FILE names another file"
        )

    def identity(self) -> dict[str, Any]:
        splits = ["train", *self.held_out]
        on_hub = [split for split in splits if self._is_on_hub(split)]
        identity = self.identify([self._file(split) for split in splits if split not in on_hub])
        return identity | ({"hub": [HUB_DATASET, self.task.name, on_hub]} if on_hub else {})

    def _is_on_hub(self, split: str) -> bool:
        return self.data_root == HUB and split not in self.files and split in self.spec.splits

    def load(self, split: str) -> Examples[TextExample]:
        labelled = not split.startswith("test")
        if not self._is_on_hub(split):
            return self._read(open_records(self._checks(self._file(split)), self.spec.unnamed), labelled)
        config, hub_split = "ax" if split == "test_ax" else self.task.name, HUB_SPLITS.get(split, split)
        checks = self._checks(Path(HUB_DATASET, config, hub_split))
        return self._read(open_hub_records(checks, HUB_DATASET, config, hub_split), labelled)

    def read(self, file: Path) -> Examples[TextExample]:
        return self._read(open_records(self._checks(file), self.spec.unnamed), labelled=False)

    def _checks(self, file: Path) -> RowChecks:
        return RowChecks(file, self.task.bad_rows)

    def _read(self, records: Records, labelled: bool) -> Examples[TextExample]:
        """`labelled`: every row must have a label; else a row without one, or with the hub's -1, has an unknown one."""
        texts = [_find(records, names) for names in self.spec.texts]
        has_label = labelled or not set(self.spec.label).isdisjoint(records.columns)
        label = [_find(records, self.spec.label)] if has_label else []
        name = next((name for name in ("index", "id", "idx") if name in records.columns), None)
        numbers = {each: number for number, each in enumerate(self.label_names)}
        hub_labels = self.spec.hub_labels or self.label_names

        def make(identifier: str, values: Sequence[Any]) -> TextExample:
            first = text(values[0], texts[0])
            second = text(values[1], texts[1]) if len(texts) > 1 else None
            value = values[len(texts)] if label else None
            if not labelled and value in (None, "", -1):
                return TextExample(identifier, first, second)
            return TextExample(identifier, first, second, to_label(value))

        def to_label(value: Any) -> Label:
            if not numbers:
                return score(value, label[0], 0, 5)
            if type(value) is int and 0 <= value < len(hub_labels):
                value = hub_labels[value]
            return class_number(class_name(value, label[0]), numbers, label[0])

        return read_rows(records, [*texts, *label], name, make)


def _find(records: Records, names: Sequence[str]) -> str:
    """The first of `names` that is a column."""
    for name in names:
        if name in records.columns:
            return name
    has = f"it has {', '.join(records.columns)}"
    raise UserError(f"{records.checks.file} has no column {' or '.join(map(repr, names))}; {has}")


BENCHMARK = Glue
