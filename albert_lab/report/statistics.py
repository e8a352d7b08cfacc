"""Averages over seeds, the interval of an accuracy, and how a number is printed: the one home of each."""

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

NOTHING = "–"  # printed where there is no figure
Z_95 = 1.959963984540054  # two-sided 95 % quantile of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """A figure over seeds: `spread` is the sample standard deviation, None for a single seed."""

    mean: float
    spread: float | None
    n: int


def estimate(values: Iterable[float | None]) -> Estimate | None:
    """Mean and spread of the values that exist; None where there is none."""
    known = [float(value) for value in values if value is not None and not math.isnan(value)]
    if not known:
        return None
    return Estimate(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None, len(known))


def wilson(accuracy: float, samples: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's 95 % interval of an accuracy measured on `samples` independent answers.

    Masked tokens of one sentence are not independent, so for masked tokens the true interval is wider.
    """
    if samples < 1:
        raise ValueError(f"an interval needs at least one sample, got {samples}")
    shrink = 1 + z * z / samples
    centre = (accuracy + z * z / (2 * samples)) / shrink
    half = z / shrink * math.sqrt(accuracy * (1 - accuracy) / samples + z * z / (4 * samples * samples))
    return max(0.0, centre - half), min(1.0, centre + half)


def significant(value: float, digits: int = 3) -> str:
    """`value` to `digits` significant digits, without an exponent: 31.1, 412, 0.00312."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    return f"{rounded:.{max(0, digits - 1 - math.floor(math.log10(abs(rounded))))}f}"


def scaled(value: float, unit: str = "", digits: int = 3) -> str:
    """`value` with a decimal prefix: `31.1 M`, `18.3 k tokens/s`, `412 MB` (1 MB = 10^6 bytes)."""
    rounded = float(f"{value:.{digits - 1}e}")
    for power, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(rounded) >= power:
            space = "" if unit in ("", "B") else " "
            return f"{significant(value / power, digits)} {prefix}{space}{unit}"
    return f"{significant(value, digits)} {unit}".rstrip()


def count(value: float | None) -> str:
    return NOTHING if value is None else scaled(value)


def exact(value: int | None) -> str:
    return NOTHING if value is None else f"{value:,}"


def size(value: float | None) -> str:
    return NOTHING if value is None else scaled(value, "B")


def flops(value: float | None) -> str:
    return NOTHING if value is None else scaled(value, "FLOP")


def duration(hours: float | None) -> str:
    """`3.1 years`, `2.1 days`, `3.4 h`, `12.0 min`, `4.20 s`, `31 ms`."""
    if hours is None:
        return NOTHING
    for unit, in_hours in (("years", 24 * 365.25), ("days", 24.0), ("h", 1.0), ("min", 1 / 60), ("s", 1 / 3600)):
        if hours >= 2 * in_hours or (unit == "s" and hours >= in_hours):
            return f"{significant(hours / in_hours)} {unit}"
    return f"{significant(hours * 3.6e6)} ms"


def tick(value: float) -> str:
    """A number beside an axis, without closing zeros: `2.5 k`, `10 k`."""
    number, space, prefix = scaled(value).partition(" ")
    return (number.rstrip("0").rstrip(".") if "." in number else number) + space + prefix


def rate(value: float | None) -> str:
    return NOTHING if value is None else scaled(value, "tokens/s")


def speed(figure: Estimate | None, with_n: bool = True) -> str:
    """Tokens a second: `18.3 ± 0.4 k tokens/s (n=2)`."""
    if figure is None:
        return NOTHING
    if figure.spread is None:
        text = rate(figure.mean)
    else:
        value, unit = rate(figure.mean).split(" ", 1)
        power = 1e3 ** " kMGT".index(unit[0]) if unit[0] in "kMGT" else 1.0
        decimals = len(value.partition(".")[2])
        text = f"{value} ± {figure.spread / power:.{decimals}f} {unit}"
    return f"{text} (n={figure.n})" if with_n else text
