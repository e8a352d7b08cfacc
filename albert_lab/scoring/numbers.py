"""Metrics of predicted numbers, computed by SciPy."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from albert_lab.scoring.predictions import Prediction
from albert_lab.scoring.weighted import Resampled, divide, weigh


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
    spreads = [gold_squares - gold**2, predicted_squares - predicted**2]
    varies = np.minimum(*spreads) > 1e-12  # both sides lie in [-1, 1]: what is left of a constant is rounding
    return divide(products - gold * predicted, np.where(varies, np.sqrt(np.abs(spreads[0] * spreads[1])), 0))


def _resample_spearman(predictions: Sequence[Prediction], label_names: Sequence[str]) -> Resampled:
    rank_gold, rank_predicted = map(_rank_resamples, both(predictions))

    def measure(weights: np.ndarray) -> np.ndarray:
        gold, predicted = rank_gold(weights), rank_predicted(weights)
        products = (gold, predicted, gold**2, predicted**2, gold * predicted)
        return _combine_pearson(np.stack([(weights * each).sum(-1) for each in products], axis=-1))

    return measure


def _rank_resamples(values: np.ndarray) -> Resampled:
    """Ranks [resamples, examples] within resamples, as shares of them; equal values share the mean of their ranks."""
    distinct, places = np.unique(np.nan_to_num(values), return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(len(distinct)))

    def rank(weights: np.ndarray) -> np.ndarray:
        shares = np.add.reduceat(weights[:, order], starts, axis=1)
        return (np.cumsum(shares, axis=1) - shares / 2)[:, places]

    return rank


PEARSON = weigh(_moments, _combine_pearson)
SPEARMAN = _resample_spearman
