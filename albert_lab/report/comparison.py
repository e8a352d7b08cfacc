"""Is one variant better than another on a benchmark? `compare(first, second, "accuracy", label_names)`.

A paired bootstrap over examples and seeds with percentile intervals (Efron & Tibshirani 1993, chapter 13).

* Examples: both variants answer the same ones, so a resample draws the same for both (Koehn 2004, "Statistical
  significance tests for machine translation evaluation"; Dror et al. 2018, "The hitchhiker's guide to testing
  statistical significance in natural language processing").
* Seeds: those of each variant are drawn apart, since seed 0 of one has nothing to do with seed 0 of the other. Of S
  seeds, S - 1 are drawn: drawing S would make the variance of their mean too small by (S - 1) / S, which is a half with
  two seeds (Rao & Wu 1988, "Resampling inference with complex survey data").

How often a 95 % interval holds the truth depends on the number of seeds. In simulations of accuracies where the choice
of seed matters more than that of examples, it was 95 % with five or ten seeds of each variant, 93 % with three, 85 %
with two, and 44 % with one, which says nothing of other seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from albert_lab.errors import UserError, list_some
from albert_lab.report.statistics import SeedSpread, spread_over_seeds
from albert_lab.scoring.metrics import Score, find_score
from albert_lab.scoring.predictions import Prediction

Seeds = Sequence[Sequence[Prediction]]  # the answers of each seed of a variant

_MOST_WEIGHTS = 4_000_000  # in memory at once: 32 MB


@dataclass(frozen=True)
class Comparison:
    """The first variant against the second on one metric.

    Attributes:
        difference: the mean over the first's seeds minus that over the second's, in the metric's unit.
        low, high: the 95 % interval of the difference; too narrow with fewer than three seeds of each, see above.
        other_sign: the share of resamples where the difference has the other sign; those without any count half.
    """

    metric: str
    examples: int
    first: SeedSpread
    second: SeedSpread
    difference: float
    low: float
    high: float
    other_sign: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.low > 0 or self.high < 0


def compare(
    first: Seeds, second: Seeds, metric: str, label_names: Sequence[str] = (), resamples: int = 2000, seed: int = 0
) -> Comparison:
    """Compares two variants by the answers of one or more seeds each to the same examples, in whatever order.

    Args:
        resamples: draws of examples; each serves for two draws of seeds.

    Raises:
        UserError: the examples, or their right answers, are not the same; the metric isn't known or isn't finite.
    """
    score = find_score(metric)
    first, second = _align(first, second)
    values = [[score.compute(answers, label_names) for answers in seeds] for seeds in (first, second)]
    if not all(map(np.isfinite, values[0] + values[1])):
        raise UserError(f"{score.title} of a seed is not a number, so it can't be compared; that run diverged")
    spreads = [spread_over_seeds(each) for each in values]
    assert spreads[0] is not None
    assert spreads[1] is not None
    difference = float(np.mean(values[0]) - np.mean(values[1]))
    drawn = _draw_differences(first, second, score, label_names, resamples, np.random.default_rng(seed))
    low, high = np.quantile(drawn, [0.025, 0.975])
    other_sign = np.mean(drawn * np.sign(difference) < 0) + np.mean(drawn == 0) / 2 if difference else 0.5
    return Comparison(
        metric, len(first[0]), spreads[0], spreads[1], difference, float(low), float(high), float(other_sign)
    )


def find_interval(
    answers: Sequence[Prediction], metric: str, label_names: Sequence[str] = (), resamples: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """The 95 % interval of one run's figure, from resampled examples: for metrics that aren't a share of examples.

    Raises: UserError where the metric isn't known, or there are no answers.
    """
    if not answers:
        raise UserError("an interval needs at least one answer")
    measure, random, values = find_score(metric).weighted(answers, label_names), np.random.default_rng(seed), []
    for start in range(0, resamples, step := max(1, _MOST_WEIGHTS // len(answers))):
        values.append(measure(_draw_examples(min(step, resamples - start), len(answers), random)))
    low, high = np.quantile(np.concatenate(values), [0.025, 0.975])
    return float(low), float(high)


def _draw_differences(
    first: Seeds, second: Seeds, score: Score, label_names: Sequence[str], resamples: int, random: np.random.Generator
) -> np.ndarray:
    """[2 * resamples]. Each draw of seeds serves either variant once, so that swapping them negates the differences."""
    examples = len(first[0])
    measures = [[score.weighted(answers, label_names) for answers in seeds] for seeds in (first, second)]
    draws = random.random((2, resamples, max(len(first), len(second))))
    differences = []
    for start in range(0, resamples, step := max(1, _MOST_WEIGHTS // examples)):
        stop = min(start + step, resamples)
        weights = _draw_examples(stop - start, examples, random)
        values = [np.stack([measure(weights) for measure in seeds], axis=1) for seeds in measures]
        for one, other in ((0, 1), (1, 0)):
            one_mean = _draw_seeds(values[0], draws[one, start:stop])
            differences.append(one_mean - _draw_seeds(values[1], draws[other, start:stop]))
    return np.concatenate(differences)


def _draw_examples(resamples: int, examples: int, random: np.random.Generator) -> np.ndarray:
    """How often each of the examples is drawn, as a share: [resamples, examples]."""
    places = random.integers(0, examples, (resamples, examples))
    places += np.arange(resamples)[:, None] * examples
    return np.bincount(places.ravel(), minlength=resamples * examples).reshape(resamples, examples) / examples


def _draw_seeds(values: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """The mean of the seeds drawn of `values` [resamples, seeds]; `draws` lie in [0, 1)."""
    seeds = values.shape[1]
    places = (draws[:, : max(seeds - 1, 1)] * seeds).astype(int)
    mean: np.ndarray = np.take_along_axis(values, places, axis=1).mean(1)
    return mean


def _align(first: Seeds, second: Seeds) -> tuple[Seeds, Seeds]:
    """The same answers, all in the order of the first seed's examples."""
    if not first or not second or not first[0]:
        raise UserError("a comparison needs the answers of at least one seed of either variant")
    golds = {prediction.id: prediction.gold for prediction in first[0]}

    def order(variant: str, seeds: Seeds) -> Seeds:
        ordered = []
        for number, answers in enumerate(seeds):
            name = f"seed {number} of the {variant} variant"
            by_id = {prediction.id: prediction for prediction in answers}
            if len(by_id) < len(answers):
                raise UserError(f"{name} has several answers to one example, so answers can't be matched")
            if different := by_id.keys() ^ golds.keys():
                raise UserError(f"{name} answers other examples than the first: {list_some(different)} in one alone")
            if changed := [key for key, prediction in by_id.items() if prediction.gold != golds[key]]:
                raise UserError(f"{name} has other right answers, so other data: those of {list_some(changed)}")
            ordered.append([by_id[key] for key in golds])
        return ordered

    return order("first", first), order("second", second)
