"""Hugging Face's layouts and our maps mean the same: by round trips, and by which module transformers runs when."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AlbertConfig, AlbertModel

from albert_lab.config.variant import NormSharing, SharingConfig
from albert_lab.errors import UserError
from albert_lab.model.layer_map import HfLayout, LayerMap, hf_layer_map, hf_layout, make_layer_map, unshare

COUNTS = st.integers(1, 24)


@st.composite
def layouts(draw: st.DrawFn) -> tuple[int, int, int]:
    layers = draw(COUNTS)
    return layers, draw(st.integers(1, layers)), draw(st.integers(1, 5))


@given(layout=layouts())
def test_a_map_of_a_layout_has_a_layout_that_means_it(layout: tuple[int, int, int]) -> None:
    layers, groups, inner = layout
    layer_map = hf_layer_map(*layout)
    found = hf_layout(layer_map)
    assert hf_layer_map(*found) == layer_map
    assert layer_map.num_layers == layers * inner == found.num_hidden_layers * found.inner_group_num
    assert layer_map.num_ffn_blocks == groups * inner == found.num_hidden_groups * found.inner_group_num
    assert found.inner_group_num <= inner


@given(repeats=COUNTS, blocks=COUNTS)
def test_a_whole_number_of_cycles_is_one_group_that_holds_all_blocks(repeats: int, blocks: int) -> None:
    layer_map = make_layer_map(SharingConfig("cycle", num_blocks=blocks), repeats * blocks)
    assert layer_map == hf_layer_map(repeats, 1, blocks)
    assert hf_layout(layer_map) == ((blocks, blocks, 1) if repeats == 1 else (repeats, 1, blocks))


@given(layout=layouts())
def test_unshared_layers_each_own_their_blocks_and_have_a_layout(layout: tuple[int, int, int]) -> None:
    layer_map = unshare(hf_layer_map(*layout))
    depth = layout[0] * layout[2]
    assert layer_map == make_layer_map(SharingConfig("none"), depth)
    assert hf_layout(layer_map) == (depth, depth, 1)


@pytest.mark.parametrize(
    "layout",
    [(1, 1, 1), (4, 1, 1), (4, 4, 1), (6, 2, 1), (7, 3, 1), (5, 2, 2), (3, 1, 3), (2, 1, 5), (4, 4, 2), (18, 14, 1)],
)
def test_transformers_runs_the_blocks_that_the_map_says(layout: tuple[int, int, int]) -> None:
    sizes = {"vocab_size": 8, "embedding_size": 4, "hidden_size": 4, "num_attention_heads": 1, "intermediate_size": 4}
    model = AlbertModel(
        AlbertConfig(**sizes, **dict(zip(HfLayout._fields, layout, strict=True))), add_pooling_layer=False
    ).eval()
    ran: list[int] = []
    for group, blocks in enumerate(model.encoder.albert_layer_groups):
        for k, block in enumerate(blocks.albert_layers):
            block.register_forward_hook(lambda *_, id=group * layout[2] + k: ran.append(id))
    with torch.no_grad():
        model(torch.zeros(1, 2, dtype=torch.long))
    assert tuple(ran) == hf_layer_map(*layout).attention


@pytest.mark.parametrize(
    ("layout", "says"),
    [
        ((3, 6, 1), "num_hidden_groups=6 with num_hidden_layers=3 never uses group 1; nearest 3"),
        ((0, 1, 1), "num_hidden_layers=0 is too small; nearest 1"),
        ((3, 0, 1), "num_hidden_groups=0 is too small; nearest 1"),
        ((3, 1, -1), "inner_group_num=-1 is too small; nearest 1"),
    ],
)
def test_a_layout_without_sense_is_refused(layout: tuple[int, int, int], says: str) -> None:
    with pytest.raises(UserError, match=says):
        hf_layer_map(*layout)


@pytest.mark.parametrize(
    ("sharing", "kind"),
    [
        (SharingConfig("attention"), "ffn"),
        (SharingConfig("ffn"), "ffn"),
        (SharingConfig("sandwich"), "attention_norm"),
        (SharingConfig("cycle_reversed", num_blocks=3), "attention"),
        (SharingConfig("cycle", num_blocks=4), "attention"),
        (SharingConfig("sequence", num_blocks=2, norms=NormSharing.per_layer), "attention_norm"),
        (SharingConfig("all", ffn_norm=[0, 1, 2, 3, 4, 5]), "ffn_norm"),
        (SharingConfig("custom", attention=[1, 1, 1, 0, 0, 0], ffn=[1, 1, 1, 0, 0, 0]), "attention"),
    ],
)
def test_a_map_that_hugging_face_cannot_say_is_refused_with_the_way_out(sharing: SharingConfig, kind: str) -> None:
    layer_map = make_layer_map(sharing, 6)
    with pytest.raises(UserError, match=rf"sharing\.{kind}=\[.*cannot be written for Hugging Face.*--unroll"):
        hf_layout(layer_map)


def test_groups_are_cut_as_hugging_face_cuts_them_where_that_differs() -> None:
    ours = make_layer_map(SharingConfig("groups", num_hidden_groups=14), 18)
    theirs = hf_layer_map(18, 14)
    assert ours != theirs
    assert hf_layout(theirs) == (18, 14, 1)
    with pytest.raises(UserError, match="--unroll"):
        hf_layout(ours)


@given(ids=st.lists(st.integers(0, 3), min_size=1, max_size=8))
def test_no_layout_is_missed(ids: list[int]) -> None:
    blocks = tuple({id: rank for rank, id in enumerate(dict.fromkeys(ids))}[id] for id in ids)
    layer_map = LayerMap(blocks, blocks, blocks, blocks)
    depth = len(ids)
    every = [
        (layers, groups, depth // layers)
        for layers in range(1, depth + 1) if depth % layers == 0
        for groups in range(1, layers + 1)
    ]  # fmt: skip
    possible = [layout for layout in every if hf_layer_map(*layout) == layer_map]
    if possible:
        assert hf_layout(layer_map) == max(possible)  # most layers, smallest K
    else:
        with pytest.raises(UserError, match="cannot be written"):
            hf_layout(layer_map)
