"""AdamW and LAMB: Google's forms against their formulas, the standard forms against torch."""

import pytest
import torch
from torch import Tensor, nn

from albert_lab.config.training import OptimizerConfig, OptimizerName
from albert_lab.config.variant import ModelConfig
from albert_lab.train.optim.optimizers import is_excluded, make_optimizer, parameter_groups
from tests.variants import TINY, build

RATE, DECAY = 0.01, 0.1


def config(name: OptimizerName, bias_correction: bool) -> OptimizerConfig:
    return OptimizerConfig(name=name, learning_rate=RATE, weight_decay=DECAY, bias_correction=bias_correction)


def layer() -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(3, 2, dtype=torch.float64)


def gradients(steps: int) -> list[Tensor]:
    torch.manual_seed(1)
    return [torch.randn(5, 3, dtype=torch.float64) for _ in range(steps)]


def trained(name: OptimizerName, bias_correction: bool, steps: int = 4) -> nn.Linear:
    module = layer()
    optimizer = make_optimizer(module, config(name, bias_correction), partitioned=False)
    for x in gradients(steps):
        optimizer.zero_grad()
        module(x).square().sum().backward()
        optimizer.step()
    return module


def by_formula(trust_ratio: bool, bias_correction: bool, steps: int = 4) -> nn.Linear:
    """The update written out (You et al. 2019, algorithm 2; Google's code without the corrections)."""
    module = layer()
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in module.named_parameters()}
    for t, x in enumerate(gradients(steps), start=1):
        module.zero_grad()
        module(x).square().sum().backward()
        for name, p in module.named_parameters():
            m, v = moments[name]
            m = 0.9 * m + 0.1 * p.grad
            v = 0.999 * v + 0.001 * p.grad**2
            moments[name] = (m, v)
            if bias_correction:
                m, v = m / (1 - 0.9**t), v / (1 - 0.999**t)
            update = m / (v.sqrt() + 1e-6)
            ratio = 1.0
            if name == "weight":
                update = update + DECAY * p.data
                ratio = float(p.data.norm() / update.norm()) if trust_ratio else 1.0
            p.data -= RATE * ratio * update
    return module


@pytest.mark.parametrize("bias_correction", [False, True])
@pytest.mark.parametrize("name", OptimizerName)
def test_the_update_is_the_published_formula(name: OptimizerName, bias_correction: bool) -> None:
    ours = trained(name, bias_correction)
    theirs = by_formula(name is OptimizerName.lamb, bias_correction)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


def test_standard_adamw_is_torchs() -> None:
    ours, theirs = trained(OptimizerName.adamw, bias_correction=True), layer()
    groups = parameter_groups(theirs, DECAY, one_tensor_each=False)
    optimizer = torch.optim.AdamW(groups, lr=RATE, eps=1e-6)
    for x in gradients(4):
        optimizer.zero_grad()
        theirs(x).square().sum().backward()
        optimizer.step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=0, atol=1e-12)


def test_biases_and_layer_norms_alone_escape_decay_and_trust_ratio() -> None:
    model = build(ModelConfig(**TINY))
    for name, p in model.named_parameters():
        assert is_excluded(name, p) == ("bias" in name or "norm" in name.lower()), name


def test_a_shared_tensor_has_one_state() -> None:
    model = build(ModelConfig(**TINY))
    for one_tensor_each in (False, True):
        groups = parameter_groups(model, DECAY, one_tensor_each)
        held = [p for group in groups for p in group["params"]]
        assert len(held) == len({p.data_ptr() for p in held}) == len(list(model.parameters()))
