"""Chooses n-grams of whole words to predict, for a whole batch at once (paper section 3.2; Google's
create_pretraining_data.py: create_masked_lm_predictions).

The words of a text are tried in random order. Each try draws a length n with probability proportional to 1/n, is
shortened if the budget is short, and is accepted unless it overlaps a word accepted before. As in Google's code a word
may continue after [SEP], and an n-gram is shorter at the end of the text.

That is a loop in which every try depends on those before it. Two facts turn it into array operations: while the budget
lasts, a try depends only on earlier tries of the few words around it; and after the first try that is too long for the
rest of the budget, a few more tries fill it.

Legend: B texts lie one behind the other in T tokens and W words; M tries; K most tries of a text; N longest n-gram.
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from albert_lab.data.random_bits import random_bits, random_bits_of_runs, uniform

_SPARE_TRIES = 12  # words tried at first, more than the budget has tokens; one text in 10,000 needs more
_TRIES_AT_ONCE = 8  # gathered together while the rest of the budget is filled
_ORDER, _NGRAM = 1 << 20, 1 << 21  # counters of a text's random numbers
_INDEX_BITS = np.uint64((1 << 20) - 1)  # of a sort key: which word it belongs to; a text has fewer words
_LAST = np.uint64(2**64 - 1)


class Words(NamedTuple):
    """The words of B texts."""

    begin: np.ndarray  # int64 [W+1] first token of each word; T at the end
    first: np.ndarray  # int64 [B+1] first word of each text; W at the end


class Tries(NamedTuple):
    """The words that are tried: [M] in the order of the text, [B,K+1] by rank. A text's first try has rank 0."""

    word: np.ndarray  # int64 [M]
    end: np.ndarray  # int64 [M] the word after the n-gram drawn for it
    rank: np.ndarray  # int64 [M] when it is tried in its text
    at_rank: np.ndarray  # int64 [B,K+1] index in [M] of each text's try of rank k; M where there is none


def choose_masks(
    starts: np.ndarray, length: np.ndarray, budget: np.ndarray, ngram: int, keys: np.ndarray
) -> np.ndarray:
    """int64, ascending: indices in [T] of the tokens to predict, at most `budget` (int64 [B]) of each text.

    Args:
        starts: bool [T], whether a token begins a word; a text's first token always does.
        length: int64 [B], tokens of each text.
        ngram: N.
        keys: uint64 [B].
    """
    chosen, complete = _choose(starts, length, budget, ngram, keys, budget + _SPARE_TRIES)
    if not complete.all():  # those few texts try all their words
        rest, inside = ~complete, np.repeat(~complete, length)
        every = length[rest]  # a text has no more words than tokens
        chosen[inside], _ = _choose(starts[inside], every, budget[rest], ngram, keys[rest], every)
    return np.flatnonzero(chosen)


def _choose(
    starts: np.ndarray, length: np.ndarray, budget: np.ndarray, ngram: int, keys: np.ndarray, num_tries: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(bool [T] tokens to predict, bool [B] whether about `num_tries` int64 [B] words were enough to choose from)."""
    words = _find_words(starts, length)
    tries = _draw_tries(words, num_tries, ngram, keys)
    size = np.append(words.begin[tries.end] - words.begin[tries.word], 0)
    accepted = np.append(_accept_without_budget(tries, ngram), False)
    fitting, left = _find_fitting(tries, size, accepted, budget)
    kept = tries.at_rank[fitting & accepted[tries.at_rank]]
    edges = np.zeros(len(words.begin) + ngram, np.int8)
    edges[tries.word[kept]] += 1
    edges[tries.end[kept]] -= 1
    taken = np.cumsum(edges, dtype=np.int8).astype(bool)
    left = _fill_budget(taken, words, tries, fitting.sum(axis=1), left, ngram)
    num_tried = (tries.at_rank < len(tries.word)).sum(axis=1)
    complete = (left == 0) | (num_tried == np.diff(words.first))
    return np.repeat(taken[: len(words.begin) - 1], np.diff(words.begin)), complete


def _find_words(starts: np.ndarray, length: np.ndarray) -> Words:
    offsets = np.concatenate([[0], np.cumsum(length)])
    starts = np.append(starts, True)
    starts[offsets] = True
    begin = np.flatnonzero(starts)
    return Words(begin, np.searchsorted(begin, offsets))


def _draw_tries(words: Words, num_tries: np.ndarray, ngram: int, keys: np.ndarray) -> Tries:
    """The words with the smallest random numbers, in their order: about `num_tries` of each text, or all of them."""
    count = np.diff(words.first)
    share = np.minimum(num_tries / np.maximum(count, 1), 1.0)
    bits = random_bits_of_runs(keys, count, _ORDER) & ~_INDEX_BITS
    word = np.flatnonzero(uniform(bits) < np.repeat(share, count))
    first = np.searchsorted(word, words.first)
    tried = np.diff(first)
    ranks = np.arange(int(tried.max(initial=0)) + 1)  # one more than there are
    there = ranks < tried[:, None]
    order = np.full(there.shape, _LAST)
    order[there] = bits[word] | (np.arange(len(word)) - np.repeat(first[:-1], tried)).astype(np.uint64)
    order.sort(axis=1)  # the low bits say which word it is: one sort of integers, twice as fast as an argsort
    at_rank = np.where(there, (order & _INDEX_BITS).astype(np.int64) + first[:-1, None], len(word))
    rank, length = np.empty_like(word), np.empty_like(word)
    rank[at_rank[there]] = np.broadcast_to(ranks, there.shape)[there]
    length[at_rank[there]] = _draw_lengths(ranks, ngram, keys)[there]
    return Tries(word, np.minimum(word + length, np.repeat(words.first[1:], tried)), rank, at_rank)


def _draw_lengths(ranks: np.ndarray, ngram: int, keys: np.ndarray) -> np.ndarray:
    """int64 [B,K]: words in the n-gram of each try; n has probability proportional to 1/n."""
    draws = uniform(random_bits(keys[:, None], _NGRAM + ranks))
    length = np.ones(draws.shape, np.int64)
    for threshold in _length_thresholds(ngram):  # a few comparisons are faster than searching
        length += draws >= threshold
    return length


@cache
def _length_thresholds(ngram: int) -> list[float]:
    """[N-1]: the probabilities of an n-gram of at most 1, 2, ... N-1 words."""
    weights = 1.0 / np.arange(1, ngram + 1)
    return np.cumsum(weights / weights.sum())[:-1].tolist()


def _accept_without_budget(tries: Tries, ngram: int) -> np.ndarray:
    """bool [M]: the tries that overlap no earlier accepted one, if the budget had no end.

    Starts with all accepted and rejects those that overlap an accepted earlier one. A try is final once those before it
    are, so nothing changes after as many rounds as the longest chain of overlaps (about 4).
    """
    pairs = [np.flatnonzero(tries.word[apart:] < tries.end[:-apart]) for apart in range(1, ngram)]
    one = np.concatenate([np.empty(0, np.int64), *pairs])
    other = np.concatenate([np.empty(0, np.int64), *(index + apart for apart, index in enumerate(pairs, 1))])
    is_first = tries.rank[one] < tries.rank[other]
    earlier, later = np.where(is_first, one, other), np.where(is_first, other, one)
    accepted = np.ones(len(tries.word), bool)
    while True:
        now = np.ones_like(accepted)
        now[later[accepted[earlier]]] = False
        if (now == accepted).all():
            return now
        accepted = now


def _find_fitting(
    tries: Tries, size: np.ndarray, accepted: np.ndarray, budget: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(bool [B,K+1] tries before a text's first that is too long for the rest of its budget, int64 [B] that rest)."""
    spends = (size * accepted)[tries.at_rank]
    rest = budget[:, None] - np.cumsum(spends, axis=1) + spends
    fits = (size[tries.at_rank] <= rest) & (tries.at_rank < len(tries.word))
    fitting = np.logical_and.accumulate(fits, axis=1)
    return fitting, np.take_along_axis(rest, fitting.sum(axis=1)[:, None], axis=1)[:, 0]


def _fill_budget(
    taken: np.ndarray, words: Words, tries: Tries, next_rank: np.ndarray, left: np.ndarray, ngram: int
) -> np.ndarray:
    """Continues from `next_rank` (int64 [B]) while tokens are left (int64 [B]), one try of every text at a time.

    Marks the words that it takes in `taken` (bool [W and more]); returns what is left.
    """
    left, reach = left.copy(), np.arange(ngram)
    covers = reach < np.arange(ngram + 1)[:, None]  # [N+1,N] row n: the first n words
    for at_once in _next_tries(tries, next_rank, left):
        word, end = np.append(tries.word, 0)[at_once], np.append(tries.end, 0)[at_once]
        drawn, reached = end - word, word[..., None] + reach
        sizes = words.begin[np.minimum(reached + 1, end[..., None])] - words.begin[word][..., None]
        for n, span, size in zip(drawn, reached, sizes, strict=True):
            n = np.minimum(n, (size <= left[:, None]).sum(axis=1))
            chosen = np.flatnonzero((n > 0) & ~(taken[span] & covers[n]).any(axis=1))
            n = n[chosen]
            taken[span[chosen][covers[n]]] = True
            left[chosen] -= size[chosen, n - 1]
            if not left.any():
                return left
    return left


def _next_tries(tries: Tries, next_rank: np.ndarray, left: np.ndarray) -> Iterator[np.ndarray]:
    """int64 [_TRIES_AT_ONCE,B]: indices in [M] of each text's next tries; M after its last one."""
    last = tries.at_rank.shape[1] - 1
    ranks = next_rank + np.arange(_TRIES_AT_ONCE)[:, None]
    rows = np.arange(len(next_rank))
    while ((ranks[0] < last) & (left > 0)).any():
        yield tries.at_rank[rows, np.minimum(ranks, last)]
        ranks += _TRIES_AT_ONCE
