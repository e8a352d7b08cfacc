"""Learning curves of runs as one picture: a panel a metric, training thin, held-out samples with markers."""

import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from albert_lab.errors import UserError
from albert_lab.report.figures.chart import GRID, INK
from albert_lab.report.figures.style import FONT_SIZE, OTHER_COLOURS, SCHEME_COLOURS
from albert_lab.storage.files import write_bytes

PANEL_INCHES = (5.2, 3.4)
COLOURS = (*SCHEME_COLOURS.values(), *OTHER_COLOURS)
FORMATS = (".png", ".svg", ".pdf")


def draw_curves(curves: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]], file: Path) -> None:
    """Writes a picture of the curves, by run and metric (`train/mlm_loss`, `validation/mlm_loss`).

    Raises:
        UserError: the file's ending names no format of pictures.
    """
    if file.suffix not in FORMATS:
        raise UserError(f"--out {file}: its name must end in {', '.join(FORMATS)}")
    names = list(dict.fromkeys(key.partition("/")[2] for metrics in curves.values() for key in metrics))
    columns = min(2, len(names))
    rows = math.ceil(len(names) / columns)
    figure = Figure(figsize=(PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows + 0.5), layout="constrained")
    FigureCanvasAgg(figure)
    colours = {run: COLOURS[number % len(COLOURS)] for number, run in enumerate(curves)}
    for number, name in enumerate(names, start=1):
        _draw_panel(figure.add_subplot(rows, columns, number), name, curves, colours)
    handles = [Line2D([], [], color=colour, label=run) for run, colour in colours.items()]
    styles: list[tuple[str, dict[str, Any]]] = [
        ("training", {"alpha": 0.5}),
        ("held out", {"marker": "o", "markersize": 4}),
    ]
    handles += [Line2D([], [], color=INK, linewidth=1.2, label=label, **style) for label, style in styles]
    figure.legend(handles=handles, loc="outside upper left", ncols=2 * columns, frameon=False, fontsize=FONT_SIZE - 1)
    buffer = io.BytesIO()
    figure.savefig(buffer, format=file.suffix[1:], dpi=130, facecolor="white")
    write_bytes(file, buffer.getvalue())


def _draw_panel(
    axes: Axes, name: str, curves: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]], colours: Mapping[str, str]
) -> None:
    for run, metrics in curves.items():
        for kind, style in (("train", {"alpha": 0.5}), ("validation", {"marker": "o", "markersize": 3.5})):
            if points := metrics.get(f"{kind}/{name}"):
                axes.plot(*zip(*points, strict=True), color=colours[run], linewidth=1.2, **style)
    axes.set_title(name.replace("_", " "), loc="left", color=INK, fontsize=FONT_SIZE + 1)
    axes.set_xlabel("optimizer step", color=INK, fontsize=FONT_SIZE)
    axes.tick_params(colors=INK, labelsize=FONT_SIZE - 1)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GRID, alpha=0.25, linewidth=0.7)
