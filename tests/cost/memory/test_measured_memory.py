"""The arithmetic against the peak resident memory of a real training step, in a process of its own."""

from pathlib import Path

import pytest

from benchmarks.memory import CASES, GIVES_BACK, in_a_process, predicted

SMALLEST = "mini, all shared, 8 x 128"  # the larger ones: `python -m benchmarks.memory`


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the kernel's account of a peak is Linux's")
def test_the_prediction_is_within_a_tenth_of_the_measured_peak() -> None:
    measured = in_a_process(SMALLEST, {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"} | GIVES_BACK)
    assert predicted(CASES[SMALLEST]) == pytest.approx(measured, rel=0.1)
