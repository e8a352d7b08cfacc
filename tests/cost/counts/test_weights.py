"""The table of shapes is the model's own tensors, part by part, whatever the options and the map."""

from math import prod

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from albert_lab.config.variant import ModelConfig
from albert_lab.cost.counts.parameters import LAYER_PARTS, OWN_PARTS, count_parameters
from albert_lab.cost.counts.weights import list_weights
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.torch.albert import AlbertForPreTraining
from tests.cost.counts.test_flops import variants

Variant = tuple[ModelConfig, LayerMap]


def model_of(variant: Variant, sentence_head: bool) -> AlbertForPreTraining:
    with torch.device("meta"):
        return AlbertForPreTraining(AlbertConfig.of(*variant), sentence_head)


def count(*modules: nn.Module | None) -> int:
    """Elements of the distinct parameters of some modules."""
    parameters = {id(p): p for module in modules if module is not None for p in module.parameters()}
    return sum(parameter.numel() for parameter in parameters.values())


def counted_on(model: AlbertForPreTraining) -> dict[str, int]:
    """Unique elements by part, by the identity of the tensors."""
    encoder, embeddings = model.albert.encoder, model.albert.embeddings
    projection = count(embeddings.projection)
    return {part: count(getattr(encoder, part)) for part in (*LAYER_PARTS, *OWN_PARTS)} | {
        "embeddings": count(embeddings) - projection,
        "projection": projection,
        "mlm_head": count(model.predictions),
        "pooler": count(model.albert.pooler),
        "classifier": count(model.sop_classifier),
    }


@settings(max_examples=60, deadline=None)
@given(variant=variants(), sentence_head=st.booleans())
def test_every_part_has_the_models_own_tensors(variant: Variant, sentence_head: bool) -> None:
    model, counts = model_of(variant, sentence_head), count_parameters(*variant, sentence_head)
    assert counts.by_part == counted_on(model)
    assert counts.unique == count(model)


@settings(max_examples=60, deadline=None)
@given(variant=variants(), sentence_head=st.booleans())
def test_applied_counts_a_block_for_every_layer_that_runs_it(variant: Variant, sentence_head: bool) -> None:
    encoder = model_of(variant, sentence_head).albert.encoder
    applied = count_parameters(*variant, sentence_head).applied_by_part
    for part in LAYER_PARTS:
        blocks, ids = getattr(encoder, part), getattr(encoder.layer_map, part)
        assert applied[part] == sum(count(blocks[id]) for id in ids)


@settings(max_examples=30, deadline=None)
@given(variant=variants(), sentence_head=st.booleans())
def test_there_is_a_shape_for_every_tensor(variant: Variant, sentence_head: bool) -> None:
    shapes = sorted(tuple(p.shape) for p in model_of(variant, sentence_head).parameters())
    table = [weight.shape for weight in list_weights(*variant, sentence_head) for _ in range(weight.unique)]
    assert sorted(table) == shapes


@settings(max_examples=20, deadline=None)
@given(variant=variants())
def test_what_deepspeed_sends_in_low_precision_is_every_linear_map(variant: Variant) -> None:
    linear = [module for module in model_of(variant, True).modules() if isinstance(module, nn.Linear)]
    marked = sum(weight.unique * prod(weight.shape) for weight in list_weights(*variant) if weight.is_linear)
    assert marked == count(*linear)
