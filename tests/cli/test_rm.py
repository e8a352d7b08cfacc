"""Removing runs: what is refused, what is said, what a kill leaves."""

import json
from pathlib import Path

import pytest

from albert_lab.cli import rm
from albert_lab.cli.main import main
from albert_lab.runs.catalog import list_runs
from albert_lab.runs.folder import RunFolder, move_aside
from albert_lab.storage.locks import lock
from tests.synthetic_runs import record

NAME = "all-E16-H96-L6-seed-0-0123456789"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs/pretrain" / NAME
    folder.mkdir(parents=True)
    made = record()
    made["config"]["study"] = {"name": "table4"}
    (folder / "result.json").write_text(json.dumps(made))
    return folder


def test_a_running_run_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "result.json").rename(folder / "config.yaml")
    with lock(folder / "run", "it"):
        assert main(["rm", "all", "--yes"]) == 2
    assert "is running" in capsys.readouterr().err
    assert folder.exists()


def test_a_run_that_studies_share_is_said_to_be(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = folder.parents[1] / "studies/table3-tiny"
    study.mkdir(parents=True)
    (study / "mlflow.json").write_text(json.dumps({"runs": [str(folder)]}))
    assert main(["rm", "all", "--yes"]) == 0
    assert "table3-tiny, table4" in capsys.readouterr().err
    assert not folder.exists()


def test_nothing_is_removed_without_a_yes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, code in (("", 1), ("n", 1), ("yes", 0)):
        monkeypatch.setattr("sys.stdin", _Terminal(answer))
        assert main(["rm", "all"]) == code
    assert not folder.exists()


class _Terminal:
    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return self.answer + "\n"


def test_what_a_killed_removal_left_is_no_run_and_goes_with_the_next(folder: Path) -> None:
    runs = folder.parents[1]
    move_aside(RunFolder(folder), runs / rm.REMOVED)  # killed here
    assert list_runs(runs) == []
    assert main(["rm"]) == 0
    assert not (runs / rm.REMOVED).exists()


def test_a_store_that_does_not_answer_is_asked_again_next_time(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: RunFolder) -> None:
        raise OSError("no answer")

    monkeypatch.setattr(rm, "delete_mlflow_runs", fail)
    assert main(["rm", "all", "--yes"]) == 0
    assert (folder.parents[1] / rm.REMOVED / "pretrain" / NAME).exists()
    monkeypatch.undo()
    rm.delete_removed(folder.parents[1])
    assert not (folder.parents[1] / rm.REMOVED).exists()
