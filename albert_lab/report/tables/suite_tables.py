"""A suite's tasks as rows, and its medians in the shape of the paper's tables."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from albert_lab.report.formatting import BLANK, format_exact
from albert_lab.report.metrics import format_heading, format_value
from albert_lab.report.paper import BenchmarkColumn, BenchmarkTable, Figures
from albert_lab.report.tables.table import Column, Table
from albert_lab.report.task_runs import TaskRuns

OURS, PAPER = "this model", "the paper"
OVER_SEEDS: dict[str, Callable[[Sequence[float]], float]] = {
    "median of seeds": statistics.median,
    "lowest seed": min,
    "highest seed": max,
}


def make_task_table(tasks: Sequence[TaskRuns]) -> Table:
    """A row a task: the metric that judges it over its seeds, chance, and what became of the runs."""

    def value(task: TaskRuns, over: Callable[[Sequence[float]], float], fewest: int = 1) -> str:
        values = task.figures(task.judge.name) if task.judge else []
        return format_value(task.judge, over(values)) if task.judge and len(values) >= fewest else BLANK

    def chance(task: TaskRuns) -> str:
        return format_value(task.judge, task.judge.chance) if task.judge else BLANK

    several = any(len(task.seeds) > 1 for task in tasks)
    ranges = [
        Column("lowest", tuple(value(task, min, 2) for task in tasks), rank=1),
        Column("highest", tuple(value(task, max, 2) for task in tasks), rank=1),
    ]
    middles = [task.middle for task in tasks]
    return Table(
        (
            Column("task", tuple(task.task for task in tasks), number=False),
            Column("metric", tuple(format_heading(t.judge) if t.judge else BLANK for t in tasks), number=False),
            Column("median", tuple(value(task, statistics.median) for task in tasks)),
            *(ranges if several else ()),
            Column("chance", tuple(map(chance, tasks))),
            Column("trained on", tuple(format_exact(run.trained_on) if run else BLANK for run in middles), rank=3),
            Column("judged by", tuple(format_exact(run.examples) if run else BLANK for run in middles), rank=2),
            Column("runs", tuple(task.state for task in tasks), number=False),
        )
    )


def make_paper_table(paper: BenchmarkTable, tasks: Mapping[str, TaskRuns]) -> Table:
    """Ours above the paper's rows, in percent as it prints them; what is missing is blank.

    Each figure is over the seeds by itself: the median F1 and the median exact match may be of two seeds.
    """
    several = any(len(tasks[c.task].seeds) > 1 for c in paper.columns if c.task in tasks)
    over = OVER_SEEDS if several else {"one seed": statistics.median}
    ours = {
        name: {c.task: found for c in paper.columns if (found := _over_seeds(c, tasks.get(c.task), combine))}
        for name, combine in over.items()
    }
    rows = {**{f"{OURS}, {name}": figures for name, figures in ours.items()}, **paper.rows}
    columns = [Column("", tuple(rows), number=False)]
    columns += [
        Column(column.heading, tuple(format_figures(figures.get(column.task)) for figures in rows.values()))
        for column in paper.columns
    ]
    if paper.averages is not None:
        averages = [_average(paper, figures) if name == next(iter(ours)) else None for name, figures in ours.items()]
        averages += [paper.averages.get(name) for name in paper.rows]
        columns.append(Column("Avg", tuple(BLANK if value is None else f"{value:.1f}" for value in averages)))
    return Table(tuple(columns))


def _over_seeds(
    column: BenchmarkColumn, task: TaskRuns | None, combine: Callable[[Sequence[float]], float]
) -> Figures | None:
    """In percent; None where the runs lack the first figure. Without one of the others, the first stands alone."""
    fewest = 1 if combine is statistics.median else 2
    values = [task.figures(name) if task else [] for name in column.figures]
    known = [100 * combine(each) for each in values if len(each) >= fewest]
    if len(values[0]) < fewest:
        return None
    return tuple(known) if len(known) == len(values) else (known[0],)


def format_figures(figures: Figures | None) -> str:
    """`90.8`, `94.8/89.3`, `86.5 (89.0/85.5)`."""
    if not figures:
        return BLANK
    first, *others = (f"{figure:.1f}" for figure in figures)
    return f"{first} ({'/'.join(others)})" if len(others) > 1 else "/".join([first, *others])


def _average(paper: BenchmarkTable, figures: Mapping[str, Figures]) -> float | None:
    """The mean over the table's tasks, each SQuAD as the mean of F1 and exact match; None where one is missing."""
    if any(column.task not in figures for column in paper.columns):
        return None
    return statistics.fmean(statistics.fmean(figures[column.task]) for column in paper.columns)
