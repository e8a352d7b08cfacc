"""`finetune suite=...`: every task and seed is a run; what fails or is killed costs itself alone."""

import json
import os
import random
import signal
from pathlib import Path

import pytest

from albert_lab.scoring.predictions import read_predictions
from tests.lab import Lab, folder_of, losses_of, record_of, start, wait_for_step

SUITE = """
# @package _global_
suite: {name: mine, title: Mine, tasks: [moods, topics], warm_start_task: topics, warm_started: [moods]}
"""
TASK = """
# @package _global_
task: {{name: {name}, data: table, dropout: 0.1, files: {{train: {folder}/{name}.jsonl, dev: {folder}/{name}.jsonl}}}}
train:
  batch_size: 4
  budget: {{steps: 20}}
  validate_every_steps: 5
  validation_samples: null
  keep: best
optimizer: {{learning_rate: 5e-3, warmup_share: 0.1}}
"""
LABELS = {"topics": ["food", "music", "sport"], "moods": ["bad", "good"]}


@pytest.fixture
def suite(lab: Lab, small: list[str], tmp_path: Path) -> list[str]:
    """The overrides of a suite of two tasks of the user's own, on a model that was just trained."""
    checkpoint = folder_of(lab("pretrain", *small, "train.budget.steps=2", "paths.runs=source"))
    draw = random.Random(0)
    for group in ("task", "suite"):
        (tmp_path / "mine" / group).mkdir(parents=True)
    (tmp_path / "mine/suite/mine.yaml").write_text(SUITE)
    for name, labels in LABELS.items():
        (tmp_path / f"mine/task/{name}.yaml").write_text(TASK.format(name=name, folder=tmp_path))
        chosen = [(number % len(labels), draw.choices("bakidolu", k=4)) for number in range(24)]
        rows = [{"text": f"{labels[label]} {' '.join(letters)}", "label": labels[label]} for label, letters in chosen]
        (tmp_path / f"{name}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return [
        "--config-dir", "mine", "suite=mine", f"checkpoint={checkpoint}", "finetune.seeds=2", "finetune.jobs=2",
        "tracking=none", "trainer.accelerator=cpu", "trainer.threads=1", "trainer.log_every_steps=1",
        "trainer.checkpoint_every_steps=3",
    ]  # fmt: skip


def runs_of(folder: Path) -> dict[str, Path]:
    """The finished runs by task and seed."""
    found = [(record_of(file.parent), file.parent) for file in (folder / "finetune").glob("*/result.json")]
    return {f"{record['task']} {record['config']['train']['seed']}": path for record, path in found}


def test_a_suite_that_is_killed_ends_with_the_bits_of_one_that_is_not(
    lab: Lab, suite: list[str], tmp_path: Path, cache: Path
) -> None:
    folder_of(lab("finetune", *suite, "paths.runs=whole"))
    process = start([*suite, "paths.runs=killed"], tmp_path, cache, verb="finetune")
    wait_for_step(tmp_path / "killed", 8, process, metric="loss")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    report = folder_of(lab("finetune", *suite, "paths.runs=killed"))
    assert (report / "report.html").exists()
    whole, killed = runs_of(tmp_path / "whole"), runs_of(tmp_path / "killed")
    assert sorted(whole) == sorted(killed) == ["moods 0", "moods 1", "topics 0", "topics 1"]
    for name, path in whole.items():
        assert (killed[name] / "predictions/dev.jsonl").read_bytes() == (path / "predictions/dev.jsonl").read_bytes()
        assert record_of(killed[name])["validation"] == record_of(path)["validation"]
        assert losses_of(killed[name], "loss") == losses_of(path, "loss")
        assert (killed[name] / "model.safetensors").read_bytes() == (path / "model.safetensors").read_bytes()
    assert record_of(whole["moods 0"])["config"]["checkpoint"] == str(whole["topics 0"])


def test_a_task_that_fails_ends_no_other_and_the_summary_names_it(lab: Lab, suite: list[str], tmp_path: Path) -> None:
    (tmp_path / "moods.jsonl").write_text('{"text": "a row without a label"}\n')
    done = lab("finetune", *suite, "suite.warm_started=[]", "finetune.seeds=1", "paths.runs=runs")
    assert done.returncode == 1
    assert sorted(runs_of(tmp_path / "runs")) == ["topics 0"]
    assert "failed: moods seed 0: " in done.stderr
    assert f"{tmp_path}/moods.jsonl" in done.stderr
    assert "moods" in done.stdout


@pytest.mark.parametrize("strategy", ["ddp", "zero2"])
def test_two_processes_fine_tune_as_one_does(lab: Lab, suite: list[str], strategy: str) -> None:
    alone = [word for word in suite if not word.startswith(("suite", "finetune."))]
    alone += ["task=topics", "task.dropout=0", "task.classifier_dropout=0"]
    one = folder_of(lab("finetune", *alone, "paths.runs=one"))
    two = folder_of(lab("finetune", *alone, f"trainer={strategy}", "trainer.devices=2", "paths.runs=two"))
    losses = losses_of(one, "loss")
    assert losses_of(two, "loss") == pytest.approx(losses, abs=1e-4)
    answers = [read_predictions(folder / "predictions/dev.jsonl") for folder in (one, two)]
    assert [each.id for each in answers[1]] == [each.id for each in answers[0]]
    assert [each.prediction for each in answers[1]] == [each.prediction for each in answers[0]]
    assert record_of(two)["training"]["best_step"] == record_of(one)["training"]["best_step"]
