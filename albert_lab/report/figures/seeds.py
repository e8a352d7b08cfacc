"""Seeds of fine-tuned tasks as points, and their learning curves."""

import statistics
from collections.abc import Sequence

from matplotlib.lines import Line2D

from albert_lab.report.figures.chart import GRID, INK, Chart, MissingChart
from albert_lab.report.figures.style import OTHER_COLOURS, SCHEME_COLOURS, draw_legend, make_axes, make_bar_axes
from albert_lab.report.formatting import capitalize
from albert_lab.report.metrics import format_axis, format_value
from albert_lab.report.task_runs import SeedRun, TaskRuns
from albert_lab.runs.metrics import Metric

COLOURS = (*SCHEME_COLOURS.values(), *OTHER_COLOURS)  # of seeds, in turn
MOST_NAMED = 10  # seeds that a legend names
ONE_SCALE = ("share", "correlation")  # units of metrics that fit one axis


def plot_seeds(tasks: Sequence[TaskRuns]) -> Chart | MissingChart:
    """A row a task: every seed a point, the median a bar, chance a dashed line."""
    title = "Every seed"
    known = [(task, task.judge) for task in tasks if task.judge and task.ranked]
    if len(known) > 1:
        known = [(task, metric) for task, metric in known if metric.unit in ONE_SCALE]
    if not known:
        return MissingChart(title, "no run has finished.")
    label = format_axis(known[0][1]) if len(known) == 1 else "the metric that judges each task (1 is best)"
    figure, axes = make_bar_axes([_plain(task.task) for task, _ in known], label)
    for row, (task, metric) in enumerate(known):
        values = task.figures(metric.name)
        axes.plot([statistics.median(values)] * 2, [row - 0.3, row + 0.3], color=INK, linewidth=2)
        for run, value in zip(task.ranked, sorted(values), strict=True):
            marker = "X" if run.has_collapsed else "o"
            axes.plot(value, row, marker, color=seed_colour(task, run), markersize=8, alpha=0.8, clip_on=False)
        if metric.chance is not None:
            axes.plot([metric.chance] * 2, [row - 0.45, row + 0.45], color=INK, linestyle="--", linewidth=1)
    styles = [
        Line2D([], [], marker="o", ls="", color=GRID, label="a seed"),
        Line2D([], [], marker="X", ls="", color=GRID, label="collapsed"),
        Line2D([], [], color=INK, linewidth=2, label="median"),
        Line2D([], [], color=INK, linestyle="--", linewidth=1, label="chance"),
    ]
    draw_legend(axes, styles, 4)
    axes.margins(x=0.08)
    note = (
        "Collapsed: no better than chance, what the best answer gets that ignores the question. Points of few seeds "
        "show a range, not a distribution."
    )
    return Chart(title, "; ".join(_describe(task, metric) for task, metric in known), note, figure)


def seed_colour(task: TaskRuns, run: SeedRun) -> str:
    """The same in every plot of a task."""
    return COLOURS[task.seeds.index(run) % len(COLOURS)]


def _describe(task: TaskRuns, metric: Metric) -> str:
    points = ", ".join(f"seed {run.seed} {format_value(metric, run.figure(metric.name))}" for run in task.ranked)
    return f"{task.task}, {metric.title}: {points}; chance {format_value(metric, metric.chance)}"


def plot_seed_curves(task: TaskRuns, key: str, title: str, ylabel: str, chance: float | None) -> Chart | MissingChart:
    """A line a seed: what the runs logged as `key`, say `validation/accuracy`, by optimizer step."""
    curves = [(run, run.curves[key]) for run in task.seeds if run.curves.get(key)]
    title = capitalize(title)
    if not curves:
        return MissingChart(title, "no run has logged it.")
    figure, axes = make_axes(3.4, "optimizer step", ylabel)
    for run, curve in curves:
        style = "--" if run.has_collapsed else "-"
        marker = "o" if key.startswith("validation/") else ""
        label = f"seed {run.seed}{' (collapsed)' if run.has_collapsed else ''}"
        axes.plot(*zip(*curve, strict=True), style, marker=marker, markersize=3.5, linewidth=1.3,
                  color=seed_colour(task, run), label=label)  # fmt: skip
    if chance is not None:
        axes.axhline(chance, color=INK, linestyle="--", linewidth=1)
    if len(curves) <= MOST_NAMED:
        draw_legend(axes, axes.get_lines()[: len(curves)], 4)
    alt = "; ".join(f"seed {run.seed}: {curve[-1][1]:.4g} at step {curve[-1][0]}" for run, curve in curves)
    note = "Dashed black line: chance. " if chance is not None else ""
    return Chart(title, alt, f"{note}A line a seed; one that still changes had not finished learning.", figure)


def _plain(text: str) -> str:
    """`text` with its dollar signs escaped: Matplotlib takes what stands between two of them for a formula."""
    return text.replace("$", "\\$")
