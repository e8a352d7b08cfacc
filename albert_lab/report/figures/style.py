"""What every plot shares: empty axes, colours of schemes, markers of embedding sizes, the legend."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from albert_lab.report.figures.chart import GRID, INK
from albert_lab.report.formatting import format_scaled

# Okabe and Ito's colours: distinct with the common colour-vision deficiencies, on light and on dark backgrounds.
SCHEME_COLOURS = {"all": "#D55E00", "none": "#0072B2", "attention": "#009E73", "ffn": "#CC79A7", "groups": "#E69F00"}
OTHER_COLOURS = ("#56B4E9", "#999933", "#882255", "#8a8f98")
MEMORY_COLOURS = ("#4477AA", "#66CCEE", "#228833", "#CCBB44", "#BBBBBB")  # Tol's bright set
MARKERS = ("o", "s", "D", "^", "v", "P", "X")
WIDTH_INCHES = 5.8
FONT_SIZE = 10


def assign_colours(schemes: Sequence[str]) -> dict[str, str]:
    """A colour for every scheme; a scheme of the paper has the same one in every plot."""
    others = sorted({scheme for scheme in schemes if scheme not in SCHEME_COLOURS})
    extra = {scheme: OTHER_COLOURS[i % len(OTHER_COLOURS)] for i, scheme in enumerate(others)}
    return {scheme: SCHEME_COLOURS.get(scheme, extra.get(scheme, GRID)) for scheme in schemes}


def assign_markers(sizes: Sequence[int | None]) -> dict[int | None, str]:
    """A marker for every embedding size, smallest first."""
    known = sorted({size for size in sizes if size is not None})
    return {None: "o", **{size: MARKERS[i % len(MARKERS)] for i, size in enumerate(known)}}


def make_axes(height_inches: float, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """A figure with one set of empty axes. Without pyplot, which would keep every figure alive."""
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


def make_bar_axes(labels: Sequence[str], xlabel: str) -> tuple[Figure, Axes]:
    """Axes for one horizontal bar per label, the first label on top."""
    figure, axes = make_axes(1.3 + 0.34 * len(labels), xlabel, "")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    return figure, axes


def scale_parameter_axis(axes: Axes, values: Sequence[float]) -> None:
    """Makes the x axis logarithmic over `values`, with ticks at 1, 2 and 5 times powers of ten: `10 M`, `20 M`."""
    low, high = min(values) / 1.35, max(values) * 2.2
    steps = [digit * 10.0**power for power in range(15) for digit in (1, 2, 5)]
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_xticks([step for step in steps if low <= step <= high])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_scaled(value, digits=1)))


def draw_legend(axes: Axes, handles: Sequence[Any], columns: int) -> None:
    """A legend above the axes, where it covers nothing."""
    legend = axes.legend(
        handles=handles, loc="lower left", bbox_to_anchor=(0, 1.01), ncols=columns, frameon=False, borderaxespad=0.0
    )
    for text in legend.get_texts():
        text.set(color=INK, fontsize=FONT_SIZE - 1.5)
