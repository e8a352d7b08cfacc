"""Which block every logical layer uses: a variant's sharing, as integers (no torch).

The named schemes are in `schemes`. The encoder, the costs and the command line only ever see the integers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

from albert_lab.config.ranges import MOST_LAYERS
from albert_lab.config.variant import NormSharing, SharingConfig
from albert_lab.errors import UserError, nearest
from albert_lab.model.schemes import READ_BY, SCHEMES, check_depth, default_norms


class Layer(NamedTuple):
    """The blocks and LayerNorms of one logical layer, in the order they run."""

    attention: int
    attention_norm: int
    ffn: int
    ffn_norm: int


@dataclass(frozen=True)
class LayerMap:
    """For every logical layer the attention block, feed-forward block and LayerNorms it uses.

    Ids of a kind are 0..n-1 and each is used by some layer, so that no weight exists that is never trained.
    """

    attention: tuple[int, ...]
    ffn: tuple[int, ...]
    attention_norm: tuple[int, ...]
    ffn_norm: tuple[int, ...]

    def __post_init__(self) -> None:
        for kind in fields(self):
            _check_ids(kind.name, getattr(self, kind.name), len(self.attention))

    @property
    def num_layers(self) -> int:
        return len(self.attention)

    @property
    def num_attention_blocks(self) -> int:
        return max(self.attention) + 1

    @property
    def num_ffn_blocks(self) -> int:
        return max(self.ffn) + 1

    @property
    def num_attention_norms(self) -> int:
        return max(self.attention_norm) + 1

    @property
    def num_ffn_norms(self) -> int:
        return max(self.ffn_norm) + 1

    def layers(self) -> Iterator[Layer]:
        """The logical layers, first to last."""
        yield from map(Layer, self.attention, self.attention_norm, self.ffn, self.ffn_norm)

    def describe(self) -> str:
        """The map drawn: a row of labelled blocks per kind, a column per layer; kinds with the same ids share a row."""
        kinds: dict[tuple[int, ...], list[str]] = {}
        for kind in fields(self):
            kinds.setdefault(getattr(self, kind.name), []).append(kind.name)
        labels = [", ".join(names) for names in kinds.values()]
        label, width = max(map(len, ["layer", *labels])), len(str(self.num_layers))
        lines = [f"{'layer':<{label}}  " + " ".join(f" {number:>{width}} " for number in range(1, self.num_layers + 1))]
        for text, ids in zip(labels, kinds, strict=True):
            blocks = " ".join(f"[{id:>{width}}]" for id in ids)
            lines.append(f"{text:<{label}}  {blocks}  {_describe_uses(ids)}")
        return "\n".join(lines)


def _describe_uses(ids: tuple[int, ...]) -> str:
    """`1 block, run 12 times`, `3 blocks, run 2 to 4 times`, `12 blocks`."""
    counts = [ids.count(id) for id in set(ids)]
    blocks = f"{len(counts)} block" + "s" * (len(counts) > 1)
    least, most = min(counts), max(counts)
    times = f"{most} times" if least == most else f"{least} to {most} times"
    return blocks if most == 1 else f"{blocks}, run {times}" + " each" * (least == most and len(counts) > 1)


def make_layer_map(sharing: SharingConfig, num_hidden_layers: int) -> LayerMap:
    """The layer map of a sharing configuration: a layer per hidden layer, or L*K where a group has K inner blocks.

    Raises:
        UserError: an unknown scheme, settings that the scheme does not read, or a map that is impossible.
    """
    if num_hidden_layers < 1:
        raise UserError(f"model.num_hidden_layers={num_hidden_layers} leaves no layer; nearest 1")
    if sharing.scheme not in SCHEMES:
        raise UserError(f"sharing.scheme={sharing.scheme!r} is unknown{nearest(sharing.scheme, SCHEMES)}")
    _refuse_unread_settings(sharing)
    attention, ffn = map(tuple, SCHEMES[sharing.scheme](num_hidden_layers, sharing))
    norms = sharing.norms or default_norms(sharing.scheme)
    return LayerMap(
        attention,
        ffn,
        _norm_ids("attention_norm", sharing.attention_norm, norms, attention),
        _norm_ids("ffn_norm", sharing.ffn_norm, norms, ffn),
    )


def unshare(layer_map: LayerMap) -> LayerMap:
    """The map of the same depth in which every layer owns its blocks and LayerNorms."""
    own = tuple(range(layer_map.num_layers))
    return LayerMap(own, own, own, own)


class HfLayout(NamedTuple):
    """What Hugging Face's ALBERT knows of sharing: L applications of one of G groups, each K blocks in sequence."""

    num_hidden_layers: int
    num_hidden_groups: int
    inner_group_num: int


def hf_layer_map(num_hidden_layers: int, num_hidden_groups: int = 1, inner_group_num: int = 1) -> LayerMap:
    """The map of L*K layers that a Hugging Face configuration means; block k of group g is ours g*K + k.

    The group of layer i is `int(i / (L / G))` in floats as in transformers' `AlbertTransformer.forward`, which differs
    from the i*G//L of `scheme=groups` where G does not divide L (first: L=18, G=14).

    Raises:
        UserError: a count below 1, or a group that no layer uses.
    """
    layout = HfLayout(num_hidden_layers, num_hidden_groups, inner_group_num)
    for key, value in layout._asdict().items():
        if value < 1:
            raise UserError(f"{key}={value} is too small; nearest 1")
        if value > MOST_LAYERS:
            raise UserError(f"{key}={value} must be at most {MOST_LAYERS}")
    check_depth(num_hidden_layers, inner_group_num)
    of_layer = [int(layer / (num_hidden_layers / num_hidden_groups)) for layer in range(num_hidden_layers)]
    unused = sorted(set(range(num_hidden_groups)) - set(of_layer))
    if unused:
        raise UserError(
            f"num_hidden_groups={num_hidden_groups} with num_hidden_layers={num_hidden_layers} never uses "
            f"group {unused[0]}; nearest {num_hidden_layers}"
        )
    blocks = tuple(group * inner_group_num + k for group in of_layer for k in range(inner_group_num))
    return LayerMap(blocks, blocks, blocks, blocks)


def hf_layout(layer_map: LayerMap) -> HfLayout:
    """The Hugging Face layout that means exactly this map, the one with the smallest K where several do.

    A cycle of U blocks repeated S times is L=S, G=1, K=U. (transformers before 5 runs a layout only while K <= L/G.)

    Raises:
        UserError: there is none.
    """
    depth, blocks = layer_map.num_layers, layer_map.num_attention_blocks
    for inner in range(1, blocks + 1):
        if depth % inner == 0 and blocks % inner == 0:
            layout = HfLayout(depth // inner, blocks // inner, inner)
            if hf_layer_map(*layout) == layer_map:
                return layout
    kind = next((kind.name for kind in fields(layer_map) if getattr(layer_map, kind.name) != layer_map.attention), None)
    kind = kind or "attention"
    raise UserError(
        f"sharing.{kind}={list(getattr(layer_map, kind))} cannot be written for Hugging Face, whose layers share "
        "attention, feed-forward and LayerNorms together, in groups of neighbours that run the same blocks in the same "
        "order; --unroll writes a copy of its blocks for every layer"
    )


def _norm_ids(kind: str, listed: Sequence[int] | None, norms: NormSharing, blocks: tuple[int, ...]) -> tuple[int, ...]:
    """The LayerNorms that follow these blocks: the user's list, or what the rule says."""
    if listed is None:
        return blocks if norms is NormSharing.with_block else tuple(range(len(blocks)))
    if len(listed) != len(blocks):
        raise UserError(
            f"sharing.{kind}={list(listed)} names {len(listed)} layers and the layer map has {len(blocks)}; "
            f"give {len(blocks)} ids"
        )
    return tuple(listed)


def _refuse_unread_settings(sharing: SharingConfig) -> None:
    """Refuse settings that the scheme would silently ignore."""
    unset = SharingConfig()
    for key, schemes in READ_BY.items():
        value = getattr(sharing, key)
        if sharing.scheme not in schemes and value != getattr(unset, key):
            raise UserError(
                f"sharing.{key}={value} is not read by sharing.scheme={sharing.scheme}; "
                f"set scheme={'|'.join(schemes)} or leave {key} out"
            )


def _check_ids(kind: str, ids: tuple[int, ...], num_layers: int) -> None:
    """Ids are one per layer, 0..n-1, each used."""
    key = f"sharing.{kind}={list(ids)}"
    if not ids or len(ids) != num_layers:
        raise UserError(f"{key} names {len(ids)} layers where sharing.attention names {num_layers}; give one per layer")
    if min(ids) < 0:
        raise UserError(f"{key} has a negative id {min(ids)}; block ids start at 0")
    used = set(ids)
    unused = next((id for id in range(len(used)) if id not in used), None)  # ids without a gap are 0..len(used)-1
    if unused is not None:
        rank = {id: new for new, id in enumerate(sorted(used))}
        raise UserError(f"{key} never uses block {unused}; without gaps it is {[rank[id] for id in ids]}")
