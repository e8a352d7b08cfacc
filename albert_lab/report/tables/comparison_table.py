"""Two variants on the same tasks: the difference of each, and whether it is larger than chance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from albert_lab.errors import UserError, first_line
from albert_lab.report.comparison import Comparison, compare
from albert_lab.report.formatting import BLANK
from albert_lab.report.metrics import DECIMALS, format_heading, format_value
from albert_lab.report.tables.table import Column, Table
from albert_lab.report.task_runs import TaskRuns
from albert_lab.runs.metrics import Metric

IN_PERCENT = ("share", "correlation")  # units whose differences are told in hundredths, as the paper prints scores

NOTE = (
    "A: {other}; B: {own}. B - A is the difference of the means over seeds, shares and correlations in hundredths. Its "
    "95 % interval is from a paired bootstrap over examples and seeds; with few seeds it is still somewhat too narrow. "
    "With many tasks, one in twenty intervals misses 0 by chance alone."
)


@dataclass(frozen=True)
class TaskComparison:
    """A task of both variants; without a result where they can't be compared, and why not."""

    task: str
    metric: Metric | None = None
    result: Comparison | None = None
    reason: str = ""

    @property
    def difference(self) -> str:
        """`+1.2 (95 % -0.3 to 2.6)`, or why there is none."""
        if self.result is None or self.metric is None:
            return self.reason
        low, high = (_format(self.metric, value) for value in (self.result.low, self.result.high))
        return f"{_format(self.metric, self.result.difference, '+')} (95 % {low} to {high})"

    @property
    def verdict(self) -> str:
        """Which variant is better beyond doubt, where one is."""
        if self.result is None or self.metric is None:
            return BLANK
        if not self.result.is_clear:
            return "may be chance"
        return "better" if (self.result.difference > 0) is self.metric.higher_is_better else "worse"


def _format(metric: Metric, value: float, sign: str = "") -> str:
    if metric.unit in IN_PERCENT:
        return f"{100 * value:{sign}.1f}"
    return f"{value:{sign}.{DECIMALS.get(metric.unit, 3)}f}"


def compare_tasks(ours: Mapping[str, TaskRuns], others: Mapping[str, TaskRuns]) -> list[TaskComparison]:
    """Every task that either has, by the metric that judges it."""
    return [_compare(name, ours.get(name), others.get(name)) for name in dict.fromkeys([*ours, *others])]


def _compare(name: str, ours: TaskRuns | None, others: TaskRuns | None) -> TaskComparison:
    if ours is None or others is None or not ours.seeds or not others.seeds:
        return TaskComparison(name, reason="no run to compare")
    first, second = ours.seeds[0], others.seeds[0]
    if first.judge.name != second.judge.name:
        return TaskComparison(name, reason=f"judged by {first.judge.title} and by {second.judge.title}")
    try:
        our_answers, other_answers = ([run.predictions for run in task.seeds] for task in (ours, others))
        result = compare(our_answers, other_answers, first.judge.name, first.label_names)
    except UserError as error:
        return TaskComparison(name, reason=first_line(error))
    return TaskComparison(name, first.judge, result)


def make_comparison_table(found: Sequence[TaskComparison]) -> Table:
    """A row a task, B being ours and A the other: the medians of both, the difference of their means, its interval."""

    def median(each: TaskComparison, place: int) -> str:
        if each.result is None or each.metric is None:
            return BLANK
        spread = (each.result.first, each.result.second)[place]
        return f"{format_value(each.metric, spread.median)} (n={spread.n})"

    return Table(
        (
            Column("task", tuple(each.task for each in found), number=False),
            Column("metric", tuple(format_heading(each.metric) if each.metric else BLANK for each in found),
                   number=False, rank=3),
            Column("examples", tuple(f"{each.result.examples:,}" if each.result else BLANK for each in found), rank=2),
            Column("A: median", tuple(median(each, 1) for each in found), rank=1),
            Column("B: median", tuple(median(each, 0) for each in found), rank=1),
            Column("B - A", tuple(each.difference for each in found), number=False),
            Column("B is", tuple(each.verdict for each in found), number=False),
        )
    )  # fmt: skip
