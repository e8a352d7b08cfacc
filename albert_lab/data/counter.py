"""Random numbers that are pure functions of a key and a counter: the same in any process and any batch.

SplitMix64's finaliser (Steele et al. 2014, "Fast splittable pseudorandom number generators") over uint64 arrays.
"""

import numpy as np

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)
_TO_UNIT = 2.0**-53


def mixed(keys: np.ndarray, counters: np.ndarray | int) -> np.ndarray:
    """uint64 bits for each key and counter, broadcast together."""
    with np.errstate(over="ignore"):
        x = np.asarray(keys, np.uint64) + (np.asarray(counters).astype(np.uint64) + np.uint64(1)) * _GOLDEN
        for shift, factor in zip(_SHIFTS, _FACTORS, strict=False):
            x ^= x >> shift
            x *= factor
        x ^= x >> _SHIFTS[2]
    return x


def uniform(bits: np.ndarray) -> np.ndarray:
    """float64 in [0, 1) from random bits."""
    return (bits >> np.uint64(11)) * _TO_UNIT


def integers(bits: np.ndarray, low: np.ndarray | int, high: np.ndarray | int) -> np.ndarray:
    """int64 in [low, high], both included; uniform up to (high - low) / 2^53."""
    span = np.asarray(high, np.int64) - np.asarray(low, np.int64) + 1
    return np.asarray(low, np.int64) + (uniform(bits) * span).astype(np.int64)


def shuffled_positions(positions: np.ndarray, size: int, keys: np.ndarray) -> np.ndarray:
    """int64 [B]: where each position goes in the permutation of 0..size-1 that its key names.

    A Feistel network on the next even power of two, walked until it falls below `size` (cycle walking; Black & Rogaway
    2002), so that no permutation is stored.
    """
    half = np.uint64(max(1, (max(size - 1, 1).bit_length() + 1) // 2))
    moved = _feistel(positions.astype(np.uint64), keys, half)
    outside = moved >= np.uint64(size)
    while outside.any():
        moved[outside] = _feistel(moved[outside], keys[outside], half)
        outside = moved >= np.uint64(size)
    return moved.astype(np.int64)


def _feistel(x: np.ndarray, keys: np.ndarray, half: np.uint64) -> np.ndarray:
    low = (np.uint64(1) << half) - np.uint64(1)
    left, right = x >> half, x & low
    for turn in range(6):
        left, right = right, left ^ (mixed(keys + np.uint64(turn), right) & low)
    return (left << half) | right
