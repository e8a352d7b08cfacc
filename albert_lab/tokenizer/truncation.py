"""Which tokens stay when a text or a pair is too long, as in the slow tokenizer of transformers 4.57.6.

Arithmetic on lengths only: the caller applies the slices to ids, tokens and offsets alike.
"""

import logging
from typing import NamedTuple

from albert_lab.errors import UserError

log = logging.getLogger(__name__)


class Truncation(NamedTuple):
    """The parts of the first and the second text that stay, and the part that overflows (of which text, and where)."""

    first: slice
    second: slice
    overflow_is_of_second: bool = False
    overflow: slice = slice(0, 0)


def truncate_lengths(
    lengths: tuple[int, int], paired: bool, remove: int, strategy: str, side: str, stride: int = 0
) -> Truncation:
    """Removes `remove` tokens from texts of these lengths.

    strategy: longest_first, only_first, only_second. side: where tokens are removed, "right" or "left".
    stride: how many tokens that stay the overflow repeats. A text that would be used up stays whole, and an error is
    logged, as in transformers.
    """
    whole = Truncation(slice(0, lengths[0]), slice(0, lengths[1]))
    if remove <= 0 or strategy == "do_not_truncate":
        return whole
    if side not in ("left", "right"):
        raise UserError(f"truncation_side={side!r}; known: left, right")
    if strategy == "longest_first" and paired:
        first, second = _split_removal(lengths, remove)
        return Truncation(_shorten(lengths[0], first, side), _shorten(lengths[1], second, side))
    of_second = strategy == "only_second"
    if of_second and not paired:
        return whole
    length = lengths[of_second]
    if length <= remove:
        which, other = ("second", "only_first") if of_second else ("first", "only_second")
        log.error("%d tokens must go, but the %s text has %d; try %s or longest_first", remove, which, length, other)
        return whole
    kept, overflowing = _shorten(length, remove, side), min(length, stride + remove)
    overflow = slice(0, overflowing) if side == "left" else slice(length - overflowing, length)
    if of_second:
        return Truncation(whole.first, kept, True, overflow)
    return Truncation(kept, whole.second, False, overflow)


def _split_removal(lengths: tuple[int, int], remove: int) -> tuple[int, int]:
    """How many go from each: the longer one first, then both in turn (an odd one from the second)."""
    difference = min(abs(lengths[0] - lengths[1]), remove)
    half, more_than_half = (remove - difference) // 2, (remove - difference + 1) // 2
    if lengths[0] > lengths[1]:
        return difference + half, more_than_half
    return half, difference + more_than_half


def _shorten(length: int, remove: int, side: str) -> slice:
    if side == "left":
        return slice(min(remove, length), length)
    return slice(0, max(length - remove, 0))


def split_into_windows(length: int, room: int, stride: int, side: str) -> list[slice]:
    """Slices of `room` tokens that cover a text, each repeating `stride` tokens of the one before.

    side: "right" starts at the text's start, "left" at its end, as truncation does.

    Raises: UserError for a stride that leaves no room for new tokens.
    """
    if stride >= room:
        raise UserError(f"stride={stride} leaves no new token in windows of {room}; at most {max(room - 1, 0)}")
    windows = []
    for start in range(0, length, room - stride):
        end = min(start + room, length)
        windows.append(slice(start, end) if side == "right" else slice(length - end, length - start))
        if end == length:
            break
    return windows
