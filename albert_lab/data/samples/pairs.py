"""Cuts the two segments of a sample out of a chunk, for a whole batch at once, without reading a token.

Google's create_pretraining_data.py as a pure function of each sample's key. One deviation: Google cuts other chunks in
every pass over the data and returns what a random B leaves over; here the chunks are fixed, and a short sample begins
at a random sentence of its chunk.
"""

from typing import NamedTuple

import numpy as np

from albert_lab.config.training import ObjectiveConfig, SentenceObjective
from albert_lab.data.random_bits import fair_binomial, integers, random_bits, uniform
from albert_lab.data.samples.chunks import Chunks

_DRAWS = 10  # of a random document, until one is not the sample's own

# counters of a sample's random numbers; masks begin at 1 << 20
_SHORT, _TARGET, _START, _A_END, _SWAP, _RANDOM_SENTENCE = range(6)
_RANDOM_DOCUMENT = 16
_TRIM_A, _TRIM_B = 1 << 10, 1 << 15

Run = tuple[np.ndarray, np.ndarray]  # first token, token after the last


class Pairs(NamedTuple):
    """[B] pairs of token runs: where they begin in the store's tokens, how long they are, and the label."""

    a_first: np.ndarray
    a_length: np.ndarray
    b_first: np.ndarray
    b_length: np.ndarray
    label: np.ndarray  # 1: swapped (sentence order) or random (next sentence), 0: in order

    @property
    def text_length(self) -> np.ndarray:
        """int64 [B]: tokens of A and B."""
        return self.a_length + self.b_length

    @property
    def length(self) -> np.ndarray:
        """int64 [B]: tokens with [CLS] and two [SEP]."""
        return self.text_length + 3


def cut_pairs(
    chunk: np.ndarray, keys: np.ndarray, chunks: Chunks, sentences: np.ndarray, objective: ObjectiveConfig
) -> Pairs:
    """The pair that each key (uint64 [B]) cuts out of its chunk (int64 [B])."""
    bits = random_bits(keys, np.arange(_RANDOM_SENTENCE + 1)[:, None])  # [counters,B]
    first, end, target = _choose_sentences(chunk, bits, chunks, sentences, objective)
    alone = end - first == 1
    a_end = np.where(alone, end, first + integers(bits[_A_END], 1, np.maximum(end - first - 1, 1)))
    a, b = (sentences[first], sentences[a_end]), (sentences[a_end], sentences[end])

    coin = uniform(bits[_SWAP]) < 0.5
    takes_random = alone | (coin if objective.sentence is SentenceObjective.nsp else False)
    swapped = coin & ~alone if objective.sentence is SentenceObjective.sop else np.zeros_like(alone)
    if takes_random.any():
        wanted = target - (a[1] - a[0])
        random_b = _choose_random_run(chunk, keys, bits[_RANDOM_SENTENCE], chunks, sentences, wanted)
        b = _where(takes_random, random_b, b)
    a, b = _where(swapped, b, a), _where(swapped, a, b)
    label = (swapped | takes_random).astype(np.int64) if objective.has_sentence_task else np.zeros_like(first)
    return _truncate(a, b, label, objective.max_seq_length - 3, keys)


def _where(condition: np.ndarray, yes: Run, no: Run) -> Run:
    return np.where(condition, yes[0], no[0]), np.where(condition, yes[1], no[1])


def _choose_sentences(
    chunk: np.ndarray, bits: np.ndarray, chunks: Chunks, sentences: np.ndarray, objective: ObjectiveConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first sentence, sentence after the last, target length in tokens): the chunk, or for short samples a part."""
    max_tokens = objective.max_seq_length - 3
    first, end = chunks.first[chunk], chunks.end[chunk]
    short = uniform(bits[_SHORT]) < objective.short_seq_prob
    target = np.where(short, integers(bits[_TARGET], 2, max_tokens), max_tokens)
    needed = np.minimum(end - first, 2)  # sentences, so that there is a pair
    start = np.where(short, integers(bits[_START], first, end - needed), first)
    enough = np.searchsorted(sentences, sentences[start] + target)
    return start, np.minimum(end, np.maximum(start + needed, enough)), target


def _choose_random_run(
    chunk: np.ndarray, keys: np.ndarray, bits: np.ndarray, chunks: Chunks, sentences: np.ndarray, wanted: np.ndarray
) -> Run:
    """A run of at least `wanted` tokens (and one sentence) from a random sentence of a random document.

    The document is not the sample's own, unless all of `_DRAWS` draws give that one.
    """
    own = chunks.document[chunk]
    counters = _RANDOM_DOCUMENT + np.arange(_DRAWS)
    drawn = integers(random_bits(keys[:, None], counters), 0, len(chunks.document_first) - 1)
    other = np.argmax(np.column_stack([drawn[:, :-1] != own[:, None], np.ones(len(own), bool)]), axis=1)
    document = np.take_along_axis(drawn, other[:, None], axis=1)[:, 0]
    document_end = chunks.document_end[document]
    start = integers(bits, chunks.document_first[document], document_end - 1)
    enough = np.searchsorted(sentences, sentences[start] + wanted)
    end = np.minimum(document_end, np.maximum(start + 1, enough))
    return sentences[start], sentences[end]


def truncate_lengths(a: np.ndarray, b: np.ndarray, max_tokens: int) -> tuple[np.ndarray, np.ndarray]:
    """Lengths after taking single tokens from the longer segment (B, if equal) until both fit in `max_tokens`."""
    excess = np.maximum(a + b - max_tokens, 0)
    from_longer = np.minimum(excess, np.abs(a - b))
    rest = excess - from_longer
    off_a = np.where(a > b, from_longer, 0) + rest // 2
    return a - off_a, b - (excess - off_a)


def _truncate(a: Run, b: Run, label: np.ndarray, max_tokens: int, keys: np.ndarray) -> Pairs:
    """Each token comes off the front or the back of its segment with probability 1/2."""
    a_length, b_length = a[1] - a[0], b[1] - b[0]
    new_a, new_b = truncate_lengths(a_length, b_length, max_tokens)
    a_first = a[0] + fair_binomial(a_length - new_a, keys, _TRIM_A)
    b_first = b[0] + fair_binomial(b_length - new_b, keys, _TRIM_B)
    return Pairs(a_first, new_a, b_first, new_b, label)
