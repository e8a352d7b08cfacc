"""What a task asks of its data: `albert_lab/data/tasks/NAME.py` has a class `BENCHMARK` for `task.data=NAME`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from albert_lab.config.schema import FinetuneConfig
from albert_lab.config.training import TaskConfig
from albert_lab.data.tasks.examples import Examples
from albert_lab.errors import UserError
from albert_lab.storage.digests import identify_files

HUB = "hub"  # data_root=hub


class Benchmark(ABC):
    """Labelled examples, and what they are scored by. Knows no tokenizer and no model.

    Attributes:
        head: what answers it, a file of `albert_lab/train/heads/`.
        label_names: the names of the classes; empty for a score to regress, for spans and for choices.
        metrics: names that `albert_lab.scoring` knows, the one that judges a run first.
        held_out: the splits that a run is judged by, the main one first. The figures of a further one, say
            "dev_mismatched", are named after it: "dev_mismatched_accuracy".
        test_splits: the splits that are answered for a leaderboard.
    """

    head: ClassVar[str]
    label_names: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("accuracy",)
    held_out: tuple[str, ...] = ("dev",)
    test_splits: tuple[str, ...] = ("test",)

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        """Reads no file, and may leave it to `identity` to miss one: `read` needs none but its own.

        Raises: UserError where `task` doesn't fit.
        """
        self.task, self.data_root, self.cache = task, data_root, cache

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What determines the examples to train on and to be judged by, whatever the folder they lie in.

        Part of a run's fingerprint. Raises: UserError where files are missing.
        """

    @abstractmethod
    def load(self, split: str) -> Examples[Any]:
        """The examples of "train", of one of `held_out` or of `test_splits`, in the files' order.

        Raises: UserError for a split that isn't there, and for a malformed row unless `task.bad_rows=leave_out`.
        """

    def read(self, file: Path) -> Examples[Any]:
        """Further examples in the layout of the benchmark's files, labelled or not: `albert-lab predict` answers them.

        Raises: UserError as `load` does.
        """
        raise UserError(f"task={self.task.name} has no file format that predict could read")

    def take_labels(self, names: Sequence[str]) -> None:
        """Numbers the labels as a trained model does. Raises: UserError where the data has others."""
        if tuple(names) != self.label_names:
            raise UserError(
                f"the run was trained with {_list_labels(names)}, but task={self.task.name} has "
                f"{_list_labels(self.label_names)}"
            )

    def identify(self, files: Sequence[Path]) -> dict[str, Any]:
        """The identity of a benchmark that its files determine."""
        return {"data": self.task.data or self.task.name, "files": identify_files(list(files), self.cache)}


def _list_labels(names: Sequence[str]) -> str:
    return f"the labels {', '.join(names[:10])}{', ...' if len(names) > 10 else ''}" if names else "no named labels"


def open_benchmark(config: FinetuneConfig) -> Benchmark:
    """The benchmark that `config` names. Raises: UserError where the task's settings don't fit it."""
    task = config.task
    module = import_module(f"albert_lab.data.tasks.{task.data or task.name}")
    benchmark: Benchmark = module.BENCHMARK(task, config.data_root, Path(config.paths.cache))
    return benchmark


def find_folder(task: str, data_root: str | None, *names: str) -> Path:
    """The first of the folders `data_root/NAME` that is there; "." is `data_root` itself.

    Raises: UserError that says where a benchmark's files are looked for.
    """
    if data_root is None:
        raise UserError(
            f"task={task} needs its files: data_root=FOLDER, where {' or '.join(names)} is, or data_root=hub to "
            "download them"
        )
    root = Path(data_root).expanduser()
    if not root.is_dir():
        raise UserError(f"data_root={data_root}: no such folder; write data_root=hub to download")
    for name in names:
        if (root / name).is_dir():
            return root / name
    raise UserError(f"task={task}: none of {', '.join(names)} is in data_root={data_root}")
