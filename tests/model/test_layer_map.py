"""Layer maps: every scheme gives ids without gaps, and every impossible map is refused with a remedy."""

import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.config.variant import SharingConfig
from albert_lab.errors import UserError
from albert_lab.model.layer_map import LayerMap, make_layer_map
from albert_lab.model.schemes import READ_BY, SCHEMES

LAYERS = st.integers(1, 48)


def blocks(layer_map: LayerMap) -> tuple[int, int]:
    return layer_map.num_attention_blocks, layer_map.num_ffn_blocks


def a_sharing(scheme: str, layers: int, data: st.DataObject) -> SharingConfig:
    """Settings with which the scheme can share so many layers."""
    number = data.draw(st.integers(1, layers))
    own = 2 if scheme.startswith("middle") else 0  # blocks of the first and the last layer
    if scheme.endswith("sequence"):
        return SharingConfig(scheme, num_blocks=own + math.ceil((layers - own) / number))
    if scheme in READ_BY["num_blocks"]:
        return SharingConfig(scheme, num_blocks=max(number, own + 1))
    key = {"groups": "num_hidden_groups", "immediate": "repeats"}.get(scheme)
    return SharingConfig(scheme, **{key: number} if key else {})


@given(layers=st.integers(3, 48), scheme=st.sampled_from(sorted(set(SCHEMES) - {"custom"})), data=st.data())
def test_every_scheme_gives_each_layer_a_block_and_each_block_a_layer(
    layers: int, scheme: str, data: st.DataObject
) -> None:
    sharing = a_sharing(scheme, layers, data)
    layer_map = make_layer_map(sharing, layers)
    assert layer_map.num_layers == layers == len(list(layer_map.layers()))
    assert set(layer_map.attention) == set(range(layer_map.num_attention_blocks))
    if sharing.num_blocks:
        assert blocks(layer_map) == (sharing.num_blocks, sharing.num_blocks)
    if scheme != "sandwich":
        assert (layer_map.attention_norm, layer_map.ffn_norm) == (layer_map.attention, layer_map.ffn)


@given(layers=LAYERS)
def test_named_schemes_have_the_blocks_that_their_names_say(layers: int) -> None:
    assert blocks(make_layer_map(SharingConfig("all"), layers)) == (1, 1)
    assert blocks(make_layer_map(SharingConfig("none"), layers)) == (layers, layers)
    assert blocks(make_layer_map(SharingConfig("attention"), layers)) == (1, layers)
    assert blocks(make_layer_map(SharingConfig("ffn"), layers)) == (layers, 1)


@given(data=st.data(), layers=LAYERS)
def test_groups_are_runs_whose_lengths_differ_by_at_most_one(data: st.DataObject, layers: int) -> None:
    groups = data.draw(st.integers(1, layers))
    ids = make_layer_map(SharingConfig("groups", num_hidden_groups=groups), layers).attention
    sizes = [ids.count(group) for group in range(groups)]
    assert list(ids) == sorted(ids)
    assert max(sizes) - min(sizes) <= 1


def test_groups_at_the_ends_are_all_and_none() -> None:
    # 22 layers in 22 groups is where Google's float formula leaves group 15 unused
    assert make_layer_map(SharingConfig("groups", num_hidden_groups=1), 22) == make_layer_map(SharingConfig("all"), 22)
    assert make_layer_map(SharingConfig("groups", num_hidden_groups=22), 22) == make_layer_map(
        SharingConfig("none"), 22
    )


@given(ids=st.lists(st.integers(-2, 6), min_size=1, max_size=8))
def test_a_map_is_accepted_exactly_when_its_ids_have_no_gap(ids: list[int]) -> None:
    without_gap = set(ids) == set(range(max(ids) + 1))
    try:
        layer_map = make_layer_map(SharingConfig("custom", attention=ids, ffn=ids), len(ids))
    except UserError:
        assert not without_gap
    else:
        assert without_gap
        assert layer_map.num_ffn_blocks == len(set(ids))


def test_norms_that_are_listed_replace_the_blocks_own_in_any_scheme() -> None:
    layer_map = make_layer_map(SharingConfig("all", attention_norm=[0, 1, 2], ffn_norm=[0, 0, 1]), 3)
    assert (layer_map.attention, layer_map.ffn) == ((0, 0, 0), (0, 0, 0))
    assert (layer_map.num_attention_norms, layer_map.num_ffn_norms) == (3, 2)


def test_layers_come_in_the_order_the_blocks_run() -> None:
    layer_map = LayerMap(attention=(0, 1), ffn=(0, 0), attention_norm=(1, 0), ffn_norm=(0, 1))
    assert [tuple(layer) for layer in layer_map.layers()] == [(0, 1, 0, 0), (1, 0, 0, 1)]


def test_a_map_is_drawn_as_rows_of_labelled_blocks() -> None:
    drawn = make_layer_map(SharingConfig("attention"), 4).describe().splitlines()
    assert drawn == [
        "layer                       1   2   3   4 ",
        "attention, attention_norm  [0] [0] [0] [0]  1 block, run 4 times",
        "ffn, ffn_norm              [0] [1] [2] [3]  4 blocks",
    ]
    custom = SharingConfig("custom", attention=[0, 0, 1, 1], ffn=[0, 1, 1, 1], ffn_norm=[0, 1, 2, 3])
    assert make_layer_map(custom, 4).describe().splitlines()[1:] == [
        "attention, attention_norm  [0] [0] [1] [1]  2 blocks, run 2 times each",
        "ffn                        [0] [1] [1] [1]  2 blocks, run 1 to 3 times",
        "ffn_norm                   [0] [1] [2] [3]  4 blocks",
    ]


@pytest.mark.parametrize(
    ("sharing", "says"),
    [
        ({"scheme": "al"}, "sharing.scheme='al' is unknown; did you mean 'all'?"),
        ({"scheme": "groups", "num_hidden_groups": 5}, "num_hidden_groups=5 does not fit 4 layers; nearest 4"),
        ({"scheme": "groups", "num_hidden_groups": 0}, "num_hidden_groups=0 does not fit 4 layers; nearest 1"),
        ({"scheme": "all", "num_hidden_groups": 2}, "set scheme=groups or leave num_hidden_groups out"),
        ({"scheme": "all", "ffn": [0, 0, 0, 0]}, "set scheme=custom or leave ffn out"),
        ({"scheme": "custom", "ffn": [0, 0, 0, 0]}, "needs sharing.attention: 4 block ids"),
        ({"scheme": "custom", "attention": [0, 1], "ffn": [0] * 4}, "names 2 layers and the model has 4"),
        ({"scheme": "custom", "attention": [0, 2, 2, 4], "ffn": [0] * 4}, "never uses block 1; without gaps it is"),
        ({"scheme": "custom", "attention": [0, 2, 2, 4], "ffn": [0] * 4}, r"\[0, 1, 1, 2\]"),
        ({"scheme": "custom", "attention": [0, -1, 0, 0], "ffn": [0] * 4}, "has a negative id -1"),
        ({"scheme": "all", "ffn_norm": [0]}, r"sharing.ffn_norm=\[0\] names 1 layers"),
        ({"scheme": "none", "attention_norm": [1] * 4}, r"attention_norm=\[1, 1, 1, 1\] never uses block 0"),
    ],
)
def test_an_impossible_sharing_is_refused_with_a_remedy(sharing: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says.replace("?", r"\?")):
        make_layer_map(SharingConfig(**sharing), 4)


def test_a_model_without_layers_or_with_uneven_maps_is_refused() -> None:
    with pytest.raises(UserError, match=r"model.num_hidden_layers=0 leaves no layer; nearest 1"):
        make_layer_map(SharingConfig(), 0)
    with pytest.raises(UserError, match=r"names 1 layers where sharing.attention names 2"):
        LayerMap((0, 0), (0,), (0, 0), (0, 0))
    with pytest.raises(UserError, match=r"names 0 layers"):
        LayerMap((), (), (), ())


def test_layer_maps_need_no_torch() -> None:
    code = "import sys, albert_lab.model.layer_map, albert_lab.model.shape; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
