"""Every metric equals an oracle written from its published definition, ties and empty classes included."""

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.errors import UserError
from albert_lab.scoring.metrics import SCORES, score, score_groups
from albert_lab.scoring.predictions import Prediction

NAMES = ("no", "yes", "perhaps", "never seen")
pytestmark = pytest.mark.filterwarnings("error")


def answered(pairs: Sequence[tuple[Any, Any]]) -> list[Prediction]:
    return [Prediction(str(number), gold, prediction) for number, (gold, prediction) in enumerate(pairs)]


def several(pair: st.SearchStrategy[tuple[Any, Any]]) -> st.SearchStrategy[list[tuple[Any, Any]]]:
    return st.lists(pair, min_size=1, max_size=20)


def alike(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[tuple[Any, Any]]]:
    return several(st.tuples(values, values))


one_of_two = alike(st.sampled_from(NAMES[:2]))
one_of_four = alike(st.sampled_from(NAMES[:3]))  # the fourth never occurs
label_sets = alike(st.lists(st.sampled_from(NAMES[:3]), unique=True, max_size=3).map(sorted))
ratings = alike(st.integers(0, 20).map(lambda number: number / 4))  # with ties and constants


def f1(hits: int, predicted: int, gold: int) -> float:
    """2PR / (P + R), with P = hits / predicted and R = hits / gold; 0 where one of them is 0 or has no denominator."""
    if not hits:
        return 0.0
    precision, recall = Fraction(hits, predicted), Fraction(hits, gold)
    return float(2 * precision * recall / (precision + recall))


def counts(pairs: list[tuple[Any, Any]], name: str) -> tuple[int, int, int]:
    """Hits, predicted and gold of one label, where an answer is a label or a list of labels."""
    sets = [tuple({side} if isinstance(side, str) else set(side) for side in pair) for pair in pairs]
    return (
        sum(name in gold and name in predicted for gold, predicted in sets),
        sum(name in predicted for _, predicted in sets),
        sum(name in gold for gold, _ in sets),
    )


def matthews(pairs: list[tuple[str, str]]) -> float:
    """Gorodkin 2004, equation 8: the sums over all triples of cells of the confusion matrix C."""
    cells = {(a, b): pairs.count((a, b)) for a, b in product(NAMES, NAMES)}
    numerator = sum(cells[k, k] * cells[m, n] - cells[n, k] * cells[k, m] for k, m, n in product(NAMES, NAMES, NAMES))
    rows = {k: sum(cells[k, n] for n in NAMES) for k in NAMES}
    columns = {k: sum(cells[n, k] for n in NAMES) for k in NAMES}
    denominator = math.sqrt(sum(rows[k] * (len(pairs) - rows[k]) for k in NAMES)) * math.sqrt(
        sum(columns[k] * (len(pairs) - columns[k]) for k in NAMES)
    )
    return numerator / denominator if denominator else 0.0


def correlation(pairs: list[tuple[float, float]]) -> float:
    """The covariance over the product of the standard deviations; 0 where one of these is 0. In exact fractions."""
    columns = [[Fraction(value) for value in column] for column in zip(*pairs, strict=True)]
    means = [sum(column) / len(column) for column in columns]
    (x, y) = ([value - mean for value in column] for column, mean in zip(columns, means, strict=True))
    squares = sum(a * a for a in x) * sum(b * b for b in y)
    return float(sum(a * b for a, b in zip(x, y, strict=True))) / math.sqrt(squares) if squares else 0.0


def ranks(values: Sequence[float]) -> list[float]:
    """1 for the smallest; equal values share the mean of their ranks."""
    return [sum(other < value for other in values) + (values.count(value) + 1) / 2 for value in values]


def rank_correlation(pairs: list[tuple[float, float]]) -> float:
    gold, predicted = zip(*pairs, strict=True)
    return correlation(list(zip(ranks(gold), ranks(predicted), strict=True)))


def macro(pairs: list[tuple[Any, Any]]) -> float:
    values = [f1(*counts(pairs, name)) for name in NAMES if any(counts(pairs, name))]
    return sum(values) / len(values) if values else 0.0


def micro(pairs: list[tuple[Any, Any]]) -> float:
    return f1(*(sum(part) for part in zip(*(counts(pairs, name) for name in NAMES), strict=True)))


def share(right: Iterator[bool]) -> float:
    values = list(right)
    return sum(values) / len(values)


@given(one_of_two)
def test_f1_is_of_the_second_class(pairs: list[tuple[str, str]]) -> None:
    expected = {
        "f1": f1(*counts(pairs, "yes")),
        "accuracy": share(a == b for a, b in pairs),
        "matthews": matthews(pairs),
    }
    assert score(["f1", "accuracy", "matthews"], answered(pairs), NAMES[:2]) == pytest.approx(expected, abs=1e-12)


@given(one_of_four)
def test_metrics_of_one_class_equal_their_definition(pairs: list[tuple[str, str]]) -> None:
    right = share(gold == predicted for gold, predicted in pairs)
    expected = {"accuracy": right, "micro_f1": right, "macro_f1": macro(pairs), "matthews": matthews(pairs)}
    assert score(list(expected), answered(pairs), NAMES) == pytest.approx(expected, abs=1e-12)


@given(label_sets)
def test_metrics_of_several_labels_equal_their_definition(pairs: list[tuple[list[str], list[str]]]) -> None:
    exact = share(gold == predicted for gold, predicted in pairs)
    expected = {"subset_accuracy": exact, "micro_f1": micro(pairs), "macro_f1": macro(pairs)}
    in_other_order = [(gold, predicted[::-1]) for gold, predicted in pairs]
    assert score(list(expected), answered(in_other_order), NAMES) == pytest.approx(expected, abs=1e-12)


@given(alike(st.sampled_from([[], ["yes"]])))
def test_a_single_label_that_holds_or_not_has_one_f1(pairs: list[tuple[list[str], list[str]]]) -> None:
    expected = f1(*counts(pairs, "yes"))
    values = score(["micro_f1", "macro_f1"], answered(pairs), ["yes"])
    assert values == pytest.approx({"micro_f1": expected, "macro_f1": expected}, abs=1e-12)


@given(ratings)
def test_correlations_equal_their_definition_ties_and_constants_included(pairs: list[tuple[float, float]]) -> None:
    error = sum((gold - predicted) ** 2 for gold, predicted in pairs) / len(pairs)
    expected = {"pearson": correlation(pairs), "spearman": rank_correlation(pairs), "mean_squared_error": error}
    assert score(list(expected), answered(pairs)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_prediction_that_is_no_number_correlates_with_nothing(bad: float) -> None:
    values = score(["pearson", "spearman", "mean_squared_error"], answered([(1.0, 1.0), (2.0, bad), (3.0, 3.0)]))
    assert values == {"pearson": 0.0, "spearman": 0.0, "mean_squared_error": math.inf}


CASES: dict[str, tuple[st.SearchStrategy[list[tuple[Any, Any]]], Sequence[str]]] = {
    "accuracy": (one_of_four, NAMES),
    "matthews": (one_of_four, NAMES),
    "f1": (one_of_two, NAMES[:2]),
    "macro_f1": (one_of_four | label_sets, NAMES),
    "micro_f1": (one_of_four | label_sets, NAMES),
    "subset_accuracy": (label_sets, NAMES),
    "pearson": (ratings, ()),
    "spearman": (ratings, ()),
    "mean_squared_error": (ratings, ()),
}


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
def test_a_metric_of_weighted_examples_is_that_of_examples_drawn_as_often(name: str, data: st.DataObject) -> None:
    pairs, names = data.draw(CASES[name][0]), CASES[name][1]
    drawn = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=20))
    weights = np.bincount(drawn, minlength=len(pairs)) / len(drawn)
    expected = SCORES[name].compute(answered([pairs[number] for number in drawn]), names)
    values = SCORES[name].weighted(answered(pairs), names)(np.stack([weights] * 2))
    assert values.tolist() == pytest.approx([expected] * 2, abs=1e-9)


CONSTANT_CHANCE: dict[str, Callable[[list[Any]], list[Any]]] = {
    name: lambda golds: [max(golds, key=golds.count)] * len(golds)  # the most frequent
    for name in ("accuracy", "macro_f1", "micro_f1", "subset_accuracy", "matthews")
}
CONSTANT_CHANCE["f1"] = lambda golds: ["yes"] * len(golds)
CONSTANT_CHANCE["mean_squared_error"] = lambda golds: [sum(golds) / len(golds)] * len(golds)
CONSTANT_CHANCE["pearson"] = lambda golds: [2.5] * len(golds)


@pytest.mark.parametrize("name", CONSTANT_CHANCE)
@given(data=st.data())
def test_chance_is_what_a_constant_answer_gets(name: str, data: st.DataObject) -> None:
    golds = [gold for gold, _ in data.draw(one_of_four if name.endswith("o_f1") else CASES[name][0])]
    chance = SCORES[name].chance(golds, CASES[name][1])
    guessed = answered(list(zip(golds, CONSTANT_CHANCE[name](golds), strict=True)))
    assert chance == pytest.approx(SCORES[name].compute(guessed, CASES[name][1]), abs=1e-12)


def test_chance_without_right_answers_is_not_known() -> None:
    assert SCORES["accuracy"].chance([None, None], NAMES) is None
    assert SCORES["f1"].chance([], NAMES[:2]) is None
    assert SCORES["macro_f1"].chance([["yes"]], NAMES) is None


def test_points_average_to_the_metric() -> None:
    predictions = answered([("no", "no"), ("yes", "no"), ("yes", "yes")])
    points = SCORES["accuracy"].points
    assert points is not None
    assert points(predictions).tolist() == [1, 0, 1]
    assert score(["accuracy"], predictions) == {"accuracy": pytest.approx(2 / 3)}


def test_groups_are_scored_apart() -> None:
    predictions = [
        Prediction("1", "A", "A", group="middle"),
        Prediction("2", "B", "A", group="middle"),
        Prediction("3", "C", "C", group="high"),
        Prediction("4", "C", "D"),
    ]
    assert score_groups(["accuracy"], predictions) == {"middle_accuracy": 0.5, "high_accuracy": 1.0}


@pytest.mark.parametrize(
    ("names", "predictions", "label_names", "message"),
    [
        (["acuracy"], answered([("no", "no")]), NAMES, "unknown metric 'acuracy'; did you mean 'accuracy'"),
        (["accuracy"], [], NAMES, "no examples to score"),
        (["accuracy"], answered([("no", "no"), (None, "no")]), NAMES, "example 1 has no right answer"),
        (["f1"], answered([("no", "no")]), NAMES, "two classes"),
        (["matthews"], answered([("no", "nope")]), NAMES, "'nope' is not one of the labels; did you mean 'no'"),
    ],
)
def test_what_cannot_be_scored_is_refused(
    names: list[str], predictions: list[Prediction], label_names: Sequence[str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        score(names, predictions, label_names)


def test_a_correlation_of_numbers_that_hardly_differ_is_finite() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = score(["pearson", "spearman"], answered([(1.0, 1.0), (1.0 + 1e-15, 1.0 + 1e-15), (1.0, 1.0 + 1e-15)]))
    assert all(-1 <= value <= 1 for value in values.values())
