"""Empty axes in the lab's dress and the colours and markers that every plot shares."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from albert_lab.report.figures.chart import GRID, INK
from albert_lab.report.formatting import format_scaled

# Okabe and Ito's colours, told apart with the common colour-vision deficiencies and on light and dark grounds.
SCHEME_COLOURS = {"all": "#D55E00", "none": "#0072B2", "attention": "#009E73", "ffn": "#CC79A7", "groups": "#E69F00"}
OTHER_COLOURS = ("#56B4E9", "#999933", "#882255", "#8a8f98")
MEMORY_COLOURS = ("#4477AA", "#66CCEE", "#228833", "#CCBB44", "#BBBBBB")  # Tol's bright set
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
WIDTH_INCHES = 5.8
FONT_SIZE = 10


def scheme_colours(schemes: Sequence[str]) -> dict[str, str]:
    """A colour for every scheme, the same one in every plot of the lab for the schemes of the paper."""
    others = sorted({scheme for scheme in schemes if scheme not in SCHEME_COLOURS})
    extra = {scheme: OTHER_COLOURS[i % len(OTHER_COLOURS)] for i, scheme in enumerate(others)}
    return {scheme: SCHEME_COLOURS.get(scheme, extra.get(scheme, GRID)) for scheme in schemes}


def size_markers(sizes: Sequence[int | None]) -> dict[int | None, str]:
    """A marker for every embedding size, smallest first."""
    known = sorted({size for size in sizes if size is not None})
    return {None: "o", **{size: MARKERS[i % len(MARKERS)] for i, size in enumerate(known)}}


def empty(height_inches: float, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """A figure with one set of axes; no pyplot, so nothing outlives the figure."""
    figure = Figure(figsize=(WIDTH_INCHES, height_inches), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.set_xlabel(xlabel, color=INK, fontsize=FONT_SIZE)
    axes.set_ylabel(ylabel, color=INK, fontsize=FONT_SIZE)
    axes.tick_params(colors=INK, labelsize=FONT_SIZE - 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.grid(color=GRID, alpha=0.25, linewidth=0.7)
    axes.set_axisbelow(True)
    return figure, axes


def log_parameters(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic x axis over `values`, ticked at 1, 2 and 5 times powers of ten: `10 M`, `20 M`."""
    low, high = min(values) / 1.35, max(values) * 1.8
    steps = [digit * 10.0**power for power in range(15) for digit in (1, 2, 5)]
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks([step for step in steps if low <= step <= high])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_scaled(value, digits=1)))


def legend(axes: Axes, handles: Sequence[Any], columns: int) -> None:
    """A legend over the axes, outside of them, so that it covers nothing."""
    drawn = axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.01), ncols=columns, frameon=False, borderaxespad=0.0
    )
    for text in drawn.get_texts():
        text.set(color=INK, fontsize=FONT_SIZE - 1.5)
