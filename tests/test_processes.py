"""No process outlives the one that started it, and a command that is told to stop stops."""

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from albert_lab.cli.main import _stop_on_sigterm
from albert_lab.errors import RunStoppedError
from albert_lab.runs.launch import _run_child
from tests.lab import HANG_SECONDS, ROOT

CHILD = """
import signal, time
signal.signal(signal.SIGTERM, signal.{reaction})
from albert_lab.processes import end_with_parent
end_with_parent()
print("ready", flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys, time
from albert_lab.processes import child_environment
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], env=child_environment(), stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("reaction", ["SIG_DFL", "SIG_IGN"])
def test_a_process_ends_with_its_killed_parent(reaction: str) -> None:
    command = [sys.executable, "-c", PARENT, CHILD.format(reaction=reaction)]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline and child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("code", [0, 143])
def test_a_told_command_stops_its_child_and_then_itself(code: int) -> None:
    """Also where the child ends as if nothing had happened, as one whose run is finished."""
    script = f"import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit({code})); time.sleep(600)"
    tell = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGTERM))
    with open(os.devnull) as held, _stop_on_sigterm():
        tell.start()
        with pytest.raises(RunStoppedError) as stopped:
            _run_child([sys.executable, "-c", script], {}, held.fileno())
    assert stopped.value.exit_code == 143
