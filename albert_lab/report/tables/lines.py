"""A study's cells as lines: what the paper printed, what we counted at its size, and what was measured here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from albert_lab.config.study import Cell, Study
from albert_lab.report import paper
from albert_lab.report.frames import FIGURES, CostOfRun, flatten
from albert_lab.report.metrics import declared_metrics
from albert_lab.report.summary import Summary

Record = Mapping[str, Any]
Counts = Mapping[str, float | None]  # unique_with_projection, unique_as_built, applied, flops_per_token, ..._bytes


@dataclass(frozen=True)
class Line:
    """One cell of the study with all that is known about it."""

    cell: Cell
    summary: Summary
    printed: paper.PaperRow | None
    counts: Counts
    failures: tuple[str, ...]

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


def line(
    study: Study,
    cell: Cell,
    records: Sequence[Record],
    failures: Sequence[str],
    counts: Counts,
    cost_of_run: CostOfRun | None = None,
) -> Line:
    """All that is known about one cell of a study."""
    rows = tuple(flatten(record) for record in records)
    if cost_of_run:
        rows = tuple({**row, **cost_of_run(row)} for row in rows)
    return Line(cell, _summary(cell, rows), paper.lookup(study.name, cell.axes), counts, tuple(failures))


def _summary(cell: Cell, rows: tuple[dict[str, Any], ...]) -> Summary:
    """A cell's summary under the paper's E and sharing; where the study has no such axis, those that were run."""
    first = rows[0] if rows else {}
    scheme = cell.axes.get("sharing", cell.axes.get("sharing.scheme", first.get("sharing.scheme", "all")))
    embedding = cell.axes.get("model.embedding_size", first.get("model.embedding_size"))
    return Summary(cell.name, str(scheme), None if embedding is None else int(embedding), rows)


def csv_row(line: Line) -> dict[str, Any]:
    """Every figure unrounded: means, spreads, n, and Wilson's intervals of shares."""
    row: dict[str, Any] = {"cell": line.cell.name, **line.cell.axes, "state": line.state}
    printed = vars(line.printed) if line.printed else {}
    row |= {f"paper/{key}": value for key, value in printed.items() if key != "axes"}
    row |= {f"counted/{key}": value for key, value in line.counts.items()}
    rows = line.summary.rows
    measured = dict.fromkeys(
        (*FIGURES, "memory_bytes/above_floor", *(key for row in rows for key in row if "/" in key))
    )
    for key in measured:
        figure = line.summary.above_floor() if key.endswith("above_floor") else line.summary.average(key)
        row |= {key: None, f"{key} spread": None, f"{key} n": 0}
        if figure:
            row |= {key: figure.mean, f"{key} spread": figure.spread, f"{key} n": figure.n}
    for metric in declared_metrics(rows):
        row[f"validation/{metric.name} chance"] = line.summary.chance(metric)
        if interval := line.summary.interval(metric):
            row |= dict(zip((f"validation/{metric.name} low", f"validation/{metric.name} high"), interval, strict=True))
    return row


def _last_line(text: str) -> str:
    """The line of a traceback or message that names the reason."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason given"
