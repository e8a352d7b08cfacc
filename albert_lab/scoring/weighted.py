"""Metrics of weighted examples: a bootstrap that draws an example twice weighs it double, which costs little."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from albert_lab.scoring.predictions import Prediction

Predictions: TypeAlias = Sequence[Prediction]
Names: TypeAlias = Sequence[str]
Resampled: TypeAlias = Callable[[np.ndarray], np.ndarray]  # values [resamples] of weights [resamples, examples]
Weighted: TypeAlias = Callable[[Predictions, Names], Resampled]  # each resample's weights sum to 1


def weigh(parts: Callable[[Predictions, Names], np.ndarray], combine: Callable[[np.ndarray], np.ndarray]) -> Weighted:
    """A metric that is a function of averages over examples.

    F1 for instance: the parts of an example say whether it is a hit, whether it was predicted, whether it is gold.

    Args:
        parts: [examples, parts] of predictions and label names.
        combine: values [...] of averaged parts [..., parts].
    """

    def weighted(predictions: Predictions, label_names: Names) -> Resampled:
        table = parts(predictions, label_names)
        return lambda weights: combine(weights @ table)

    return weighted


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient; 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
