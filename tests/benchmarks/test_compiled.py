"""The benchmark of compiled layers compares equal steps."""

import pytest
import torch

from benchmarks.compiled import batch_of, compared
from tests.variants import TINY


def test_both_steps_have_the_same_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda function, **options: function)  # compiled: test_compiled_layers.py
    found = compared(TINY | {"num_hidden_layers": 2}, batch_of(4, 12, 50, 0), rounds=1, low=False)
    assert found["loss_difference"] < 1e-5
    assert found["ratio"] == pytest.approx(found["eager"] / found["compiled"])
    assert found["compiled"] > 0


def test_a_fifth_is_padding() -> None:
    assert batch_of(8, 128, 50, 5)["attention_mask"].float().mean() == pytest.approx(0.8, abs=0.01)
    assert batch_of(8, 128, 50, 0)["attention_mask"].all()
