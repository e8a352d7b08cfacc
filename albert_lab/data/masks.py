"""Chooses n-grams of whole words to predict, for a whole batch at once (paper section 3.2; Google's
create_pretraining_data.py: create_masked_lm_predictions).

Legend: B samples, C positions of text (special tokens left out), W words, N longest n-gram. The words are tried in
random order; each draws a length n with probability proportional to 1/n, is shortened where the budget asks for it, and
is taken unless it meets a word taken before. The batch takes its k-th tries together, so the loop is over tries, not
over samples. As in Google's code a word may go on behind [SEP], and an n-gram is shorter at the end of the text.
"""

from collections.abc import Iterator

import numpy as np

from albert_lab.data.counter import mixed, uniform

_AT_ONCE = 64  # tries prepared together
_ORDER, _NGRAM = 1 << 20, 1 << 21  # counters of a sample's random numbers


def choose_masks(
    starts: np.ndarray, length: np.ndarray, budget: np.ndarray, ngram: int, keys: np.ndarray
) -> np.ndarray:
    """bool [B,C]: the positions to predict, at most `budget` (int64 [B]) in a sample.

    Args:
        starts: bool [B,C], whether the token begins a word; anything behind a sample's end.
        length: int64 [B], tokens of text.
        ngram: N.
        keys: uint64 [B].
    """
    inside = np.arange(starts.shape[1]) < length[:, None]
    starts = starts & inside
    starts[:, 0] = inside[:, 0]  # what comes first is a word, whole or not
    word = np.cumsum(starts, axis=1) - 1  # [B,C] the word that a position belongs to
    words = word[:, -1] + 1
    bounds = _word_bounds(starts, word, length, ngram)
    order = _random_order(words, keys)
    taken = _take(order, bounds, budget, ngram, keys)
    return np.take_along_axis(taken, np.maximum(word, 0), axis=1) & inside


def _word_bounds(starts: np.ndarray, word: np.ndarray, length: np.ndarray, ngram: int) -> np.ndarray:
    """int64 [B,W+N]: where each word begins; the end of the text behind the last."""
    width = int(word[:, -1].max(initial=-1)) + 1 + ngram
    bounds = np.repeat(length[:, None], width, axis=1)
    rows, positions = np.nonzero(starts)
    bounds[rows, word[rows, positions]] = positions
    return bounds


def _random_order(words: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """int64 [B,W]: each sample's words in random order; -1 behind the last.

    Sorts random numbers whose low bits hold the word: one sort of integers, twice as fast as an argsort.
    """
    width = int(words.max(initial=0))
    numbers = np.arange(width)
    low = np.uint64((1 << max(width, 1).bit_length()) - 1)
    bits = (mixed(keys[:, None], _ORDER + numbers) & ~low) | numbers.astype(np.uint64)
    bits[numbers >= words[:, None]] = np.uint64(2**64 - 1)
    bits.sort(axis=1)
    order = (bits & low).astype(np.int64)
    order[numbers >= words[:, None]] = -1
    return order


def _take(order: np.ndarray, bounds: np.ndarray, budget: np.ndarray, ngram: int, keys: np.ndarray) -> np.ndarray:
    """bool [B,W+N]: the words taken.

    Bit j of a word's `window` says whether the j-th word from there on is taken, so one look answers for an n-gram of
    any length; bit N is always set, which refuses an n-gram of no words.
    """
    samples, width = bounds.shape
    margin = ngram - 1  # so that a word's n-1 forerunners exist
    window = np.full((samples, margin + width), 1 << ngram, np.int64)
    flat_window = window.reshape(-1)
    looked_at = np.array([1 << ngram, *((1 << n) - 1 for n in range(1, ngram + 1))])
    reach, marks = np.arange(-margin, ngram), _window_marks(ngram)
    left = budget.copy()
    for place, size, n in _tries(order, bounds, ngram, keys):
        n = np.minimum(n, (size <= left).sum(axis=0))
        chosen = ((flat_window[place] & looked_at[n]) == 0).nonzero()[0]
        n = n[chosen]
        flat_window[place[chosen, None] + reach] |= marks[n]
        left[chosen] -= size[n - 1, chosen]
        if not left.any():
            break
    return (window[:, margin:] & 1).astype(bool)


def _tries(order: np.ndarray, bounds: np.ndarray, ngram: int, keys: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Each sample's next try: [B] places in the flat window, [N,B] tokens of 1..N words there, [B] words wanted.

    Worked out `_AT_ONCE` tries at a time, since most samples are full long before their words are used up.
    """
    samples, width = bounds.shape
    margin = ngram - 1
    first = np.arange(samples)[:, None] * (margin + width) + margin
    for start in range(0, order.shape[1], _AT_ONCE):
        words = order[:, start : start + _AT_ONCE]
        wanted = _draw_lengths(start + np.arange(words.shape[1]), ngram, keys)
        yield from zip(
            np.ascontiguousarray((first + words).T), _sizes(words, bounds, ngram), np.ascontiguousarray(wanted.T),
            strict=True,
        )  # fmt: skip


def _draw_lengths(tries: np.ndarray, ngram: int, keys: np.ndarray) -> np.ndarray:
    """int64 [B,T]: words in the n-gram of each try; n has probability proportional to 1/n."""
    weights = 1.0 / np.arange(1, ngram + 1)
    cumulative = np.cumsum(weights / weights.sum())[:-1]
    return 1 + np.searchsorted(cumulative, uniform(mixed(keys[:, None], _NGRAM + tries)), side="right")


def _sizes(words: np.ndarray, bounds: np.ndarray, ngram: int) -> np.ndarray:
    """int64 [T,N,B]: tokens of the n-grams of 1..N words from these words [B,T]; too many behind the last word."""
    ends = [np.take_along_axis(bounds, np.maximum(words, 0) + n, axis=1) for n in range(ngram + 1)]
    sizes = np.stack(ends[1:]) - ends[0]
    sizes[:, words < 0] = np.iinfo(np.int64).max
    return np.ascontiguousarray(sizes.transpose(2, 0, 1))


def _window_marks(ngram: int) -> np.ndarray:
    """int64 [N+1, 2N-1]: for an n-gram taken here, the bits it sets in the windows from N-1 before to N-1 after."""
    marks = np.zeros((ngram + 1, 2 * ngram - 1), np.int64)
    for n in range(1, ngram + 1):
        for column, shift in enumerate(range(1 - ngram, ngram)):
            for word in range(n):
                if 0 <= word - shift < ngram:
                    marks[n, column] |= 1 << (word - shift)
    return marks
