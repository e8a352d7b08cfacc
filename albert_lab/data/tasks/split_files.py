"""Benchmarks whose splits are files in a folder, files that `task.files` names, or a data set of the hub."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, NamedTuple

from albert_lab.config.training import TaskConfig
from albert_lab.data.corpora.readers import COMPRESSIONS
from albert_lab.data.recipe import recipe_hash
from albert_lab.data.tasks.benchmark import HUB, Benchmark, find_folder
from albert_lab.data.tasks.examples import Examples, Row
from albert_lab.data.tasks.hub_rows import open_hub_records
from albert_lab.data.tasks.records import Records
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.errors import UserError, nearest

HUB_SPLITS = {"dev": "validation"}
_MANY = 20  # files: RACE comes as 27,933

# Names of one file, or patterns of several files; the first that is there is taken, compressed or not.
Part = tuple[str, ...]


class HubSource(NamedTuple):
    """Where the hub has a benchmark: data set, configuration and version."""

    dataset: str
    config: str | None = None
    revision: str | None = None


class Layout(NamedTuple):
    """Where a benchmark's files are.

    Attributes:
        folders: under `data_root`, the first one that is there.
        splits: split -> the parts that make it up, all of which must be in the folder.
        hub: the same rows on the hub; None: it has none.
    """

    folders: tuple[str, ...]
    splits: Mapping[str, tuple[Part, ...]]
    hub: HubSource | None = None


class SplitFiles(Benchmark, Generic[Row]):
    """A benchmark by its `layout`. `task.files` replaces the whole of a split."""

    layout: Layout  # set before `__init__`, or of the class

    def __init__(self, task: TaskConfig, data_root: str | None, cache: Path) -> None:
        super().__init__(task, data_root, cache)
        has_test = self._is_on_hub("test") or bool(self._find("test"))
        self.test_splits = ("test",) if has_test else ()

    @abstractmethod
    def read_file(self, checks: RowChecks, split: str) -> Examples[Row]:
        """The rows of a file. Those of the split "test" may lack the label, and those of a split "" may too."""

    @abstractmethod
    def read_hub(self, records: Records, split: str) -> Examples[Row]:
        """The rows of the hub's records."""

    def load(self, split: str) -> Examples[Row]:
        source = self.layout.hub
        if self._is_on_hub(split) and source is not None:
            hub_split = HUB_SPLITS.get(split, split)
            checks = RowChecks(Path(source.dataset, source.config or "", hub_split), self.task.bad_rows)
            return self.read_hub(open_hub_records(checks, *source[:2], hub_split, source.revision), split)
        parts = [self.read_file(RowChecks(file, self.task.bad_rows), split) for file in self.files(split)]
        left_out = tuple(row for part in parts for row in part.left_out)
        return Examples([row for part in parts for row in part.rows], left_out)

    def read(self, file: Path) -> Examples[Row]:
        return self.read_file(RowChecks(file, self.task.bad_rows), "")

    def identity(self) -> dict[str, Any]:
        splits = ("train", *self.held_out)
        on_hub = [split for split in splits if self._is_on_hub(split)]
        files = [file for split in splits if split not in on_hub for file in self.files(split)]
        identity = self.identify(list(dict.fromkeys(files)))
        if len(files) > _MANY:
            identity["files"] = [len(files), recipe_hash({"files": identity["files"]})]
        return identity | ({"hub": [*(self.layout.hub or ()), on_hub]} if on_hub else {})

    def files(self, split: str) -> list[Path]:
        """The files of a split. Raises: UserError where one is missing."""
        found = self._find(split)
        if found:
            return found
        if split not in self.layout.splits:
            raise UserError(f"task={self.task.name} has no split {split!r}{nearest(split, self.layout.splits)}")
        given = getattr(self.task.files, split)
        if given is not None:
            raise UserError(f"task.files.{split}={given}: no such file (looked from {Path.cwd()})")
        if not self.layout.folders:
            raise UserError(f"task={self.task.name} needs task.files.{split}=FILE")
        if self.data_root == HUB:
            raise UserError(f"task={self.task.name} is not on the hub; write data_root=FOLDER")
        folder = find_folder(self.task.name, self.data_root, *self.layout.folders)
        missing = next(part for part in self.layout.splits[split] if not _find_part(folder, part))
        raise UserError(
            f"task={self.task.name}: {folder} has no {' or '.join(missing)}; task.files.{split}=FILE names another file"
        )

    def _find(self, split: str) -> list[Path]:
        """The files of a split; none where any of its parts is missing."""
        given = getattr(self.task.files, split, None)
        if given is not None:
            file = Path(given).expanduser()
            return [file] if file.is_file() else []
        if self.data_root in (None, HUB) or not self.layout.folders:
            return []
        with suppress(UserError):
            folder = find_folder(self.task.name, self.data_root, *self.layout.folders)
            parts = [_find_part(folder, part) for part in self.layout.splits.get(split, ())]
            return [file for files in parts for file in files] if all(parts) else []
        return []

    def _is_on_hub(self, split: str) -> bool:
        has_file = getattr(self.task.files, split, None) is not None
        return self.data_root == HUB and self.layout.hub is not None and split in self.layout.splits and not has_file


def _find_part(folder: Path, part: Part) -> Sequence[Path]:
    for pattern in part:
        for ending in ("", *COMPRESSIONS):
            found = sorted(file for file in folder.glob(pattern + ending) if file.is_file())
            if found:
                return found
    return []
