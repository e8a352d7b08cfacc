"""A lock ends with its holder, however that ends."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from albert_lab.errors import UserError
from albert_lab.storage import locks
from albert_lab.storage.locks import lock, lock_folder


def _hold(path: Path, ready) -> None:
    with lock(path, "the thing"):
        ready.set()
        time.sleep(60)


def test_a_killed_holder_frees_the_lock_and_the_waiter_logs_who_held_it(tmp_path: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr(locks, "QUIET_SECONDS", 0.1)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "thing", ready))
    holder.start()
    assert ready.wait(30)
    waiter = context.Process(target=_kill_after, args=(holder.pid, 0.5))
    waiter.start()
    with lock(tmp_path / "thing", "the thing"):
        pass
    assert f"the thing is in use by process {holder.pid}" in caplog.text
    holder.join(10)
    waiter.join(10)


def _kill_after(pid: int, seconds: float) -> None:
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)


def test_a_system_without_fcntl_refuses_locks_and_saves_into_folders(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    with lock_folder(tmp_path):
        pass
    with pytest.raises(UserError, match=r"run x needs a lock .* no fcntl"), lock(tmp_path / "x", "run x"):
        pass
