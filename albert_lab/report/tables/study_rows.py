"""The rows of a study: what the paper printed, what we counted at its size, and what was measured here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from albert_lab.config.study import Cell, Study
from albert_lab.report import paper
from albert_lab.report.frames import FIGURES, CostOfRun, Row, flatten
from albert_lab.report.metrics import declared_metrics
from albert_lab.report.summary import SYMBOLS, Summary, describe_axis

Record = Mapping[str, Any]
Counts = Mapping[str, float | None]  # unique_with_projection, unique_as_built, applied, flops_per_token, ..._bytes


@dataclass(frozen=True)
class StudyRow:
    """One cell of a study with all that is known about it; its runs belong to one task."""

    cell: Cell
    name: str  # the cell's, with the task where the study has several
    summary: Summary
    printed: paper.PaperRow | None
    counts: Counts
    failures: tuple[str, ...]

    @property
    def label(self) -> str:
        """The cell by what was run, short: `E = H = 96, all shared`."""
        return label_cell(self.cell, self._settings)

    def label_of(self, axis: str) -> str:
        """One axis by what was run, and what it stands for: `E = H = 96, for the paper's 768`, `all shared`."""
        value = self.cell.axes[axis]
        text, own = _label_axis(self.cell, axis, self._settings)
        return f"{text}, for the paper's {value}" if str(own) != str(value) else text

    @property
    def _settings(self) -> Mapping[str, Any]:
        return self.summary.rows[0] if self.summary.rows else {}

    @property
    def state(self) -> str:
        """`2 seeds`, `1 seed; failed: out of memory`, `not run`."""
        parts = []
        if self.summary.rows:
            parts.append(f"{len(self.summary.rows)} seed" + "s" * (len(self.summary.rows) > 1))
        parts += [f"failed: {reason}" for reason in dict.fromkeys(map(_last_line, self.failures))]
        return "; ".join(parts) or "not run"

    def counted(self, key: str) -> int | None:
        value = self.counts.get(key)
        return None if value is None else int(value)


def label_cell(cell: Cell, settings: Mapping[str, Any]) -> str:
    """A cell by what is run, short: `E = H = 96, all shared`; `settings`: of one of its runs, where there is one."""
    return ", ".join(_label_axis(cell, axis, settings)[0] for axis in cell.axes)


def _label_axis(cell: Cell, axis: str, settings: Mapping[str, Any]) -> tuple[str, Any]:
    """An axis in words and its value: the run's, else the one at the study's scale."""
    if axis not in SYMBOLS:
        return describe_axis(axis, cell.axes[axis]), cell.axes[axis]
    given = dict(override.split("=", 1) for override in cell.overrides)
    own = settings.get(axis, given.get(axis, cell.axes[axis]))
    is_width = axis == "model.embedding_size" and own == settings.get("model.hidden_size")
    return f"{SYMBOLS[axis]} = {'H = ' if is_width else ''}{own}", own


def make_study_rows(
    study: Study,
    records: Mapping[str, Sequence[Record]],
    failures: Mapping[str, Sequence[str]],
    counts: Mapping[str, Counts],
    cost_of_run: CostOfRun | None = None,
) -> tuple[StudyRow, ...]:
    """A row a cell, in the study's order; the other arguments go by the cells' names.

    A cell whose runs belong to several tasks has a row for each: an average never mixes them.
    """
    study_rows = []
    several_tasks = len({record.get("task") for cell in study.cells for record in records.get(cell.name, ())}) > 1
    for cell in study.cells:
        runs = [flatten(record) for record in records.get(cell.name, ())]
        if cost_of_run:
            runs = [{**run, **cost_of_run(run)} for run in runs]
        cell_failures = tuple(failures.get(cell.name, ()))
        for task in dict.fromkeys(run["task"] for run in runs) or (None,):
            name = f"{cell.name}, {task}" if several_tasks and task else cell.name
            summary = _summarize_cell(cell, name, tuple(run for run in runs if run["task"] == task))
            printed, counted = paper.find_row(study.name, cell.axes), counts.get(cell.name, {})
            study_row = StudyRow(cell, name, summary, printed, counted, cell_failures)
            label = f"{study_row.label}, {task}" if several_tasks and task else study_row.label
            study_rows.append(replace(study_row, summary=replace(summary, label=label)))
            cell_failures = ()  # nobody knows the task of a run that failed: its cell says so once
    return tuple(study_rows)


def _summarize_cell(cell: Cell, name: str, runs: tuple[Row, ...]) -> Summary:
    """A cell's summary under the E that was run, and the sharing of the study or, without such an axis, of the run."""
    first = runs[0] if runs else {}
    scheme = cell.axes.get("sharing", cell.axes.get("sharing.scheme", first.get("sharing.scheme", "all")))
    embedding = first.get("model.embedding_size", cell.axes.get("model.embedding_size"))
    return Summary(name, str(scheme), None if embedding is None else int(embedding), runs)


def make_csv_row(row: StudyRow) -> dict[str, Any]:
    """Every figure unrounded: means, spreads, n, chance levels and Wilson's intervals of shares."""
    values: dict[str, Any] = {"cell": row.cell.name, "task": row.summary.task, **row.cell.axes, "state": row.state}
    printed = vars(row.printed) if row.printed else {}
    values |= {f"paper/{key}": value for key, value in printed.items() if key != "axes"}
    values |= {f"counted/{key}": value for key, value in row.counts.items()}
    figures = [key for run in row.summary.rows for key in run if "/" in key]
    for key in dict.fromkeys((*FIGURES, "memory_bytes/above_floor", *figures)):
        figure = row.summary.above_floor() if key.endswith("above_floor") else row.summary.average(key)
        values |= {key: None, f"{key} spread": None, f"{key} n": 0}
        if figure:
            values |= {key: figure.mean, f"{key} spread": figure.spread, f"{key} n": figure.n}
    for metric in declared_metrics(row.summary.rows):
        key = f"validation/{metric.name}"
        values[f"{key} chance"] = row.summary.chance(metric)
        if interval := row.summary.interval(metric):
            values |= {f"{key} low": interval[0], f"{key} high": interval[1]}
    return values


def _last_line(text: str) -> str:
    """The line of a traceback or message that names the reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
