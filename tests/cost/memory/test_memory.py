"""What sharing saves and what it does not: weights, gradients and optimizer state, never activations."""

from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from albert_lab.config.variant import ModelConfig
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.cost.memory.measured import SavedActivations, saved_activation_bytes, state_bytes
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.torch.albert import AlbertForPreTraining

Variant = Callable[..., tuple[ModelConfig, LayerMap]]


def kept_by(variant: tuple[ModelConfig, LayerMap], device: str = "cpu") -> int:
    """Bytes that autograd keeps of two sequences of six tokens, with the unfused attention."""
    with torch.device(device), sdpa_kernel(SDPBackend.MATH):
        model = AlbertForPreTraining(AlbertConfig.of(*variant))
        ids, positions = torch.zeros(2, 6, dtype=torch.long), torch.zeros(3, dtype=torch.long)
        return saved_activation_bytes(model, lambda: model(ids, None, ids, masked_positions=positions))


def test_a_linear_and_a_relu_keep_their_input_and_output() -> None:
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    x = torch.randn(2, 4)
    # the product keeps its input [2,4] for the weights' gradient, the ReLU its output [2,3]; float32
    assert saved_activation_bytes(module, lambda: module(x)) == 4 * (2 * 4 + 2 * 3)


def test_weights_and_their_views_are_not_activations() -> None:
    module = nn.Linear(4, 3)
    x = torch.randn(2, 4, requires_grad=True)  # so that the weights are kept too
    assert saved_activation_bytes(module, lambda: module(x)) == 4 * 2 * 4


def test_a_tensor_kept_twice_is_counted_once() -> None:
    one, two = nn.Linear(4, 3), nn.Linear(4, 3)
    x = torch.randn(2, 4)
    assert saved_activation_bytes(nn.ModuleList([one, two]), lambda: (one(x), two(x))) == 4 * 2 * 4


def test_measuring_leaves_the_gradients_as_they_are() -> None:
    module, x = nn.Sequential(nn.Linear(4, 3), nn.Tanh()), torch.randn(2, 4)
    with SavedActivations(module) as saved:
        module(x).sum().backward()
    measured = [parameter.grad.clone() for parameter in module.parameters() if parameter.grad is not None]
    module.zero_grad()
    module(x).sum().backward()
    assert saved.bytes > 0
    assert all(torch.equal(one, p.grad) for one, p in zip(measured, module.parameters(), strict=True))


def test_nothing_is_kept_without_gradients() -> None:
    module = nn.Linear(4, 3)
    with torch.no_grad():
        assert saved_activation_bytes(module, lambda: module(torch.randn(2, 4))) == 0


def test_sharing_saves_state_and_no_activations(variant: Variant) -> None:
    schemes = ("all", "attention", "ffn", "none")
    kept = {scheme: kept_by(variant("tiny", scheme)) for scheme in schemes}
    assert len(set(kept.values())) == 1
    held = [sum(state_bytes(count_parameters(*variant("tiny", scheme)).unique).values()) for scheme in schemes]
    assert held[0] < min(held[1:3]) <= max(held[1:3]) < held[3]


def test_activations_grow_by_the_same_amount_per_layer(variant: Variant) -> None:
    kept = [kept_by(variant("tiny", num_hidden_layers=layers)) for layers in (1, 2, 3)]
    assert kept[2] - kept[1] == kept[1] - kept[0] > 0


@pytest.mark.parametrize("scheme", ["all", "none"])
def test_the_meta_device_keeps_as_much_as_the_cpu(variant: Variant, scheme: str) -> None:
    assert kept_by(variant("tiny", scheme), "meta") == kept_by(variant("tiny", scheme), "cpu")


def test_state_is_weights_gradients_and_two_moments(variant: Variant) -> None:
    counts = count_parameters(*variant("base"))
    assert state_bytes(counts.unique) == {
        "weights": 4 * 11_813_810,
        "gradients": 4 * 11_813_810,
        "optimizer": 8 * 11_813_810,
    }
    halves = state_bytes(counts.unique, optimizer_states_per_weight=0, bytes_per_weight=2)
    assert halves == {"weights": 2 * 11_813_810, "gradients": 2 * 11_813_810, "optimizer": 0}
