"""Fine-tuning from the command line: the second task goes through the same engine, folders and resume."""

import os
import signal
from pathlib import Path

import pytest

from albert_lab import AlbertForSequenceClassification, AlbertTokenizer
from tests.lab import Lab, folder_of, record_of, start, wait_for_step

SMALL = [
    "task=docstring_packages",
    "tracking=none",
    "trainer.accelerator=cpu",
    "trainer.threads=1",
    "optimizer.warmup_steps=1",
]


@pytest.fixture
def trained(lab: Lab, small: list[str]) -> str:
    return str(folder_of(lab("pretrain", *small, "paths.runs=source")))


def test_a_checkpoint_is_fine_tuned_and_probed_and_a_kill_changes_no_bit(
    lab: Lab, trained: str, tmp_path: Path, cache: Path
) -> None:
    steps = ["train.budget.steps=40", "train.validate_every_steps=20", "train.validation_samples=64"]
    command = [f"checkpoint={trained}", *SMALL, *steps, "trainer.log_every_steps=1", "trainer.checkpoint_every_steps=5"]
    whole = folder_of(lab("finetune", *command, "paths.runs=whole"))
    record = record_of(whole)
    assert (record["verb"], record["task"], record["training"]["steps"]) == ("finetune", "docstring_packages", 40)
    assert record["metrics"][0]["name"] == "accuracy"
    assert record["metrics"][0]["chance"] == pytest.approx(0.1)
    assert record["validation"]["samples"] == 64
    process = start([*command, "paths.runs=killed"], tmp_path, cache, verb="finetune")
    wait_for_step(tmp_path / "killed", 12, process, metric="loss")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    ended = folder_of(lab("finetune", *command, "paths.runs=killed"))
    assert (ended / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert record_of(ended)["validation"] == record["validation"]
    model, info = AlbertForSequenceClassification.from_pretrained(whole, output_loading_info=True)
    assert not any(info)
    assert sorted(model.config.id2label.values())[-1] == "torch"
    assert AlbertTokenizer.from_pretrained(whole)("some words").input_ids

    judged_by_all = "train.validation_samples=null"
    probe = folder_of(lab("finetune", *command, "task.freeze_encoder=true", "train.budget.steps=2", judged_by_all))
    answers = tmp_path / "answers.jsonl"
    assert folder_of(lab("predict", f"checkpoint={probe}", "split=dev", f"output={answers}")) == answers
    assert answers.read_bytes() == (probe / "predictions" / "dev.jsonl").read_bytes()
    before = AlbertForSequenceClassification.from_pretrained(trained, num_labels=10)
    after = AlbertForSequenceClassification.from_pretrained(probe)
    assert all(same.equal(now) for same, now in zip(before.albert.parameters(), after.albert.parameters(), strict=True))
    held = record_of(probe)["memory_bytes"]
    assert held["gradients"] == 4 * (model.config.hidden_size + 1) * 10 < held["weights"]
