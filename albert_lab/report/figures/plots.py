"""The lab's plots: each takes summaries of variants and returns a chart, or why there is none."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from albert_lab.report.figures.chart import GRID, INK, Chart, MissingChart
from albert_lab.report.figures.labels import label_points
from albert_lab.report.figures.style import (
    MEMORY_COLOURS,
    assign_colours,
    assign_markers,
    draw_legend,
    make_axes,
    make_bar_axes,
    scale_parameter_axis,
)
from albert_lab.report.formatting import (
    capitalize,
    format_average_speed,
    format_bytes,
    format_count,
    format_significant,
    format_tick,
)
from albert_lab.report.metrics import declared_metrics, format_average, format_axis, judging_metrics
from albert_lab.report.statistics import SeedAverage
from albert_lab.report.summary import MEMORY_KINDS, PREDICTED_KINDS, Summary, describe_scheme
from albert_lab.runs.metrics import Metric

_KIND_TEXT = {"optimizer": "optimizer state", "rest": "the rest"}


def plot_results_against_parameters(summaries: Sequence[Summary]) -> list[Chart | MissingChart]:
    """A chart a task: the metric that judges its runs over unique parameters, at the scale that was run."""
    metrics = judging_metrics(row for summary in summaries for row in summary.rows)
    if not metrics:
        return [MissingChart("Held-out results against parameters", "no run has measured any yet.")]
    return [_plot_against_parameters(summaries, metric) for metric in metrics]


def _plot_against_parameters(summaries: Sequence[Summary], metric: Metric) -> Chart | MissingChart:
    title = f"{capitalize(metric.title)} against parameters, at this scale"
    points = [
        (summary, parameters, average)
        for summary in summaries
        if (average := summary.held_out(metric)) and (parameters := summary.mean("parameters/unique"))
    ]
    if not points:
        return MissingChart(title, "no run has measured it yet.")
    chances = _chance_levels(summaries, metric)
    note = (
        "Bars: ± one standard deviation over seeds, where there are several. "
        f"{'Up' if metric.higher_is_better else 'Down'} and to the left is better. "
        f"{'Dashed line: chance, what a model reaches that has learnt nothing. ' if chances else ''}"
        "Small models trained briefly rank by how fast they start, not by what they could reach."
    )
    alt = "; ".join(f"{s.label}: {format_average(metric, a)} at {format_count(p)} parameters" for s, p, a in points)
    return _scatter(title, note, alt, points, format_axis(metric), chances)


def plot_paper_average(points: Sequence[tuple[Summary, int, float]]) -> Chart | MissingChart:
    """The paper's average score over our exact count of parameters at its size; points are (cell, count, score)."""
    title = "The paper's average score against parameters, at the paper's size"
    if not points:
        return MissingChart(title, "the paper has no figures for this study.")
    note = "Scores are the paper's own; parameters are counted on this package's model. Nothing here was measured."
    alt = "; ".join(f"{s.label}: {score} at {format_count(parameters)} parameters" for s, parameters, score in points)
    averages = [(s, float(parameters), SeedAverage(score, None, 1)) for s, parameters, score in points]
    return _scatter(title, note, alt, averages, "average of five tasks (%)")


def plot_memory(summaries: Sequence[Summary]) -> Chart | MissingChart:
    """Peak memory above the floor, split into what holds it."""
    title = "Memory of training, by kind"
    bars = [(summary, memory) for summary in summaries if (memory := summary.memory())]
    note = (
        "Peak above what the process held before its model existed; the rest is what no kind accounts for. Sharing "
        "shrinks weights, gradients and optimizer state; activations stay, because every layer is still applied."
    )
    if not bars:
        return MissingChart(title, "no run has recorded its memory by kind.")
    return _memory_bars(title, bars, (*MEMORY_KINDS, "rest"), note)


def plot_predicted_memory(summaries: Sequence[Summary]) -> Chart | MissingChart:
    """A step's memory by kind as predicted from the settings; only what the model itself needs."""
    title = "Memory of a step, by kind, as predicted"
    bars = [(summary, memory) for summary in summaries if (memory := summary.predicted_memory())]
    note = (
        "From the settings by arithmetic: what the model itself needs, which at a small size is little compared with "
        "the libraries, data and allocator of a process. Temporary: what the passes or the optimizer's update hold on "
        "top of state and activations."
    )
    if not bars:
        return MissingChart(title, "no run has all the settings that it follows from.")
    return _memory_bars(title, bars, PREDICTED_KINDS, note)


def _memory_bars(
    title: str, bars: Sequence[tuple[Summary, Mapping[str, float]]], kinds: Sequence[str], note: str
) -> Chart:
    """A bar a variant, made of one part a kind."""
    figure, axes = make_bar_axes([summary.label for summary, _ in bars], "memory (MB, 1 MB = 10⁶ bytes)")
    left = [0.0] * len(bars)
    for kind, colour in zip(kinds, MEMORY_COLOURS, strict=True):
        widths = [memory[kind] / 1e6 for _, memory in bars]
        axes.barh(range(len(bars)), widths, left=left, color=colour, height=0.62, edgecolor="none")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    handles = [Patch(color=c, label=_KIND_TEXT.get(k, k)) for k, c in zip(kinds, MEMORY_COLOURS, strict=True)]
    draw_legend(axes, handles, 3)
    return Chart(title, "; ".join(f"{s.label}: {_describe_memory(m)}" for s, m in bars), note, figure)


def _describe_memory(memory: Mapping[str, float]) -> str:
    return ", ".join(f"{_KIND_TEXT.get(kind, kind)} {format_bytes(value)}" for kind, value in memory.items())


def plot_training_speed(summaries: Sequence[Summary]) -> Chart | MissingChart:
    """Real tokens a second after warm-up."""
    title = "Training speed"
    bars = [(summary, speed) for summary in summaries if (speed := summary.average("speed/tokens_per_second"))]
    if not bars:
        return MissingChart(title, "no run has measured its speed.")
    figure, axes = make_bar_axes([summary.label for summary, _ in bars], "real tokens a second, without padding")
    axes.barh(
        range(len(bars)),
        [speed.mean for _, speed in bars],
        xerr=[speed.spread or 0.0 for _, speed in bars],
        color=_colours([summary for summary, _ in bars]),
        height=0.62,
        error_kw={"ecolor": INK, "elinewidth": 1.2, "capsize": 3},
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))
    note = (
        "Bars: ± one standard deviation over seeds. Sharing does not save arithmetic, so expect no gain in proportion "
        "to the parameters saved; other work on the same machine shows up here."
    )
    return Chart(title, "; ".join(f"{s.label}: {format_average_speed(speed)}" for s, speed in bars), note, figure)


def plot_results_against_chance(summaries: Sequence[Summary]) -> list[Chart | MissingChart]:
    """A chart for every share with a known chance level: Wilson's interval, and the level of guessing."""
    metrics = declared_metrics(row for summary in summaries for row in summary.rows)
    charts = [chart for metric in metrics if (chart := _plot_against_chance(summaries, metric))]
    if not charts:
        return [MissingChart("Results against chance", "no run has a share with a known chance level.")]
    return [*charts]


def _plot_against_chance(summaries: Sequence[Summary], metric: Metric) -> Chart | None:
    bars = [
        (summary, average, interval)
        for summary in summaries
        if (average := summary.held_out(metric)) and (interval := summary.interval(metric))
    ]
    chances = _chance_levels([summary for summary, *_ in bars], metric)
    if not chances:
        return None
    figure, axes = make_bar_axes([summary.label for summary, *_ in bars], format_axis(metric))
    colours = _colours([summary for summary, *_ in bars])
    for position, (colour, (_, average, (low, high))) in enumerate(zip(colours, bars, strict=True)):
        axes.plot([low, high], [position, position], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
        axes.plot(average.mean, position, "o", color=colour, markersize=7)
    for chance in chances:
        axes.axvline(chance, color=INK, linestyle="--", linewidth=1)
    lows, highs = [low for *_, (low, _) in bars], [high for *_, (_, high) in bars]
    axes.set_xlim(min(chances[0] - 0.1, *lows) - 0.02, max(chances[-1] + 0.1, *highs) + 0.02)
    note = (
        "Points: means over seeds; bands: 95 % intervals (Wilson) from the size of the held-out set; dashed line: "
        "guessing. A band that crosses the line can't be distinguished from guessing; bands that overlap leave the "
        "order open."
    )
    alt = "; ".join(
        f"{s.label}: {format_average(metric, a)}, interval {low:.3f} to {high:.3f}" for s, a, (low, high) in bars
    )
    return Chart(f"{capitalize(metric.title)} against chance", alt, note, figure)


def plot_learning_curves(curves: Mapping[str, tuple[str, pd.DataFrame]], metric: Metric) -> Chart | MissingChart:
    """A metric by optimizer step; `curves` maps a label to its scheme and its history (columns step, value)."""
    title = f"{capitalize(metric.title)} by step"
    known = {label: pair for label, pair in curves.items() if len(pair[1])}
    if not known:
        return MissingChart(title, "no run has logged it.")
    figure, axes = make_axes(3.8, "optimizer step", format_axis(metric))
    colours = assign_colours([scheme for scheme, _ in known.values()])
    seen: dict[str, int] = {}
    for label, (scheme, frame) in known.items():
        style = ("-", "--", ":", "-.")[seen.get(scheme, 0) % 4]
        seen[scheme] = seen.get(scheme, 0) + 1
        axes.plot(frame["step"], frame["value"], style, color=colours[scheme], linewidth=1.5, label=label)
    draw_legend(axes, axes.get_lines(), 2)
    alt = "; ".join(f"{label} ends at {format_significant(f['value'].iloc[-1], 4)}" for label, (_, f) in known.items())
    note = "Curves that still change have not finished: their order may yet change."
    return Chart(title, alt, note, figure)


def _scatter(
    title: str,
    note: str,
    alt: str,
    points: Sequence[tuple[Summary, float, SeedAverage]],
    ylabel: str,
    chances: Sequence[float] = (),
) -> Chart:
    """Averages over parameters: a colour a scheme, a marker an embedding size, dashed lines at chance."""
    summaries = [summary for summary, *_ in points]
    figure, axes = make_axes(4.4, "unique parameters (log scale)", ylabel)
    colours = assign_colours([summary.scheme for summary in summaries])
    markers = assign_markers([summary.embedding_size for summary in summaries])
    scale_parameter_axis(axes, [x for _, x, _ in points])
    for summary, x, y in points:
        colour, marker = colours[summary.scheme], markers[summary.embedding_size]
        axes.errorbar(x, y.mean, y.spread or None, fmt=marker, color=colour, markersize=7.5, capsize=3, elinewidth=1.2)
    for chance in chances:
        axes.axhline(chance, color=INK, linestyle="--", linewidth=1)
    axes.margins(y=0.18)
    handles = [Line2D([], [], marker="o", ls="", color=c, label=describe_scheme(s)) for s, c in colours.items()]
    handles += [Line2D([], [], marker=m, ls="", color=GRID, label=f"E = {e}") for e, m in markers.items() if e]
    draw_legend(axes, handles, 4)
    spreads = [y.spread or 0.0 for *_, y in points]
    label_points(axes, [(x, y.mean) for _, x, y in points], [summary.label for summary in summaries], spreads)
    return Chart(title, alt, note, figure)


def _chance_levels(summaries: Sequence[Summary], metric: Metric) -> list[float]:
    """The different chance levels of the runs; that of a loss may depend on the text."""
    levels = [summary.chance(metric) for summary in summaries]
    return sorted({float(f"{level:.4g}") for level in levels if level is not None})


def _colours(summaries: Sequence[Summary]) -> list[str]:
    colours = assign_colours([summary.scheme for summary in summaries])
    return [colours[summary.scheme] for summary in summaries]
