"""A metric as a function of averages over examples, so that thousands of resamples cost a matrix product each."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from albert_lab.scoring.predictions import Prediction


class Averages(NamedTuple):
    """A metric is `combine(parts(predictions, label_names).mean(0))`.

    F1 for instance: the parts of an example say whether it is a hit, whether it was predicted, whether it is gold.

    Attributes:
        parts: [examples, parts] of predictions and label names.
        combine: values [...] of averaged parts [..., parts].
    """

    parts: Callable[[Sequence[Prediction], Sequence[str]], np.ndarray]
    combine: Callable[[np.ndarray], np.ndarray]


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient; 0 where the denominator is 0."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator)), where=denominator > 0)
