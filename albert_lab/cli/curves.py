"""`albert-lab curves RUN...`: draws learning curves; prints them small as well, and the path of the picture."""

import argparse
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from albert_lab.cli.run_arguments import RUN_HELP, make_parser, take_runs_folder, terminal_width
from albert_lab.errors import UserError, nearest
from albert_lab.report.formatting import format_significant
from albert_lab.report.tables.table import Column, Table
from albert_lab.runs.catalog import CatalogRun, find_run, read_history, shorten_names

Points = list[tuple[int, float]]  # steps and values
Curves = Mapping[str, Mapping[str, Points]]  # a run's short name -> a metric (`train/mlm_loss`) -> its points

BARS = "▁▂▃▄▅▆▇█"
BAR_COUNT = 24
UNDRAWN = ("learning_rate", "tokens")  # logged, but no result


def run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(list(arguments))
    runs, words = take_runs_folder(asked.runs)
    if not words:
        raise UserError("which runs? `albert-lab runs` lists them")
    found = list({run.folder.path: run for run in (find_run(word, runs) for word in words)}.values())
    curves = read_curves(found, asked.metric)
    file = asked.out or (found[0].folder.path if len(found) == 1 else runs.absolute()) / "curves.png"
    from albert_lab.report.figures.curves import draw_curves

    draw_curves(curves, file)
    print(text(curves, terminal_width()))
    print(file)
    return 0


def parser() -> argparse.ArgumentParser:
    parser = make_parser("curves", __doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{RUN_HELP}; paths.runs=FOLDER says where they are")
    parser.add_argument("--metric", metavar="NAME", help="only this one: mlm_loss, sentence_accuracy, learning_rate")
    parser.add_argument("--out", type=Path, metavar="FILE", help="a .png or .svg; else curves.png in the run's folder")
    return parser


def read_curves(found: Sequence[CatalogRun], metric: str | None) -> dict[str, dict[str, Points]]:
    """The curves of every run. Raises UserError where a run has logged nothing, or no run has the metric."""
    names = shorten_names([run.name for run in found])
    logged = {names[run.name]: read_history(run.folder) for run in found}
    empty = [name for name, history in logged.items() if not history]
    if empty:
        raise UserError(f"{empty[0]} has logged nothing yet")
    known = {key.partition("/")[2] for history in logged.values() for key in history}
    if metric is not None and metric not in known:
        raise UserError(f"--metric {metric}: these runs have logged none of that name{nearest(metric, known)}")
    trained = {key.partition("/")[2] for history in logged.values() for key in history if key.startswith("train/")}
    wanted = {metric} if metric else trained - set(UNDRAWN)
    return {
        name: {key: points for key, points in history.items() if key.partition("/")[2] in wanted}
        for name, history in logged.items()
    }


def text(curves: Curves, width: int) -> str:
    """A row a curve: bars from its lowest to its highest value, its first, last and best value."""
    rows = [(name, key, points) for name, metrics in curves.items() for key, points in sorted(metrics.items())]
    columns = [
        Column("curve", tuple(key for _, key, _ in rows), number=False),
        Column("by step", tuple(make_bars(points) for *_, points in rows), number=False, rank=1),
        Column("first", tuple(format_significant(points[0][1], 4) for *_, points in rows)),
        Column("last", tuple(format_significant(points[-1][1], 4) for *_, points in rows)),
        Column("steps", tuple(str(points[-1][0]) for *_, points in rows), rank=2),
    ]
    if len(curves) > 1:
        columns.insert(0, Column("run", tuple(name for name, *_ in rows), number=False))
    return Table(tuple(columns)).text(width)


def make_bars(points: Points) -> str:
    """`▇▅▃▂▁`: means over equal shares of the logged points."""
    count = min(BAR_COUNT, len(points))
    edges = [len(points) * number // count for number in range(count + 1)]
    values = [value for _, value in points]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)
