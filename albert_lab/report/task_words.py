"""What a task's seeds found, in sentences: no figure without its spread, chance and what it was measured on."""

import statistics

from albert_lab.errors import list_some
from albert_lab.report.formatting import capitalize
from albert_lab.report.metrics import format_value
from albert_lab.report.paper import EXAMPLES
from albert_lab.report.task_runs import TaskRuns
from albert_lab.runs.metrics import Metric

WHOLE = 0.995  # share of a benchmark's examples from which a file counts as all of it
MOST_REASONS = 5


def say_result(task: TaskRuns) -> list[str]:
    """The metric that judges: median, range, interval, chance; then what went wrong."""
    metric, middle = task.judge, task.middle
    if metric is None or middle is None:
        return [f"No run has finished: {task.state}."]
    values = task.figures(metric.name)
    chance = "" if metric.chance is None else f"; guessing gets {format_value(metric, metric.chance)}"
    median = format_value(metric, statistics.median(values))
    if len(values) == 1:
        sentences = [f"{capitalize(metric.title)} of one seed: {median}{chance}."]
    else:
        low, high = (format_value(metric, value) for value in (min(values), max(values)))
        text = f"Median {metric.title} over {len(values)} seeds: {median}, from {low} to {high}{chance}."
        sentences = [text]
    if middle.interval and middle.examples:
        low, high = (format_value(metric, value) for value in middle.interval)
        sentences.append(
            f"On {middle.examples:,} examples, the 95 % interval of seed {middle.seed} is {low} to {high}."
        )
    if len(values) == 1:
        sentences.append("One seed says nothing of the spread over seeds.")
    return sentences + _say_collapsed(task, metric)


def _say_collapsed(task: TaskRuns, metric: Metric) -> list[str]:
    seeds = [str(run.seed) for run in task.collapsed]
    if not seeds:
        return []
    which = f"seed{'s' * (len(seeds) > 1)} {list_some(seeds)}"
    return [f"Collapsed, no better than guessing: {len(seeds)} of {len(task.seeds)} ({which})."]


def say_failures(task: TaskRuns) -> list[str]:
    return [f"Failed: {' '.join(reason.split())}" for reason in task.failures[:MOST_REASONS]] + [
        f"{len(task.failures) - MOST_REASONS} more failed." for _ in task.failures[MOST_REASONS : MOST_REASONS + 1]
    ]


def say_data(task: TaskRuns) -> str:
    """`Trained on 8,999 of the benchmark's 392,702 examples, judged by 256 of its 9,815.`"""
    middle = task.middle
    if middle is None:
        return ""
    trained, judged = _of_all(middle.trained_on, task.task, 0), _of_all(middle.examples, task.task, 1)
    parts = [f"trained on {trained}"] * bool(trained) + [f"judged by {judged}"] * bool(judged)
    return f"{capitalize(', '.join(parts))}." if parts else ""


def _of_all(count: int | None, task: str, place: int) -> str:
    """A count of examples, and of how many where the benchmark has more."""
    if count is None:
        return ""
    total = EXAMPLES[task][place] if task in EXAMPLES else count
    return f"{count:,} examples" if count >= WHOLE * total else f"{count:,} of the benchmark's {total:,} examples"


def is_partial(task: TaskRuns) -> bool:
    """Whether the runs lack examples that the benchmark has."""
    return "the benchmark's" in say_data(task)


def say_selection(task: TaskRuns) -> str:
    """What choosing the best validation does to the figures; "" where nothing was chosen."""
    middle = task.middle
    if middle is None or middle.record["config"]["train"].get("keep") != "best":
        return ""
    validations = len(middle.curves.get(f"validation/{middle.judge.name}", ()))
    times = f"the best of {validations} validations" if validations > 1 else "the best of its validations"
    return f"A seed's weights are those of {times} on these same examples, so its figures are a little too good."


def say_threshold(task: TaskRuns) -> str:
    """Of questions that may have no answer: what choosing the threshold on the questions themselves does."""
    if not task.figures("null_threshold"):
        return ""
    return "The null threshold was chosen on these same questions, as the official script does: the best it can be."


def say_left_out(task: TaskRuns) -> str:
    count = max((len(run.left_out) for run in task.seeds), default=0)
    return f"{count:,} malformed row{'s were' if count > 1 else ' was'} left out." if count else ""
