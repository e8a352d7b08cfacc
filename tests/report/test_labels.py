"""Labels in a plot cover neither a point, an error bar nor one another."""

import random
from itertools import combinations

from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from albert_lab.report.figures.labels import label_points
from albert_lab.report.figures.style import make_axes, scale_parameter_axis


def test_labels_of_many_cells_of_similar_size_do_not_collide() -> None:
    noise = random.Random(0)
    points = [(300_000 * noise.uniform(0.9, 1.1), noise.uniform(0.1, 0.12)) for _ in range(16)]
    spreads = [noise.uniform(0, 0.003) for _ in points]
    figure, axes = make_axes(4.4, "parameters", "accuracy")
    scale_parameter_axis(axes, [x for x, _ in points])
    for (x, y), spread in zip(points, spreads, strict=True):
        axes.errorbar(x, y, spread, fmt="o")
    axes.margins(y=0.18)
    label_points(axes, points, [f"E = {number}, attention shared" for number in range(16)], spreads)
    figure.draw_without_rendering()
    assert len(axes.texts) >= 8
    bars = [axes.transData.transform([(x, y - s), (x, y + s)]) for (x, y), s in zip(points, spreads, strict=True)]
    marks = [Bbox.from_extents(low[0] - 3, low[1] - 3, high[0] + 3, high[1] + 3) for low, high in bars]
    written = [_text_box(text) for text in axes.texts]
    assert not any(a.overlaps(b) for a, b in combinations(written, 2))
    assert not any(text.overlaps(mark) for text in written for mark in marks)


def _text_box(text: object) -> Bbox:
    """Of the words alone, without the line to the point."""
    assert isinstance(text, Annotation)
    return Text.get_window_extent(text)
