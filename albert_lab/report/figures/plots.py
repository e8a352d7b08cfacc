"""The lab's plots: each takes summaries of variants and gives a Chart, or an Absent that says why there is none."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from albert_lab.report.figures import axes as dress
from albert_lab.report.figures.chart import GRID, INK, Absent, Chart
from albert_lab.report.figures.labels import label_points
from albert_lab.report.formatting import (
    format_average_speed,
    format_bytes,
    format_count,
    format_significant,
    format_tick,
)
from albert_lab.report.metrics import declared_metrics, format_average, format_axis, judging_metrics
from albert_lab.report.statistics import SeedAverage
from albert_lab.report.summary import MEMORY_KINDS, PREDICTED_KINDS, Summary, scheme_text
from albert_lab.runs.metrics import Metric

Drawn = Chart | Absent
_KIND_TEXT = {"optimizer": "optimizer state", "rest": "the rest"}


def results_against_parameters(summaries: Sequence[Summary]) -> list[Drawn]:
    """For every task, the metric that judges its runs over unique parameters, as measured at the scale that was run."""
    metrics = judging_metrics(row for summary in summaries for row in summary.rows)
    if not metrics:
        return [Absent("Held-out results against parameters", "no run has measured any yet.")]
    return [_against_parameters(summaries, metric) for metric in metrics]


def _against_parameters(summaries: Sequence[Summary], metric: Metric) -> Drawn:
    title = f"{metric.title} against parameters, at this scale"
    points = [
        (summary, parameters, average)
        for summary in summaries
        if (average := summary.held_out(metric)) and (parameters := summary.mean("parameters/unique"))
    ]
    if not points:
        return Absent(title, "no run has measured it yet.")
    chances = _chances(summaries, metric)
    note = (
        "Bars: ± one standard deviation over seeds, where there are several. "
        f"{'Up' if metric.higher_is_better else 'Down'} and to the left is better. "
        f"{'Broken line: chance, what a model reaches that has learnt nothing. ' if chances else ''}Small "
        "models trained briefly rank by how fast they start, not by what they could reach."
    )
    alt = "; ".join(f"{s.label}: {format_average(metric, a)} at {format_count(p)} parameters" for s, p, a in points)
    return _scatter(title, note, alt, points, "unique parameters (log scale)", format_axis(metric), chances)


def _chances(summaries: Sequence[Summary], metric: Metric) -> list[float]:
    """The different chance levels of the runs: a text's own, for instance."""
    levels = [summary.chance(metric) for summary in summaries]
    return sorted({float(f"{level:.3g}") for level in levels if level is not None})


def paper_average(points: Sequence[tuple[Summary, int, float]]) -> Drawn:
    """The paper's average score over our exact count of parameters at its size; points are (cell, count, score)."""
    title = "The paper's average score against parameters, at the paper's size"
    if not points:
        return Absent(title, "the paper has no figures for this study.")
    note = "Scores are the paper's own; parameters are counted on this package's model. Nothing here was measured."
    alt = "; ".join(f"{s.label}: {score} at {format_count(parameters)} parameters" for s, parameters, score in points)
    estimates = [(s, float(parameters), SeedAverage(score, None, 1)) for s, parameters, score in points]
    return _scatter(title, note, alt, estimates, "unique parameters (log scale)", "average of five tasks (%)")


def memory_by_kind(summaries: Sequence[Summary]) -> Drawn:
    """Peak memory above the floor, split into what holds it."""
    title = "Memory of training, by kind"
    bars = [(summary, memory) for summary in summaries if (memory := summary.memory())]
    note = (
        "Peak above what the process held before its model existed; the rest is what no kind accounts for. Sharing "
        "shrinks weights, gradients and optimizer state; activations stay, because every layer is still applied."
    )
    kinds = (*MEMORY_KINDS, "rest")
    return _memory(title, bars, kinds, note) if bars else Absent(title, "no run has recorded its memory by kind.")


def predicted_memory(summaries: Sequence[Summary]) -> Drawn:
    """A step's memory by kind as predicted from the settings, without what a process holds beside its model."""
    title = "Memory of a step, by kind, as predicted"
    bars = [(summary, memory) for summary in summaries if (memory := summary.predicted_memory())]
    note = (
        "From the settings by arithmetic: what the model itself needs, which at a small size is little beside the "
        "libraries, data and allocator of a process. Temporary: what the passes or the optimizer's update hold beside "
        "state and activations."
    )
    return (
        _memory(title, bars, PREDICTED_KINDS, note) if bars else Absent(title, "no run tells enough of its settings.")
    )


def _memory(title: str, bars: Sequence[tuple[Summary, Mapping[str, float]]], kinds: Sequence[str], note: str) -> Chart:
    """A bar a variant, of one part a kind."""
    figure, axes = _bar_axes([summary.label for summary, _ in bars], "memory (MB, 1 MB = 10⁶ bytes)")
    left = [0.0] * len(bars)
    for kind, colour in zip(kinds, dress.MEMORY_COLOURS, strict=True):
        widths = [memory[kind] / 1e6 for _, memory in bars]
        axes.barh(range(len(bars)), widths, left=left, color=colour, height=0.62, edgecolor="none")
        left = [start + width for start, width in zip(left, widths, strict=True)]
    handles = [Patch(color=c, label=_KIND_TEXT.get(k, k)) for k, c in zip(kinds, dress.MEMORY_COLOURS, strict=True)]
    dress.legend(axes, handles, 3)
    return Chart(title, "; ".join(f"{s.label}: {_memory_text(m)}" for s, m in bars), note, figure)


def training_speed(summaries: Sequence[Summary]) -> Drawn:
    """Real tokens a second after warm-up."""
    title = "Training speed"
    bars = [(summary, rate) for summary in summaries if (rate := summary.average("speed/tokens_per_second"))]
    if not bars:
        return Absent(title, "no run has measured its speed.")
    figure, axes = _bar_axes([summary.label for summary, _ in bars], "real tokens a second, without padding")
    axes.barh(
        range(len(bars)),
        [rate.mean for _, rate in bars],
        xerr=[rate.spread or 0.0 for _, rate in bars],
        color=_colours([summary for summary, _ in bars]),
        height=0.62,
        error_kw={"ecolor": INK, "elinewidth": 1.2, "capsize": 3},
    )
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))
    note = (
        "Bars: ± one standard deviation over seeds. Sharing does not save arithmetic, so expect no gain in proportion "
        "to the parameters saved; other work on the same machine shows up here."
    )
    return Chart(title, "; ".join(f"{s.label}: {format_average_speed(rate)}" for s, rate in bars), note, figure)


def results_against_chance(summaries: Sequence[Summary]) -> list[Drawn]:
    """Every share whose chance level is known, with Wilson's interval and the level of guessing."""
    metrics = declared_metrics(row for summary in summaries for row in summary.rows)
    charts = [chart for metric in metrics if (chart := _against_chance(summaries, metric))]
    return charts or [Absent("Results against chance", "no run has a share with a known chance level.")]


def _against_chance(summaries: Sequence[Summary], metric: Metric) -> Chart | None:
    bars = [
        (summary, average, interval)
        for summary in summaries
        if (average := summary.held_out(metric)) and (interval := summary.interval(metric))
    ]
    chances = _chances([summary for summary, *_ in bars], metric)
    if not chances:
        return None
    xlabel = f"{format_axis(metric)}; broken line: guessing"
    figure, axes = _bar_axes([summary.label for summary, *_ in bars], xlabel)
    colours = _colours([summary for summary, *_ in bars])
    for place, (colour, (_, average, (low, high))) in enumerate(zip(colours, bars, strict=True)):
        axes.plot([low, high], [place, place], color=colour, linewidth=5, alpha=0.35, solid_capstyle="butt")
        axes.plot(average.mean, place, "o", color=colour, markersize=7)
    for chance in chances:
        axes.axvline(chance, color=INK, linestyle="--", linewidth=1)
    lows, highs = [low for *_, (low, _) in bars], [high for *_, (_, high) in bars]
    axes.set_xlim(min(chances[0] - 0.1, *lows) - 0.02, max(chances[-1] + 0.1, *highs) + 0.02)
    note = (
        "Points: means over seeds; bands: 95 % intervals (Wilson) from the size of the held-out set. A band that "
        "crosses the line can't be told from guessing; bands that overlap leave the order open."
    )
    alt = "; ".join(
        f"{s.label}: {format_average(metric, a)}, interval {low:.3f} to {high:.3f}" for s, a, (low, high) in bars
    )
    return Chart(f"{metric.title} against chance", alt, note, figure)


def learning_curves(curves: Mapping[str, tuple[str, pd.DataFrame]], metric: Metric) -> Drawn:
    """A metric by optimizer step; `curves` maps a label to its scheme and its history (columns step, value)."""
    title = f"{metric.title} by step"
    known = {label: pair for label, pair in curves.items() if len(pair[1])}
    if not known:
        return Absent(title, "no run has logged it.")
    figure, axes = dress.empty(3.8, "optimizer step", format_axis(metric))
    colours = dress.scheme_colours([scheme for scheme, _ in known.values()])
    seen: dict[str, int] = {}
    for label, (scheme, frame) in known.items():
        style = ("-", "--", ":", "-.")[seen.get(scheme, 0) % 4]
        seen[scheme] = seen.get(scheme, 0) + 1
        axes.plot(frame["step"], frame["value"], style, color=colours[scheme], linewidth=1.5, label=label)
    dress.legend(axes, axes.get_lines(), 2)
    alt = "; ".join(f"{label} ends at {format_significant(f['value'].iloc[-1], 4)}" for label, (_, f) in known.items())
    note = "Curves that still change have not finished: their order may yet change."
    return Chart(title, alt, note, figure)


def _scatter(
    title: str,
    note: str,
    alt: str,
    points: Sequence[tuple[Summary, float, SeedAverage]],
    xlabel: str,
    ylabel: str,
    chances: Sequence[float] = (),
) -> Chart:
    summaries = [summary for summary, *_ in points]
    figure, axes = dress.empty(4.4, xlabel, ylabel)
    markers = dress.size_markers([summary.embedding_size for summary in summaries])
    dress.log_parameters(axes, [x for _, x, _ in points])
    for (summary, x, y), colour in zip(points, _colours(summaries), strict=True):
        marker = markers[summary.embedding_size]
        axes.errorbar(x, y.mean, y.spread or None, fmt=marker, color=colour, markersize=7.5, capsize=3, elinewidth=1.2)
    for chance in chances:
        axes.axhline(chance, color=INK, linestyle="--", linewidth=1)
    axes.margins(y=0.18)
    dress.legend(axes, _scheme_handles(summaries) + _size_handles(markers), 4)
    label_points(axes, [(x, y.mean) for _, x, y in points], [summary.label for summary in summaries])
    return Chart(title, alt, note, figure)


def _bar_axes(labels: Sequence[str], xlabel: str) -> tuple[dress.Figure, Axes]:
    figure, axes = dress.empty(1.3 + 0.34 * len(labels), xlabel, "")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    return figure, axes


def _colours(summaries: Sequence[Summary]) -> list[str]:
    colours = dress.scheme_colours([summary.scheme for summary in summaries])
    return [colours[summary.scheme] for summary in summaries]


def _scheme_handles(summaries: Sequence[Summary]) -> list[Line2D]:
    colours = dress.scheme_colours([summary.scheme for summary in summaries])
    return [Line2D([], [], marker="o", ls="", color=c, label=scheme_text(scheme)) for scheme, c in colours.items()]


def _size_handles(markers: Mapping[int | None, str]) -> list[Line2D]:
    sizes = [embedding for embedding in markers if embedding is not None]
    return [Line2D([], [], marker=markers[e], ls="", color=GRID, label=f"E={e}") for e in sizes]


def _memory_text(memory: Mapping[str, float]) -> str:
    return ", ".join(f"{_KIND_TEXT.get(kind, kind)} {format_bytes(value)}" for kind, value in memory.items())
