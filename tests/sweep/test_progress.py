"""A sweep counts the runs that end, says how long the rest takes, and what is done when it is stopped."""

import logging
import os

import pytest

from albert_lab.errors import RunStoppedError, UserError
from albert_lab.sweep.progress import SWEEP, SweepProgress, count_run, follow_sweep
from tests.synthetic_runs import record


def test_runs_that_end_are_counted_and_a_stopped_one_is_not(caplog: pytest.LogCaptureFixture) -> None:
    with follow_sweep() as progress, caplog.at_level(logging.INFO):
        progress.begin(4, axes=["sharing"])
        assert progress.describe() == "0/4 finished"
        with count_run(progress, progress.label(1, "all s0")) as records:
            records.append(record())
        assert "MLM accuracy" in caplog.text
        assert "1/4 finished, about" in caplog.text
        with pytest.raises(UserError), count_run(progress, progress.label(2, "ffn s0")):
            raise UserError("no such scheme")
        with pytest.raises(RunStoppedError), count_run(progress, progress.label(3, "none s0")):
            raise RunStoppedError("stopped")
        assert progress.describe().startswith("1/4 finished, 1 failed, about")
        assert progress.describe_stop() == "1 of 4 runs are finished, 1 failed"
        assert progress.failures() == ["2/4 ffn s0: no such scheme"]


def test_jobs_in_other_processes_find_the_sweep_by_its_environment() -> None:
    with follow_sweep() as progress:
        progress.begin(2, axes=["sharing"])
        found = SweepProgress.current()
        assert found is not None
        assert (found.total(), found.axes()) == (2, ["sharing"])
    assert SWEEP not in os.environ
    assert SweepProgress.current() is None
