"""`albert-lab status study=table4 scale=tiny`: how far a study is: what is done, runs, failed and is left."""

import statistics
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from albert_lab.cli.hydra_app import run_app
from albert_lab.cli.run_arguments import terminal_width
from albert_lab.config.plain import flatten
from albert_lab.errors import UserError
from albert_lab.report.formatting import BLANK, format_duration
from albert_lab.report.tables.table import Column, Table
from albert_lab.runs.catalog import CatalogRun, State, read_run
from albert_lab.runs.launch import folder_of
from albert_lab.runs.machine import usable_cores

HOUR = 3600.0


@dataclass(frozen=True)
class StudyRun:
    """One run of a study."""

    cell: str
    seed: int
    run: CatalogRun | None = None  # None: not begun
    mistake: str = ""  # why it can't run

    @property
    def description(self) -> str:
        if self.mistake:
            return "impossible"
        if self.run is None:
            return BLANK
        seconds = wall_seconds(self.run)
        return self.run.description if seconds is None else format_duration(seconds / HOUR)

    @property
    def is_left(self) -> bool:
        """Whether the study's command would still run it."""
        return not self.mistake and (self.run is None or self.run.state is not State.finished)


def run(arguments: Sequence[str]) -> int:
    run_app(show, "status", arguments)
    return 0


def show(composed: Any) -> None:
    from albert_lab.cli.composed_study import ComposedStudy
    from albert_lab.report.tables.study_rows import label_cell

    if composed.study.name is None:
        raise UserError("which study? `albert-lab status study=table4 scale=tiny`; `albert-lab runs` lists single runs")
    composed_study = ComposedStudy(composed)
    study, found = composed_study.study, []
    for cell in study.cells:
        for seed in study.seeds:
            config = composed_study.compose_run([*cell.overrides, f"train.seed={seed}"])
            found.append(_find(label_cell(cell, flatten(config)), seed, config))
    at_once = composed_study.config.study.jobs or usable_cores()
    print(text(f"{study.name}, scale {study.scale}", found, at_once, terminal_width()), end="")


def _find(cell: str, seed: int, config: Any) -> StudyRun:
    try:
        path: Path = folder_of(config).path
    except UserError as error:
        return StudyRun(cell, seed, mistake=str(error))
    return StudyRun(cell, seed, read_run(path) if path.exists() else None)


def text(title: str, found: Sequence[StudyRun], at_once: int, width: int) -> str:
    """A line of counts and the time left, a row a cell with a column a seed, the reasons of failures."""
    seeds, cells = dict.fromkeys(run.seed for run in found), dict.fromkeys(run.cell for run in found)
    by_place = {(run.cell, run.seed): run.description for run in found}
    columns = [Column("cell", tuple(cells), number=False)]
    columns += [Column(f"seed {seed}", tuple(by_place[cell, seed] for cell in cells), rank=1) for seed in seeds]
    reasons = dict.fromkeys(
        f"{run.cell}, seed {run.seed}: {run.mistake or (run.run.reason if run.run else '')}"
        for run in found
        if run.mistake or (run.run and run.run.reason)
    )
    parts = [textwrap.fill(f"{title}: {summarize(found, at_once)}", width) + "\n", Table(tuple(columns)).text(width)]
    if reasons:
        wrapper = textwrap.TextWrapper(width, initial_indent="  ", subsequent_indent="    ")
        parts.append("\n".join(["failed:", *map(wrapper.fill, reasons)]) + "\n")
    return "\n".join(parts)


def summarize(found: Sequence[StudyRun], at_once: int) -> str:
    """`5 of 16 runs finished, 2 running, 1 failed, 8 not begun; about 7.0 min left, 2 at a time`."""
    counts = {state: sum(run.run is not None and run.run.state is state for run in found) for state in State}
    parts = [f"{counts[State.finished]} of {len(found)} runs finished"]
    parts += [f"{n} {state.value}" for state, n in counts.items() if n and state is not State.finished]
    not_begun = sum(run.run is None and not run.mistake for run in found)
    impossible = sum(bool(run.mistake) for run in found)
    parts += [f"{not_begun} not begun"] * bool(not_begun) + [f"{impossible} impossible"] * bool(impossible)
    left = seconds_left(found, at_once)
    time = "" if left is None else f"; about {format_duration(left / HOUR)} left, {at_once} at a time"
    return ", ".join(parts) + time


def seconds_left(found: Sequence[StudyRun], at_once: int) -> float | None:
    """From what the finished runs took; None where none has finished or nothing is left."""
    taken = [seconds for run in found if run.run and (seconds := wall_seconds(run.run)) is not None]
    shares = [1 - _progress(run.run) for run in found if run.is_left]
    if not taken or not shares:
        return None
    return statistics.fmean(taken) * max(sum(shares) / at_once, max(shares))


def _progress(run: CatalogRun | None) -> float:
    return min(1.0, run.steps / run.total_steps) if run and run.total_steps else 0.0


def wall_seconds(run: CatalogRun) -> float | None:
    """What a finished run took from its start to its record, all in all; of a resumed one only the last attempt."""
    record: Mapping[str, Any] = run.record or {}
    try:
        started, finished = (datetime.fromisoformat(record[key]).astimezone(UTC) for key in ("started", "finished"))
    except (KeyError, TypeError, ValueError):
        return None
    return (finished - started).total_seconds()
