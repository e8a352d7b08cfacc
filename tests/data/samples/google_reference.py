"""Google's create_pretraining_data.py retold as plain loops: what the vectorised code must agree with."""

import random
from collections.abc import Iterable, Sequence


def truncate_pair(a: list[int], b: list[int], most: int, rng: random.Random) -> None:
    while len(a) + len(b) > most:
        longer = a if len(a) > len(b) else b
        del longer[0 if rng.random() < 0.5 else -1]


def cut_pair(chunk: list[list[int]], most: int, rng: random.Random) -> tuple[list[int], list[int], int]:
    """A and B of a chunk of at least two sentences, under sentence order."""
    end_of_a = rng.randint(1, len(chunk) - 1)
    a = [token for sentence in chunk[:end_of_a] for token in sentence]
    b = [token for sentence in chunk[end_of_a:] for token in sentence]
    swapped = rng.random() < 0.5
    if swapped:
        a, b = b, a
    truncate_pair(a, b, most, rng)
    return a, b, int(swapped)


def words_of(starts: Sequence[bool]) -> list[list[int]]:
    words: list[list[int]] = []
    for position, start in enumerate(starts):
        if start or not words:
            words.append([position])
        else:
            words[-1].append(position)
    return words


def choose_spans(starts: Sequence[bool], budget: int, ngram: int, rng: random.Random) -> list[list[int]]:
    """The spans taken, in the order of taking, each a list of positions."""
    order = list(range(len(words_of(starts))))
    rng.shuffle(order)
    weights = [1 / n for n in range(1, ngram + 1)]
    return spans_of_tries(starts, budget, order, (rng.choices(range(1, ngram + 1), weights)[0] for _ in order))


def spans_of_tries(starts: Sequence[bool], budget: int, order: list[int], drawn: Iterable[int]) -> list[list[int]]:
    """`choose_spans` with its random choices made: the order in which words are tried and each try's n."""
    words = words_of(starts)
    covered: set[int] = set()
    spans: list[list[int]] = []
    for first, n in zip(order, drawn, strict=False):
        if len(covered) >= budget:
            break
        while n > 0 and len(covered) + sum(map(len, words[first : first + n])) > budget:
            n -= 1
        span = [position for word in words[first : first + n] for position in word]
        if span and covered.isdisjoint(span):
            covered.update(span)
            spans.append(span)
    return spans


def instance(
    chunk: list[list[int]], word_starts: Sequence[bool], vocab_size: int, most: int, ngram: int, rng: random.Random
) -> tuple[list[int], list[int], list[int], int]:
    """(ids with [CLS] 2, [SEP] 3 and [MASK] 4, masked positions, their labels, sentence label)."""
    a, b, label = cut_pair(chunk, most, rng)
    ids = [2, *a, 3, *b, 3]
    text = [position for position in range(1, len(ids) - 1) if position != len(a) + 1]
    budget = max(1, round(0.15 * len(ids)))
    positions, shown = [], list(ids)
    for span in choose_spans([word_starts[ids[p]] for p in text], budget, ngram, rng):
        for index in span:
            position = text[index]
            positions.append(position)
            if rng.random() < 0.8:
                shown[position] = 4
            elif rng.random() < 0.5:
                shown[position] = rng.randint(0, vocab_size - 1)
    positions.sort()
    return shown, positions, [ids[position] for position in positions], label
