"""What is wrong with the text, the store or the disk costs one line and leaves nothing half-made."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from albert_lab.runs.launch import folder_of as folder_for
from tests.lab import Lab, composed, folder_of


def one_line(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    return next(line for line in result.stderr.splitlines() if line.startswith("albert-lab: "))


CASES = {
    "empty": (b"", "no document|no text|no sentence|empty"),
    "not UTF-8": (b"Good text.\n\xff\xfe bad bytes.\n", "UTF-8"),
}


@pytest.mark.parametrize(("content", "message"), CASES.values(), ids=CASES)
def test_a_bad_corpus_is_named(lab: Lab, small: list[str], tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "bad.txt").write_bytes(content)
    line = one_line(lab("pretrain", *small, f"data.files=[{tmp_path}/bad.txt]"))
    assert any(word in line for word in message.split("|")), line


def test_a_truncated_token_store_is_refused_with_its_mend(lab: Lab, small: list[str], tmp_path: Path) -> None:
    own_cache = str(tmp_path / "own_cache")
    arguments = [*small, f"paths.cache={own_cache}", "train.budget.steps=2", "optimizer.warmup_steps=1"]
    folder_of(lab("pretrain", *arguments))
    (tokens,) = Path(own_cache).rglob("tokens.bin")
    os.truncate(tokens, tokens.stat().st_size - 10)
    line = one_line(lab("pretrain", *arguments, "train.seed=1"))
    assert str(tokens.parent) in line
    assert "delete" in line


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a small tmpfs needs root")
@pytest.mark.parametrize("key", ["paths.cache", "paths.runs"])
def test_a_full_disk_is_named_and_nothing_half_written_is_left(
    lab: Lab, small: list[str], tmp_path: Path, key: str
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        line = one_line(lab("pretrain", *small, f"{key}={disk}/here", "trainer.checkpoint_every_steps=2"))
        assert f"the disk is full: {disk}/here" in line
        assert f"set {key}= to a folder on another disk" in line
        left = {file.name for file in disk.rglob("*") if file.is_file()}
        whole = {"config.yaml", "log.txt", "metrics.jsonl", "digests.json", "failure.txt"}
        assert left <= whole | {name for name in left if ".lock" in name}
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_diverging_run_stops_with_what_to_try(lab: Lab, small: list[str]) -> None:
    result = lab("pretrain", *small, "optimizer.learning_rate=1e30", "optimizer.warmup_steps=0")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "the loss is not finite at step" in result.stderr
    assert "try a lower optimizer.learning_rate" in result.stderr


class CallsTheSystem:
    """Pickled, it calls os.system when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (self.command,)


@pytest.mark.parametrize(
    ("strategy", "file"),
    [("single", "step-3"), ("zero2", "step-3/checkpoint/mp_rank_00_model_states.pt")],
)
def test_code_in_a_checkpoint_is_refused_and_not_run(
    lab: Lab, small: list[str], tmp_path: Path, cache: Path, strategy: str, file: str
) -> None:
    run = folder_for(composed(*small, f"paths.runs={tmp_path}/runs", f"paths.cache={cache}"))
    checkpoint = run.checkpoints / file
    checkpoint.parent.mkdir(parents=True)
    torch.save({"state_dict": CallsTheSystem(f"touch {tmp_path}/was_run")}, checkpoint)
    if strategy == "zero2":
        (checkpoint.parent.parent / "latest").write_text("checkpoint")
    line = one_line(lab("pretrain", *small, f"trainer={strategy}"))
    assert f"{run.checkpoints / 'step-3'} is damaged, or holds code" in line
    assert not (tmp_path / "was_run").exists()
