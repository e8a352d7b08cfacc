"""How far a study is: counts, time left, a row a cell."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from albert_lab.cli.status import StudyRun, seconds_left, text
from albert_lab.runs.catalog import CatalogRun, State
from albert_lab.runs.folder import RunFolder
from tests.synthetic_runs import record


def made(state: State, steps: int = 0, reason: str = "") -> CatalogRun:
    finished = record() if state is State.finished else None  # it took 50 s
    return CatalogRun(RunFolder(Path("runs/pretrain/x")), state, reason, {}, finished, datetime.now(UTC), steps, 400)


RUNS = [
    StudyRun("all", 0, made(State.finished, 400)),
    StudyRun("all", 1, made(State.running, 100)),
    StudyRun("none", 0, made(State.failed, 0, "out of memory")),
    StudyRun("none", 1),
    StudyRun("odd", 0, mistake="hidden_size=97 is not divisible by 4 heads"),
]


def test_every_run_is_counted_and_failures_say_why() -> None:
    shown = text("table4, scale tiny", [*RUNS, StudyRun("odd", 1, mistake="the same")], at_once=2, width=100)
    counts = "1 of 6 runs finished, 1 running, 1 failed, 1 not begun, 2 impossible; about 68.8 s left, 2 at a time"
    assert " ".join(shown.split()).startswith(f"table4, scale tiny: {counts} cell")
    assert "running 100/400" in shown
    assert "none, seed 0: out of memory" in shown
    assert "odd, seed 0: hidden_size=97" in shown
    assert max(map(len, shown.splitlines())) <= 100


def test_the_time_left_follows_from_what_finished_runs_took() -> None:
    assert seconds_left(RUNS, at_once=1) == pytest.approx(50 * 2.75)
    assert seconds_left(RUNS, at_once=100) == pytest.approx(50), "a run of its own takes its time"
    assert seconds_left(RUNS[1:], at_once=1) is None
    assert seconds_left(RUNS[:1], at_once=1) is None
