"""Running a layer again in the backward pass changes no bit, dropout included, and keeps one tensor a layer."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import albert_lab
from albert_lab.config.variant import SharingConfig
from albert_lab.cost.memory.measured import saved_activation_bytes
from albert_lab.model.layer_map import LayerMap, make_layer_map
from albert_lab.model.schemes import SCHEMES
from tests.model.maps import layer_maps, model_of
from tests.model.peers import HEADS, TINY, gradients_of, make_inputs

DROPOUTS = {"hidden_dropout_prob": 0.2, "attention_probs_dropout_prob": 0.2, "classifier_dropout_prob": 0.2}
GRAPHS = [*HEADS, "AlbertForQuestionAnsweringV2"]
NEEDS = {
    "sequence": {"num_blocks": 3}, "cycle": {"num_blocks": 3}, "cycle_reversed": {"num_blocks": 3},
    "middle_cycle": {"num_blocks": 4}, "middle_sequence": {"num_blocks": 4}, "groups": {"num_hidden_groups": 2},
    "custom": {"attention": [0, 1, 2, 2, 1, 0], "ffn": [0, 0, 1, 1, 0, 0]},
}  # fmt: skip


def loss_and_gradients(model: Any, call: Callable[[], Tensor], recompute: bool) -> list[Tensor | None]:
    (model.gradient_checkpointing_enable if recompute else model.gradient_checkpointing_disable)()
    assert model.is_gradient_checkpointing is recompute
    torch.manual_seed(1)
    loss = call()
    return [loss.detach(), *gradients_of(model, loss).values()]


def assert_same_bits(model: Any, call: Callable[[], Tensor]) -> None:
    plain, recomputed = (loss_and_gradients(model, call, recompute) for recompute in (False, True))
    for one, two in zip(plain, recomputed, strict=True):
        assert one is two is None or torch.equal(one, two)


@pytest.mark.parametrize("head", GRAPHS)
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_no_bit_changes_with_dropout_on(head: str, attention: str) -> None:
    config = albert_lab.AlbertConfig(**TINY, **DROPOUTS, attn_implementation=attention)
    model = getattr(albert_lab, head)(config).train()
    inputs = make_inputs(head if head in HEADS else "AlbertForQuestionAnswering", config, given=["attention_mask"])
    call = lambda: model(**inputs)[0].pow(3).mean()  # noqa: E731
    torch.manual_seed(1)
    first = call()
    assert first != call(), "no dropout acts"
    assert_same_bits(model, call)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_bit_changes_under_any_scheme(scheme: str) -> None:
    layer_map = make_layer_map(SharingConfig(scheme, **NEEDS.get(scheme, {})), 6)
    config = albert_lab.AlbertConfig(**(TINY | DROPOUTS | {"num_hidden_layers": 6, "layer_map": layer_map}))
    model = albert_lab.AlbertForMaskedLM(config).train()
    inputs = make_inputs("AlbertForMaskedLM", config, given=["attention_mask"])
    assert_same_bits(model, lambda: model(**inputs).loss)


@settings(max_examples=15, deadline=None)
@given(layer_maps(), st.integers(0, 99))
def test_no_bit_changes_under_any_map(layer_map: LayerMap, seed: int) -> None:
    model = model_of(layer_map, seed, **DROPOUTS).train()
    ids = torch.randint(20, (2, 5))
    assert_same_bits(model, lambda: model(ids, labels=ids, sentence_order_label=torch.tensor([0, 1])).loss)


def test_what_is_returned_of_every_layer_stays() -> None:
    model = albert_lab.AlbertModel(albert_lab.AlbertConfig(**TINY)).train()
    ids = torch.randint(29, (2, 5))
    both = []
    for switch in (model.gradient_checkpointing_disable, model.gradient_checkpointing_enable):
        switch()
        both.append(model(ids, output_hidden_states=True, output_attentions=True))
    for name in ("hidden_states", "attentions"):
        assert all(torch.equal(one, two) for one, two in zip(both[0][name], both[1][name], strict=True))


@pytest.mark.parametrize("scheme", ["all", "none", "attention", "cycle"])
def test_a_layer_keeps_its_input_alone(scheme: str) -> None:
    """B S H numbers of 4 bytes a layer, whatever is shared; without, at least the 6 H + 2 F of its products."""
    plain, recomputed = ([_saved(scheme, layers, recompute) for layers in (3, 9)] for recompute in (False, True))
    per_token = 4 * 2 * 64
    assert recomputed[1] - recomputed[0] == 6 * per_token * TINY["hidden_size"]
    assert plain[1] - plain[0] >= 6 * per_token * (6 * TINY["hidden_size"] + 2 * TINY["intermediate_size"])
    assert recomputed[1] < plain[1] / 3


def _saved(scheme: str, layers: int, recompute: bool) -> int:
    layer_map = make_layer_map(SharingConfig(scheme, **NEEDS.get(scheme, {})), layers)
    changes = {"num_hidden_layers": layers, "max_position_embeddings": 64, "layer_map": layer_map}
    model = albert_lab.AlbertModel(albert_lab.AlbertConfig(**(TINY | changes))).train()
    if recompute:
        model.gradient_checkpointing_enable()
    ids = torch.randint(29, (2, 64))
    return saved_activation_bytes(model, lambda: model(ids).pooler_output.sum())


def test_without_gradients_nothing_is_kept_or_run_again() -> None:
    model = albert_lab.AlbertForMaskedLM(albert_lab.AlbertConfig(**TINY)).eval()
    model.gradient_checkpointing_enable()
    ids, calls = torch.randint(29, (2, 5)), []
    model.albert.encoder.ffn[0].register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        model(ids)
    assert len(calls) == TINY["num_hidden_layers"]
    model(ids, labels=ids).loss.backward()
    assert len(calls) == 3 * TINY["num_hidden_layers"]


def test_the_recomputing_model_compiles_whole() -> None:
    torch.compiler.reset()
    model = albert_lab.AlbertForMaskedLM(albert_lab.AlbertConfig(**TINY)).train()
    model.gradient_checkpointing_enable()
    ids = torch.randint(29, (2, 5))
    expected = gradients_of(model, model(ids, labels=ids).loss)
    found = gradients_of(model, torch.compile(model, fullgraph=True, backend="aot_eager")(ids, labels=ids).loss)
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-4, atol=1e-6)
