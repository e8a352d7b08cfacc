"""Files are replaced together: whatever happens, all of the old ones are found, or all of the new ones."""

import os
import shutil
from pathlib import Path

import pytest

from albert_lab.storage import replace_files
from albert_lab.storage.replace_files import PARTIAL, READY, finish_replacing, replace_together

OWNED = ("w*.bin",)
OLD = {"w1.bin": "old", "w2.bin": "old", "config": "old", "mine": "mine"}
NEW = {"w1.bin": "new", "w3.bin": "new", "config": "new", "mine": "mine"}


class Kill(BaseException):
    """Stands for the end of the process: nothing after it runs, as the tests undo every clean-up."""


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir() if file.is_file()}


def write_new(folder: Path) -> None:
    with replace_together(folder, OWNED) as scratch:
        for name in ("w1.bin", "w3.bin", "config"):
            (scratch / name).write_text("new")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "model"
    place.mkdir()
    for name, text in OLD.items():
        (place / name).write_text(text)
    return place


def test_owned_files_without_a_successor_go_and_others_stay(folder: Path) -> None:
    write_new(folder)
    assert contents(folder) == NEW
    assert {file.name for file in folder.iterdir()} == set(NEW)


def test_a_failure_leaves_the_folder_as_it_was(folder: Path, tmp_path: Path) -> None:
    def fail(place: Path) -> None:
        with replace_together(place, OWNED) as scratch:
            (scratch / "w1.bin").write_text("half")
            raise OSError("no")

    with pytest.raises(OSError, match="no"):
        fail(folder)
    assert contents(folder) == OLD
    assert not (folder / PARTIAL).exists()
    with pytest.raises(OSError, match="no"):
        fail(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def kill_at(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Ends the process at the step-th call that changes the folder; no clean-up runs then."""
    calls = iter(range(1000))

    def counted(function):
        def call(*arguments, **named):
            if next(calls) >= step:
                raise Kill
            return function(*arguments, **named)

        return call

    monkeypatch.setattr(os, "replace", counted(os.replace))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
    monkeypatch.setattr(Path, "write_text", counted(Path.write_text))
    monkeypatch.setattr(replace_files, "fsync", counted(replace_files.fsync))
    monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))


@pytest.mark.parametrize("step", range(18))
def test_a_kill_at_any_step_leaves_all_old_or_all_new_files(folder: Path, monkeypatch, step: int) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, step)
        with pytest.raises(Kill):
            write_new(folder)
    committed = (folder / READY).exists()
    finish_replacing(folder)
    assert contents(folder) == (NEW if committed else OLD)
    write_new(folder)
    assert contents(folder) == NEW
    assert {file.name for file in folder.iterdir()} == set(NEW)


def test_the_steps_of_the_kill_test_reach_the_end(folder: Path, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        kill_at(patch, 18)
        write_new(folder)
    assert contents(folder) == NEW


@pytest.mark.parametrize("step", range(6))
def test_a_kill_while_settling_is_settled_by_the_next_reader(folder: Path, monkeypatch, step: int) -> None:
    for steps in (11, step):  # first just behind the point of no return
        with monkeypatch.context() as patch:
            kill_at(patch, steps)
            with pytest.raises(Kill):
                write_new(folder) if steps == 11 else finish_replacing(folder)
    finish_replacing(folder)
    assert contents(folder) == NEW
    assert {file.name for file in folder.iterdir()} == set(NEW)


def test_a_foreign_plan_moves_nothing_out_of_the_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("safe")
    (folder / READY).mkdir()
    (folder / READY / replace_files.PLAN).write_text('{"files": ["../../victim"], "stale": ["../victim", 1]}')
    finish_replacing(folder)
    assert (tmp_path / "victim").read_text() == "safe"
    assert contents(folder) == OLD
