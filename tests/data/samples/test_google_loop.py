"""The loop that the benchmark of samples measures against makes what our samples are: a fair opponent."""

import random

import numpy as np

from albert_lab.config.training import ObjectiveConfig
from albert_lab.data.samples.pretraining import Samples
from albert_lab.data.store.text_encoder import TextEncoder
from albert_lab.data.store.token_store import TokenStore
from benchmarks.google_loop import Sample, make_samples


def test_the_loop_makes_samples_like_ours(store: TokenStore, tokenizer: TextEncoder) -> None:
    """Shares of masked tokens, of [MASK] among them and of swaps, and the mean length: within 5 sigma or 2 %."""
    samples = Samples(store, tokenizer, ObjectiveConfig(max_seq_length=64), seed=1)
    ours = samples.batch(np.arange(4000))
    pieces, draw = tokenizer.pieces, random.Random(0)
    documents = [
        [
            [pieces[i] for i in store.tokens[store.sentences[s] : store.sentences[s + 1]]]
            for s in range(store.documents[d], store.documents[d + 1])
        ]
        for d in store.documents_of("train")
    ]
    theirs: list[Sample] = [
        sample for _ in range(4) for document in documents for sample in make_samples(document, pieces, 64, 3, draw)
    ]
    tokens, masked = sum(len(s[0]) for s in theirs), sum(len(s[2]) for s in theirs)
    assert abs(masked / tokens / (len(ours.masked_labels) / ours.attention_mask.sum()) - 1) < 0.02
    shown = [s[0][position] for s in theirs for position in s[2]]
    assert abs(shown.count("[MASK]") / masked - 0.8) < 5 * np.sqrt(0.16 / masked)
    assert abs(np.mean([s[4] for s in theirs]) - 0.5) < 5 * 0.5 / np.sqrt(len(theirs))
    for shown_tokens, segments, positions, labels, _ in theirs[:200]:
        assert len(shown_tokens) == len(segments) <= 64
        assert len(positions) == len(labels) <= max(1, round(0.15 * len(shown_tokens)))
        assert not {"[CLS]", "[SEP]"} & set(labels)
