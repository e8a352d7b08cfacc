"""What is left of one text or of a pair when it must be shorter, as the slow tokenizer of transformers 4.57.6 cuts it.

Everything here is arithmetic on lengths: slices that the caller applies to ids, tokens and places alike.
"""

import logging
from typing import NamedTuple

from albert_lab.errors import UserError

log = logging.getLogger(__name__)


class Cut(NamedTuple):
    """Slices of the first and the second text that stay; what else was there (of which text, and where)."""

    first: slice
    second: slice
    overflow_of_second: bool = False
    overflow: slice = slice(0, 0)


def cut(lengths: tuple[int, int], paired: bool, remove: int, strategy: str, side: str, stride: int = 0) -> Cut:
    """Removes `remove` tokens from texts of these lengths.

    strategy: longest_first, only_first, only_second. side: where tokens go missing, "right" or "left".
    A text that would be used up stays whole, with an error in the log, as in transformers.
    """
    whole = Cut(slice(0, lengths[0]), slice(0, lengths[1]))
    if remove <= 0 or strategy == "do_not_truncate":
        return whole
    if side not in ("left", "right"):
        raise UserError(f"truncation_side={side!r}; known: left, right")
    if strategy == "longest_first" and paired:
        first, second = _from_longest(lengths, remove)
        return Cut(_shorter(lengths[0], first, side), _shorter(lengths[1], second, side))
    of_second = strategy == "only_second"
    if of_second and not paired:
        return whole
    length = lengths[of_second]
    if length <= remove:
        which, other = ("second", "only_first") if of_second else ("first", "only_second")
        log.error("%d tokens must go, but the %s text has %d; try %s or longest_first", remove, which, length, other)
        return whole
    kept, window = _shorter(length, remove, side), min(length, stride + remove)
    overflow = slice(0, window) if side == "left" else slice(length - window, length)
    return Cut(whole.first, kept, True, overflow) if of_second else Cut(kept, whole.second, False, overflow)


def _from_longest(lengths: tuple[int, int], remove: int) -> tuple[int, int]:
    """How many go from each: the longer one first, then both in turn (a lone one from the second)."""
    difference = min(abs(lengths[0] - lengths[1]), remove)
    half, more_than_half = (remove - difference) // 2, (remove - difference + 1) // 2
    if lengths[0] > lengths[1]:
        return difference + half, more_than_half
    return half, difference + more_than_half


def _shorter(length: int, remove: int, side: str) -> slice:
    if side == "left":
        return slice(min(remove, length), length)
    return slice(0, max(length - remove, 0))


def windows(length: int, room: int, stride: int, side: str) -> list[slice]:
    """Slices of `room` tokens that cover a text, each repeating `stride` tokens of the one before.

    side: "right" goes from the start, "left" from the end, as the text is cut.

    Raises: UserError for a stride that leaves no room to go on.
    """
    if stride >= room:
        raise UserError(f"stride={stride} leaves no new token in windows of {room}; at most {max(room - 1, 0)}")
    found = []
    for start in range(0, length, room - stride):
        end = min(start + room, length)
        found.append(slice(start, end) if side == "right" else slice(length - end, length - start))
        if end == length:
            break
    return found
