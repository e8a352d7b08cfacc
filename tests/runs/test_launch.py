"""How a training process is started, and that it never outlives its command."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from albert_lab.config.compose import save
from albert_lab.errors import RunFailedError, UserError
from albert_lab.processes import PARENT
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.launch import _note_failure, execute
from tests.lab import composed


def test_a_training_process_ends_if_its_parent_died_before_it_could_watch_it(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    save(composed("scale=smoke"), folder.config)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    command = [sys.executable, "-m", "albert_lab.train", str(folder.path)]
    result = subprocess.run(command, env={**os.environ, PARENT: str(dead.pid)}, capture_output=True, text=True)
    assert result.returncode == -signal.SIGTERM, result.stderr


def test_training_elsewhere_than_on_linux_is_refused_in_one_line(small: list[str], tmp_path: Path, monkeypatch) -> None:
    config = composed(*small, f"paths.runs={tmp_path}")
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(UserError, match="training needs Linux"):
        execute(config)
    assert not list(tmp_path.iterdir())


def test_a_failure_is_kept_in_the_folder_until_the_next_attempt(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "pretrain" / "run")
    folder.path.mkdir(parents=True)
    with pytest.raises(RunFailedError), _note_failure(folder):
        raise RunFailedError("run: out of memory\nmore")
    assert folder.failure.read_text() == "out of memory\n"
    with _note_failure(folder):
        assert not folder.failure.exists()
