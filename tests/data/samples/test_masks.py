"""Masked n-grams against Google's loop; tolerances are 5 standard deviations of the mean that is compared."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.data.random_bits import random_bits, random_bits_of_runs, uniform
from albert_lab.data.samples import masks
from albert_lab.data.samples.masks import choose_masks
from tests.data.samples.google_reference import choose_spans, spans_of_tries, words_of

SIGMAS = 5.0


def keys_of(count: int) -> np.ndarray:
    return random_bits(np.array([7], np.uint64), np.arange(count))


def masks_of(starts: np.ndarray, lengths: np.ndarray, budgets: np.ndarray, ngram: int, keys: np.ndarray) -> np.ndarray:
    """bool [B,C]: `choose_masks` of texts that are padded to C."""
    inside = np.arange(starts.shape[1]) < lengths[:, None]
    chosen = np.zeros(int(lengths.sum()), bool)
    chosen[choose_masks(starts[inside], lengths, budgets, ngram, keys)] = True
    masked = np.zeros(starts.shape, bool)
    masked[inside] = chosen
    return masked


def agree(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether two samples' means agree within 5 sigma."""
    sigma = np.sqrt(first.var() / len(first) + second.var() / len(second))
    return bool(abs(first.mean() - second.mean()) <= SIGMAS * sigma + 1e-12)


def runs_of(masked: np.ndarray) -> Counter[int]:
    """Lengths of the runs of masked positions in bool [C]."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], masked.astype(np.int8), [0]])))
    return Counter((edges[1::2] - edges[::2]).tolist())


def test_first_spans_follow_one_over_n() -> None:
    """Budget 3, words of one token, far apart: 3 words at once 2/11, 2 and 1: 3/11 + 6/11 * 5/11, singles (6/11)^2."""
    samples, words = 6000, 2000
    found: Counter[tuple[int, ...]] = Counter()
    for part in np.split(keys_of(samples), 12):
        starts = np.ones((len(part), words), bool)
        masked = masks_of(starts, np.full(len(part), words), np.full(len(part), 3), 3, part)
        found.update(tuple(sorted(runs_of(row).elements())) for row in masked)
    expected = {(3,): 22 / 121, (1, 2): 63 / 121, (1, 1, 1): 36 / 121}
    for spans, share in expected.items():
        sigma = np.sqrt(share * (1 - share) / samples)
        neighbours = 6 / words  # two spans that happen to touch look like one
        assert abs(found[spans] / samples - share) <= SIGMAS * sigma + neighbours, spans


@pytest.mark.parametrize("ngram", [1, 2, 3, 5])
def test_spans_agree_with_googles_loop(ngram: int) -> None:
    """Masked tokens and runs of each length, over the same 3000 random texts of about 60 tokens."""
    rng = random.Random(3)
    lengths = [rng.randint(1, 60) for _ in range(3000)]
    texts = [[rng.random() < 0.7 for _ in range(length)] for length in lengths]
    budgets = [rng.randint(1, 12) for _ in texts]
    starts = np.zeros((len(texts), 60), bool)
    for row, text in enumerate(texts):
        starts[row, : len(text)] = text
    masked = masks_of(starts, np.array(lengths), np.array(budgets), ngram, keys_of(len(texts)))
    reference = np.zeros_like(masked)
    for row, (text, budget) in enumerate(zip(texts, budgets, strict=True)):
        reference[row, [p for span in choose_spans(text, budget, ngram, rng) for p in span]] = True
    assert agree(masked.sum(axis=1), reference.sum(axis=1))
    assert agree(masked[:, 0], reference[:, 0])
    ours, theirs = [runs_of(row) for row in masked], [runs_of(row) for row in reference]
    for length in range(1, 7):
        assert agree(np.array([r[length] for r in ours]), np.array([r[length] for r in theirs])), length


@given(
    st.lists(st.lists(st.booleans(), min_size=1, max_size=40), min_size=1, max_size=5), st.integers(0, 12), st.data()
)
def test_masks_are_whole_words_within_the_budget(texts: list[list[bool]], budget: int, data: st.DataObject) -> None:
    ngram = data.draw(st.integers(1, 4))
    starts = np.ones((len(texts), 40), bool)
    for row, text in enumerate(texts):
        starts[row, : len(text)] = text
    lengths = np.array([len(text) for text in texts])
    masked = masks_of(starts, lengths, np.full(len(texts), budget), ngram, keys_of(len(texts)))
    for row, text in enumerate(texts):
        assert masked[row].sum() <= budget
        assert not masked[row, len(text) :].any()
        sizes = [len(word) for word in words_of(text)]
        assert masked[row].any() or budget < min(sizes)  # something is masked wherever a word fits
        for word in words_of(text):
            assert masked[row, word].all() or not masked[row, word].any()


@pytest.mark.parametrize("spare_tries", [0, masks._SPARE_TRIES])
@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
@pytest.mark.parametrize("ngram", [1, 3, 6])
def test_masks_are_those_of_the_loop_with_the_same_random_numbers(
    ngram: int, density: float, spare_tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also with long words or none, no budget, and where the words looked at first are too few."""
    monkeypatch.setattr(masks, "_SPARE_TRIES", spare_tries)
    draw = np.random.default_rng(ngram)
    lengths = np.append(draw.integers(0, 200, 60), [0, 1, 200])
    budgets = draw.integers(0, 40, len(lengths))
    keys = keys_of(len(lengths))
    starts = draw.random(int(lengths.sum())) < density
    ends = np.cumsum(lengths)
    expected = []
    for key, first, end, budget in zip(keys, ends - lengths, ends, budgets, strict=True):
        words = len(words_of(starts[first:end].tolist()))
        order = np.argsort(random_bits(np.array([key]), masks._ORDER + np.arange(words)))
        limits = np.cumsum(1 / np.arange(1, ngram + 1)) / sum(1 / np.arange(1, ngram + 1))
        draws = uniform(random_bits(np.array([key]), masks._NGRAM + np.arange(words)))
        drawn = [1 + int((limits[:-1] <= value).sum()) for value in draws]
        spans = spans_of_tries(starts[first:end].tolist(), int(budget), order.tolist(), drawn)
        expected += sorted(int(first) + position for span in spans for position in span)
    assert choose_masks(starts, lengths, budgets, ngram, keys).tolist() == expected


def test_runs_of_random_numbers_are_those_of_each_key() -> None:
    keys, lengths = keys_of(4), np.array([3, 0, 1, 5])
    alone = [random_bits(keys[row : row + 1], 7 + np.arange(length)) for row, length in enumerate(lengths)]
    assert (random_bits_of_runs(keys, lengths, 7) == np.concatenate(alone)).all()
