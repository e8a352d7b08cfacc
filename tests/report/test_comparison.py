"""The paired bootstrap: what it must never get wrong, and how often its interval holds the truth."""

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from albert_lab.errors import UserError
from albert_lab.report.comparison import Comparison, compare, find_interval
from albert_lab.report.statistics import SeedSpread, wilson_interval
from albert_lab.scoring.metrics import score
from albert_lab.scoring.predictions import Prediction

pytestmark = pytest.mark.filterwarnings("error")
NAMES = ("no", "yes")


def classify(share_right: float, seeds: int, examples: int = 200, seed: int = 0) -> list[list[Prediction]]:
    """Seeds that answer each example rightly with the same probability."""
    draw = random.Random(seed)
    golds = [NAMES[number % 3 > 0] for number in range(examples)]
    return [
        [
            Prediction(str(number), gold, gold if draw.random() < share_right else NAMES[gold == "no"])
            for number, gold in enumerate(golds)
        ]
        for _ in range(seeds)
    ]


def rate(noise: float, seeds: int, seed: int = 0) -> list[list[Prediction]]:
    draw = random.Random(seed)
    golds = [number % 11 / 2 for number in range(200)]
    return [
        [Prediction(str(number), gold, gold + draw.gauss(0, noise)) for number, gold in enumerate(golds)]
        for _ in range(seeds)
    ]


def tag(share_right: float, seeds: int, seed: int = 0) -> list[list[Prediction]]:
    tags = ("O", "B-PER", "I-PER")
    draw = random.Random(seed)
    golds = [[tags[(number + place) % 3] for place in range(4)] for number in range(100)]
    return [
        [
            Prediction(str(number), gold, [each if draw.random() < share_right else draw.choice(tags) for each in gold])
            for number, gold in enumerate(golds)
        ]
        for _ in range(seeds)
    ]


GOOD_AND_BAD: dict[str, tuple[Callable[..., list[list[Prediction]]], float, float]] = {
    "accuracy": (classify, 0.9, 0.7),
    "matthews": (classify, 0.9, 0.7),
    "f1": (classify, 0.9, 0.7),
    "macro_f1": (classify, 0.9, 0.7),
    "pearson": (rate, 0.5, 2.0),
    "spearman": (rate, 0.5, 2.0),
    "mean_squared_error": (rate, 0.5, 2.0),
    "entity_f1": (tag, 0.95, 0.7),
}


@pytest.mark.parametrize("metric", GOOD_AND_BAD)
def test_a_large_gap_is_clear_and_swapping_the_variants_negates_it(metric: str) -> None:
    make, good, bad = GOOD_AND_BAD[metric]
    names = NAMES if make is classify else ()
    first, second = make(good, 3, seed=1), make(bad, 3, seed=2)
    there, back = compare(first, second, metric, names, 500), compare(second, first, metric, names, 500)
    values = [[score([metric], answers, names)[metric] for answers in seeds] for seeds in (first, second)]
    assert there.difference == pytest.approx(np.mean(values[0]) - np.mean(values[1]))
    assert there.first == SeedSpread(np.median(values[0]), min(values[0]), max(values[0]), 3)
    assert there.low < there.difference < there.high
    assert there.is_clear
    assert there.other_sign == 0
    assert (there.difference > 0) == (metric != "mean_squared_error")
    swapped = (-back.difference, -back.high, -back.low, back.other_sign, back.second, back.first)
    assert swapped == pytest.approx(
        (there.difference, there.low, there.high, there.other_sign, there.first, there.second)
    )


@pytest.mark.parametrize("seeds", [1, 4])
def test_a_variant_does_not_differ_from_itself(seeds: int) -> None:
    variant = classify(0.8, seeds)
    comparison = compare(variant, variant, "accuracy", NAMES)
    assert comparison.difference == 0
    assert comparison.low <= 0 <= comparison.high
    assert comparison.other_sign == 0.5
    assert not comparison.is_clear
    if seeds == 1:
        assert comparison.low == comparison.high == 0  # the same answers to any examples


def test_the_same_seed_of_the_bootstrap_gives_the_same_figures() -> None:
    first, second = classify(0.8, 2, seed=1), classify(0.75, 3, seed=2)
    assert compare(first, second, "f1", NAMES) == compare(first, second, "f1", NAMES)
    assert compare(first, second, "f1", NAMES) != compare(first, second, "f1", NAMES, seed=1)


def test_answers_are_matched_by_id_in_whatever_order() -> None:
    first, second = classify(0.8, 2, seed=1), classify(0.75, 2, seed=2)
    shuffled = [random.Random(3).sample(answers, len(answers)) for answers in second]
    assert compare(first, shuffled, "accuracy", NAMES) == compare(first, second, "accuracy", NAMES)


def test_examples_are_drawn_in_pairs() -> None:
    """Two variants that err on the same hard examples are told apart by fewer examples than two that err anywhere."""
    first = [[Prediction(str(n), "yes", "no" if n < 60 else "yes") for n in range(200)]]
    same = [[Prediction(str(n), "yes", "no" if n < 50 else "yes") for n in range(200)]]
    others = [[Prediction(str(n), "yes", "no" if n >= 150 else "yes") for n in range(200)]]
    paired, unpaired = compare(same, first, "accuracy", NAMES), compare(others, first, "accuracy", NAMES)
    assert paired.difference == unpaired.difference == pytest.approx(0.05)
    assert paired.is_clear
    assert not unpaired.is_clear


def test_seeds_that_differ_widen_the_interval() -> None:
    steady = classify(0.8, 4, seed=1)
    erratic = [answers for share in (0.6, 0.7, 0.9, 1.0) for answers in classify(share, 1, seed=round(10 * share))]
    reference = classify(0.7, 4, seed=2)
    narrow, wide = compare(steady, reference, "accuracy", NAMES), compare(erratic, reference, "accuracy", NAMES)
    assert wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_without_noise_of_seeds_the_interval_is_that_of_a_mean() -> None:
    """Of one seed each and points d, the half width is 1.96 times the standard error of d's mean."""
    first, second = classify(0.9, 1, 1000, seed=1), classify(0.85, 1, 1000, seed=2)
    points = np.array(
        [(a.gold == a.prediction) - 1.0 * (b.gold == b.prediction) for a, b in zip(*first, *second, strict=True)]
    )
    comparison = compare(first, second, "accuracy", NAMES, 4000)
    half = 1.96 * points.std() / np.sqrt(1000)
    assert comparison.low == pytest.approx(points.mean() - half, abs=0.1 * half)
    assert comparison.high == pytest.approx(points.mean() + half, abs=0.1 * half)


def simulate(draw: np.random.Generator, seeds: int, difficulty: np.ndarray) -> list[list[Prediction]]:
    """Examples of unequal difficulty, and seeds of unequal quality."""
    chances = 1 / (1 + np.exp(-difficulty - draw.normal(0, 0.3, (seeds, 1))))
    return [
        [Prediction(str(number), "yes", NAMES[int(hit)]) for number, hit in enumerate(hits)]
        for hits in draw.random(chances.shape) < chances
    ]


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    draw, held, trials = np.random.default_rng(0), 0, 150
    for _ in range(trials):
        difficulty = draw.normal(1, 1.5, 80)
        variants = [simulate(draw, 5, difficulty) for _ in range(2)]
        comparison = compare(*variants, "accuracy", NAMES, 200)
        held += comparison.low <= 0 <= comparison.high
    assert 0.88 <= held / trials <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda second: second[1].pop(),
            "seed 1 of the second variant answers other examples than the first: 9 in one",
        ),
        (lambda second: second[0].append(second[0][0]), "seed 0 of the second variant has several answers"),
        (
            lambda second: second[1].__setitem__(2, replace(second[1][2], gold="perhaps")),
            "seed 1 of the second variant has other right answers, so other data: those of 2",
        ),
        (lambda second: second.clear(), "at least one seed of either variant"),
    ],
)
def test_answers_that_do_not_match_are_refused(change: Callable[[Any], object], message: str) -> None:
    first, second = classify(0.8, 2, 10), classify(0.8, 2, 10)
    change(second)
    with pytest.raises(UserError, match=message):
        compare(first, second, "accuracy", NAMES)


def test_a_run_that_diverged_is_refused() -> None:
    first, second = rate(0.5, 2), rate(0.5, 2)
    second[1][5] = replace(second[1][5], prediction=float("nan"))
    with pytest.raises(UserError, match="diverged"):
        compare(first, second, "mean_squared_error")
    assert isinstance(compare(first, second, "pearson"), Comparison)


def test_the_interval_of_one_runs_accuracy_is_near_wilsons() -> None:
    (answers,) = classify(0.8, seeds=1, examples=400)
    share = score(["accuracy"], answers, NAMES)["accuracy"]
    assert find_interval(answers, "accuracy", NAMES) == pytest.approx(wilson_interval(share, 400), abs=0.01)


def test_an_interval_of_no_answers_is_refused() -> None:
    with pytest.raises(UserError, match="at least one answer"):
        find_interval([], "accuracy")
