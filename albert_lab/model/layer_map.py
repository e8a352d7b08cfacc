"""Which block every logical layer uses: a variant's sharing, as integers (no torch).

A scheme is a pure function `(num_layers, sharing) -> LayerMap` listed in `SCHEMES`. To add one, write the function
and list it: the encoder, the costs and the command line only ever see the integers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

from albert_lab.config.errors import UserError, nearest
from albert_lab.config.schema import SharingConfig


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
        """The map drawn: a line per kind, a column per layer."""
        width = len(str(self.num_layers - 1))
        rows = {kind.name: getattr(self, kind.name) for kind in fields(self)}
        label = max(map(len, rows))
        return "\n".join(f"{name:<{label}} {' '.join(f'{id:>{width}}' for id in ids)}" for name, ids in rows.items())


Scheme = Callable[[int, SharingConfig], LayerMap]


def norms_with_blocks(attention: Sequence[int], ffn: Sequence[int]) -> LayerMap:
    """A map whose LayerNorms go with their block, as in Google's code; gives the paper's parameter counts."""
    return LayerMap(tuple(attention), tuple(ffn), tuple(attention), tuple(ffn))


def share_all(num_layers: int, sharing: SharingConfig) -> LayerMap:
    """ALBERT: one block for every layer (paper section 3.1)."""
    return norms_with_blocks([0] * num_layers, [0] * num_layers)


def share_none(num_layers: int, sharing: SharingConfig) -> LayerMap:
    """BERT: a block per layer."""
    return norms_with_blocks(range(num_layers), range(num_layers))


def share_attention(num_layers: int, sharing: SharingConfig) -> LayerMap:
    """One attention block, a feed-forward block per layer (paper table 4)."""
    return norms_with_blocks([0] * num_layers, range(num_layers))


def share_ffn(num_layers: int, sharing: SharingConfig) -> LayerMap:
    """One feed-forward block, an attention block per layer (paper table 4)."""
    return norms_with_blocks(range(num_layers), [0] * num_layers)


def share_in_groups(num_layers: int, sharing: SharingConfig) -> LayerMap:
    """G runs of neighbouring layers, a block each: layer i uses i*G//L.

    In integers, because Google's `int(i / L * G)` leaves groups unused for some L and G (first: L = G = 22).
    """
    groups = sharing.num_hidden_groups
    if not 1 <= groups <= num_layers:
        raise UserError(
            f"sharing.num_hidden_groups={groups} does not fit {num_layers} layers; "
            f"nearest {min(max(groups, 1), num_layers)}"
        )
    ids = [layer * groups // num_layers for layer in range(num_layers)]
    return norms_with_blocks(ids, ids)


def share_as_listed(num_layers: int, sharing: SharingConfig) -> LayerMap:
    """The integers that the user wrote."""
    return norms_with_blocks(
        _listed("attention", sharing.attention, num_layers), _listed("ffn", sharing.ffn, num_layers)
    )


SCHEMES: dict[str, Scheme] = {
    "all": share_all,
    "none": share_none,
    "attention": share_attention,
    "ffn": share_ffn,
    "groups": share_in_groups,
    "custom": share_as_listed,
}


def make_layer_map(sharing: SharingConfig, num_hidden_layers: int) -> LayerMap:
    """The layer map of a sharing configuration.

    Raises:
        UserError: an unknown scheme, settings that the scheme does not read, or a map that is impossible.
    """
    if num_hidden_layers < 1:
        raise UserError(f"model.num_hidden_layers={num_hidden_layers} leaves no layer; nearest 1")
    if sharing.scheme not in SCHEMES:
        raise UserError(f"sharing.scheme={sharing.scheme!r} is unknown{nearest(sharing.scheme, SCHEMES)}")
    _check_nothing_unread(sharing)
    layer_map = SCHEMES[sharing.scheme](num_hidden_layers, sharing)
    return _with_given_norms(layer_map, sharing)


def _with_given_norms(layer_map: LayerMap, sharing: SharingConfig) -> LayerMap:
    """The map with the LayerNorms that the user listed in place of the blocks' own."""
    given = {"attention_norm": sharing.attention_norm, "ffn_norm": sharing.ffn_norm}
    norms = {kind: _listed(kind, ids, layer_map.num_layers) for kind, ids in given.items() if ids is not None}
    return replace(layer_map, **norms)


def _check_nothing_unread(sharing: SharingConfig) -> None:
    """Refuse settings that the scheme would silently ignore."""
    read_by = {"num_hidden_groups": "groups", "attention": "custom", "ffn": "custom"}
    unset = SharingConfig()
    for key, scheme in read_by.items():
        value = getattr(sharing, key)
        if sharing.scheme != scheme and value != getattr(unset, key):
            raise UserError(
                f"sharing.{key}={value} is read by sharing.scheme={scheme} only, "
                f"and the scheme is {sharing.scheme}; set scheme={scheme} or leave {key} out"
            )


def _listed(kind: str, ids: Sequence[int] | None, num_layers: int) -> tuple[int, ...]:
    if ids is None:
        raise UserError(f"sharing.scheme=custom needs sharing.{kind}: {num_layers} block ids, one per layer")
    if len(ids) != num_layers:
        raise UserError(
            f"sharing.{kind}={list(ids)} names {len(ids)} layers and the model has {num_layers}; "
            f"give {num_layers} ids or set model.num_hidden_layers={len(ids)}"
        )
    return tuple(ids)


def _check_ids(kind: str, ids: tuple[int, ...], num_layers: int) -> None:
    """Ids are one per layer, 0..n-1, each used."""
    key = f"sharing.{kind}={list(ids)}"
    if not ids or len(ids) != num_layers:
        raise UserError(f"{key} names {len(ids)} layers where sharing.attention names {num_layers}; give one per layer")
    if min(ids) < 0:
        raise UserError(f"{key} has a negative id {min(ids)}; block ids start at 0")
    unused = sorted(set(range(max(ids) + 1)) - set(ids))
    if unused:
        raise UserError(f"{key} never uses block {unused[0]}; without gaps it is {_without_gaps(ids)}")


def _without_gaps(ids: tuple[int, ...]) -> list[int]:
    """The same sharing with ids 0..n-1, in the order of the ids."""
    rank = {id: new for new, id in enumerate(sorted(set(ids)))}
    return [rank[id] for id in ids]
