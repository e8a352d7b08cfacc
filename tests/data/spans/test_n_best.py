"""The n-best answers are those that a search over every pair finds, by Google's rules."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from albert_lab.config.training import TaskConfig
from albert_lab.data.spans.n_best import Candidates, FoundAnswer, find_answers, pair_ends
from albert_lab.data.spans.windows import Windows, make_windows
from albert_lab.data.tasks.examples import SpanExample
from albert_lab.tokenizer import AlbertTokenizerFast

TASK = TaskConfig(max_query_length=10, doc_stride=16, n_best=5, max_answer_length=6)


@pytest.fixture(scope="module")
def windows(fast: AlbertTokenizerFast, questions: list[SpanExample]) -> Windows:
    return make_windows(questions[:4], fast, TASK, 48)


def oracle(windows: Windows, example: int, candidates: list[Candidates]) -> list[tuple[str, float]]:
    """squad_utils.py, write_predictions: all pairs, filtered, sorted by score, different texts only."""
    prelim = []
    for window in np.flatnonzero(windows.examples == example):
        plan, number = windows.plans[example], windows.numbers[window]
        local = candidates[window]
        for row, start in enumerate(local.starts - windows.paragraphs[window]):
            for column, end in enumerate(local.ends[row] - windows.paragraphs[window]):
                if start < 0 or end >= plan.counts[number] or end < start or end - start + 1 > TASK.max_answer_length:
                    continue
                piece = start + plan.firsts[number]
                if plan.best[piece] != number:
                    continue
                score = local.start_scores[row] + local.end_scores[row, column]
                prelim.append((score, piece, end + plan.firsts[number]))
    context = windows.contexts[example]
    texts: dict[str, float] = {}
    for score, first, last in sorted(prelim, key=lambda each: each[0], reverse=True):
        text = context.text[context.offsets[first, 0] : context.offsets[last, 1]].strip()
        if text not in texts and len(texts) < TASK.n_best:
            texts[text] = score
    return list(texts.items())


def check(windows: Windows, candidates: list[Candidates]) -> list[list[FoundAnswer]]:
    found = list(find_answers(windows, candidates, TASK))
    for example, answers in enumerate(found):
        assert [(answer.text, answer.score) for answer in answers] == oracle(windows, example, candidates)
        total = sum(math.exp(answer.score) for answer in answers)
        for answer in answers:
            context = windows.contexts[example].text
            assert context[answer.start : answer.start + len(answer.text)] == answer.text
            assert answer.probability == pytest.approx(math.exp(answer.score) / total)
    return found


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4, 20]), st.sampled_from([1.0, 0.0]))
def test_pairs_of_logits_give_what_a_search_finds(windows: Windows, seed: int, n_best: int, scale: float) -> None:
    draw = np.random.default_rng(seed)
    logits = [np.round(draw.normal(size=(2, len(ids))), 2) * scale for ids in windows.ids]
    candidates = [pair_ends(starts, ends, n_best) for starts, ends in logits]
    for (starts, ends), local in zip(logits, candidates, strict=True):
        best = sorted(range(len(starts)), key=lambda place: -starts[place])[:n_best]  # stable: of equals the first
        assert local.starts.tolist() == best
        assert local.start_scores.tolist() == starts[best].tolist()
        assert np.array_equal(local.end_scores, ends[local.ends])
    check(windows, candidates)


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_beams_give_what_a_search_finds(windows: Windows, seed: int) -> None:
    draw = np.random.default_rng(seed)
    candidates = []
    for ids in windows.ids:
        starts = draw.choice(len(ids), 5, replace=False)
        ends = np.stack([draw.choice(len(ids), 5, replace=False) for _ in starts])
        candidates.append(Candidates(starts, draw.normal(size=5), ends, draw.normal(size=(5, 5))))
    check(windows, candidates)


def test_the_marked_answer_is_best_where_a_model_points_at_it(fast: AlbertTokenizerFast) -> None:
    context = "The «quick» brown fox, it is said, jumps over the lazy dog at 10:45 in the morning."
    for text in ("quick", "fox", "10:45", "the lazy dog"):
        row = SpanExample("0", "Which?", context)
        windows = make_windows([row], fast, TaskConfig(max_query_length=10, doc_stride=5), 30)
        candidates = []
        for number, ids in enumerate(windows.ids):
            logits = np.zeros((2, len(ids)))
            offsets = windows.contexts[0].offsets[windows.plans[0].firsts[number] :][: windows.plans[0].counts[number]]
            start, end = context.index(text), context.index(text) + len(text)
            logits[0, windows.paragraphs[number] :][: len(offsets)][offsets[:, 0] == start] = 9
            logits[1, windows.paragraphs[number] :][: len(offsets)][offsets[:, 1] == end] = 9
            candidates.append(pair_ends(logits[0], logits[1], 20))
        ((best, *_),) = find_answers(windows, candidates, TaskConfig())
        assert (best.text, best.start) == (text, context.index(text))
        assert best.probability > 0.9


def test_a_question_whose_candidates_all_lie_outside_the_context_has_no_answer(windows: Windows) -> None:
    outside = [Candidates(np.zeros(1, int), np.ones(1), np.zeros((1, 1), int), np.ones((1, 1)))] * len(windows)
    assert list(find_answers(windows, outside, TASK)) == [[]] * 4
