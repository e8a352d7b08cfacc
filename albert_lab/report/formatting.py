"""How numbers are printed, with three significant digits, a decimal prefix and their unit; titles."""

import math

from albert_lab.report.statistics import SeedAverage

BLANK = "–"  # printed where there is no figure


def capitalize(text: str) -> str:
    """`text` with a capital first letter; unlike `str.capitalize`, it leaves the others alone."""
    return text[:1].upper() + text[1:]


def format_significant(value: float, digits: int = 3) -> str:
    """`value` to `digits` significant digits, without an exponent: 31.1, 412, 0.00312."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    return f"{rounded:.{max(0, digits - 1 - math.floor(math.log10(abs(rounded))))}f}"


def format_scaled(value: float, unit: str = "", digits: int = 3) -> str:
    """`value` with a decimal prefix: `31.1 M`, `18.3 k tokens/s`, `412 MB` (1 MB = 10^6 bytes)."""
    rounded = float(f"{value:.{digits - 1}e}")
    for power, prefix in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(rounded) >= power:
            space = "" if unit in ("", "B") else " "
            return f"{format_significant(value / power, digits)} {prefix}{space}{unit}"
    return f"{format_significant(value, digits)} {unit}".rstrip()


def format_count(value: float | None) -> str:
    return BLANK if value is None else format_scaled(value)


def format_exact(value: int | None) -> str:
    return BLANK if value is None else f"{value:,}"


def format_bytes(value: float | None) -> str:
    return BLANK if value is None else format_scaled(value, "B")


def format_flops(value: float | None) -> str:
    return BLANK if value is None else format_scaled(value, "FLOP")


def format_duration(hours: float | None, digits: int = 3) -> str:
    """`3.1 years`, `2.1 days`, `3.4 h`, `12.0 min`, `4.20 s`, `31 ms`."""
    if hours is None:
        return BLANK
    for unit, in_hours in (("years", 24 * 365.25), ("days", 24.0), ("h", 1.0), ("min", 1 / 60), ("s", 1 / 3600)):
        if hours >= 2 * in_hours or (unit == "s" and hours >= in_hours):
            return f"{format_significant(hours / in_hours, digits)} {unit}"
    return f"{format_significant(hours * 3.6e6, digits)} ms"


def format_tick(value: float) -> str:
    """A number on an axis, without trailing zeros: `2.5 k`, `10 k`."""
    number, space, prefix = format_scaled(value).partition(" ")
    return (number.rstrip("0").rstrip(".") if "." in number else number) + space + prefix


def format_speed(value: float | None) -> str:
    return BLANK if value is None else format_scaled(value, "tokens/s")


def format_average_speed(figure: SeedAverage | None, with_n: bool = True) -> str:
    """Tokens a second: `18.3 ± 0.4 k tokens/s (n=2)`."""
    if figure is None:
        return BLANK
    if figure.spread is None:
        text = format_speed(figure.mean)
    else:
        value, unit = format_speed(figure.mean).split(" ", 1)
        power = 1e3 ** " kMGT".index(unit[0]) if unit[0] in "kMGT" else 1.0
        decimals = len(value.partition(".")[2])
        text = f"{value} ± {figure.spread / power:.{decimals}f} {unit}"
    return f"{text} (n={figure.n})" if with_n else text
