"""Initial weights have the distribution that their name says."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from albert_lab.config.variant import Initializer, ModelConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from tests.variants import build

SIGMA = 0.05


def initialized(make_config: Callable[..., ModelConfig], rule: Initializer) -> AlbertForPreTraining:
    config = make_config(vocab_size=2000, hidden_size=64, initializer=rule, initializer_range=SIGMA)
    return build(config, "none")


def drawn(model: nn.Module) -> torch.Tensor:
    matrices = [m.weight for m in model.modules() if isinstance(m, nn.Linear | nn.Embedding)]
    return torch.cat([matrix.detach().flatten() for matrix in matrices])


@pytest.mark.parametrize(
    ("rule", "deviation", "bound"), [(Initializer.truncated_normal, 0.88, 2.0), (Initializer.normal, 1.0, 6.0)]
)
def test_matrices_and_tables_have_the_deviation_and_bound_of_their_rule(
    make_config: Callable[..., ModelConfig], rule: Initializer, deviation: float, bound: float
) -> None:
    weights = drawn(initialized(make_config, rule)) / SIGMA
    assert weights.std().item() == pytest.approx(deviation, abs=0.01)
    assert weights.mean().item() == pytest.approx(0, abs=0.01)
    assert weights.abs().max() <= bound * (1 + 1e-6)


def test_only_the_normal_rule_passes_two_deviations(make_config: Callable[..., ModelConfig]) -> None:
    assert (drawn(initialized(make_config, Initializer.normal)).abs() > 2 * SIGMA).float().mean() > 0.04


def test_biases_are_zero_and_norms_are_the_identity(make_config: Callable[..., ModelConfig]) -> None:
    for name, parameter in initialized(make_config, Initializer.truncated_normal).named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name
        elif "norm" in name:
            assert (parameter == 1).all(), name


def test_the_same_seed_draws_the_same_weights(make_config: Callable[..., ModelConfig]) -> None:
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(drawn(initialized(make_config, Initializer.truncated_normal)))
    assert torch.equal(*draws)
