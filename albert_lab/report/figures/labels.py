"""Labels next to the points of a plot that cover neither a point nor one another."""

from collections.abc import Sequence
from typing import cast

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from albert_lab.report.figures.chart import GRID, INK

FONT_SIZE = 8.5
POINT_RADIUS = 5.0  # points (1/72 inch) kept clear around a marker
LINE_FROM = 16.0  # points; a label further away gets a line to its point

# Tried in turn, in points from the marker: next to it, above and below it, then further and further away.
_NEAR = ((8, -5), (-8, -5), (0, 7), (0, -17), (8, 4), (8, -14), (-8, 4), (-8, -14))
_FAR = tuple((dx, dy) for dy in (17, -27, 29, -39, 41, -51, 53, -63, 65, -75) for dx in (8, -8, 0, 30, -30))


def label_points(
    axes: Axes, points: Sequence[tuple[float, float]], texts: Sequence[str], spreads: Sequence[float] = ()
) -> None:
    """Writes each text at the first free position near its point, inside the axes; leaves out what fits nowhere.

    Args:
        spreads: how far the error bar of each point reaches up and down; none where it is empty.
    """
    figure = cast(Figure, axes.figure)
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    radius = POINT_RADIUS * scale
    centres = [tuple(axes.transData.transform(point)) for point in points]
    taken = [Bbox.from_extents(x - radius, y - radius, x + radius, y + radius) for x, y in centres]
    for (x, y), spread in zip(points, spreads, strict=False):
        (left, low), (_, high) = axes.transData.transform([(x, y - spread), (x, y + spread)])
        taken.append(Bbox.from_extents(left - radius, low - radius, left + radius, high + radius))
    for point, (x, y), text in zip(points, centres, texts, strict=True):
        width, height = _measure(axes, text)
        for dx, dy in _NEAR + _FAR:
            left = x + dx * scale - {0: width / 2, 1: 0.0, -1: width}[(dx > 0) - (dx < 0)]
            box = Bbox.from_bounds(left, y + dy * scale, width, height)
            if _is_inside(box, axes.get_window_extent()) and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                _write(axes, point, text, dx, dy)
                break


def _measure(axes: Axes, text: str) -> tuple[float, float]:
    """Width and height of a label, in pixels."""
    probe = axes.text(0, 0, text, fontsize=FONT_SIZE, transform=axes.transAxes)
    box = probe.get_window_extent()
    probe.remove()
    return box.width, box.height


def _is_inside(box: Bbox, frame: Bbox) -> bool:
    return box.x0 >= frame.x0 and box.x1 <= frame.x1 and box.y0 >= frame.y0 and box.y1 <= frame.y1


def _write(axes: Axes, point: tuple[float, float], text: str, dx: float, dy: float) -> None:
    side = "center" if dx == 0 else ("left" if dx > 0 else "right")
    line = {"arrowstyle": "-", "color": GRID, "lw": 0.7, "shrinkA": 1, "shrinkB": 5}
    axes.annotate(
        text,
        point,
        (dx, dy),
        textcoords="offset points",
        ha=side,
        va="bottom",
        color=INK,
        fontsize=FONT_SIZE,
        arrowprops=line if abs(dy) > LINE_FROM + 2 else None,
    ).set_in_layout(False)
