"""A few hundred damaged files of every kind are read or refused in one line; `tests/faults/fuzz.py` makes thousands."""

import os
import subprocess
import sys

import pytest

from tests.faults.kinds import KINDS
from tests.lab import ROOT

GROUPS = 3  # processes, each of which imports the libraries and damages files of its kinds
MUTATIONS = 100  # of a kind, on average


@pytest.mark.parametrize("group", range(GROUPS))
def test_damaged_files_are_read_or_refused_in_one_line(group: int) -> None:
    kinds = sorted(KINDS)[group::GROUPS]
    command = [sys.executable, "-m", "tests.faults.fuzz", *kinds, f"--count={MUTATIONS * len(kinds)}"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout[-5000:] + result.stderr[-2000:]
