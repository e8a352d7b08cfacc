"""A few random kills; `python -m tests.faults.kill --count 100` does more, also with ranks and joblib."""

from pathlib import Path

from tests.faults.kill import run_trials, summarize
from tests.lab import HANG_SECONDS

SEEDS = (1001, 1008)


def test_a_killed_run_leaves_no_process_and_ends_as_one_that_nobody_touched(tmp_path: Path) -> None:
    trials = run_trials(SEEDS, tmp_path, ["single"], jobs=2, gone_seconds=HANG_SECONDS)
    assert not any(trial.failures for trial in trials), summarize(trials)
