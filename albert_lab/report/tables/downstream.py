"""What a study's models reach once they are fine-tuned or probed: a column a task."""

from collections.abc import Mapping, Sequence
from typing import Any

from albert_lab.report.formatting import BLANK
from albert_lab.report.metrics import format_average, format_heading, format_value
from albert_lab.report.statistics import SeedAverage, average_over_seeds
from albert_lab.report.tables.study_rows import Record, StudyRow
from albert_lab.report.tables.table import Column
from albert_lab.runs.metrics import Metric, metrics_from_plain

Downstream = Mapping[str, Mapping[str, Sequence[Record]]]  # by task, then by the cell's name
GROUP = "fine-tuned"


def make_downstream_columns(rows: Sequence[StudyRow], downstream: Downstream) -> list[Column]:
    """A column for each task that any cell was fine-tuned on: the metric that judges it, mean and spread over seeds."""
    columns = []
    for task, records in downstream.items():
        metric = _judging_metric(records)
        if metric is not None:
            averages = [_average(records.get(row.cell.name, ()), metric) for row in rows]
            heading = f"{_spell(task)} {format_heading(metric)}"
            columns.append(Column(heading, tuple(format_average(metric, a, with_n=False) for a in averages), GROUP))
    return columns


def make_downstream_figures(row: StudyRow, downstream: Downstream) -> dict[str, Any]:
    """The same for a CSV, unrounded: mean, spread and number of seeds."""
    values: dict[str, Any] = {}
    for task, records in downstream.items():
        metric = _judging_metric(records)
        if metric is not None:
            key, average = f"downstream/{task}/{metric.name}", _average(records.get(row.cell.name, ()), metric)
            values |= {key: None, f"{key} spread": None, f"{key} n": 0}
            if average:
                values |= {key: average.mean, f"{key} spread": average.spread, f"{key} n": average.n}
    return values


def write_downstream_notes(downstream: Downstream, failures: Mapping[str, Mapping[str, Sequence[str]]]) -> list[str]:
    """What a reader has to know of the columns: how much was trained, what chance is, what failed."""
    notes = []
    for task, records in downstream.items():
        found = [record for of_cell in records.values() for record in of_cell]
        reasons = {reason for of_cell in failures.get(task, {}).values() for reason in of_cell}
        if found:
            frozen = found[0]["config"]["task"]["freeze_encoder"]
            how = "a probe: the encoder is frozen, its head alone is trained" if frozen else "all weights are trained"
            metric, samples = metrics_from_plain(found[0]["metrics"])[0], found[0]["validation"].get("samples")
            chance = BLANK if metric.chance is None else format_value(metric, metric.chance)
            steps = found[0]["training"]["steps"]
            notes.append(f"{_spell(task)}: {how}, {steps:,} steps, judged by {samples:,} examples; chance {chance}.")
        notes += [f"{_spell(task)} failed: {reason}" for reason in sorted(reasons)]
    return notes


def _judging_metric(records: Mapping[str, Sequence[Record]]) -> Metric | None:
    first = next((record for of_cell in records.values() for record in of_cell), None)
    return metrics_from_plain(first["metrics"])[0] if first else None


def _average(records: Sequence[Record], metric: Metric) -> SeedAverage | None:
    return average_over_seeds(record["validation"].get(metric.name) for record in records)


def _spell(task: str) -> str:
    return task.replace("_", " ")
