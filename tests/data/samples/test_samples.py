"""Samples: pure functions of (seed, index), with the rates of Google's data; tolerances are 5 sigma."""

import json
import pickle
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import ObjectiveConfig, SentenceObjective, SingleSentence
from albert_lab.data.prepare import PreparedData, open_samples
from albert_lab.data.samples.pretraining import Batch, Samples
from albert_lab.data.store.text_encoder import TextEncoder
from albert_lab.data.store.token_store import TokenStore
from albert_lab.errors import UserError
from tests.data.samples.google_reference import cut_pair

SIGMAS = 5.0
OBJECTIVE = ObjectiveConfig(max_seq_length=64)


@pytest.fixture(scope="module")
def samples(store: TokenStore, tokenizer: TextEncoder) -> Samples:
    return Samples(store, tokenizer, OBJECTIVE, seed=11, split="train")


def close(share: float, expected: float, count: int) -> bool:
    return abs(share - expected) <= SIGMAS * np.sqrt(expected * (1 - expected) / count)


def original_ids(batch: Batch) -> np.ndarray:
    ids = batch.input_ids.copy()
    ids.reshape(-1)[batch.masked_positions] = batch.masked_labels
    return ids


def test_a_hundred_thousand_samples_have_the_planned_rates(samples: Samples) -> None:
    """Share of masked tokens, .8 [MASK] / .1 random / .1 kept, swaps: within 5 sigma of what the settings say."""
    tokens = planned = masked = marks = kept = label = 0
    for first in range(0, 100_000, 2000):
        batch = samples.batch(np.arange(first, first + 2000))
        shown = batch.input_ids.reshape(-1)[batch.masked_positions]
        tokens += int(batch.attention_mask.sum())
        planned += int(batch.mask_budget.sum())
        assert (batch.mask_budget == np.maximum(1, np.rint(batch.attention_mask.sum(axis=1) * 0.15))).all()
        masked += len(shown)
        marks += int((shown == samples.tokenizer.mask_id).sum())
        kept += int((shown == batch.masked_labels).sum())
        label += int(batch.sentence_labels.sum())
    vocab_size = samples.tokenizer.vocab_size
    assert close(label / 100_000, 0.5, 100_000)
    assert close(marks / masked, 0.8 + 0.1 / vocab_size, masked)
    assert close(kept / masked, 0.1 + 0.1 / vocab_size, masked)
    assert 0.99 < masked / planned <= 1  # a last whole word may not fit
    assert abs(planned / tokens - 0.15) < 0.5 * 100_000 / tokens  # whole tokens: at most half a one a sample


def test_a_sample_is_the_same_in_any_batch(samples: Samples) -> None:
    indices = np.random.default_rng(0).integers(0, 10**7, 40)
    together = samples.batch(indices)
    for row, index in enumerate(indices):
        alone = samples.batch(np.array([index]))
        width = alone.input_ids.shape[1]
        assert (together.input_ids[row, :width] == alone.input_ids[0]).all()
        assert not together.attention_mask[row, width:].any()
        assert together.sentence_labels[row] == alone.sentence_labels[0]
        assert together.mask_budget[row] == alone.mask_budget[0]
        mine = together.masked_positions // together.input_ids.shape[1] == row
        assert (together.masked_positions[mine] % together.input_ids.shape[1] == alone.masked_positions).all()
        assert (together.masked_labels[mine] == alone.masked_labels).all()


def test_a_sample_is_the_same_in_another_process(
    samples: Samples, made_up: PretrainConfig, prepared: PreparedData
) -> None:
    code = (
        "import json, sys; import numpy as np; from pathlib import Path\n"
        "from albert_lab.config.training import ObjectiveConfig\n"
        "from albert_lab.data.samples.pretraining import Samples\n"
        "from albert_lab.data.store.token_store import TokenStore\n"
        "from albert_lab.data.store.text_encoder import TextEncoder\n"
        "store, tokenizer = TokenStore(Path(sys.argv[1])), TextEncoder.load(Path(sys.argv[2]))\n"
        "s = Samples(store, tokenizer, ObjectiveConfig(max_seq_length=64), 11)\n"
        "print(json.dumps([x.tolist() for x in s.batch(np.arange(90, 100))]))\n"
    )
    command = [sys.executable, "-c", code, str(prepared.store), str(prepared.tokenizer_file)]
    other = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert other == [array.tolist() for array in samples.batch(np.arange(90, 100))]


def test_seed_epoch_and_split_each_give_other_samples(
    samples: Samples, store: TokenStore, tokenizer: TextEncoder
) -> None:
    first = samples.batch(np.arange(8))
    assert not np.array_equal(
        first.masked_labels, Samples(store, tokenizer, OBJECTIVE, 12).batch(np.arange(8)).masked_labels
    )
    assert not np.array_equal(first.masked_labels, samples.batch(np.arange(8) + len(samples)).masked_labels)


def test_a_plan_says_what_the_batch_holds(samples: Samples) -> None:
    indices = np.arange(500)
    lengths, budget = samples.plan(indices)
    batch = samples.batch(indices)
    assert (lengths == batch.attention_mask.sum(axis=1)).all()
    assert (budget == batch.mask_budget).all()
    capped = Samples(samples.store, samples.tokenizer, replace(OBJECTIVE, max_predictions_per_seq=3), 1)
    assert capped.plan(indices)[1].max() == 3
    assert capped.batch(indices).mask_budget.max() == 3


def test_batches_are_laid_out_as_cls_a_sep_b_sep(samples: Samples) -> None:
    batch, tokenizer = samples.batch(np.arange(300)), samples.tokenizer
    ids, length = original_ids(batch), batch.attention_mask.sum(axis=1)
    assert batch.input_ids.shape[1] % 8 == 0
    assert length.max() <= 64
    assert (ids[:, 0] == tokenizer.cls_id).all()
    assert (ids[np.arange(300), length - 1] == tokenizer.sep_id).all()
    assert ((ids == tokenizer.sep_id).sum(axis=1) == 2).all()
    assert (ids[~batch.attention_mask] == tokenizer.pad_id).all()
    first_sep = (ids == tokenizer.sep_id).argmax(axis=1)
    columns = np.arange(ids.shape[1])
    second = (columns > first_sep[:, None]) & batch.attention_mask
    assert (batch.token_type_ids == second).all()
    assert (np.diff(batch.masked_positions) > 0).all()
    assert not np.isin(batch.masked_labels, [tokenizer.pad_id, tokenizer.cls_id, tokenizer.sep_id]).any()
    assert [array.dtype for array in batch] == [np.int64, bool, *[np.int64] * 5]


def test_pairs_agree_with_googles_loop(store: TokenStore, tokenizer: TextEncoder) -> None:
    """Mean lengths of A and B over 20,000 samples without short ones, within 5 sigma."""
    samples = Samples(store, tokenizer, replace(OBJECTIVE, short_seq_prob=0.0), 3)
    batch = samples.batch(np.arange(20_000))
    b_length = batch.token_type_ids.sum(axis=1) - 1
    a_length = batch.attention_mask.sum(axis=1) - b_length - 3
    rng, chunks, theirs = random.Random(1), samples.chunks, []
    for index in range(20_000):
        chunk = index % len(samples)
        sentences = [
            list(range(store.sentences[s], store.sentences[s + 1]))
            for s in range(chunks.first[chunk], chunks.end[chunk])
        ]
        a, b, _ = cut_pair(sentences, 61, rng)
        theirs.append((len(a), len(b)))
    for ours, reference in zip((a_length, b_length), np.array(theirs).T, strict=True):
        sigma = np.sqrt((ours.var() + reference.var()) / 20_000)
        assert abs(ours.mean() - reference.mean()) < SIGMAS * sigma


def test_label_one_means_swapped(store: TokenStore, tokenizer: TextEncoder) -> None:
    """In order: B goes on where A ends in the store's tokens, when nothing was cut off."""
    samples = Samples(store, tokenizer, replace(OBJECTIVE, max_seq_length=512, short_seq_prob=0.0), 3)
    batch = samples.batch(np.arange(len(samples)))
    ids, tokens = original_ids(batch), store.tokens
    for row in range(len(samples)):
        real = ids[row][batch.attention_mask[row]]
        a_end = int((real == tokenizer.sep_id).argmax())
        a, b = real[1:a_end], real[a_end + 1 : -1]
        text = np.concatenate([b, a] if batch.sentence_labels[row] else [a, b])
        assert any((tokens[s : s + len(text)] == text).all() for s in store.sentences[samples.chunks.first])


def test_next_sentence_labels_are_half_random_and_from_other_documents(
    store: TokenStore, tokenizer: TextEncoder
) -> None:
    samples = Samples(store, tokenizer, replace(OBJECTIVE, sentence=SentenceObjective.nsp), 3)
    batch = samples.batch(np.arange(10_000))
    assert close(batch.sentence_labels.mean(), 0.5, 10_000)


def test_without_a_sentence_objective_every_pair_is_in_order(store: TokenStore, tokenizer: TextEncoder) -> None:
    samples = Samples(store, tokenizer, replace(OBJECTIVE, sentence=SentenceObjective.none), 3)
    assert not samples.batch(np.arange(1000)).sentence_labels.any()


def test_single_sentences_are_dropped_or_get_a_random_b_with_label_one(
    store: TokenStore, tokenizer: TextEncoder
) -> None:
    short = replace(OBJECTIVE, max_seq_length=12)  # most chunks are one sentence
    google = Samples(store, tokenizer, replace(short, single_sentence=SingleSentence.random_b), 3)
    dropped = Samples(store, tokenizer, short, 3)
    assert len(dropped) < len(google)
    assert close(dropped.batch(np.arange(5000)).sentence_labels.mean(), 0.5, 5000)
    assert google.batch(np.arange(5000)).sentence_labels.mean() > 0.6  # the leak that Google's code has


@pytest.mark.parametrize("length", [8, 5])
def test_the_shortest_sequences_still_have_two_segments(store: TokenStore, tokenizer: TextEncoder, length: int) -> None:
    samples = Samples(
        store, tokenizer, replace(OBJECTIVE, max_seq_length=length, single_sentence=SingleSentence.random_b), 1
    )
    batch = samples.batch(np.arange(2000))
    assert batch.attention_mask.sum(axis=1).max() <= length
    b_length = batch.token_type_ids.sum(axis=1) - 1
    assert b_length.min() >= 1
    assert (batch.attention_mask.sum(axis=1) - b_length - 3).min() >= 1


def test_nothing_is_masked_at_probability_zero(store: TokenStore, tokenizer: TextEncoder) -> None:
    batch = Samples(store, tokenizer, replace(OBJECTIVE, masked_lm_prob=0.0), 3).batch(np.arange(50))
    assert not len(batch.masked_positions)


def test_held_out_documents_are_never_in_training_samples(made_up: PretrainConfig, prepared: PreparedData) -> None:
    train, held_out = (open_samples(prepared, made_up.objective, 0, split) for split in ("train", "held_out"))
    used = [
        {int(s) for first, end in zip(x.chunks.first, x.chunks.end, strict=True) for s in range(first, end)}
        for x in (train, held_out)
    ]
    assert used[0]
    assert used[1]
    assert not used[0] & used[1]
    documents = train.store.documents_of("held_out")
    sentences = {s for d in documents for s in range(train.store.documents[d], train.store.documents[d + 1])}
    assert not used[0] & sentences
    assert used[1] <= sentences


def test_samples_survive_pickling(samples: Samples) -> None:
    """As in a data loader's worker processes: files are mapped again, not copied."""
    text = pickle.dumps(samples.store)
    assert len(text) < 1000
    assert (pickle.loads(text).tokens == samples.store.tokens).all()


def test_a_split_without_pairs_is_refused(store: TokenStore, tokenizer: TextEncoder) -> None:
    with pytest.raises(UserError, match="no chunk of two sentences"):
        Samples(store, tokenizer, replace(OBJECTIVE, max_seq_length=5), 0)
