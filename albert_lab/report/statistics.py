"""Figures over seeds and the interval of a share."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from albert_lab.runs.metrics import Metric

Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class SeedAverage:
    """A figure over seeds: `spread` is the sample standard deviation, None for a single seed."""

    mean: float
    spread: float | None
    n: int


@dataclass(frozen=True)
class SeedSpread:
    """A figure over seeds as fine-tuning tells it: a seed that collapsed moves the mean, but hardly the median."""

    median: float
    lowest: float
    highest: float
    n: int


def average_over_seeds(values: Iterable[float | None]) -> SeedAverage | None:
    """Mean and spread of the values that exist; None where there is none."""
    known = [float(value) for value in values if value is not None and not math.isnan(value)]
    if not known:
        return None
    return SeedAverage(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def spread_over_seeds(values: Iterable[float | None]) -> SeedSpread | None:
    """Median and range of the values that exist; None where there is none."""
    known = [float(value) for value in values if value is not None and not math.isnan(value)]
    return SeedSpread(statistics.median(known), min(known), max(known), len(known)) if known else None


def find_collapsed(metric: Metric, values: Sequence[float | None]) -> list[int]:
    """The places of seeds that are no better than `metric.chance`, or not a number; [] where chance isn't known.

    Fine-tuning of small sets now and then ends at the majority class (Devlin et al. 2019, section 4.1; Mosbach et al.
    2021, arXiv:2006.04884).
    """
    chance = metric.chance
    if chance is None:
        return []
    return [
        place
        for place, value in enumerate(values)
        if value is not None
        and (not metric.is_better(value, chance) or math.isclose(value, chance, rel_tol=0, abs_tol=1e-9))
    ]


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
