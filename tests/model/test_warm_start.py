"""Sharing, unsharing and sharing otherwise: which weights of a source a model starts from."""

import logging
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from albert_lab.config.variant import BlockStart, NormSharing, SharingConfig
from albert_lab.errors import UserError
from albert_lab.model.layer_map import LayerMap, make_layer_map, unshare
from albert_lab.model.torch.albert import AlbertForMaskedLM, AlbertForPreTraining, AlbertModel
from albert_lab.model.torch.layers.layer_weights import KINDS
from albert_lab.model.torch.warm_start import source_depths, start_from
from tests.model.maps import inputs, layer_maps, model_of

NONE = make_layer_map(SharingConfig("none"), 4)
ALL = make_layer_map(SharingConfig("all"), 4)
OWN_NORMS = make_layer_map(SharingConfig("all", norms=NormSharing.per_layer), 4)
BLOCKS = st.sampled_from(list(BlockStart))


def logits(model: AlbertForPreTraining) -> list[Tensor]:
    with torch.no_grad():
        output = model(**inputs())
    return [output.prediction_logits, output.sop_logits]


def check_equal(ours: AlbertForPreTraining, theirs: AlbertForPreTraining, within: float = 0.0) -> None:
    for one, other in zip(logits(ours), logits(theirs), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=within)


def check_same_weights(ours: AlbertForPreTraining, theirs: AlbertForPreTraining) -> None:
    one, other = ours.state_dict(), theirs.state_dict()
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def started(
    layer_map: LayerMap, source: AlbertForPreTraining, blocks: BlockStart, lora: str = "zero", **changes: Any
) -> AlbertForPreTraining:
    """A model with weights of its own that then starts from the source."""
    model = model_of(layer_map, seed=7, **changes)
    start_from(model, source, blocks, lora)
    return model


@settings(max_examples=20, deadline=None)
@given(layer_map=layer_maps(), blocks=BLOCKS)
def test_an_unshared_start_equals_its_shared_source_exactly(layer_map: LayerMap, blocks: BlockStart) -> None:
    source = model_of(layer_map)
    check_equal(started(unshare(layer_map), source, blocks), source)


@settings(max_examples=20, deadline=None)
@given(layer_map=layer_maps(), blocks=BLOCKS, again=BLOCKS)
def test_unsharing_and_sharing_again_gives_the_shared_weights_back(
    layer_map: LayerMap, blocks: BlockStart, again: BlockStart
) -> None:
    source = model_of(layer_map)
    own = started(unshare(layer_map), source, blocks)
    if again is BlockStart.stepwise:  # may take a layer that uses another block
        again = BlockStart.first
    check_same_weights(started(layer_map, own, again), source)


@settings(max_examples=20, deadline=None)
@given(layer_map=layer_maps(), blocks=BLOCKS)
def test_sharing_then_unsharing_changes_no_output(layer_map: LayerMap, blocks: BlockStart) -> None:
    shared = started(layer_map, model_of(unshare(layer_map)), blocks)
    own = started(unshare(layer_map), shared, blocks)
    check_equal(own, shared)
    check_same_weights(started(unshare(layer_map), own, blocks), own)


@settings(max_examples=20, deadline=None)
@given(origin=layer_maps(), layer_map=layer_maps(), blocks=st.sampled_from([BlockStart.first, BlockStart.average]))
def test_every_block_starts_from_the_layers_that_use_it(
    origin: LayerMap, layer_map: LayerMap, blocks: BlockStart
) -> None:
    source = model_of(origin)
    model = started(layer_map, source, blocks)
    for kind in KINDS:
        theirs, ids = getattr(origin, kind), getattr(layer_map, kind)
        for id, block in enumerate(getattr(model.albert.encoder, kind)):
            uses = [depth for depth in range(4) if ids[depth] == id]
            uses = uses[:1] if blocks is BlockStart.first else uses
            for name, tensor in block.named_parameters():
                each = [getattr(source.albert.encoder, kind)[theirs[depth]].get_parameter(name) for depth in uses]
                torch.testing.assert_close(tensor, torch.stack(each).mean(0), rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("scheme", "settings", "depth", "starts"),
    [
        ("all", {}, 6, [0]),
        ("none", {}, 4, [0, 1, 2, 3]),
        ("cycle", {"num_blocks": 2}, 6, [0, 5]),
        ("cycle", {"num_blocks": 9}, 18, [0, 2, 4, 6, 8, 11, 13, 15, 17]),  # Gemma 2B as two loops
        ("sequence", {"num_blocks": 3}, 6, [0, 2, 5]),
        ("middle_cycle", {"num_blocks": 5}, 8, [0, 1, 4, 6, 7]),  # 1 + 2.5 and 3.5, a half to even
        ("middle_sequence", {"num_blocks": 4}, 8, [0, 1, 6, 7]),
        ("sandwich", {}, 6, [0, 1, 5]),
        ("cycle_reversed", {"num_blocks": 3}, 5, [0, 1, 4]),  # 0 1 2 2 1: only layer 0 has block 0
        ("groups", {"num_hidden_groups": 2}, 6, [0, 5]),
    ],
)
def test_stepwise_blocks_start_from_evenly_spaced_layers(
    scheme: str, settings: dict[str, Any], depth: int, starts: list[int]
) -> None:
    ids = make_layer_map(SharingConfig(scheme, **settings), depth).attention
    assert source_depths(ids, BlockStart.stepwise) == [[start] for start in starts]


@given(depth=st.integers(2, 48), blocks=st.integers(2, 24))
def test_stepwise_on_a_cycle_is_linspace_rounded(depth: int, blocks: int) -> None:
    if 2 * blocks <= depth:
        ids = [layer % blocks for layer in range(depth)]
        found = [depths[0] for depths in source_depths(ids, BlockStart.stepwise)]
        np.testing.assert_allclose(found, np.linspace(0, depth - 1, blocks), atol=0.5 + 1e-9)
        assert found[0] == 0
        assert found[-1] == depth - 1
        assert found == sorted(set(found))


def test_stepwise_takes_attention_and_its_norm_by_their_own_maps() -> None:
    source, layer_map = model_of(NONE), make_layer_map(SharingConfig("cycle", num_blocks=2, norms="per_layer"), 4)
    encoder, theirs = started(layer_map, source, BlockStart.stepwise).albert.encoder, source.albert.encoder
    assert torch.equal(encoder.ffn[1].output.weight, theirs.ffn[3].output.weight)
    assert all(torch.equal(encoder.ffn_norm[depth].weight, theirs.ffn_norm[depth].weight) for depth in range(4))


@pytest.mark.parametrize("blocks", list(BlockStart))
def test_a_full_rank_reproduces_the_unshared_source(blocks: BlockStart) -> None:
    source = model_of(NONE)
    model = started(OWN_NORMS, source, blocks, "svd", lora_rank=8, lora_bias=True)
    assert model.albert.encoder.layer_map.num_attention_blocks == 1
    check_equal(model, source, within=1e-10)


@pytest.mark.parametrize("rank", [0, 1, 3, 7])
def test_the_start_of_a_rank_is_the_nearest_matrix_of_that_rank(rank: int) -> None:
    """Eckart and Young: what is left over is what the singular values beyond the rank weigh."""
    source = model_of(NONE)
    encoder = started(OWN_NORMS, source, BlockStart.average, *(["svd"] if rank else []), lora_rank=rank).albert.encoder
    for depth in range(4):
        for kind, name in (("attention", "value"), ("ffn", "intermediate"), ("ffn", "output")):
            block = getattr(encoder, kind)[0].get_submodule(name).weight
            wanted = getattr(source.albert.encoder, kind)[depth].get_submodule(name).weight - block
            pairs = getattr(encoder.lora[depth], kind)
            left = wanted - (pairs[name].B @ pairs[name].A if rank else 0)
            tail = torch.linalg.svdvals(wanted)[rank:]
            assert left.square().sum().item() == pytest.approx(tail.square().sum().item(), rel=1e-9, abs=1e-12)


def test_a_zero_start_adds_nothing_and_keeps_a_as_drawn() -> None:
    source, drawn = model_of(NONE), model_of(ALL, seed=7, lora_rank=2, lora_bias=True)
    model = started(ALL, source, BlockStart.average, lora_rank=2, lora_bias=True)
    check_equal(model, started(ALL, source, BlockStart.average))
    for ours, theirs in zip(
        model.albert.encoder.lora.named_parameters(), drawn.albert.encoder.lora.named_parameters(), strict=True
    ):
        assert torch.equal(ours[1], theirs[1]) if ours[0].endswith(".A") else not ours[1].any()


@settings(max_examples=10, deadline=None)
@given(layer_map=layer_maps(), blocks=BLOCKS)
def test_lora_of_the_source_is_merged_into_the_layers_that_own_their_blocks(
    layer_map: LayerMap, blocks: BlockStart
) -> None:
    source = model_of(layer_map, lora_rank=2, lora_bias=True)
    check_equal(started(unshare(layer_map), source, blocks), source, within=1e-11)


@settings(max_examples=10, deadline=None)
@given(layer_map=layer_maps(), blocks=BLOCKS, lora=st.sampled_from(["zero", "svd"]))
def test_the_same_variant_starts_from_the_same_weights(layer_map: LayerMap, blocks: BlockStart, lora: str) -> None:
    options = {"lora_rank": 2, "lora_bias": True, "adapter_size": 3, "norm_placement": "pre"}
    source = model_of(layer_map, **options)
    check_same_weights(started(layer_map, source, blocks, lora, **options), source)


def test_adapters_and_the_last_norm_keep_their_depth() -> None:
    options = {"adapter_size": 3, "norm_placement": "pre"}
    source = model_of(ALL, **options)
    check_equal(started(NONE, source, BlockStart.first, **options), source)


def test_a_source_without_projection_gives_the_identity() -> None:
    source = model_of(ALL, embedding_size=8)
    check_equal(started(NONE, source, BlockStart.first, embedding_size=8, embedding_projection="always"), source)


def test_the_source_keeps_its_weights_and_shares_none() -> None:
    source, untouched = model_of(NONE), model_of(NONE)
    model = started(ALL, source, BlockStart.average)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(0)
    check_same_weights(source, untouched)


def test_heads_that_the_source_lacks_start_as_drawn(caplog: pytest.LogCaptureFixture) -> None:
    whole = model_of(NONE)
    source = AlbertForMaskedLM(whole.config).double()
    source.load_state_dict({name: tensor for name, tensor in whole.state_dict().items() if name in source.state_dict()})
    model = model_of(ALL, seed=7)
    drawn = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with caplog.at_level(logging.WARNING):
        start_from(model, source)
    assert "the source has no pooler.bias, pooler.weight, sop_classifier.classifier.bias" in caplog.text
    theirs = {"albert." + name.removeprefix("albert."): value for name, value in source.state_dict().items()}
    for name, tensor in model.state_dict().items():
        if name.startswith(("albert.pooler", "sop")):
            assert torch.equal(tensor, drawn[name])
        elif name.startswith("albert.embeddings"):
            assert torch.equal(tensor, theirs[name])
    assert torch.equal(model.predictions.dense.weight, source.predictions.dense.weight)


def test_a_bare_model_and_one_with_heads_start_from_each_other() -> None:
    source, bare = model_of(ALL), AlbertModel(model_of(NONE).config).double().eval()
    start_from(bare, source)
    with torch.no_grad():
        wanted, found = source.albert(**inputs()), bare(**inputs())
    assert torch.equal(wanted.last_hidden_state, found.last_hidden_state)
    assert torch.equal(wanted.pooler_output, found.pooler_output)
    headed = model_of(ALL, seed=7)
    start_from(headed, bare)
    assert torch.equal(headed.albert(**inputs()).last_hidden_state, wanted.last_hidden_state)


def test_weights_of_another_function_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        started(ALL, model_of(NONE), BlockStart.first, num_attention_heads=4, hidden_act="gelu")
    assert "model.num_attention_heads=4, and the weights to start from were trained with 2" in caplog.text
    assert "model.hidden_act=gelu, and the weights to start from were trained with gelu_new" in caplog.text


@pytest.mark.parametrize(
    ("source", "target", "says"),
    [
        (make_layer_map(SharingConfig("none"), 3), {}, "a model of 4 layers can't start from one of 3.*layers=3"),
        (ALL, {"vocab_size": 30}, r"word_embeddings.weight is \[30, 4\] in the model and \[20, 4\]"),
        (ALL, {"intermediate_size": 16}, r"ffn.intermediate.weight is \[16, 8\] in the model and \[12, 8\]"),
        (NONE, {"adapter_size": 2, "intermediate_size": 16}, r"ffn.intermediate.weight is \[16, 8\]"),
        (NONE, {"position_embedding_type": "relative_key"}, "attention.relative.* is missing from the source"),
    ],
)
def test_what_does_not_fit_is_refused(source: LayerMap, target: dict[str, Any], says: str) -> None:
    model = model_of(ALL, seed=7, **target)
    with pytest.raises(UserError, match=says):
        start_from(model, model_of(source))
    check_same_weights(model, model_of(ALL, seed=7, **target))


def test_impossible_starts_are_refused() -> None:
    source, model = model_of(NONE), model_of(ALL)
    with pytest.raises(UserError, match=r"warm_start\.lora=svd needs a model.lora_rank"):
        start_from(model, source, "average", "svd")
    with pytest.raises(UserError, match=r"warm_start\.blocks='avarage' is unknown; did you mean 'average'"):
        start_from(model, source, "avarage")
    with pytest.raises(UserError, match=r"set model\.embedding_projection=always"):
        start_from(model_of(ALL, embedding_size=8), model_of(NONE, embedding_size=8, embedding_projection="always"))
