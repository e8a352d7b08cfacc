"""Chooses n-grams of whole words to predict, for a whole batch at once (paper section 3.2; Google's
create_pretraining_data.py: create_masked_lm_predictions).

A text's words are tried in random order; each draws a length n with probability proportional to 1/n, is shortened where
the budget asks for it, and is taken unless it meets a word taken before. As in Google's code a word may go on behind
[SEP], and an n-gram is shorter at the end of the text.

That is a loop in which every try waits for the one before it. Two facts make it arrays: as long as the budget asks for
nothing, what becomes of a try hangs only on earlier tries of the few words around it; and from the first try that is
too long for the rest of the budget, a few more fill it.

Legend: B texts lie one behind the other in T tokens and W words; M tries; K most tries of a text; N longest n-gram.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from albert_lab.data.counter import mixed, mixed_runs, uniform

_SPARE_TRIES = 12  # how many more words than tokens of budget are looked at, at first: one text in 10,000 needs more
_AT_ONCE = 8  # tries prepared together
_ORDER, _NGRAM = 1 << 20, 1 << 21  # counters of a text's random numbers
_SLOT = np.uint64((1 << 20) - 1)  # bits of a sorted number that say which word it is; a text has fewer words
_LAST = np.uint64(2**64 - 1)


class Words(NamedTuple):
    """The words of B texts."""

    begin: np.ndarray  # int64 [W+1] token where each begins; T behind the last
    first: np.ndarray  # int64 [B+1] each text's first word; W behind the last


class Tries(NamedTuple):
    """The words that are tried. [M] in the order of the text, [B,K+1] in the order of the tries; K is never one."""

    word: np.ndarray  # int64 [M]
    wanted: np.ndarray  # int64 [M] the word behind the n-gram drawn for it
    number: np.ndarray  # int64 [M] when it is tried in its text, from 0
    turn: np.ndarray  # int64 [B,K+1] place in [M] of each text's k-th try; M where there is none


def choose_masks(
    starts: np.ndarray, length: np.ndarray, budget: np.ndarray, ngram: int, keys: np.ndarray
) -> np.ndarray:
    """int64, ascending: the tokens to predict, by their place in [T]; at most `budget` (int64 [B]) of a text.

    Args:
        starts: bool [T], whether a token begins a word; a text's first token does in any case.
        length: int64 [B], tokens of each text.
        ngram: N.
        keys: uint64 [B].
    """
    chosen, settled = _chosen(starts, length, budget, ngram, keys, budget + _SPARE_TRIES)
    if not settled.all():  # those few look at all their words
        rest, inside = ~settled, np.repeat(~settled, length)
        every = length[rest]  # as many words as tokens are surely all
        chosen[inside], _ = _chosen(starts[inside], every, budget[rest], ngram, keys[rest], every)
    return np.flatnonzero(chosen)


def _chosen(
    starts: np.ndarray, length: np.ndarray, budget: np.ndarray, ngram: int, keys: np.ndarray, some: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(bool [T] tokens to predict, bool [B] whether about `some` int64 [B] words were enough to choose from)."""
    words = _words(starts, length)
    tries = _tries(words, some, ngram, keys)
    size = np.append(words.begin[tries.wanted] - words.begin[tries.word], 0)
    accepted = np.append(_without_overlap(tries, ngram), False)
    before, left = _until_short(tries, size, accepted, budget)
    kept = tries.turn[before & accepted[tries.turn]]
    edges = np.zeros(len(words.begin) + ngram, np.int8)
    edges[tries.word[kept]] += 1
    edges[tries.wanted[kept]] -= 1
    taken = np.cumsum(edges, dtype=np.int8).astype(bool)
    left = _fill_up(taken, words, tries, before.sum(axis=1), left, ngram)
    tried = (tries.turn < len(tries.word)).sum(axis=1)
    settled = (left == 0) | (tried == np.diff(words.first))
    return np.repeat(taken[: len(words.begin) - 1], np.diff(words.begin)), settled


def _words(starts: np.ndarray, length: np.ndarray) -> Words:
    offsets = np.concatenate([[0], np.cumsum(length)])
    starts = np.append(starts, True)
    starts[offsets] = True
    begin = np.flatnonzero(starts)
    return Words(begin, np.searchsorted(begin, offsets))


def _tries(words: Words, some: np.ndarray, ngram: int, keys: np.ndarray) -> Tries:
    """The words with the smallest random numbers, in their order: about `some` of each text, or all that it has."""
    count = np.diff(words.first)
    share = np.minimum(some / np.maximum(count, 1), 1.0)
    bits = mixed_runs(keys, count, _ORDER) & ~_SLOT
    word = np.flatnonzero(uniform(bits) < np.repeat(share, count))
    first = np.searchsorted(word, words.first)
    tried = np.diff(first)
    numbers = np.arange(int(tried.max(initial=0)) + 1)  # one more than there are
    there = numbers < tried[:, None]
    order = np.full(there.shape, _LAST)
    order[there] = bits[word] | (np.arange(len(word)) - np.repeat(first[:-1], tried)).astype(np.uint64)
    order.sort(axis=1)  # its low bits say which word it was: one sort of integers, twice as fast as an argsort
    turn = np.where(there, (order & _SLOT).astype(np.int64) + first[:-1, None], len(word))
    number, length = np.empty_like(word), np.empty_like(word)
    number[turn[there]] = np.broadcast_to(numbers, there.shape)[there]
    length[turn[there]] = _draw_lengths(numbers, ngram, keys)[there]
    return Tries(word, np.minimum(word + length, np.repeat(words.first[1:], tried)), number, turn)


def _draw_lengths(numbers: np.ndarray, ngram: int, keys: np.ndarray) -> np.ndarray:
    """int64 [B,K]: words in the n-gram of each try; n has probability proportional to 1/n."""
    draws = uniform(mixed(keys[:, None], _NGRAM + numbers))
    length = np.ones(draws.shape, np.int64)
    for limit in _limits(ngram):  # a few comparisons: faster than searching
        length += draws >= limit
    return length


@cache
def _limits(ngram: int) -> list[float]:
    """[N-1]: the probabilities of an n-gram of at most 1, 2, ... N-1 words."""
    weights = 1.0 / np.arange(1, ngram + 1)
    return np.cumsum(weights / weights.sum())[:-1].tolist()


def _without_overlap(tries: Tries, ngram: int) -> np.ndarray:
    """bool [M]: the tries that meet no accepted earlier one, were the budget endless.

    Starts from all and takes back those that meet one still in; a try is settled once those before it are, so after as
    many turns as the longest chain of overlaps is long (about 4) nothing changes any more.
    """
    meets = [np.flatnonzero(tries.word[apart:] < tries.wanted[:-apart]) for apart in range(1, ngram)]
    one = np.concatenate([np.empty(0, np.int64), *meets])
    other = np.concatenate([np.empty(0, np.int64), *(places + apart for apart, places in enumerate(meets, 1))])
    is_first = tries.number[one] < tries.number[other]
    earlier, later = np.where(is_first, one, other), np.where(is_first, other, one)
    accepted = np.ones(len(tries.word), bool)
    while True:
        now = np.ones_like(accepted)
        now[later[accepted[earlier]]] = False
        if (now == accepted).all():
            return now
        accepted = now


def _until_short(
    tries: Tries, size: np.ndarray, accepted: np.ndarray, budget: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(bool [B,K+1] the tries before a text's first that is too long for what is left, int64 [B] what is left then)."""
    spends = (size * accepted)[tries.turn]
    rest = budget[:, None] - np.cumsum(spends, axis=1) + spends
    fits = (size[tries.turn] <= rest) & (tries.turn < len(tries.word))
    before = np.logical_and.accumulate(fits, axis=1)
    return before, np.take_along_axis(rest, before.sum(axis=1)[:, None], axis=1)[:, 0]


def _fill_up(
    taken: np.ndarray, words: Words, tries: Tries, next_try: np.ndarray, left: np.ndarray, ngram: int
) -> np.ndarray:
    """Goes on with each text's `next_try` (int64 [B]) while tokens are left (int64 [B]), all texts a step at a time.

    Marks the words that it takes in `taken` (bool [W and more]); returns what is left.
    """
    left, reach = left.copy(), np.arange(ngram)
    covers = reach < np.arange(ngram + 1)[:, None]  # [N+1,N] for an n-gram of so many words, those from its first on
    for at_once in _turns_from(tries, next_try, left):
        word, wanted = np.append(tries.word, 0)[at_once], np.append(tries.wanted, 0)[at_once]
        n_wanted, reached = wanted - word, word[..., None] + reach
        ends = np.minimum(reached + 1, wanted[..., None])
        sizes = words.begin[ends] - words.begin[word][..., None]
        for n, places, size in zip(n_wanted, reached, sizes, strict=True):
            n = np.minimum(n, (size <= left[:, None]).sum(axis=1))
            chosen = np.flatnonzero((n > 0) & ~(taken[places] & covers[n]).any(axis=1))
            n = n[chosen]
            taken[places[chosen][covers[n]]] = True
            left[chosen] -= size[chosen, n - 1]
            if not left.any():
                return left
    return left


def _turns_from(tries: Tries, next_try: np.ndarray, left: np.ndarray) -> Iterator[np.ndarray]:
    """int64 [_AT_ONCE,B]: places in [M] of each text's next tries; M behind its last one."""
    none = tries.turn.shape[1] - 1
    steps = next_try + np.arange(_AT_ONCE)[:, None]
    rows = np.arange(len(next_try))
    while ((steps[0] < none) & (left > 0)).any():
        yield tries.turn[rows, np.minimum(steps, none)]
        steps += _AT_ONCE
