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

    A line from a label to its point crosses other labels only where the label fits nowhere else.

    Args:
        spreads: how far the error bar of each point reaches up and down; none where it is empty.
    """
    figure = cast(Figure, axes.figure)
    figure.draw_without_rendering()
    scale = figure.dpi / 72
    radius = POINT_RADIUS * scale
    centres = [(float(x), float(y)) for x, y in map(axes.transData.transform, points)]
    taken = [Bbox.from_extents(x - radius, y - radius, x + radius, y + radius) for x, y in centres]
    for (x, y), spread in zip(points, spreads, strict=False):
        (left, low), (_, high) = axes.transData.transform([(x, y - spread), (x, y + spread)])
        taken.append(Bbox.from_extents(left - radius, low - radius, left + radius, high + radius))
    lines: list[Bbox] = []
    for point, (x, y), text in zip(points, centres, texts, strict=True):
        width, height = _measure(axes, text)
        crossing = None  # the first position whose label is free but whose line crosses something
        for dx, dy in _NEAR + _FAR:
            left = x + dx * scale - {0: width / 2, 1: 0.0, -1: width}[(dx > 0) - (dx < 0)]
            box = Bbox.from_bounds(left, y + dy * scale, width, height)
            if not _is_inside(box, axes.get_window_extent()) or _overlap([box], taken):
                continue
            line = _trace_line((x, y), box, 2 * radius) if _is_far(dy) else []
            if not _overlap([box], lines) and not _overlap(line, taken):
                break
            crossing = crossing or (dx, dy, box, line)
        else:
            if crossing is None:
                continue
            dx, dy, box, line = crossing
        taken.append(box)
        lines += line
        _write(axes, point, text, dx, dy)


def _overlap(boxes: Sequence[Bbox], others: Sequence[Bbox]) -> bool:
    return any(box.overlaps(other) for box in boxes for other in others)


def _is_far(dy: float) -> bool:
    """Whether a label whose lower edge is `dy` points above its point, or below, needs a line to it."""
    return dy > LINE_FROM or dy < -LINE_FROM - 2


def _trace_line(point: tuple[float, float], box: Bbox, start: float) -> list[Bbox]:
    """Small boxes along the line from a point to its label, from `start` pixels outside the point."""
    (x, y), (to_x, to_y) = point, ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
    steps = [number / 20 for number in range(1, 20)]
    dots = [(x + step * (to_x - x), y + step * (to_y - y)) for step in steps]
    return [
        Bbox.from_extents(left - 1, low - 1, left + 1, low + 1)
        for left, low in dots
        if abs(left - x) + abs(low - y) > start and not box.contains(left, low)
    ]


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
        arrowprops=line if _is_far(dy) else None,
    ).set_in_layout(False)
