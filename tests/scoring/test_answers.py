"""SQuAD's scores equal their published definition and torchmetrics; the threshold is the best of all thresholds."""

import re
import string
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.errors import UserError
from albert_lab.scoring.answers import exact_match, find_threshold, normalize_answer, score_answerable, token_f1
from albert_lab.scoring.metrics import SCORES, score
from albert_lab.scoring.predictions import Prediction

pytestmark = pytest.mark.filterwarnings("error")
WORDS = ("the", "A", "an", "Panthers", "panther", "the-end", "52", "$1.5", "!", "", "\u2013", "Ásía", "\u00a0", "a.")
texts = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
gold_lists = st.lists(texts, max_size=3)
questions = st.lists(st.tuples(texts, gold_lists), min_size=1, max_size=8)


def words_of(text: str) -> list[str]:
    """Lower case, then without punctuation, then without articles: the words that are left, in order."""
    letters = [letter for letter in text.lower() if letter not in string.punctuation]
    pieces = re.split(r"(\w+)", "".join(letters))
    return "".join(piece for piece in pieces if piece not in ("a", "an", "the")).split()


def definition(answer: str, golds: Sequence[str]) -> tuple[float, float]:
    """(exact match, F1) by the rules of SQuAD 2.0."""
    given = words_of(answer)
    right = [words for words in map(words_of, golds) if words] or [[]]

    def f1(words: list[str]) -> float:
        if not words or not given:
            return float(words == given)
        shared = sum(min(words.count(word), given.count(word)) for word in set(words))
        if not shared:
            return 0.0
        precision, recall = shared / len(given), shared / len(words)
        return 2 * precision * recall / (precision + recall)

    return float(given in right), max(map(f1, right))


@given(texts, gold_lists)
def test_scores_equal_their_definition(answer: str, golds: list[str]) -> None:
    assert (exact_match(answer, golds), token_f1(answer, golds)) == pytest.approx(definition(answer, golds))


@given(texts, st.lists(texts.filter(normalize_answer), min_size=1, max_size=3))
def test_scores_of_answerable_questions_equal_torchmetrics(answer: str, golds: list[str]) -> None:
    from torchmetrics.functional.text import squad

    theirs = squad(
        {"prediction_text": answer, "id": "1"},
        {"answers": {"answer_start": [0] * len(golds), "text": golds}, "id": "1"},
    )
    ours = {"exact_match": 100 * exact_match(answer, golds), "f1": 100 * token_f1(answer, golds)}
    assert {name: float(value) for name, value in theirs.items()} == pytest.approx(ours, abs=1e-4)


@pytest.mark.parametrize(
    ("answer", "golds", "exact", "f1"),
    [
        ("the Denver Broncos!", ["Denver Broncos"], 1, 1),
        ("Broncos", ["Denver Broncos", "the Broncos."], 1, 1),
        ("Broncos of Denver", ["Denver Broncos"], 0, 0.8),
        ("", [], 1, 1),
        ("Denver", [], 0, 0),
        ("", ["Denver"], 0, 0),
        ("the", ["a", "Denver"], 0, 0),  # a right answer of articles alone is left out
    ],
)
def test_known_cases(answer: str, golds: list[str], exact: float, f1: float) -> None:
    assert (exact_match(answer, golds), token_f1(answer, golds)) == (exact, pytest.approx(f1))


def test_normalizing_follows_the_official_order() -> None:
    assert normalize_answer("  The U.S.A.'s   an-thology, a\u00a0b ") == "usas anthology b"
    assert normalize_answer("a\u2013b") == "\u2013b"  # punctuation is ASCII's; an article may end at another sign


@given(questions)
def test_metrics_are_means_and_parts_add_up(pairs: list[tuple[str, list[str]]]) -> None:
    predictions = [Prediction(str(number), golds, answer) for number, (answer, golds) in enumerate(pairs)]
    both = [definition(answer, golds) for answer, golds in pairs]
    exact, f1 = (sum(values) / len(values) for values in zip(*both, strict=True))
    assert score(["exact_match", "answer_f1"], predictions) == pytest.approx({"exact_match": exact, "answer_f1": f1})
    parts = score_answerable(predictions)
    unanswerable = SCORES["answer_f1"].chance([golds for _, golds in pairs], ())
    assert unanswerable is not None
    without = unanswerable * parts.get("no_answer_accuracy", 0)
    assert (1 - unanswerable) * parts.get("has_answer_f1", 0) + without == pytest.approx(f1)
    assert (1 - unanswerable) * parts.get("has_answer_exact_match", 0) + without == pytest.approx(exact)


@given(questions, st.data(), st.sampled_from(["answer_f1", "exact_match"]))
def test_no_threshold_is_better_than_the_one_found(
    pairs: list[tuple[str, list[str]]], data: st.DataObject, metric: str
) -> None:
    answers, golds = zip(*pairs, strict=True)
    nulls = data.draw(st.lists(st.integers(-3, 3).map(float), min_size=len(pairs), max_size=len(pairs)))

    def reached(threshold: float) -> float:
        given = [answer if null <= threshold else "" for answer, null in zip(answers, nulls, strict=True)]
        return sum(definition(*pair)[metric == "answer_f1"] for pair in zip(given, golds, strict=True)) / len(pairs)

    found = find_threshold(answers, golds, nulls, metric)
    assert found.score == pytest.approx(reached(found.value))
    assert found.score == pytest.approx(max(map(reached, (-10.0, *nulls))))
    assert found.answers(answers, nulls) == [a if n <= found.value else "" for a, n in zip(answers, nulls, strict=True)]


def official_best(answers: Sequence[str], golds: Sequence[Sequence[str]], nulls: Sequence[float]) -> float:
    """Rajpurkar et al. 2018: begin by answering nothing; answer questions one by one, from the lowest null score."""
    current = best = float(sum(not any(map(words_of, gold)) for gold in golds))
    for question in sorted(range(len(nulls)), key=lambda number: nulls[number]):
        if any(map(words_of, golds[question])):
            current += definition(answers[question], golds[question])[1]
        else:
            current -= bool(words_of(answers[question]))
        best = max(best, current)
    return best / len(nulls)


@given(questions, st.permutations(range(8)))
def test_without_ties_the_best_f1_is_the_official_one(pairs: list[tuple[str, list[str]]], order: list[int]) -> None:
    answers, golds = zip(*pairs, strict=True)
    nulls = [float(number) for number in order[: len(pairs)]]
    assert find_threshold(answers, golds, nulls).score == pytest.approx(official_best(answers, golds, nulls))


def test_without_questions_there_is_no_threshold() -> None:
    with pytest.raises(UserError, match="no questions"):
        find_threshold([], [], [])
