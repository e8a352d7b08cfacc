"""DDP and DeepSpeed train as one process does.

Tolerance: the same sums are taken in another order. A float32 sum of n terms of one sign errs by at most n * 2^-24
relative to it; gradients here add up at most 16 * 64 positions, so a step's update differs by a relative 1024 * 2^-24
= 6e-5 at worst, and by its square root, 2e-6, when rounding errors fall at random. Adam divides by the gradient's own
size, so the relative error of an update stays that of its gradient; over 12 steps at rate 1e-3 weights of size 0.02
move by at most 0.012 each, which leaves a relative loss difference under 12 * 6e-5 = 7e-4 at worst and 2e-5 in the
random case. The test asks for 1e-4.
"""

from pathlib import Path

import psutil
import pytest

from tests.lab import HANG_SECONDS, Lab, folder_of, losses_of, record_of, start, wait_for_step

RELATIVE_TOLERANCE = 1e-4


@pytest.fixture
def alike(small: list[str]) -> list[str]:
    return [*small, "trainer.log_every_steps=1"]


@pytest.mark.parametrize(("optimizer", "strategies"), [("adamw", ("ddp", "zero2")), ("lamb", ("zero2",))])
def test_two_processes_give_the_losses_of_one(
    lab: Lab, alike: list[str], optimizer: str, strategies: tuple[str, ...]
) -> None:
    arguments = [*alike, f"optimizer={optimizer}"]
    single = folder_of(lab("pretrain", *arguments, "paths.runs=single"))
    expected = losses_of(single)
    assert sorted(expected) == list(range(1, 13))
    for strategy in strategies:
        folder = folder_of(lab("pretrain", *arguments, f"trainer={strategy}", f"paths.runs={strategy}"))
        assert losses_of(folder) == pytest.approx(expected, rel=RELATIVE_TOLERANCE)
        ours, theirs = record_of(folder), record_of(single)
        assert ours["fingerprint"] == theirs["fingerprint"]
        assert ours["training"]["tokens"] == theirs["training"]["tokens"]
        assert ours["validation"]["mlm_loss"] == pytest.approx(theirs["validation"]["mlm_loss"], rel=RELATIVE_TOLERANCE)


def test_micro_batches_give_the_losses_of_a_whole_batch(lab: Lab, alike: list[str]) -> None:
    whole = folder_of(lab("pretrain", *alike, "paths.runs=whole"))
    split = folder_of(lab("pretrain", *alike, "trainer.micro_batch_size=4", "paths.runs=split"))
    assert losses_of(split) == pytest.approx(losses_of(whole), rel=RELATIVE_TOLERANCE)


def test_a_stopped_sharded_run_goes_on_where_it_was(lab: Lab, alike: list[str], tmp_path: Path, cache: Path) -> None:
    arguments = [*alike, "trainer=zero2", "train.budget.steps=60"]
    whole = folder_of(lab("pretrain", *arguments, "paths.runs=whole"))
    process = start([*arguments, "paths.runs=stopped"], tmp_path, cache)
    wait_for_step(tmp_path / "stopped", 5, process)
    process.terminate()
    process.communicate(timeout=HANG_SECONDS)
    assert list((tmp_path / "stopped").rglob("checkpoints/step-*")), "stopped without saving"
    assert losses_of(folder_of(lab("pretrain", *arguments, "paths.runs=stopped"))) == losses_of(whole)


def test_no_process_of_a_run_listens_to_the_network(alike: list[str], tmp_path: Path, cache: Path) -> None:
    process = start([*alike, "trainer=ddp", "train.budget.steps=100000"], tmp_path, cache)
    wait_for_step(tmp_path / "runs", 1, process)
    family = psutil.Process(process.pid).children(recursive=True)
    open_ports = [connection for member in family for connection in member.net_connections("inet")]
    process.terminate()
    process.communicate(timeout=HANG_SECONDS)
    listening = [connection.laddr.ip for connection in open_ports if connection.status == psutil.CONN_LISTEN]
    assert set(listening) == {"127.0.0.1"}
