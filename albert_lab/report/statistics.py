"""Averages over seeds and the interval of a share."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class SeedAverage:
    """A figure over seeds: `spread` is the sample standard deviation, None for a single seed."""

    mean: float
    spread: float | None
    n: int


def average_over_seeds(values: Iterable[float | None]) -> SeedAverage | None:
    """Mean and spread of the values that exist; None where there is none."""
    known = [float(value) for value in values if value is not None and not math.isnan(value)]
    if not known:
        return None
    return SeedAverage(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def wilson_interval(share: float, samples: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's 95 % interval of a share of `samples` independent answers, an accuracy for instance.

    Masked tokens of one sentence are not independent, so for masked tokens the true interval is wider.
    """
    if samples < 1:
        raise ValueError(f"an interval needs at least one sample, got {samples}")
    shrink = 1 + z * z / samples
    centre = (share + z * z / (2 * samples)) / shrink
    half = z / shrink * math.sqrt(share * (1 - share) / samples + z * z / (4 * samples * samples))
    return max(0.0, centre - half), min(1.0, centre + half)
