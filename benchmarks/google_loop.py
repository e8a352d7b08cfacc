"""Google's create_pretraining_data.py told again, a sample at a time: what `benchmarks/data.py` measures against.

In Google's own manner where that costs time: tokens are pieces of text, whether a piece begins a word is read from its
characters, n-grams of every word are listed beforehand, and each try draws its length with `np.random.choice`. What it
does beside making a sample (reading, encoding, writing TFRecords) is left out.
"""

import random
from collections.abc import Sequence

import numpy as np

Sentence = list[str]
Sample = tuple[
    list[str], list[int], list[int], list[str], int
]  # tokens, segments, masked positions, labels, sentence label

_PUNCTUATION = '!"#$%&"()*+,-./:;?@[\\]^_`{|}~'


def make_samples(
    document: Sequence[Sentence], vocabulary: list[str], max_seq_length: int, ngram: int, rng: random.Random
) -> list[Sample]:
    """The samples of one pass over a document, under sentence order; runs of a single sentence are left out."""
    most = max_seq_length - 3
    target = rng.randint(2, most) if rng.random() < 0.1 else most
    samples: list[Sample] = []
    chunk: list[Sentence] = []
    size = 0
    for number, sentence in enumerate(document):
        chunk.append(sentence)
        size += len(sentence)
        if number == len(document) - 1 or size >= target:
            if len(chunk) > 1:
                samples.append(_sample(chunk, vocabulary, most, ngram, rng))
            chunk, size = [], 0
    return samples


def _sample(chunk: list[Sentence], vocabulary: list[str], most: int, ngram: int, rng: random.Random) -> Sample:
    end_of_a = rng.randint(1, len(chunk) - 1)
    a, b = list[str](), list[str]()
    for position, sentence in enumerate(chunk):
        (a if position < end_of_a else b).extend(sentence)
    swapped = rng.random() < 0.5
    if swapped:
        a, b = b, a
    while len(a) + len(b) > most:
        longer = a if len(a) > len(b) else b
        del longer[0 if rng.random() < 0.5 else -1]
    tokens, segments = ["[CLS]"], [0]
    for segment, text in enumerate((a, b)):
        for token in text:
            tokens.append(token)
            segments.append(segment)
        tokens.append("[SEP]")
        segments.append(segment)
    shown, positions, labels = _masked(tokens, vocabulary, ngram, rng)
    return shown, segments, positions, labels, int(swapped)


def _begins_word(piece: str) -> bool:
    punctuation = set(_PUNCTUATION)
    letters = set("abcdefghijklmnopqrstuvwxyz")
    if piece.startswith("▁") or piece.startswith("<") or piece in punctuation:
        return True
    return not all(character.lower() in letters.union(punctuation) for character in piece)


def _masked(
    tokens: list[str], vocabulary: list[str], ngram: int, rng: random.Random
) -> tuple[list[str], list[int], list[str]]:
    words: list[list[int]] = []
    for position, token in enumerate(tokens):
        if token in ("[CLS]", "[SEP]"):
            continue
        if words and not _begins_word(token):
            words[-1].append(position)
        else:
            words.append([position])
    budget = max(1, round(len(tokens) * 0.15))
    lengths = np.arange(1, ngram + 1)
    weights = 1 / lengths
    weights /= weights.sum()
    ngrams = [[words[first : first + n] for n in lengths] for first in range(len(words))]
    rng.shuffle(ngrams)
    shown, labels = list(tokens), dict[int, str]()
    for candidates in ngrams:
        if len(labels) >= budget:
            break
        n = np.random.choice(lengths[: len(candidates)], p=weights[: len(candidates)] / weights.sum())
        span = [position for word in candidates[n - 1] for position in word]
        while n > 1 and len(labels) + len(span) > budget:
            n -= 1
            span = [position for word in candidates[n - 1] for position in word]
        if len(labels) + len(span) > budget or any(position in labels for position in span):
            continue
        for position in span:
            labels[position] = tokens[position]
            shown[position] = _shown(tokens[position], vocabulary, rng)
    masked = sorted(labels)
    return shown, masked, [labels[position] for position in masked]


def _shown(token: str, vocabulary: list[str], rng: random.Random) -> str:
    if rng.random() < 0.8:
        return "[MASK]"
    return token if rng.random() < 0.5 else vocabulary[rng.randint(0, len(vocabulary) - 1)]
