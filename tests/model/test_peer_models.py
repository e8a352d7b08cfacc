"""Every model class equals Hugging Face's of the same name: outputs, losses, gradients, arguments, on the same weights."""

from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.model.peers import HEADS, Pair, every_head, gradients_of, make_inputs, make_pair, sizes, transformers

OPTIONAL = ("attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
few = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def close(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def assert_equal_outputs(ours: Any, theirs: Any) -> None:
    """The same fields in the same order, with the same numbers."""
    assert list(ours.keys()) == list(theirs.keys())
    for name, value in ours.items():
        both = zip(value, theirs[name], strict=True) if isinstance(value, tuple) else [(value, theirs[name])]
        for one, two in both:
            close(one, two)


def scalar_of(output: Any) -> Tensor:
    """The loss, or where a class has none a number that depends on everything it returns."""
    if output.get("loss") is not None:
        return output["loss"]
    return sum((value * torch.linspace(-1, 1, value.numel(), dtype=value.dtype).view_as(value)).sum()
               for name, value in output.items() if name in ("last_hidden_state", "pooler_output"))  # fmt: skip


def assert_equal_gradients(pair: Pair, ours: Any, theirs: Any) -> None:
    own, other = gradients_of(pair.ours, scalar_of(ours)), gradients_of(pair.theirs, scalar_of(theirs))
    for name, gradient in own.items():
        if gradient is None or other[pair.names[name]] is None:
            assert gradient is other[pair.names[name]], name
        else:
            close(gradient, other[pair.names[name]])


@every_head
@few
@given(sizes=sizes(), optional=st.sets(st.sampled_from(OPTIONAL)), shape=st.tuples(st.integers(1, 3), st.integers(1, 9)),
       attention=st.sampled_from(["sdpa", "eager"]), seed=st.integers(0, 9))  # fmt: skip
def test_outputs_loss_and_gradients_equal(
    head: str, sizes: dict[str, Any], optional: set[str], shape: tuple[int, int], attention: str, seed: int
) -> None:
    torch.manual_seed(seed)
    pair = make_pair(head, attention, **sizes)
    inputs = make_inputs(head, pair.ours.config, *shape, given=optional)
    extra = {"output_hidden_states": True, "output_attentions": attention == "eager"}
    ours, theirs = pair.ours(**inputs, **extra), pair.theirs(**inputs, **extra)
    layers = sizes["num_hidden_layers"] * sizes["inner_group_num"]
    assert len(ours.hidden_states) == layers + 1
    assert attention == "sdpa" or len(ours.attentions) == layers
    assert_equal_outputs(ours, theirs)
    assert_equal_gradients(pair, ours, theirs)
