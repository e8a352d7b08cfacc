import os
import re
from collections.abc import Iterator
from typing import Any

import lightning as L
import pytest
import torch

from albert_lab.train.light_imports import compute_deterministically
from tests.lab import Lab

NEVER_USED = {  # by one process that trains without trainer.compile and without tracking
    "deepspeed", "matplotlib", "mlflow", "pandas", "scipy", "sklearn", "sympy", "torch._dynamo", "torch._inductor",
    "torchmetrics", "transformers",
}  # fmt: skip


def test_a_run_imports_nothing_that_it_never_uses(lab: Lab, small: list[str]) -> None:
    result = lab("pretrain", *small, "train.budget.steps=2", PYTHONPROFILEIMPORTTIME="1")
    assert result.returncode == 0, result.stderr
    imported = set(re.findall(r"^import time:.*\| +(\S+)$", result.stderr, re.MULTILINE))
    assert "lightning" in imported
    assert not imported & NEVER_USED


@pytest.fixture
def settings_restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    mode, benchmark = torch.get_deterministic_debug_mode(), torch.backends.cudnn.benchmark
    yield
    torch.set_deterministic_debug_mode(mode)
    torch.backends.cudnn.benchmark = benchmark


@pytest.mark.usefixtures("settings_restored")
@pytest.mark.parametrize("compiler", [False, True])
def test_deterministic_computation_is_set_as_lightning_sets_it(compiler: bool) -> None:
    L.Trainer(accelerator="cpu", deterministic="warn", logger=False, enable_checkpointing=False)
    expected = _settings()
    torch.set_deterministic_debug_mode("default")
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ""
    compute_deterministically(compiler)
    L.Trainer(accelerator="cpu", benchmark=False, logger=False, enable_checkpointing=False)
    assert _settings() == expected


def _settings() -> list[Any]:
    return [
        torch.get_deterministic_debug_mode(),
        torch.backends.cudnn.benchmark,
        os.environ["CUBLAS_WORKSPACE_CONFIG"],
    ]
