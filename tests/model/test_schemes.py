"""Every scheme is what its source says: its formulas as the source writes them, and its own examples."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from albert_lab.config.variant import NormSharing, SharingConfig
from albert_lab.errors import UserError
from albert_lab.model.layer_map import make_layer_map
from albert_lab.model.schemes import READ_BY, SCHEMES
from albert_lab.runs.identity import describe_sharing
from tests.lab import composed

VARIANTS_PAGE = (Path(__file__).parents[2] / "docs/variants.md").read_text(encoding="utf-8")
DEPTHS, BLOCKS = st.integers(3, 48), st.integers(1, 48)


def ids(layers: int, scheme: str, **settings: Any) -> list[int]:
    layer_map = make_layer_map(SharingConfig(scheme, **settings), layers)
    assert layer_map.attention == layer_map.ffn
    return list(layer_map.attention)


def digits(text: str) -> list[int]:
    return [int(digit) for digit in text if digit != " "]


def walk(layers: int, unique: int, turns: bool) -> Iterator[int]:
    """Takase & Kiyono's construction of a stack, layer after layer: new layers, copies forth, and copies back."""
    yield from range(unique)
    left = layers - unique
    while left > (unique if turns else 0):
        for block in range(unique):
            if left > (unique if turns else 0):
                yield block
                left -= 1
    yield from (unique - 1 - step for step in range(left))


@pytest.mark.parametrize(
    ("layers", "share_layer_num", "map_"),
    [(12, 3, "0123 0123 3210"), (6, 2, "012 210"), (7, 3, "012 0 210"), (6, 3, "01 01 10"), (5, 2, "012 21")],
)
def test_cycle_reversed_gives_the_examples_of_its_authors(layers: int, share_layer_num: int, map_: str) -> None:
    blocks = -(-layers // share_layer_num)
    assert ids(layers, "cycle_reversed", num_blocks=blocks) == digits(map_)


@given(layers=DEPTHS, blocks=BLOCKS)
def test_cycles_are_built_as_in_takase_and_kiyonos_code(layers: int, blocks: int) -> None:
    assume(blocks <= layers)
    assert ids(layers, "cycle", num_blocks=blocks) == list(walk(layers, blocks, turns=False))
    assert ids(layers, "cycle_reversed", num_blocks=blocks) == list(walk(layers, blocks, turns=True))


@given(layers=DEPTHS, blocks=BLOCKS)
def test_with_two_cycles_or_more_the_last_blocks_come_in_reverse(layers: int, blocks: int) -> None:
    assume(2 * blocks <= layers)
    forth = [layer % blocks for layer in range(layers - blocks)]
    assert ids(layers, "cycle_reversed", num_blocks=blocks) == [*forth, *reversed(range(blocks))]


@given(layers=DEPTHS, run=BLOCKS)
def test_a_sequence_is_runs_of_share_layer_num_layers(layers: int, run: int) -> None:
    stack: list[int] = []
    while len(stack) < layers:
        stack += [stack[-1] + 1 if stack else 0] * min(run, layers - len(stack))
    blocks = stack[-1] + 1
    longest = -(-layers // blocks)  # several run lengths can make as many blocks; ours is ceil(N/U)
    assert ids(layers, "sequence", num_blocks=blocks) == [layer // longest for layer in range(layers)]
    if run == longest:
        assert ids(layers, "sequence", num_blocks=blocks) == stack


@given(layers=DEPTHS)
def test_a_sandwich_shares_the_middle_and_no_norm(layers: int) -> None:
    layer_map = make_layer_map(SharingConfig("sandwich"), layers)
    assert list(layer_map.attention) == list(layer_map.ffn) == [0, *[1] * (layers - 2), 2]
    assert layer_map.attention_norm == layer_map.ffn_norm == tuple(range(layers))


@given(blocks=BLOCKS, repeats=st.integers(1, 4))
def test_immediate_runs_every_block_so_often_in_a_row(blocks: int, repeats: int) -> None:
    stack = [block for block in range(blocks) for _ in range(repeats)]
    assert ids(len(stack), "immediate", repeats=repeats) == stack
    if repeats == 2:
        assert ids(len(stack), "immediate") == stack
        if blocks > 1:
            assert ids(len(stack) - 1, "immediate") == stack[:-1]


@given(recursions=st.integers(1, 6), base_depth=st.integers(1, 8))
def test_the_middle_schemes_tie_the_layers_that_mixture_of_recursions_ties(recursions: int, base_depth: int) -> None:
    layers = recursions * base_depth + 2
    for scheme in ("middle_cycle", "middle_sequence"):
        tied = list(range(layers))
        for block in range(base_depth):
            runs = range(block * recursions, (block + 1) * recursions)
            cycles = range(block, layers - 2, base_depth)
            for place in cycles if scheme == "middle_cycle" else runs:
                tied[1 + place] = 1 + block
        tied[-1] = base_depth + 1
        assert ids(layers, scheme, num_blocks=base_depth + 2) == tied


@given(layers=DEPTHS, groups=BLOCKS, inner=st.integers(1, 4))
def test_an_inner_group_runs_its_blocks_in_sequence(layers: int, groups: int, inner: int) -> None:
    assume(groups <= layers)
    stack = ids(layers, "groups", num_hidden_groups=groups, inner_group_num=inner)
    outer = ids(layers, "groups", num_hidden_groups=groups)
    assert stack == [group * inner + k for group in outer for k in range(inner)]


@pytest.mark.parametrize("scheme", sorted(set(SCHEMES) - {"custom"}))
def test_norms_go_with_the_block_or_the_layer_in_any_scheme(scheme: str) -> None:
    settings: dict[str, Any] = {"num_blocks": 3} if scheme in READ_BY["num_blocks"] else {}
    with_block = make_layer_map(SharingConfig(scheme, **settings, norms=NormSharing.with_block), 6)
    assert (with_block.attention_norm, with_block.ffn_norm) == (with_block.attention, with_block.ffn)
    per_layer = make_layer_map(SharingConfig(scheme, **settings, norms=NormSharing.per_layer), 6)
    assert per_layer.attention_norm == per_layer.ffn_norm == (0, 1, 2, 3, 4, 5)
    listed = make_layer_map(SharingConfig(scheme, **settings, norms=NormSharing.per_layer, ffn_norm=[0] * 6), 6)
    assert (listed.attention_norm, listed.ffn_norm) == ((0, 1, 2, 3, 4, 5), (0,) * 6)
    assert (per_layer.attention, listed.ffn) == (with_block.attention, with_block.ffn)


@pytest.mark.parametrize(
    ("sharing", "says"),
    [
        ({"scheme": "cycle"}, "scheme=cycle needs sharing.num_blocks, its unique blocks, 1 to 6 for 6 layers"),
        ({"scheme": "cycle", "num_blocks": 7}, "num_blocks=7 does not fit 6 layers .*; nearest 6"),
        ({"scheme": "middle_cycle", "num_blocks": 2}, "num_blocks=2 does not fit 6 layers .*; nearest 3"),
        ({"scheme": "sequence", "num_blocks": 4}, "no 4 blocks of 6 layers; nearest 3 or 6 "),
        ({"scheme": "middle_sequence", "num_blocks": 5}, "no 3 blocks of 4 layers; nearest 4 or 6 "),
        ({"scheme": "immediate", "repeats": 0}, "repeats=0 does not fit 6 layers; nearest 1"),
        ({"scheme": "immediate", "repeats": 7}, "repeats=7 does not fit 6 layers; nearest 6"),
        ({"scheme": "groups", "inner_group_num": 0}, "inner_group_num=0 leaves a group without blocks; nearest 1"),
        ({"scheme": "all", "inner_group_num": 2}, "not read by sharing.scheme=all; set scheme=groups or leave"),
        ({"scheme": "all", "num_blocks": 2}, r"set scheme=sequence\|cycle\|cycle_reversed\|middle_cycle\|middle_seq"),
        ({"scheme": "cycle", "num_blocks": 2, "repeats": 3}, "set scheme=immediate or leave repeats out"),
        ({"scheme": "groups", "inner_group_num": 2, "ffn_norm": [0] * 6}, "names 6 layers and the layer map has 12"),
    ],
)
def test_a_setting_that_a_scheme_cannot_follow_is_refused_with_a_remedy(sharing: dict[str, Any], says: str) -> None:
    with pytest.raises(UserError, match=says):
        make_layer_map(SharingConfig(**sharing), 6)


@pytest.mark.parametrize("scheme", ["sandwich", "middle_cycle", "middle_sequence"])
def test_a_scheme_of_the_middle_needs_one(scheme: str) -> None:
    settings = {} if scheme == "sandwich" else {"num_blocks": 3}
    assert ids(3, scheme, **settings) == [0, 1, 2]
    with pytest.raises(UserError, match=r"num_hidden_layers=2 leaves nothing; nearest 3"):
        ids(2, scheme, **settings)


@given(layers=DEPTHS, blocks=BLOCKS)
def test_the_nearest_sequence_that_a_refusal_names_is_possible(layers: int, blocks: int) -> None:
    assume(blocks <= layers)
    try:
        assert max(ids(layers, "sequence", num_blocks=blocks)) == blocks - 1
    except UserError as error:
        for nearest in re.findall(r"nearest (\d+) or (\d+)", str(error))[0]:
            assert max(ids(layers, "sequence", num_blocks=int(nearest))) == int(nearest) - 1


def test_names_of_runs_tell_sharings_apart() -> None:
    different = [
        *(SharingConfig(scheme) for scheme in SCHEMES if scheme not in ("custom", *READ_BY["num_blocks"])),
        *(SharingConfig(scheme, num_blocks=n) for scheme in READ_BY["num_blocks"] for n in (3, 4)),
        SharingConfig("groups", num_hidden_groups=2),
        SharingConfig("groups", inner_group_num=2),
        SharingConfig("groups", num_hidden_groups=12),
        SharingConfig("immediate", repeats=3),
        *(SharingConfig("all", norms=norms) for norms in NormSharing),
        SharingConfig("all", ffn_norm=[0, 1]),
        SharingConfig("all", attention_norm=[0, 1]),
        SharingConfig("custom", attention=[0, 1], ffn=[0, 0]),
        SharingConfig("custom", attention=[0, 0], ffn=[0, 1]),
    ]
    names = [describe_sharing(sharing) for sharing in different]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z0-9_ -]+", name) for name in names), names
    assert {"all", "groups2", "groups1x2", "cycle3", "all per-layer norms"} <= set(names)


def documented_maps() -> list[tuple[str, str, str]]:
    lines = [line for line in VARIANTS_PAGE.splitlines() if "| `sharing=" in line]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    return [(row[0].strip("`"), row[1].strip("`"), row[2].strip("`")) for row in rows]


@pytest.mark.parametrize(("overrides", "attention", "ffn"), documented_maps(), ids=lambda cell: cell)
def test_the_documented_map_is_what_the_command_line_makes(overrides: str, attention: str, ffn: str) -> None:
    words = overrides.split()
    depth = [] if any(word.startswith("model.num_hidden_layers=") for word in words) else ["model.num_hidden_layers=6"]
    config = composed(*words, *depth)
    layer_map = make_layer_map(config.sharing, config.model.num_hidden_layers)
    assert [layer_map.attention, layer_map.ffn] == [tuple(map(int, attention.split())), tuple(map(int, ffn.split()))]
    assert layer_map.num_layers == 6


def test_the_readme_draws_every_scheme() -> None:
    assert {overrides.split()[0].removeprefix("sharing=") for overrides, _, _ in documented_maps()} == set(SCHEMES)
