"""A fine-tuning run is named after its checkpoint, and identified by what the checkpoint and the task's data hold."""

from pathlib import Path

import pytest

from albert_lab.config.schema import FinetuneConfig, PathsConfig
from albert_lab.config.training import BudgetConfig, TaskConfig, TrainConfig
from albert_lab.errors import UserError
from albert_lab.runs.contents import read_contents
from albert_lab.runs.launch import folder_of


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "pretrain" / "all-E16-H96-L4-seed-0-0123456789"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "spiece.model").write_bytes(b"pieces")
    return folder


def finetuning(checkpoint: Path, tmp_path: Path, **task: bool) -> FinetuneConfig:
    paths = PathsConfig(runs=str(tmp_path / "runs"), cache=str(tmp_path / "cache"))
    train = TrainConfig(seed=3, budget=BudgetConfig(steps=10))
    return FinetuneConfig(checkpoint=str(checkpoint), task=TaskConfig(**task), train=train, paths=paths)


def test_a_run_lies_under_its_verb_and_is_named_after_task_source_and_seed(checkpoint: Path, tmp_path: Path) -> None:
    folder = folder_of(finetuning(checkpoint, tmp_path, freeze_encoder=True)).path
    assert folder.parent == tmp_path / "runs" / "finetune"
    assert folder.name.startswith("docstring_packages-from-all-E16-H96-L4-seed-0-frozen-seed-3-")


@pytest.mark.parametrize("file", ["model.safetensors", "spiece.model", "config.json"])
def test_what_the_checkpoint_holds_counts(file: str, checkpoint: Path, tmp_path: Path) -> None:
    config = finetuning(checkpoint, tmp_path)
    before = read_contents(config)
    (checkpoint / file).write_bytes(b"something else")
    assert read_contents(config) != before


def test_where_the_checkpoint_lies_does_not_count(checkpoint: Path, tmp_path: Path) -> None:
    before = read_contents(finetuning(checkpoint, tmp_path))
    moved = checkpoint.rename(tmp_path / "moved")
    assert read_contents(finetuning(moved, tmp_path)) == before


def test_an_unfinished_run_is_no_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    (checkpoint / "config.json").unlink()
    with pytest.raises(UserError, match=r"^checkpoint=.* holds no config.json; is that run finished"):
        folder_of(finetuning(checkpoint, tmp_path))


def test_a_checkpoint_and_a_known_task_are_required(checkpoint: Path, tmp_path: Path) -> None:
    config = finetuning(checkpoint, tmp_path)
    config.task.name = "docstring_package"
    with pytest.raises(UserError, match=r"no task.name=docstring_package; did you mean 'docstring_packages'"):
        folder_of(config)
    config.checkpoint = None
    with pytest.raises(UserError, match="finetune needs checkpoint=RUN"):
        folder_of(config)
