"""Every model class equals Hugging Face's of its name on the same weights: outputs, losses, gradients, arguments."""

import inspect
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import albert_lab
from tests.model.peers import TINY, Pair, every_head, gradients_of, make_inputs, make_pair, sizes, transformers

OPTIONAL = ("attention_mask", "token_type_ids", "position_ids", "inputs_embeds")
some = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# Reach Hugging Face's forward through **kwargs; the page documents them as arguments.
THROUGH_KWARGS = {"output_attentions", "output_hidden_states", "return_dict"}


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
    """The loss, or where a class has none a number that depends on all it returns."""
    if output.get("loss") is not None:
        return output["loss"]
    kept = [output["last_hidden_state"], output["pooler_output"]]
    return sum((value * torch.linspace(-1, 1, value.numel()).view_as(value)).sum() for value in kept)


def assert_equal_gradients(pair: Pair, ours: Any, theirs: Any) -> None:
    own, other = gradients_of(pair.ours, scalar_of(ours)), gradients_of(pair.theirs, scalar_of(theirs))
    assert {pair.names[name] for name in own} == set(other)
    for name, gradient in own.items():
        if gradient is None or other[pair.names[name]] is None:
            assert gradient is other[pair.names[name]], name
        else:
            close(gradient, other[pair.names[name]])


@every_head
@some
@given(
    sizes=sizes(),
    optional=st.sets(st.sampled_from(OPTIONAL)),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 9)),
    attention=st.sampled_from(["sdpa", "eager"]),
    seed=st.integers(0, 99),
)
def test_outputs_losses_and_gradients_equal(
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


@pytest.mark.parametrize(
    ("num_labels", "problem_type"),
    [
        (1, None), (3, None), (1, "regression"), (3, "regression"), (3, "single_label_classification"),
        (3, "multi_label_classification"), (1, "multi_label_classification"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("sequences", [1, 3])
def test_every_kind_of_sequence_label_equals(num_labels: int, problem_type: str | None, sequences: int) -> None:
    head = "AlbertForSequenceClassification"
    pair = make_pair(head, num_labels=num_labels, problem_type=problem_type)
    inputs = make_inputs(head, pair.ours.config, sequences)
    ours, theirs = pair.ours(**inputs), pair.theirs(**inputs)
    assert_equal_outputs(ours, theirs)
    assert_equal_gradients(pair, ours, theirs)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_masks_of_other_kinds_equal(attention: str) -> None:
    pair = make_pair("AlbertModel", attention)
    ids = torch.randint(29, (2, 5))
    allowed = torch.rand(2, 1, 5, 5) < 0.6
    allowed[..., 0] = True
    added = torch.zeros(2, 1, 5, 5).double().masked_fill(~allowed, torch.finfo(torch.float64).min)
    for mask in (added, torch.ones(2, 5, dtype=torch.bool), torch.tensor([[0, 1, 1, 0, 1], [1, 0, 0, 0, 0]])):
        assert_equal_outputs(pair.ours(ids, mask), pair.theirs(ids, mask))


def test_one_row_of_positions_serves_all_sequences() -> None:
    pair = make_pair("AlbertModel")
    ids, positions = torch.randint(29, (3, 5)), torch.tensor([[4, 3, 2, 1, 0]])
    assert_equal_outputs(pair.ours(ids, position_ids=positions), pair.theirs(ids, position_ids=positions))


@every_head
@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("more", [{}, {"output_hidden_states": True, "output_attentions": True}])
def test_tuples_have_hugging_faces_length_and_order(head: str, labelled: bool, more: dict[str, bool]) -> None:
    pair = make_pair(head, "eager")
    inputs = make_inputs(head, pair.ours.config, given=["attention_mask"])
    if not labelled:
        inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    ours, theirs = (model(**inputs, **more, return_dict=False) for model in (pair.ours, pair.theirs))
    assert type(ours) is type(theirs) is tuple
    for one, two in zip(ours, theirs, strict=True):
        assert isinstance(one, Tensor) or len(one) == len(two)
        close(one, two) if isinstance(one, Tensor) else [close(*both) for both in zip(one, two, strict=True)]


@every_head
def test_outputs_are_read_as_hugging_faces_are(head: str) -> None:
    pair = make_pair(head, "eager")
    inputs = make_inputs(head, pair.ours.config)
    for output in (pair.ours(**inputs), pair.theirs(**inputs)):
        first = next(iter(output))
        assert output[0] is output[first] is getattr(output, first) is output.get(first) is output.to_tuple()[0]
        assert output[:2] == output.to_tuple()[:2]
        assert list(output) == list(output.keys()) == [name for name, _ in output.items()]
        assert len(output) == len(list(output.values())) == len(output.to_tuple())
        assert first in output
        assert "hidden_states" not in output
        assert output.hidden_states is None
        assert output.get("hidden_states", 7) == 7
        with pytest.raises(KeyError):
            output["hidden_states"]
        with pytest.raises(IndexError):
            output[len(output)]


@every_head
def test_configured_outputs_are_the_default_of_a_call(head: str) -> None:
    pair = make_pair(head, "eager", output_hidden_states=True, output_attentions=True, return_dict=False)
    inputs = make_inputs(head, pair.ours.config)
    assert len(pair.ours(**inputs)) == len(pair.theirs(**inputs))
    off = {"output_hidden_states": False, "output_attentions": False, "return_dict": True}
    assert list(pair.ours(**inputs, **off)) == list(pair.theirs(**inputs, **off))


@every_head
def test_arguments_have_hugging_faces_names_and_order(head: str) -> None:
    """What is ours alone comes by name behind theirs."""
    ours, theirs = (
        list(inspect.signature(getattr(package, head).forward).parameters) for package in (albert_lab, transformers)
    )
    theirs.remove("kwargs")
    assert ours[: len(theirs)] == theirs
    assert set(ours) >= THROUGH_KWARGS
    constructors = [
        list(inspect.signature(getattr(package, head)).parameters) for package in (albert_lab, transformers)
    ]
    assert constructors[0][: len(constructors[1])] == constructors[1]


@every_head
def test_both_ids_and_embeddings_or_none_are_refused_as_there(head: str) -> None:
    pair = make_pair(head)
    inputs = make_inputs(head, pair.ours.config)
    embeds = make_inputs(head, pair.ours.config, given=["inputs_embeds"])["inputs_embeds"]
    for model in (pair.ours, pair.theirs):
        with pytest.raises(ValueError, match="exactly one of input_ids"):
            model(**inputs, inputs_embeds=embeds)
    with pytest.raises(ValueError, match="exactly one of input_ids and inputs_embeds"):
        pair.ours()


def test_without_a_pooler_nothing_is_pooled() -> None:
    config = albert_lab.AlbertConfig(**TINY)
    model = albert_lab.AlbertModel(config, add_pooling_layer=False)
    theirs = transformers.AlbertModel(transformers.AlbertConfig(**TINY), add_pooling_layer=False)
    ids = torch.tensor([[1, 2]])
    assert list(model(ids)) == list(theirs(ids)) == ["last_hidden_state"]


@every_head
def test_the_loss_needs_every_label_it_is_made_of(head: str) -> None:
    pair = make_pair(head)
    inputs = make_inputs(head, pair.ours.config)
    labels = [name for name in inputs if name != "input_ids"]
    for left_out in labels:
        partial = {name: value for name, value in inputs.items() if name != left_out}
        assert list(pair.ours(**partial)) == list(pair.theirs(**partial))
        assert "loss" not in pair.ours(**partial)
