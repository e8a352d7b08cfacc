"""`task.data=table`: labelled records of any user, in .csv, .tsv, .jsonl, .json or .parquet files, by naming columns.

```bash
albert-lab finetune checkpoint=RUN task=classification task.files.train=train.csv task.text=sentence task.label=topic
```

Without `task.files.dev`, a tenth of the training file is held out: which rows, follows from their texts alone, so that
two rows of one text are on the same side. `table_kinds.py` says what a column must hold.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from albert_lab.config.training import TaskConfig, TaskKind
from albert_lab.data.tasks.benchmark import Benchmark
from albert_lab.data.tasks.examples import Examples
from albert_lab.data.tasks.records import open_records
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.data.tasks.table_kinds import KINDS, Kind
from albert_lab.data.tasks.values import read_rows
from albert_lab.errors import UserError, list_some

log = logging.getLogger(__name__)

HELD_OUT_SHARE = 0.1  # of the rows, where there is no file of held-out ones


class Table(Benchmark):
    """Rows of `task.kind` in the files that `task.files` names."""

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        super().__init__(task, data_root, cache)
        kind = KINDS[task.kind]
        kind(task)  # the settings must fit
        self.head = kind.head  # type: ignore[misc]  # a class's own elsewhere
        self.test_splits = () if task.files.test is None else ("test",)

    @cached_property
    def label_names(self) -> tuple[str, ...]:  # type: ignore[override]  # read when first asked for
        """The labels of the training file, sorted: numbers by value, other names by their characters."""
        if not KINDS[self.task.kind].has_names:
            return ()
        names, file = _Collector(), self._file("train")
        self._read(file, labelled=True, numbers=names)
        if len(names) < 2:
            raise UserError(f"task.label={self.task.label}: {file} has no two labels, but {list_some(names)} alone")
        if self.task.kind is TaskKind.multi_label and any("," in name or ";" in name for name in names):
            log.warning("a label has a comma or a semicolon; several labels of a row are joined by | or are a list")
        return sort_labels(names)

    def take_labels(self, names: Sequence[str]) -> None:
        """The training file may be gone: a label that the model doesn't know makes a malformed row."""
        self.label_names = tuple(names)

    @cached_property
    def metrics(self) -> tuple[str, ...]:  # type: ignore[override]  # those of tags depend on the tags
        return KINDS[self.task.kind](self.task).metrics(self.label_names)

    def identity(self) -> dict[str, Any]:
        splits = ["train"] if self.task.files.dev is None else ["train", "dev"]
        share = {} if self.task.files.dev else {"held_out": HELD_OUT_SHARE}
        return self.identify([self._file(split) for split in splits]) | share

    def _file(self, split: str) -> Path:
        file = getattr(self.task.files, split, None)
        if file is None:
            raise UserError(f"task.data=table needs task.files.{split}=FILE")
        path = Path(file).expanduser()
        if not path.is_file():
            raise UserError(f"task.files.{split}={file}: no such file (looked from {Path.cwd()})")
        return path

    def load(self, split: str) -> Examples[Any]:
        if split == "test" or self.task.files.dev is not None:
            return self._read(self._file(split), labelled=split != "test")
        examples = self._read(self._file("train"), labelled=True)
        train, dev = hold_out(examples.rows)
        if not train:
            raise UserError(f"{self._file('train')} is too short to hold rows out; name some: task.files.dev=FILE")
        if split == "train":
            return Examples(train, examples.left_out)
        file = self.task.files.train
        log.warning("no task.files.dev: %d of the %d rows of %s are held out", len(dev), len(examples.rows), file)
        return Examples(dev)

    def read(self, file: Path) -> Examples[Any]:
        return self._read(file, labelled=False)

    def _read(self, file: Path, labelled: bool, numbers: Mapping[str, int] | None = None) -> Examples[Any]:
        """`labelled`: every row must have a label; else one may be missing. `numbers`: None: of `label_names`."""
        records, task = open_records(RowChecks(file, self.task.bad_rows)), self.task
        kind: Kind[Any] = KINDS[task.kind](task)
        columns = [records.require(key, name) for key, name in kind.columns()]
        has_label = labelled or task.label in records.columns
        label = [records.require("task.label", task.label)] if has_label else []
        name = None if task.id is None else records.require("task.id", task.id)
        known = numbers
        if known is None:
            known = {each: number for number, each in enumerate(self.label_names)} if label else {}

        def make(identifier: str, values: Sequence[Any]) -> Any:
            value = values[len(columns)] if label else None
            if not labelled and value in (None, ""):
                return kind.make(identifier, values)
            return kind.make(identifier, values, (value, known))

        return read_rows(records, [*columns, *label], name, make)


class _Collector(dict[str, int]):
    """Takes every name for one of a class, and remembers it."""

    def __missing__(self, name: str) -> int:
        return self.setdefault(name, len(self))


def sort_labels(names: Sequence[str] | Mapping[str, int]) -> tuple[str, ...]:
    """Numbers by value where all names are numbers, else by their characters."""
    try:
        return tuple(sorted(names, key=lambda name: (float(name), name)))
    except ValueError:
        return tuple(sorted(names))


def hold_out(rows: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """(rows to train on, a tenth that is held out), in their order; empty where there are not two different rows.

    Which ones, follows from what the rows say, not from their places, ids and labels.
    """
    draws = [_draw(row) for row in rows]
    different = sorted({*draws})
    if len(different) < 2:
        return [], []
    bound = different[max(1, round(HELD_OUT_SHARE * len(different)))]
    pairs = list(zip(draws, rows, strict=True))
    return [row for draw, row in pairs if draw >= bound], [row for draw, row in pairs if draw < bound]


def _draw(row: Any) -> int:
    """A random number that follows from the content of a row."""
    content = [value for key, value in vars(row).items() if key not in ("id", "label", "labels")]
    return int.from_bytes(hashlib.blake2b(repr(content).encode(), digest_size=8).digest())


BENCHMARK = Table
