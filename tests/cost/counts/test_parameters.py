"""Parameter counts equal the released models' and the paper's, exactly."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from transformers import AlbertConfig, AlbertModel

from albert_lab.config.variant import (
    DepthSignal,
    ModelConfig,
    NormPlacement,
    PositionEmbedding,
    ProjectionRule,
    SharingConfig,
)
from albert_lab.cost.counts.parameters import ParameterCounts, count_parameters
from albert_lab.errors import UserError
from albert_lab.model.layer_map import LayerMap, make_layer_map

Variant = Callable[..., tuple[ModelConfig, LayerMap]]


def millions(count: int) -> float:
    return round(count / 1e6, 2)


@pytest.mark.parametrize(
    ("shape", "backbone_with_pooler", "with_heads", "without_sentence_head"),
    [
        ("base", 11_683_584, 11_813_810, 11_221_680),
        ("large", 17_683_968, 17_847_474, 16_795_824),
        ("xlarge", 58_724_864, 59_021_490, 54_821_040),
        ("xxlarge", 222_595_584, 223_158_450, 206_368_944),
    ],
)
def test_counts_equal_the_released_models(
    variant: Variant, shape: str, backbone_with_pooler: int, with_heads: int, without_sentence_head: int
) -> None:
    counts = count_parameters(*variant(shape))
    assert counts.backbone_with_pooler == backbone_with_pooler
    assert counts.unique == with_heads
    masked_only = count_parameters(*variant(shape), sentence_head=False)
    assert masked_only.unique == without_sentence_head
    assert masked_only.backbone_with_pooler == masked_only.backbone == counts.backbone


def test_parts_of_base_are_the_published_ones(variant: Variant) -> None:
    parts = count_parameters(*variant("base")).by_part
    assert parts["attention"] + parts["attention_norm"] == 2_363_904
    assert parts["ffn"] + parts["ffn_norm"] == 4_723_968
    assert (parts["embeddings"], parts["projection"]) == (3_906_048, 99_072)
    assert (parts["pooler"], parts["mlm_head"]) == (590_592, 128_688)


# Tables 3 and 4 of the paper, in millions: ours with pooler, ours without, the paper's
@pytest.mark.parametrize(
    ("embedding", "scheme", "with_pooler", "without_pooler", "paper"),
    [
        (64, "all", 9.68, 9.09, 10),
        (128, "all", 11.68, 11.09, 12),
        (256, "all", 15.69, 15.10, 16),
        (768, "all", 31.11, 30.52, 31),
        (64, "none", 87.65, 87.06, 87),
        (128, "none", 89.65, 89.06, 89),
        (256, "none", 93.65, 93.06, 93),
        (768, "none", 109.08, 108.49, 108),
        (128, "attention", 63.65, 63.06, 64),
        (128, "ffn", 37.69, 37.10, 38),
        (768, "attention", 83.08, 82.49, 83),
        (768, "ffn", 57.12, 56.53, 57),
    ],
)
def test_counts_equal_the_papers_ablations(
    variant: Variant, embedding: int, scheme: str, with_pooler: float, without_pooler: float, paper: int
) -> None:
    counts = count_parameters(*variant("base", scheme, embedding_size=embedding))
    assert millions(counts.backbone_with_pooler) == with_pooler
    assert millions(counts.backbone) == without_pooler
    # the paper leaves the pooler out of its unshared rows and counts it in the others
    assert paper == round(counts.backbone / 1e6 if scheme == "none" else counts.backbone_with_pooler / 1e6)


# At E = H the paper's figures have no projection (with one, the first row would be 32M). A projection has as many
# weights as the pooler, so "with projection, without pooler" gives the same figures.
@pytest.mark.parametrize(
    ("scheme", "if_needed", "always"),
    [
        ("all", 31_114_752, 31_705_344),
        ("none", 109_081_344, 109_671_936),
        ("attention", 83_078_400, 83_668_992),
        ("ffn", 57_117_696, 57_708_288),
    ],
)
def test_a_projection_where_none_is_needed_adds_its_matrix_to_the_768_rows(
    variant: Variant, scheme: str, if_needed: int, always: int
) -> None:
    counts = {
        rule: count_parameters(*variant("base", scheme, embedding_size=768, embedding_projection=rule))
        for rule in ProjectionRule
    }
    assert counts[ProjectionRule.if_needed].backbone_with_pooler == if_needed
    assert counts[ProjectionRule.always].backbone_with_pooler == always
    assert counts[ProjectionRule.always].by_part["projection"] == always - if_needed == 768 * 768 + 768


@pytest.mark.parametrize(("groups", "scheme"), [(1, "all"), (12, "none")])
def test_counts_with_a_projection_always_equal_hugging_faces(variant: Variant, groups: int, scheme: str) -> None:
    sizes = {"embedding_size": 768, "hidden_size": 768, "num_hidden_layers": 12, "intermediate_size": 3072}
    with torch.device("meta"):
        theirs = AlbertModel(AlbertConfig(**sizes, num_attention_heads=12, num_hidden_groups=groups))
    config, layer_map = variant("base", scheme, embedding_size=768, embedding_projection=ProjectionRule.always)
    assert count_parameters(config, layer_map).backbone_with_pooler == theirs.num_parameters()


def test_bert_large_with_alberts_vocabulary_has_the_papers_334_millions(variant: Variant) -> None:
    counts = count_parameters(*variant("large", "none", embedding_size=1024))
    assert millions(counts.backbone_with_pooler) == 334.61


@pytest.mark.parametrize("scheme", ["all", "none", "attention", "ffn"])
def test_applied_counts_are_those_of_the_unshared_model(variant: Variant, scheme: str) -> None:
    counts, unshared = (count_parameters(*variant("base", name)) for name in (scheme, "none"))
    assert counts.applied_by_part == unshared.by_part
    assert counts.applied == unshared.unique == unshared.applied


def test_norms_with_a_map_of_their_own_are_counted_by_it(variant: Variant) -> None:
    config, _ = variant("tiny")
    sharing = SharingConfig("all", attention_norm=[0, 1, 2, 3], ffn_norm=[0, 0, 1, 1])
    counts: ParameterCounts = count_parameters(config, make_layer_map(sharing, 4))
    assert (counts.by_part["attention_norm"], counts.by_part["ffn_norm"]) == (4 * 32, 2 * 32)
    assert (counts.applied_by_part["attention_norm"], counts.applied_by_part["ffn_norm"]) == (4 * 32, 4 * 32)


@pytest.mark.parametrize("scheme", ["all", "none", "cycle"])
def test_what_every_layer_owns_is_counted_per_layer(variant: Variant, scheme: str) -> None:
    config, _ = variant("base", lora_rank=8, adapter_size=48)
    layer_map = make_layer_map(SharingConfig(scheme, num_blocks=3 if scheme == "cycle" else None), 12)
    counts, plain = count_parameters(config, layer_map), count_parameters(variant("base")[0], layer_map)
    assert counts.by_part["lora"] == counts.applied_by_part["lora"] == 12 * 8 * (4 * 2 * 768 + 2 * (768 + 3072))
    assert counts.by_part["adapters"] == counts.applied_by_part["adapters"] == 12 * 2 * (2 * 768 * 48 + 48 + 3 * 768)
    assert counts.unique - plain.unique == counts.by_part["lora"] + counts.by_part["adapters"]
    assert counts.backbone - plain.backbone == counts.encoder - plain.encoder == counts.unique - plain.unique


def test_biases_of_the_low_rank_pairs_are_counted(variant: Variant) -> None:
    with_bias, without = (count_parameters(*variant("base", lora_rank=8, lora_bias=b)) for b in (True, False))
    assert with_bias.by_part["lora"] - without.by_part["lora"] == 12 * (4 * 768 + 3072 + 768)


@pytest.mark.parametrize(
    ("option", "weights"),
    [
        ({"norm_placement": NormPlacement.pre}, {"final_norm": 2 * 768}),
        ({"norm_placement": NormPlacement.deepnorm, "depth_signal": DepthSignal.universal}, {}),
        (
            {"position_embedding_type": PositionEmbedding.relative_key},
            {"attention": 1023 * 64, "embeddings": -512 * 128},
        ),
        ({"position_embedding_type": PositionEmbedding.none}, {"embeddings": -512 * 128}),
        ({"output_embedding_size": 256}, {"mlm_head": 128 * (768 + 3) + 256 * 30000}),
    ],
)
def test_every_weight_of_an_option_has_its_part(
    variant: Variant, option: dict[str, Any], weights: dict[str, int]
) -> None:
    plain, counts = count_parameters(*variant("base")), count_parameters(*variant("base", **option))
    changed = {part: counts.by_part[part] - plain.by_part[part] for part in plain.by_part}
    assert {part: change for part, change in changed.items() if change} == weights
    applied = {part: counts.applied_by_part[part] - plain.applied_by_part[part] for part in plain.by_part}
    assert applied == {part: change * (12 if part == "attention" else 1) for part, change in changed.items()}


def test_an_impossible_model_is_not_counted(variant: Variant) -> None:
    bad: dict[str, Any] = {"hidden_size": 770}
    with pytest.raises(UserError, match="nearest: 768"):
        count_parameters(*variant("base", **bad))
