"""Windows over contexts: every piece is in one, offsets give the context's characters back, cuts are Google's."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.config.training import TaskConfig
from albert_lab.data.spans.windows import Windows, find_pieces, find_text, make_windows, plan_windows
from albert_lab.data.tasks.examples import Answer, SpanExample
from albert_lab.errors import UserError
from albert_lab.tokenizer import AlbertTokenizerFast

TASK = TaskConfig(max_query_length=10, doc_stride=16)
LENGTH = 48


@pytest.fixture(scope="module")
def windows(fast: AlbertTokenizerFast, questions: list[SpanExample]) -> Windows:
    return make_windows(questions, fast, TASK, LENGTH)


def google_spans(pieces: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Start and length of each doc_span (squad_utils.py, convert_examples_to_features)."""
    spans, start = [], 0
    while start < pieces:
        length = min(pieces - start, room)
        spans.append((start, length))
        if start + length == pieces:
            break
        start += min(length, stride)
    return spans


def google_is_max_context(spans: list[tuple[int, int]], current: int, piece: int) -> bool:
    """squad_utils.py, _check_is_max_context."""
    best_score, best = None, None
    for number, (start, length) in enumerate(spans):
        end = start + length - 1
        if piece < start or piece > end:
            continue
        score = min(piece - start, end - piece) + 0.01 * length
        if best_score is None or score > best_score:
            best_score, best = score, number
    return current == best


@given(st.integers(1, 200), st.integers(1, 60), st.integers(1, 60))
def test_a_context_is_cut_as_google_cuts_it(pieces: int, room: int, stride: int) -> None:
    plan, spans = plan_windows(pieces, room, stride), google_spans(pieces, room, stride)
    assert list(zip(plan.firsts, plan.counts, strict=True)) == spans
    for number, (start, length) in enumerate(spans):
        for piece in range(start, start + length):
            assert (plan.best[piece] == number) == google_is_max_context(spans, number, piece)


def test_a_context_without_pieces_has_an_empty_window() -> None:
    plan = plan_windows(0, 10, 4)
    assert [part.tolist() for part in plan] == [[0], [0], []]


def test_a_window_is_the_question_and_a_part_of_the_context(
    windows: Windows, questions: list[SpanExample], fast: AlbertTokenizerFast
) -> None:
    for number, ids in enumerate(windows.ids):
        example = windows.examples[number]
        question = fast(questions[example].question, add_special_tokens=False)["input_ids"][:10]
        plan, context = windows.plans[example], fast(questions[example].context, add_special_tokens=False)["input_ids"]
        first = plan.firsts[windows.numbers[number]]
        part = context[first : first + plan.counts[windows.numbers[number]]]
        assert ids.tolist() == fast.build_inputs_with_special_tokens(question, part)
        assert len(ids) <= LENGTH
        assert windows.paragraphs[number] == len(question) + 2
    assert len(windows) > 2 * len(questions)


def test_the_answers_characters_come_back_from_its_pieces(windows: Windows, questions: list[SpanExample]) -> None:
    held = set()
    for number, example in enumerate(windows.examples):
        first = windows.plans[example].firsts[windows.numbers[number]] - windows.paragraphs[number]
        if windows.ends[number] == 0:
            assert windows.starts[number] == 0
            continue
        text = find_text(windows.contexts[example], windows.starts[number] + first, windows.ends[number] + first)
        assert text == questions[example].answers[0].text
        held.add(example)
    assert held == {number for number, question in enumerate(questions) if question.answers}


def test_an_answer_within_a_piece_gets_the_pieces_around_it(fast: AlbertTokenizerFast) -> None:
    context = "It was 1234567 or the thereafter, or so."
    row = SpanExample("0", "When?", context)
    encoded = make_windows([row], fast, TASK, LENGTH).contexts[0]
    for start in range(len(context)):
        for end in range(start + 1, len(context) + 1):
            first, stop = find_pieces(encoded, Answer(context[start:end], start))
            if context[start:end].isspace():
                continue
            covered = encoded.offsets[first, 0], encoded.offsets[stop - 1, 1]
            assert context[start:end].strip() in context[slice(*covered)]
            assert stop - first <= 1 or encoded.offsets[first, 1] > start
            assert stop - first <= 1 or encoded.offsets[stop - 1, 0] < end


def test_an_answer_that_no_piece_holds_is_in_no_window(fast: AlbertTokenizerFast) -> None:
    row = SpanExample("0", "What?", "one two   ", (Answer("  ", 8),))
    windows = make_windows([row], fast, TASK, LENGTH)
    assert (windows.starts.tolist(), windows.ends.tolist()) == ([0], [0])


def test_a_context_is_encoded_once(
    fast: AlbertTokenizerFast, questions: list[SpanExample], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    encode = AlbertTokenizerFast.__call__

    def count(self: AlbertTokenizerFast, text: list[str], **options: Any) -> Any:
        texts.extend(text)
        return encode(self, text, **options)

    monkeypatch.setattr(AlbertTokenizerFast, "__call__", count)
    make_windows(questions, fast, TASK, LENGTH)
    assert len(texts) == len({question.context for question in questions}) + len(questions)


def test_no_questions_make_no_windows(fast: AlbertTokenizerFast) -> None:
    assert len(make_windows([], fast, TASK, LENGTH)) == 0


def test_a_question_that_leaves_no_room_is_refused(fast: AlbertTokenizerFast) -> None:
    with pytest.raises(UserError, match=r"max_query_length=64 leaves no room .*max_seq_length=64; at most 60"):
        make_windows([], fast, TaskConfig(max_query_length=64), 64)
    row = SpanExample("0", "Why? " * 100, "Because it is so.")
    (ids,) = make_windows([row], fast, TaskConfig(max_query_length=60, doc_stride=1), 400).ids
    assert np.count_nonzero(ids == fast.sep_token_id) == 2
