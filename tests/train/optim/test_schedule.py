"""The learning rate follows from the step alone."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.config.training import BudgetConfig, OptimizerConfig, TrainConfig, WarmupRule
from albert_lab.train.batches import Arrays, StepPlan
from albert_lab.train.budget import Budget
from albert_lab.train.optim.schedule import learning_rate


class Eights:
    """Ten samples of 8 tokens."""

    max_seq_length = 8

    def __len__(self) -> int:
        return 10

    def batches(self, groups: Sequence[np.ndarray]) -> list[Arrays]:
        raise NotImplementedError

    def plan(self, indices: np.ndarray) -> StepPlan:
        raise NotImplementedError


PAPER = OptimizerConfig(learning_rate=1.76e-3, warmup_steps=3125)


def test_googles_rate_drops_where_warm_up_ends() -> None:
    """The paper's run: 0.00176 * (1 - 3125 / 125000) = 0.001716 right after a warm-up to 0.00176."""
    before = learning_rate(PAPER, 3124, 3124 / 125000, 3125 / 125000)
    after = learning_rate(PAPER, 3125, 3125 / 125000, 3125 / 125000)
    assert before == pytest.approx(1.76e-3 * 3124 / 3125)
    assert after == pytest.approx(0.001716)


def test_the_continuous_rule_peaks_where_warm_up_ends() -> None:
    config = OptimizerConfig(learning_rate=1.0, warmup_steps=10, warmup_rule=WarmupRule.continuous)
    assert learning_rate(config, 10, 0.1, 0.1) == pytest.approx(1.0)
    assert learning_rate(config, 55, 0.55, 0.1) == pytest.approx(0.5)


@given(step=st.integers(0, 1000), warmup=st.integers(0, 999), rule=st.sampled_from(WarmupRule))
def test_the_rate_stays_between_zero_and_its_peak_and_ends_at_zero(step: int, warmup: int, rule: WarmupRule) -> None:
    config = OptimizerConfig(learning_rate=0.5, warmup_steps=warmup, warmup_rule=rule)
    assert 0 <= learning_rate(config, step, step / 1000, warmup / 1000) <= 0.5
    assert learning_rate(config, 1000, 1.0, warmup / 1000) == pytest.approx(0.0)


def test_a_budget_in_tokens_is_a_budget_in_steps() -> None:
    config = TrainConfig(batch_size=4, budget=BudgetConfig(tokens=100))
    assert Budget(config, Eights()).total_steps == 4  # 100 / (4 * 8), rounded up


@pytest.mark.parametrize(("epochs", "steps"), [(1.0, 3), (2.0, 5), (0.3, 1)])
def test_a_budget_in_epochs_fills_the_last_batch(epochs: float, steps: int) -> None:
    config = TrainConfig(batch_size=4, budget=BudgetConfig(epochs=epochs))
    assert Budget(config, Eights()).total_steps == steps


@given(total=st.integers(1, 500), share=st.floats(0.01, 0.99))
def test_a_share_of_warm_up_is_so_many_steps_of_it(total: int, share: float) -> None:
    config = OptimizerConfig(learning_rate=0.5, warmup_share=share, warmup_rule=WarmupRule.continuous)
    rates = [learning_rate(config, step, step / total, share) for step in range(total + 1)]
    peak = next(step for step in range(total + 1) if step / total >= share)
    assert rates[:peak] == sorted(rates[:peak])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert max(rates) <= 0.5


def test_seconds_already_spent_count_after_a_restart() -> None:
    config = TrainConfig(budget=BudgetConfig(seconds=10.0))
    budget = Budget(config, Eights())
    budget.load_state_dict({"seconds": 10.5})
    assert budget.is_spent(step=3)
