"""The metrics that runs declare: which of them a table shows, their headings, and how values are printed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from albert_lab.report.formatting import BLANK, format_significant
from albert_lab.report.statistics import SeedAverage
from albert_lab.runs.metrics import Metric

Row = Mapping[str, Any]  # a flat run, as `frames.flatten` makes it; `metrics` holds its declarations

DECIMALS = {"share": 3, "nats": 3, "correlation": 3}  # of other units: four significant digits
UNIT_TEXT = {"share": "0 to 1, ", "correlation": "-1 to 1, ", "": ""}


def declared_metrics(rows: Iterable[Row]) -> tuple[Metric, ...]:
    """Every metric of the runs once, in the order of their tasks; without chance, which runs may differ in."""
    return tuple(dict.fromkeys(replace(metric, chance=None) for row in rows for metric in row["metrics"]))


def judging_metrics(rows: Iterable[Row]) -> tuple[Metric, ...]:
    """The metrics that judge the runs, one for every task: the first that it declares."""
    return tuple(dict.fromkeys(replace(row["metrics"][0], chance=None) for row in rows if row["metrics"]))


def main_metrics(rows: Iterable[Row]) -> tuple[Metric, ...]:
    """What a narrow table shows: the metrics that judge, and every score. Leaves out losses where there is a score."""
    rows = tuple(rows)
    judging = judging_metrics(rows)
    return tuple(metric for metric in declared_metrics(rows) if metric in judging or metric.higher_is_better)


def find_declaration(row: Row, metric: Metric) -> Metric | None:
    """The run's own declaration of `metric`, with its chance level; None where its task doesn't have the metric."""
    return next((own for own in row["metrics"] if replace(own, chance=None) == metric), None)


def find_held_out_value(row: Row, metric: Metric) -> float | None:
    """The run's value on held-out samples; None where its task doesn't have the metric."""
    return row.get(f"validation/{metric.name}") if find_declaration(row, metric) else None


def format_heading(metric: Metric) -> str:
    """`MLM accuracy ↑`, `MLM loss (nats) ↓`: the arrow points to better values."""
    unit = "" if metric.unit in ("share", "correlation", "") else f" ({metric.unit})"
    return f"{metric.title}{unit} {'↑' if metric.higher_is_better else '↓'}"


def format_axis(metric: Metric) -> str:
    """`MLM loss (nats, lower is better)`."""
    unit = UNIT_TEXT.get(metric.unit, f"{metric.unit}, ")
    return f"{metric.title} ({unit}{'higher' if metric.higher_is_better else 'lower'} is better)"


def format_value(metric: Metric, value: float | None) -> str:
    """`0.312`, `6.254`; in other units `31.42`."""
    if value is None or math.isnan(value):
        return BLANK
    decimals = DECIMALS.get(metric.unit)
    return format_significant(value, 4) if decimals is None else f"{value:.{decimals}f}"


def format_average(metric: Metric, average: SeedAverage | None, with_n: bool = True) -> str:
    """`0.312 ± 0.004 (n=2)`; the unrounded figures are in the CSV."""
    if average is None:
        return BLANK
    text = format_value(metric, average.mean)
    if average.spread is not None:
        decimals = len(text.partition(".")[2])
        smallest = 10.0**-decimals
        is_visible = average.spread >= smallest / 2
        text += f" ± {average.spread:.{decimals}f}" if is_visible else f" ± <{smallest:.{decimals}f}"
    return f"{text} (n={average.n})" if with_n else text
