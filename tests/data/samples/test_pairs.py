"""Pairs cut from chunks: closed forms against loops, permutations, chunk tables."""

import random

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.data.random_bits import fair_binomial, integers, permute, random_bits, uniform
from albert_lab.data.samples.chunks import cut_chunks
from albert_lab.data.samples.pairs import truncate_lengths
from tests.data.samples.google_reference import truncate_pair


@given(st.integers(0, 80), st.integers(0, 80), st.integers(2, 100))
def test_truncate_lengths_agrees_with_the_loop(a: int, b: int, most: int) -> None:
    left, right = [0] * a, [0] * b
    truncate_pair(left, right, most, random.Random(0))
    ours = truncate_lengths(np.array([a]), np.array([b]), most)
    assert (ours[0][0], ours[1][0]) == (len(left), len(right))


def test_fair_binomial_has_its_mean_and_variance() -> None:
    """Mean n/2 and variance n/4 within 5 sigma, also where more than one word of random bits is needed."""
    keys = random_bits(np.array([1], np.uint64), np.arange(20_000))
    for trials in (1, 63, 64, 65, 200):
        successes = fair_binomial(np.full(len(keys), trials), keys, 0)
        assert successes.min() >= 0
        assert successes.max() <= trials
        assert abs(successes.mean() - trials / 2) < 5 * np.sqrt(trials / 4 / len(keys))
        assert abs(successes.var() / (trials / 4) - 1) < 5 * np.sqrt(2 / len(keys)) + 2 / trials / len(keys) ** 0.5
    assert fair_binomial(np.zeros(3, np.int64), keys[:3], 0).tolist() == [0, 0, 0]


@given(st.integers(1, 500), st.integers(0, 2**63))
def test_every_epoch_visits_every_chunk_once(size: int, seed: int) -> None:
    keys = np.full(size, seed, np.uint64)
    assert sorted(permute(np.arange(size), size, keys)) == list(range(size))


def test_epochs_differ_and_look_random() -> None:
    """A random permutation has one fixed point on average; 5 sigma over 400 epochs is 0.25."""
    size = 1000
    fixed = []
    for epoch in range(400):
        keys = np.broadcast_to(random_bits(np.array([3], np.uint64), epoch), (size,))
        fixed.append((permute(np.arange(size), size, keys) == np.arange(size)).sum())
    assert abs(np.mean(fixed) - 1) < 0.25


def test_random_numbers_are_uniform_and_depend_on_key_and_counter_alone() -> None:
    keys = random_bits(np.array([5], np.uint64), np.arange(100_000))
    draws = uniform(random_bits(keys, 3))
    assert abs(draws.mean() - 0.5) < 5 * np.sqrt(1 / 12 / len(draws))
    assert (uniform(random_bits(keys[50:60], 3)) == draws[50:60]).all()
    assert abs(np.corrcoef(draws, uniform(random_bits(keys, 4)))[0, 1]) < 5 / np.sqrt(len(draws))
    values = integers(random_bits(keys, 9), 2, 5)
    assert np.abs(np.bincount(values)[2:] / len(values) - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / len(values))


def test_chunks_cover_each_document_from_its_beginning() -> None:
    rng = np.random.default_rng(0)
    sentences = np.concatenate([[0], np.cumsum(rng.integers(1, 30, 500))])
    documents = np.concatenate([[0], np.sort(rng.choice(np.arange(1, 500), 60, replace=False)), [500]])
    chunks = cut_chunks(sentences, documents, np.arange(0, 60, 2), 61, min_sentences=1)
    for document, number in enumerate(range(0, 60, 2)):
        mine = np.flatnonzero(chunks.document == document)
        first, end = chunks.first[mine], chunks.end[mine]
        assert first[0] == documents[number]
        assert end[-1] == documents[number + 1]
        assert (first[1:] == end[:-1]).all()
        tokens = sentences[end] - sentences[first]
        assert (tokens[:-1] >= 61).all()
        assert (sentences[end - 1] - sentences[first] < 61).all()  # without its last sentence each is too short
    pairs = cut_chunks(sentences, documents, np.arange(0, 60, 2), 61, min_sentences=2)
    assert (pairs.end - pairs.first >= 2).all()
