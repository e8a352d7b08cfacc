"""Multiple choice where a record is a question: what the benchmarks of that shape share."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from albert_lab.data.tasks.examples import ChoiceExample, Examples
from albert_lab.data.tasks.records import Records, open_records
from albert_lab.data.tasks.rows import RowChecks
from albert_lab.data.tasks.split_files import SplitFiles
from albert_lab.data.tasks.values import BadValue, class_name, read_rows
from albert_lab.errors import UserError


class ChoiceRecords(SplitFiles[ChoiceExample]):
    """A benchmark of records in .csv, .tsv, .jsonl or .parquet files.

    Attributes:
        columns: what `make` reads, by the names that both the files and the hub have.
        label: the column with the right choice.
        labels: what that column may hold: the choices' names, in their order.
        id: the column that names a record; None, or where a file lacks it: its number does.
    """

    head = "choice"
    columns: ClassVar[tuple[str, ...]]
    label: ClassVar[str] = "label"
    labels: ClassVar[tuple[str, ...]]
    id: ClassVar[str | None] = None

    def find_columns(self, records: Records) -> tuple[str, ...]:
        """What `make` reads of these records."""
        return self.columns

    @abstractmethod
    def make(self, identifier: str, *values: Any) -> ChoiceExample:
        """A row without a label, of the values of its columns. Raises: BadValue."""

    def read_file(self, checks: RowChecks, split: str) -> Examples[ChoiceExample]:
        return self.read_hub(open_records(checks), split)

    def read_hub(self, records: Records, split: str) -> Examples[ChoiceExample]:
        must_have_label = split in ("train", "dev")
        columns = self.find_columns(records)
        label = [self.label] if must_have_label or self.label in records.columns else []
        for name in (*columns, *label):
            if name not in records.columns:
                raise UserError(f"{records.checks.file} has no column {name!r}; it has {', '.join(records.columns)}")

        def make(identifier: str, values: Sequence[Any]) -> ChoiceExample:
            row = self.make(identifier, *values[: len(columns)])
            value = values[len(columns)] if label else None
            if not must_have_label and value in (None, "", -1):
                return row
            name = class_name(value, self.label)
            if name not in self.labels:
                raise BadValue(f"{self.label} {name!r} is none of {', '.join(self.labels)}")
            return replace(row, label=self.labels.index(name))

        return read_rows(records, [*columns, *label], self.id if self.id in records.columns else None, make)
