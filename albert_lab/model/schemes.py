"""The named sharing schemes: which block every logical layer uses, as pure functions of the depth (no torch).

A scheme gives block ids; the LayerNorms follow (`layer_map`). To add one, write the function, list it in `SCHEMES`,
and list in `READ_BY` the settings that it reads. Below, N is the number of logical layers, U that of unique blocks
(`sharing.num_blocks`), and layers count from 0.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from albert_lab.config.ranges import MOST_LAYERS
from albert_lab.config.variant import NormSharing, SharingConfig
from albert_lab.errors import UserError


class BlockIds(NamedTuple):
    """The attention and feed-forward block of every logical layer."""

    attention: Sequence[int]
    ffn: Sequence[int]


Scheme = Callable[[int, SharingConfig], BlockIds]


def _share_both(ids: Sequence[int]) -> BlockIds:
    """Attention and feed-forward block shared together."""
    return BlockIds(ids, ids)


def share_all(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """ALBERT: one block for every layer (paper section 3.1)."""
    return _share_both([0] * num_layers)


def share_none(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """BERT: a block per layer."""
    return _share_both(range(num_layers))


def share_attention(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """One attention block, a feed-forward block per layer (paper table 4)."""
    return BlockIds([0] * num_layers, range(num_layers))


def share_ffn(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """One feed-forward block, an attention block per layer (paper table 4)."""
    return BlockIds(range(num_layers), [0] * num_layers)


def share_in_groups(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """G runs of neighbouring layers, K blocks each: layer i runs the K blocks of group i*G//L in sequence.

    So there are L*K logical layers; K is `inner_group_num` in Google's `modeling.py` and at Hugging Face. In integers,
    because Google's `int(i / L * G)` leaves groups unused for some L and G (first: L = G = 22).
    """
    groups, inner = sharing.num_hidden_groups, sharing.inner_group_num
    if not 1 <= groups <= num_layers:
        raise UserError(
            f"sharing.num_hidden_groups={groups} does not fit {num_layers} layers; "
            f"nearest {min(max(groups, 1), num_layers)}"
        )
    if inner < 1:
        raise UserError(f"sharing.inner_group_num={inner} leaves a group without blocks; nearest 1")
    check_depth(num_layers, inner)
    return _share_both([layer * groups // num_layers * inner + k for layer in range(num_layers) for k in range(inner)])


def check_depth(num_hidden_layers: int, inner_group_num: int) -> None:
    """Raises UserError where L*K is deeper than any model."""
    if num_hidden_layers * inner_group_num > MOST_LAYERS:
        raise UserError(
            f"num_hidden_layers={num_hidden_layers} times inner_group_num={inner_group_num} "
            f"must be at most {MOST_LAYERS} layers"
        )


def share_in_sequence(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """Each block S = ceil(N/U) times in a row: i//S.

    SEQUENCE of Takase & Kiyono, arXiv 2104.06022 (takase/share_layer_params, fairseq/models/transformer.py:
    `share_type=sequence`, S is `share_layer_num`); "sequence" of Mixture-of-Recursions (S is `num_recursion`).
    """
    return _share_both(_make_runs(num_layers, _num_blocks(num_layers, sharing), sharing))


def share_in_cycles(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """The U blocks in order, again and again: i mod U.

    CYCLE of Takase & Kiyono, arXiv 2104.06022 (same file: `share_type=cycle`, U = ceil(N / share_layer_num)); "cycle"
    of Mixture-of-Recursions (U is `base_depth`); the looping of Relaxed Recursive Transformers, arXiv 2410.20672.
    """
    blocks = _num_blocks(num_layers, sharing)
    return _share_both([layer % blocks for layer in range(num_layers)])


def share_in_reversed_cycles(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """Cycles, the last of them backwards: 0 1 2 0 1 2 2 1 0; N=7, U=3 is 0 1 2 0 2 1 0.

    CYCLE (REV) of Takase & Kiyono, arXiv 2104.06022 (same file: `share_type=cycle_reverse`): U fresh layers, then the
    cycle goes on to layer N-U, then backwards from block U-1. With N < 2U the fresh layers come whole all the same and
    the way back is cut short (N=5, U=3 is 0 1 2 2 1), as in that code.
    """
    blocks = _num_blocks(num_layers, sharing)
    turn = max(blocks, num_layers - blocks)
    forth = [layer % blocks for layer in range(turn)]
    return _share_both(forth + [blocks - 1 - step for step in range(num_layers - turn)])


def share_middle(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """Subformer's sandwich: the first and the last layer own their blocks, one block is shared by all between.

    arXiv 2101.00234 (machelreid/subformer, fairseq/models/transformer.py: `share_layers` ties self_attn, fc1 and fc2
    and leaves the LayerNorms alone, so `sharing.norms` is per_layer here unless it is set).
    """
    _at_least_3_layers(num_layers, sharing)
    return _share_both([0] + [1] * (num_layers - 2) + [2])


def repeat_immediately(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """Each block `sharing.repeats` times in a row, the last one less often where it does not divide N.

    MobileLLM-LS, arXiv 2402.14905 (facebookresearch/MobileLLM, utils/modeling_llama.py: `layer_sharing` runs every
    decoder layer twice, its norms too).
    """
    if not 1 <= sharing.repeats <= num_layers:
        raise UserError(
            f"sharing.repeats={sharing.repeats} does not fit {num_layers} layers; "
            f"nearest {min(max(sharing.repeats, 1), num_layers)}"
        )
    return _share_both([layer // sharing.repeats for layer in range(num_layers)])


def cycle_middle(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """The first and the last layer own their blocks; the other U-2 blocks cycle through the layers between.

    "middle_cycle" of Mixture-of-Recursions, arXiv 2507.10524 (sudeshmu/mixture_of_recursions,
    model/sharing_strategy/llama.py: U-2 is `base_depth` = (N-2) / `num_recursion`). Where that does not divide, the
    reference drops layers and here the last cycle is cut short. `sharing.norms=per_layer` is its `ln_share=false`.
    """
    inner = _num_inner_blocks(num_layers, sharing)
    return _share_both([0] + [1 + layer % inner for layer in range(num_layers - 2)] + [inner + 1])


def sequence_middle(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """The first and the last layer own their blocks; the other U-2 blocks run S times in a row between.

    "middle_sequence" of Mixture-of-Recursions, arXiv 2507.10524 (same file; S = ceil((N-2) / (U-2)) is its
    `num_recursion`).
    """
    inner = _num_inner_blocks(num_layers, sharing)
    return _share_both([0] + [1 + id for id in _make_runs(num_layers - 2, inner, sharing, own=2)] + [inner + 1])


def share_as_listed(num_layers: int, sharing: SharingConfig) -> BlockIds:
    """The integers that the user wrote."""
    attention = _check_listed("attention", sharing.attention, num_layers)
    return BlockIds(attention, _check_listed("ffn", sharing.ffn, num_layers))


SCHEMES: dict[str, Scheme] = {
    "all": share_all,
    "none": share_none,
    "attention": share_attention,
    "ffn": share_ffn,
    "groups": share_in_groups,
    "sequence": share_in_sequence,
    "cycle": share_in_cycles,
    "cycle_reversed": share_in_reversed_cycles,
    "sandwich": share_middle,
    "immediate": repeat_immediately,
    "middle_cycle": cycle_middle,
    "middle_sequence": sequence_middle,
    "custom": share_as_listed,
}
READ_BY = {  # setting -> the schemes that read it
    "num_hidden_groups": ("groups",),
    "inner_group_num": ("groups",),
    "num_blocks": ("sequence", "cycle", "cycle_reversed", "middle_cycle", "middle_sequence"),
    "repeats": ("immediate",),
    "attention": ("custom",),
    "ffn": ("custom",),
}


def default_norms(scheme: str) -> NormSharing:
    """Who owns the LayerNorms where `sharing.norms` is null: what the scheme's source does."""
    return NormSharing.per_layer if scheme == "sandwich" else NormSharing.with_block


def _num_blocks(num_layers: int, sharing: SharingConfig, least: int = 1) -> int:
    """U, between `least` and N."""
    blocks = sharing.num_blocks
    if blocks is None:
        raise UserError(
            f"sharing.scheme={sharing.scheme} needs sharing.num_blocks, "
            f"its unique blocks, {least} to {num_layers} for {num_layers} layers"
        )
    if not least <= blocks <= num_layers:
        raise UserError(
            f"sharing.num_blocks={blocks} does not fit {num_layers} layers with sharing.scheme={sharing.scheme}; "
            f"nearest {min(max(blocks, least), num_layers)}"
        )
    return blocks


def _num_inner_blocks(num_layers: int, sharing: SharingConfig) -> int:
    """U without the blocks of the first and the last layer."""
    _at_least_3_layers(num_layers, sharing)
    return _num_blocks(num_layers, sharing, least=3) - 2


def _at_least_3_layers(num_layers: int, sharing: SharingConfig) -> None:
    if num_layers < 3:
        raise UserError(
            f"sharing.scheme={sharing.scheme} shares what lies between the first and the last layer, "
            f"and model.num_hidden_layers={num_layers} leaves nothing; nearest 3"
        )


def _make_runs(num_layers: int, blocks: int, sharing: SharingConfig, own: int = 0) -> list[int]:
    """Runs of ceil(N/U) layers, the last one shorter; refused where fewer than U runs make N layers.

    `own` is how many more blocks the scheme has, for the message.
    """
    ids = [layer // -(-num_layers // blocks) for layer in range(num_layers)]
    if ids[-1] + 1 != blocks:
        possible = {-(-num_layers // run) + own for run in range(1, num_layers + 1)}
        below, above = max(n for n in possible if n < blocks + own), min(n for n in possible if n > blocks + own)
        raise UserError(
            f"sharing.num_blocks={blocks + own}: runs of equal length make no {blocks} blocks of {num_layers} layers; "
            f"nearest {below} or {above} (scheme=groups makes runs that differ by one layer)"
        )
    return ids


def _check_listed(kind: str, ids: Sequence[int] | None, num_layers: int) -> tuple[int, ...]:
    if ids is None:
        raise UserError(f"sharing.scheme=custom needs sharing.{kind}: {num_layers} block ids, one per layer")
    if len(ids) != num_layers:
        raise UserError(
            f"sharing.{kind}={list(ids)} names {len(ids)} layers and the model has {num_layers}; "
            f"give {num_layers} ids or set model.num_hidden_layers={len(ids)}"
        )
    return tuple(ids)
