"""The records of a data set of the Hugging Face hub, for benchmarks with `data_root=hub`."""

from collections.abc import Iterator, Sequence
from typing import Any

from albert_lab.data.corpora.hub import explain_errors
from albert_lab.data.tasks.records import Records
from albert_lab.data.tasks.rows import RowChecks

_BATCH = 1000  # records


class _HubRecords(Records):
    def __init__(self, checks: RowChecks, data: Any) -> None:  # a datasets.Dataset
        super().__init__(checks, data.column_names)
        self._data = data

    def select(self, names: Sequence[str]) -> Iterator[tuple[int, tuple[Any, ...]]]:
        batches = self._data.select_columns(list(names)).iter(_BATCH)
        rows = (row for batch in batches for row in zip(*(batch[name] for name in names), strict=True))
        yield from enumerate(rows, 1)


def open_hub_records(
    checks: RowChecks, dataset: str, config: str | None, split: str, revision: str | None = None
) -> Records:
    """The records of one split, downloaded once and then read from the cache of `datasets`.

    Args:
        dataset: its name on the hub, or a folder of data files.
        config: its configuration, where it has several.
        revision: its version; None: the newest.

    Raises:
        UserError: there is no network, or no such data set, configuration or split.
    """
    from datasets import load_dataset

    name = f"data set {dataset!r} of the hub"
    instead = "Put the benchmark's own files on this machine and write data_root=FOLDER"
    with explain_errors(name, f"{name}, configuration {config!r}, split {split!r}", split, instead):
        return _HubRecords(checks, load_dataset(dataset, config, split=split, revision=revision))
