"""Answers against the right ones: classes as a matrix of counts, numbers as points."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from albert_lab.report.figures.chart import GRID, INK, Chart, MissingChart
from albert_lab.report.figures.style import FONT_SIZE, make_axes
from albert_lab.report.formatting import format_significant
from albert_lab.scoring.predictions import Prediction

MOST_CLASSES = 12  # of a matrix; the rarer ones are put together
OTHERS = "all others"
LONGEST_NAME = 18  # characters
CELL_COLOUR = "#0072B2"
MOST_POINTS = 2000  # that a picture draws


def plot_confusion(predictions: Sequence[Prediction], names: Sequence[str], whose: str) -> Chart | MissingChart:
    """Right classes by row, answers by column; `whose` says of which run."""
    title = "Right class and answer"
    if not predictions:
        return MissingChart(title, "the run kept no answers.")
    pairs = Counter((str(each.gold), str(each.prediction)) for each in predictions)
    names, counts = _count(pairs, names)
    total = {gold: sum(counts[gold, answer] for answer in names) for gold in names}
    figure, axes = make_axes(1.6 + 0.42 * len(names), "answer", "right class")
    for row, gold in enumerate(names):
        for column, answer in enumerate(names):
            share = counts[gold, answer] / total[gold] if total[gold] else 0.0
            axes.add_patch(_square(column, row, share))
            axes.text(column, row, f"{counts[gold, answer]:,}", ha="center", va="center", fontsize=FONT_SIZE - 1,
                      color="white" if share > 0.55 else INK)  # fmt: skip
    short = [shorten_name(name) for name in names]
    is_long = sum(map(len, short)) > 55  # characters that fit side by side
    axes.set_xticks(range(len(names)), short, rotation=40 if is_long else 0, ha="right" if is_long else "center",
                    parse_math=False)  # fmt: skip
    axes.set_yticks(range(len(names)), short, parse_math=False)
    axes.set_xlim(-0.5, len(names) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)
    alt = "; ".join(f"{gold} answered as {answer}: {count}" for (gold, answer), count in counts.items() if count)
    note = (
        f"{whose}. Counts of examples; the stronger the colour, the larger the share of its row. The diagonal is right."
    )
    return Chart(title, alt, note, figure)


def _count(pairs: Counter[tuple[str, str]], names: Sequence[str]) -> tuple[list[str], Counter[tuple[str, str]]]:
    """The classes to show and their counts; beyond `MOST_CLASSES` the rarer ones are one."""
    golds = Counter[str]()
    for (gold, _), count in pairs.items():
        golds[gold] += count
    unlisted = sorted({name for pair in pairs for name in pair} - set(names))
    shown = [*names, *unlisted]
    if len(shown) > MOST_CLASSES:
        frequent = {name for name, _ in golds.most_common(MOST_CLASSES - 1)}
        shown = [*(name for name in shown if name in frequent), OTHERS]
    counts = Counter[tuple[str, str]]()
    for (gold, answer), count in pairs.items():
        counts[gold if gold in shown else OTHERS, answer if answer in shown else OTHERS] += count
    return shown, counts


def _square(column: int, row: int, share: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(
        (column - 0.5, row - 0.5), 1, 1, facecolor=CELL_COLOUR, alpha=0.04 + 0.9 * share, edgecolor=GRID, linewidth=0.4
    )


def shorten_name(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def plot_numbers(predictions: Sequence[Prediction], whose: str) -> Chart | MissingChart:
    """Right numbers across, predicted ones up."""
    title = "Right number and answer"
    if not predictions:
        return MissingChart(title, "the run kept no answers.")
    golds = [float(each.gold) for each in predictions]
    answers = [float(each.prediction) for each in predictions]
    figure, axes = make_axes(4.2, "right number", "answer")
    step = -(-len(golds) // MOST_POINTS)
    axes.plot(golds[::step], answers[::step], "o", color=CELL_COLOUR, markersize=4, alpha=0.4, markeredgewidth=0)
    ends = [min(golds), max(golds)]
    axes.plot(ends, ends, color=INK, linestyle="--", linewidth=1)
    mean = sum(abs(gold - answer) for gold, answer in zip(golds, answers, strict=True)) / len(golds)
    low, high = (format_significant(value) for value in (min(answers), max(answers)))
    alt = f"{len(golds)} examples; answers from {low} to {high}; off by {format_significant(mean)} on average"
    drawn = f"A point every {step} examples" if step > 1 else "A point an example"
    note = f"{whose}. {drawn}; on the dashed line it would be right. Off by {format_significant(mean)} on average."
    return Chart(title, alt, note, figure)
