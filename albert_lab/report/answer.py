"""A study's answer in two sentences: which differences are larger than the spread over seeds, and which are not."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from albert_lab.report.formatting import capitalize
from albert_lab.report.metrics import format_value, judging_metrics
from albert_lab.report.summary import SYMBOLS
from albert_lab.report.tables.study_rows import StudyRow
from albert_lab.runs.metrics import Metric

SPREADS = 2.0  # a difference larger than so many standard deviations over seeds counts


@dataclass(frozen=True)
class Difference:
    """The best and the worst value of an axis, each averaged over the cells that differ in nothing else."""

    axis: str
    best: str
    worst: str
    means: dict[str, float]  # of every value that was compared, by its label

    @property
    def best_mean(self) -> float:
        return self.means[self.best]

    @property
    def worst_mean(self) -> float:
        return self.means[self.worst]

    def close_pairs(self, bar: float) -> list[tuple[str, str]]:
        """Neighbours in the order of their means that lie no further apart than `bar`."""
        ordered = sorted(self.means, key=self.means.__getitem__)
        return [(low, high) for low, high in pairwise(ordered) if self.means[high] - self.means[low] <= bar]

    @property
    def size(self) -> float:
        return abs(self.best_mean - self.worst_mean)


def answer_study(rows: Sequence[StudyRow]) -> tuple[str, ...]:
    """Two sentences for every task of the study; one where there is nothing to compare."""
    metrics = judging_metrics(run for row in rows for run in row.summary.rows)
    return tuple(sentence for metric in metrics for sentence in _answer(rows, metric)) or (
        "Nothing has been measured yet.",
    )


def _answer(rows: Sequence[StudyRow], metric: Metric) -> tuple[str, ...]:
    figures = [(row, figure) for row in rows if (figure := row.summary.held_out(metric))]
    found = [difference for axis in _varied_axes(rows) if (difference := _compare(rows, metric, axis))]
    if not found:
        return (f"Too few cells have finished to compare their {metric.title}.",)
    spreads = [figure.spread for _, figure in figures if figure.spread is not None]
    if not spreads:
        parts = "; ".join(_describe(difference, metric) for difference in found)
        return (
            f"{capitalize(parts)}.",
            "With one seed a cell, nothing says how much of that is chance.",
        )
    spread = math.sqrt(statistics.fmean(value * value for value in spreads))
    larger = [difference for difference in found if difference.size > SPREADS * spread]
    others = [difference for difference in found if difference not in larger]
    bar = f"{SPREADS:g} standard deviations over the seeds of a cell, {format_value(metric, SPREADS * spread)}"
    close = [pair for difference in larger for pair in difference.close_pairs(SPREADS * spread)]
    return (_say_larger(larger, metric, bar), _say_not_larger(others, close, metric, bar if not larger else "that"))


def _say_larger(differences: Sequence[Difference], metric: Metric, bar: str) -> str:
    if not differences:
        return f"No difference in {metric.title} is larger than the spread ({bar})."
    parts = "; ".join(_describe(difference, metric) for difference in differences)
    return f"{capitalize(parts)}: larger than the spread ({bar})."


def _say_not_larger(
    differences: Sequence[Difference], close: Sequence[tuple[str, str]], metric: Metric, bar: str
) -> str:
    parts = [_describe(difference, metric) for difference in differences]
    parts += [f"{low} and {high} lie no further apart than the spread" for low, high in close]
    if not parts:
        return "No two neighbouring values lie within the spread of each other."
    text = capitalize("; ".join(parts))
    return f"{text}: no larger than {bar}, so it may be chance." if not close else f"{text}, so it may be chance."


def _describe(difference: Difference, metric: Metric) -> str:
    best, worst = (format_value(metric, mean) for mean in (difference.best_mean, difference.worst_mean))
    return (
        f"{difference.axis} changes {metric.title} by up to {format_value(metric, difference.size)} "
        f"({difference.best}: {best}; {difference.worst}: {worst})"
    )


def _varied_axes(rows: Sequence[StudyRow]) -> list[str]:
    axes = dict.fromkeys(axis for row in rows for axis in row.cell.axes)
    return [axis for axis in axes if len({row.cell.axes.get(axis) for row in rows}) > 1]


def _compare(rows: Sequence[StudyRow], metric: Metric, axis: str) -> Difference | None:
    """Averages over the settings of the other axes in which every value that has finished anywhere was measured."""
    means: dict[str, dict[str, float]] = {}
    labels: dict[str, str] = {}
    for row in rows:
        if figure := row.summary.held_out(metric):
            value, rest = str(row.cell.axes[axis]), str({k: v for k, v in row.cell.axes.items() if k != axis})
            means.setdefault(value, {})[rest] = figure.mean
            labels[value] = row.label_of(axis)
    shared = set.intersection(*(set(found) for found in means.values())) if len(means) > 1 else set()
    if not shared:
        return None
    averages = {value: statistics.fmean(found[rest] for rest in shared) for value, found in means.items()}
    best, worst = (max, min) if metric.higher_is_better else (min, max)
    high, low = best(averages, key=averages.__getitem__), worst(averages, key=averages.__getitem__)
    by_label = {labels[value]: mean for value, mean in averages.items()}
    return Difference(_name_axis(axis), labels[high], labels[low], by_label)


def _name_axis(axis: str) -> str:
    if axis in ("sharing", "sharing.scheme"):
        return "what is shared"
    words = axis.rsplit(".", 1)[-1].replace("_", " ")
    return f"the {words} {SYMBOLS[axis]}" if axis in SYMBOLS else words
