"""A run that is stopped, killed or asked for twice ends as the run that nobody touched."""

import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from tests.lab import HANG_SECONDS, Lab, folder_of, losses_of, record_of, start, wait_for_step

STEPS = 120


@pytest.fixture
def long(small: list[str]) -> list[str]:
    """Long enough to be hit in the middle; dropout on, so that its random state matters too."""
    return [
        *small, f"train.budget.steps={STEPS}", "trainer.checkpoint_every_steps=7", "trainer.log_every_steps=1",
        "model.hidden_dropout_prob=0.1", "model.attention_probs_dropout_prob=0.1",
    ]  # fmt: skip


def test_a_run_killed_twice_ends_with_the_same_bits(lab: Lab, long: list[str], tmp_path: Path, cache: Path) -> None:
    whole = folder_of(lab("pretrain", *long, "paths.runs=whole"))
    moments = sorted(random.Random(time.time_ns()).sample(range(2, STEPS - 10), 2))
    for moment in moments:
        process = start([*long, "paths.runs=killed"], tmp_path, cache)
        wait_for_step(tmp_path / "killed", moment, process)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    ended = folder_of(lab("pretrain", *long, "paths.runs=killed"))
    assert (ended / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes(), moments
    assert losses_of(ended) == losses_of(whole)
    assert record_of(ended)["validation"] == record_of(whole)["validation"]
    assert record_of(ended)["training"]["tokens"] == record_of(whole)["training"]["tokens"]


def test_a_told_to_stop_run_saves_its_state_and_the_same_command_goes_on(
    lab: Lab, long: list[str], tmp_path: Path, cache: Path
) -> None:
    arguments = [*long, "trainer.checkpoint_every_steps=null"]
    process = start(arguments, tmp_path, cache)
    wait_for_step(tmp_path / "runs", 20, process)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=HANG_SECONDS)
    assert process.returncode == 143, errors.decode()
    saved = list(tmp_path.rglob("checkpoints/step-*"))
    assert len(saved) == 1, errors.decode()
    ended = lab("pretrain", *arguments)
    assert f"going on from step {saved[0].name.removeprefix('step-')}" in ended.stderr
    assert sorted(losses_of(folder_of(ended))) == list(range(1, STEPS + 1))


def test_a_killed_driver_leaves_no_training_behind(long: list[str], tmp_path: Path, cache: Path) -> None:
    process = start(long, tmp_path, cache)
    wait_for_step(tmp_path / "runs", 5, process)
    process.kill()
    process.wait()
    deadline = time.monotonic() + HANG_SECONDS
    while time.monotonic() < deadline and _trainings(tmp_path):
        time.sleep(0.1)
    assert not _trainings(tmp_path)


def _trainings(folder: Path) -> list[str]:
    commands = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    return [command for command in commands if "albert_lab.train" in command and str(folder) in command]


def test_the_same_command_again_returns_the_finished_result_without_training(lab: Lab, small: list[str]) -> None:
    folder = folder_of(lab("pretrain", *small))
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.name != "run.lock"}
    again = lab("pretrain", *small)
    assert folder_of(again) == folder
    assert "already finished" in again.stderr
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*") if file.name != "run.lock"} == before


def test_a_setting_that_cannot_change_the_result_leads_to_the_same_run(lab: Lab, small: list[str]) -> None:
    folder = folder_of(lab("pretrain", *small))
    assert folder_of(lab("pretrain", *small, "trainer.log_every_steps=3", "trainer.workers=1")) == folder
