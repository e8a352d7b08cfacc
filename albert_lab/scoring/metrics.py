"""The metrics of the benchmarks, by the names that a task lists: `score(["matthews"], predictions, label_names)`.

GLUE's and the others' own: Wang et al. 2019 (arXiv:1804.07461), Table 1; SQuAD's evaluate-v2.0.py; conlleval of
CoNLL-2003; RACE's accuracy. Where a metric isn't defined, say a correlation with a constant, it has the value that
the official scripts print: 0.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from albert_lab.errors import UserError, nearest
from albert_lab.scoring import answers, entities, labels, numbers
from albert_lab.scoring.predictions import Prediction
from albert_lab.scoring.weighted import Names, Predictions, Weighted, weigh


@dataclass(frozen=True)
class Score:
    """A metric of examples that are all answered.

    Attributes:
        unit: "share" (0 to 1), "correlation" (-1 to 1), or "" for one that has none.
        compute: its value from predictions and the names of the classes (empty where there are none).
        chance: what the best answer that ignores the question gets, from the right answers and the names of the
            classes: always the most frequent class, or nothing at all. None: not known.
        weighted: the same metric of weighted examples, for resampling.
        points: each example's own value, [examples], where the metric is the mean of these; else None.
    """

    name: str
    title: str
    unit: str
    higher_is_better: bool
    compute: Callable[[Predictions, Names], float]
    chance: Callable[[Sequence[Any], Names], float | None]
    weighted: Weighted
    points: Callable[[Predictions], np.ndarray] | None = None


def score(names: Sequence[str], predictions: Predictions, label_names: Names = ()) -> dict[str, float]:
    """The value of every metric in `names`.

    Raises:
        UserError: a name isn't known; there are no predictions, or one without a right answer.
    """
    scores = [find_score(name) for name in names]
    if not predictions:
        raise UserError("there are no examples to score")
    unknown = next((prediction.id for prediction in predictions if prediction.gold is None), None)
    if unknown is not None:
        raise UserError(f"example {unknown} has no right answer to be scored by")
    return {each.name: each.compute(predictions, label_names) for each in scores}


def score_groups(names: Sequence[str], predictions: Predictions, label_names: Names = ()) -> dict[str, float]:
    """The metrics of each `Prediction.group` apart: `{"middle_accuracy": ..., "high_accuracy": ...}` of RACE."""
    groups: dict[str, list[Prediction]] = {}
    for prediction in predictions:
        if prediction.group:
            groups.setdefault(prediction.group, []).append(prediction)
    return {
        f"{group}_{name}": value
        for group, members in groups.items()
        for name, value in score(names, members, label_names).items()
    }


def find_score(name: str) -> Score:
    """The metric called `name`. Raises: UserError with the nearest name."""
    if name not in SCORES:
        raise UserError(f"unknown metric {name!r}{nearest(name, SCORES)}")
    return SCORES[name]


def _mean(
    name: str,
    title: str,
    points: Callable[[Predictions], np.ndarray],
    chance: Callable[[Sequence[Any], Names], float | None],
    unit: str = "share",
    higher_is_better: bool = True,
) -> Score:
    """A metric that is the mean of its examples' own values."""
    weighted = weigh(lambda predictions, _: points(predictions)[:, None], lambda means: means[..., 0])

    def compute(predictions: Predictions, label_names: Names) -> float:
        return float(points(predictions).mean())

    return Score(name, title, unit, higher_is_better, compute, chance, weighted, points)


def _share(
    name: str,
    title: str,
    compute: Callable[[Predictions, Names], float],
    chance: Callable[[Sequence[Any], Names], float | None],
    weighted: Weighted,
) -> Score:
    return Score(name, title, "share", True, compute, chance, weighted)


def _correlation(name: str, title: str, compute: Callable[[Predictions, Names], float], weighted: Weighted) -> Score:
    return Score(name, title, "correlation", True, compute, lambda golds, names: 0.0, weighted)


SCORES: dict[str, Score] = {
    each.name: each
    for each in (
        _mean("accuracy", "accuracy", labels.hits, labels.majority_share),
        _correlation("matthews", "Matthews", labels.matthews, labels.MATTHEWS),
        _share("f1", "F1", labels.positive_f1, labels.positive_f1_by_chance, labels.POSITIVE_F1),
        _share("macro_f1", "macro F1", labels.macro_f1, labels.macro_f1_by_chance, labels.MACRO_F1),
        _share("micro_f1", "micro F1", labels.micro_f1, labels.micro_f1_by_chance, labels.MICRO_F1),
        _mean("subset_accuracy", "accuracy of label sets", labels.subset_hits, labels.majority_set_share),
        _correlation("pearson", "Pearson", numbers.pearson, numbers.PEARSON),
        _correlation("spearman", "Spearman", numbers.spearman, numbers.SPEARMAN),
        _mean("mean_squared_error", "mean squared error", numbers.squared_errors, numbers.variance, "", False),
        _mean("exact_match", "exact match", answers.exact_matches, answers.unanswerable_share),
        _mean("answer_f1", "answer F1", answers.token_f1s, answers.unanswerable_share),
        _share("entity_f1", "entity F1", entities.f1, entities.no_entities, entities.F1),
        _share("entity_precision", "entity precision", entities.precision, entities.no_entities, entities.PRECISION),
        _share("entity_recall", "entity recall", entities.recall, entities.no_entities, entities.RECALL),
        _share("token_accuracy", "token accuracy", entities.token_accuracy, entities.majority_share, entities.TOKENS),
    )
}  # fmt: skip
