"""Metrics of predicted numbers, computed by SciPy."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from albert_lab.scoring.averages import Averages, divide
from albert_lab.scoring.predictions import Prediction


def pearson(predictions: Sequence[Prediction], label_names: Sequence[str] = ()) -> float:
    """Pearson's linear correlation of predicted and right numbers."""
    from scipy.stats import pearsonr

    return _correlate(pearsonr, predictions)


def spearman(predictions: Sequence[Prediction], label_names: Sequence[str] = ()) -> float:
    """Spearman's correlation: Pearson's of the ranks, equal numbers sharing the mean of theirs."""
    from scipy.stats import spearmanr

    return _correlate(spearmanr, predictions)


def _correlate(measure: Any, predictions: Sequence[Prediction]) -> float:
    """0 where one side is constant, or has a number that isn't finite: it says nothing of the other side."""
    gold, predicted = both(predictions)
    if len(gold) < 2 or not np.isfinite(predicted).all() or np.ptp(gold) == 0 or np.ptp(predicted) == 0:
        return 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # numbers that hardly differ
        value = float(measure(gold, predicted).statistic)
    return value if np.isfinite(value) else 0.0


def squared_errors(predictions: Sequence[Prediction]) -> np.ndarray:
    """Infinite where the prediction is not a number."""
    gold, predicted = both(predictions)
    return np.where(np.isfinite(predicted), (predicted - gold) ** 2, np.inf)


def variance(golds: Sequence[Any], label_names: Sequence[str]) -> float | None:
    """The mean squared error of always predicting the mean."""
    known = [gold for gold in golds if gold is not None]
    return float(np.var(known)) if known else None


def both(predictions: Sequence[Prediction]) -> tuple[np.ndarray, np.ndarray]:
    """Right and predicted numbers, [examples] each."""
    return (
        np.array([prediction.gold for prediction in predictions], float),
        np.array([prediction.prediction for prediction in predictions], float),
    )


def _moments(predictions: Sequence[Prediction], label_names: Sequence[str]) -> np.ndarray:
    gold, predicted = (np.nan_to_num(side - side.mean()) for side in both(predictions))
    gold, predicted = (side / max(np.abs(side).max(), 1e-300) for side in (gold, predicted))
    return np.stack([gold, predicted, gold**2, predicted**2, gold * predicted], axis=1)


def _combine_pearson(means: np.ndarray) -> np.ndarray:
    gold, predicted, gold_squares, predicted_squares, products = np.moveaxis(means, -1, 0)
    variances = np.maximum(gold_squares - gold**2, 0) * np.maximum(predicted_squares - predicted**2, 0)
    constant = variances < 1e-24  # both sides lie in [-1, 1]: what is left of a constant is rounding
    return divide(products - gold * predicted, np.sqrt(np.where(constant, 0, variances)))


PEARSON = Averages(_moments, _combine_pearson)
