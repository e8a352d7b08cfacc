"""Files are whole or absent; a lock outlives neither its holder nor its use."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from albert_lab.storage.files import lock, new_folder, write_text


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / "a.txt"
    write_text(target, "old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no")))
    with pytest.raises(OSError, match="no"):
        write_text(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    def build() -> None:
        with new_folder(tmp_path / "store") as scratch:
            (scratch / "part").write_text("x")
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        build()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_builder_left_is_swept_away(tmp_path: Path) -> None:
    (tmp_path / ".store.partial").mkdir()
    (tmp_path / ".store.partial" / "rest").write_text("x")
    with new_folder(tmp_path / "store") as scratch:
        (scratch / "whole").write_text("y")
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["whole"]


def _hold(path: Path, ready) -> None:
    with lock(path, "the thing"):
        ready.set()
        time.sleep(60)


def test_a_killed_holder_gives_the_lock_back_and_a_waiter_is_told_who_holds_it(tmp_path: Path, caplog) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    holder = context.Process(target=_hold, args=(tmp_path / "thing", ready))
    holder.start()
    assert ready.wait(30)
    waiter = context.Process(target=_kill_after, args=(holder.pid, 0.5))
    waiter.start()
    with lock(tmp_path / "thing", "the thing"):
        pass
    assert f"the thing is being made by process {holder.pid}" in caplog.text
    holder.join(10)
    waiter.join(10)


def _kill_after(pid: int, seconds: float) -> None:
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
