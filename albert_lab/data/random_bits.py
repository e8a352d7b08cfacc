"""Random numbers that are pure functions of a key and a counter: the same in any process and any batch.

SplitMix64 (Steele et al. 2014, "Fast splittable pseudorandom number generators") over uint64 arrays: the bits at
counters 0, 1, 2, ... are the generator's outputs for the seed `key`.
"""

import math

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_BITS_64 = (1 << 64) - 1
_TO_UNIT = 2.0**-53


def random_bits(keys: np.ndarray, counters: np.ndarray | int) -> np.ndarray:
    """uint64 bits for each key (uint64, at least one dimension) and counter, broadcast together."""
    if isinstance(counters, int):
        x = keys + np.uint64((counters + 1) * _GOLDEN & _BITS_64)
    else:
        x = keys + (counters.astype(np.uint64) + np.uint64(1)) * np.uint64(_GOLDEN)
    return _finalize(x)


def random_bits_of_runs(keys: np.ndarray, lengths: np.ndarray, counter: int) -> np.ndarray:
    """uint64 [sum of lengths]: each key's bits at `counter`, `counter` + 1, ..., as many as its length."""
    before = (np.cumsum(lengths) - lengths).astype(np.uint64)
    x = np.repeat(keys + (np.uint64(counter + 1) - before) * np.uint64(_GOLDEN), lengths)
    x += np.arange(len(x), dtype=np.uint64) * np.uint64(_GOLDEN)
    return _finalize(x)


def _finalize(x: np.ndarray) -> np.ndarray:
    """SplitMix64's finalizer, in place."""
    x ^= x >> _SHIFTS[0]
    x *= _FACTORS[0]
    x ^= x >> _SHIFTS[1]
    x *= _FACTORS[1]
    x ^= x >> _SHIFTS[2]
    return x


def uniform(bits: np.ndarray) -> np.ndarray:
    """float64 in [0, 1) from random bits."""
    return (bits >> np.uint64(11)) * _TO_UNIT


def integers(bits: np.ndarray, low: np.ndarray | int, high: np.ndarray | int) -> np.ndarray:
    """int64 in [low, high], both included; uniform up to (high - low) / 2^53."""
    span = np.asarray(high, np.int64) - np.asarray(low, np.int64) + 1
    return np.asarray(low, np.int64) + (uniform(bits) * span).astype(np.int64)


def fair_binomial(trials: np.ndarray, keys: np.ndarray, counter: int) -> np.ndarray:
    """int64 [B]: successes in `trials` (int64 [B]) of probability 1/2: ones among the bits from `counter` on."""
    words = -(-int(trials.max(initial=0)) // 64)
    if not words:
        return np.zeros_like(trials)
    left = np.minimum(np.maximum(trials[:, None] - 64 * np.arange(words), 0), 64).astype(np.uint64)
    # a shift by 64 is undefined, so it is split into two
    wanted = ~((np.uint64(2**64 - 1) << (left // np.uint64(2))) << (left - left // np.uint64(2)))
    bits = random_bits(keys[:, None], counter + np.arange(words)) & wanted
    return np.bitwise_count(bits).sum(axis=1, dtype=np.int64)


def permute(positions: np.ndarray, size: int, keys: np.ndarray) -> np.ndarray:
    """int64 [B]: where each position goes in the permutation of 0..size-1 that its key names; nothing is stored.

    A Feistel network on the smallest near-square grid with at least `size` cells; a position that lands outside `size`
    goes through it again (cycle walking; Black & Rogaway 2002, "Ciphers with arbitrary finite domains").
    """
    rows = math.isqrt(size - 1) + 1
    columns = -(-size // rows)
    moved = _feistel(positions.astype(np.uint64), keys, rows, columns)
    while (outside := moved >= np.uint64(size)).any():
        moved[outside] = _feistel(moved[outside], keys[outside], rows, columns)
    return moved.astype(np.int64)


def _feistel(x: np.ndarray, keys: np.ndarray, rows: int, columns: int) -> np.ndarray:
    row, column = np.divmod(x, np.uint64(columns))
    for turn in range(3):
        row = (row + (random_bits(keys + np.uint64(2 * turn), column) >> np.uint64(32))) % np.uint64(rows)
        column = (column + (random_bits(keys + np.uint64(2 * turn + 1), row) >> np.uint64(32))) % np.uint64(columns)
    return row * np.uint64(columns) + column
