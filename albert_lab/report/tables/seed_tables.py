"""A task's seeds as rows, and its classes or entity types as rows."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from albert_lab.report.formatting import BLANK, format_exact
from albert_lab.report.metrics import format_heading, format_value
from albert_lab.report.tables.table import Column, Table
from albert_lab.report.task_runs import SeedRun, TaskRuns
from albert_lab.runs.metrics import Metric
from albert_lab.scoring.answers import exact_matches, score_answerable, token_f1s
from albert_lab.scoring.entities import find_entities
from albert_lab.scoring.predictions import Prediction

SHARE = Metric("share", "share", "share", True)  # how shares are printed that no run declares
OVER_SEEDS: dict[str, Callable[[Sequence[float]], float]] = {
    "median": statistics.median,
    "lowest": min,
    "highest": max,
}


def make_seed_table(task: TaskRuns) -> Table:
    """Every figure of every seed, then its median, lowest and highest value over the seeds."""
    summaries = list(OVER_SEEDS) if len(task.seeds) > 1 else []
    labels = (*(f"seed {run.seed}" for run in task.seeds), *summaries)
    columns = [Column("", labels, number=False)]
    for rank, (metric, heading) in enumerate(_all_metrics(task)):
        values = [run.figure(metric.name) for run in task.seeds]
        known = [value for value in values if value is not None]
        over = [OVER_SEEDS[name](known) if known else None for name in summaries]
        cells = tuple(format_value(metric, value) for value in (*values, *over))
        columns.append(Column(heading, cells, rank=rank))
    blank = ("",) * len(summaries)
    best = tuple(f"{step:,}" if step else BLANK for step in map(_step, task.seeds))
    state = tuple("collapsed" if run.has_collapsed else "" for run in task.seeds)
    columns.append(Column("weights of step", (*best, *blank), rank=1))
    if any(state):
        columns.append(Column("", (*state, *blank), number=False))
    return Table(tuple(columns))


def _step(run: SeedRun) -> int | None:
    """The step whose weights were judged."""
    training = run.record["training"]
    keeps_best = run.record["config"]["train"].get("keep") == "best"
    step = training.get("best_step") if keeps_best else training.get("steps")
    return None if step is None else int(step)


def _all_metrics(task: TaskRuns) -> list[tuple[Metric, str]]:
    """With headings: what runs declare, then whatever else they found."""
    metrics = {metric.name: metric for run in task.seeds for metric in run.metrics}
    headings = {name: (metric, format_heading(metric)) for name, metric in metrics.items()}
    counts = {metric.counted_by for metric in metrics.values()}
    for name in dict.fromkeys(name for run in task.seeds for name in run.record["validation"]):
        if name not in metrics and name not in counts and not name.endswith(("samples", "loss")):
            headings[name] = (Metric(name, name, "", higher_is_better=True), name.replace("_", " "))
    return list(headings.values())


class Counts(NamedTuple):
    """Of one class: examples, or entities, that are right, that were answered, that there are."""

    right: int
    answered: int
    there: int

    @property
    def f1(self) -> float:
        return 2 * self.right / (self.answered + self.there) if self.answered + self.there else 0.0


def make_class_table(task: TaskRuns) -> Table | None:
    """Precision, recall and F1 of every class of the median seed, and the range of F1; None where there are none."""
    middle = task.middle
    counts = count_classes(middle) if middle else {}
    if not counts:
        return None
    others = [count_classes(run) for run in task.seeds]
    f1s = [[found[name].f1 for found in others if name in found] for name in counts]

    def share(value: float, total: int) -> str:
        return format_value(SHARE, value / total) if total else BLANK

    columns = [
        Column("class", tuple(counts), number=False),
        Column("there are", tuple(format_exact(each.there) for each in counts.values()), rank=1),
        Column("answered", tuple(format_exact(each.answered) for each in counts.values()), rank=2),
        Column("right", tuple(format_exact(each.right) for each in counts.values()), rank=3),
        Column("precision", tuple(share(each.right, each.answered) for each in counts.values()), rank=3),
        Column("recall", tuple(share(each.right, each.there) for each in counts.values()), rank=3),
        Column("F1", tuple(format_value(SHARE, each.f1) for each in counts.values())),
    ]
    if len(task.seeds) > 1:
        columns.append(Column("F1 over seeds", tuple(f"{min(x):.3f} to {max(x):.3f}" for x in f1s), rank=2))
    return Table(tuple(columns))


def count_classes(run: SeedRun) -> dict[str, Counts]:
    """By class; of tagged sentences by type of entity. Empty for numbers, and for answers that are free text."""
    kind = answer_kind(run)
    if kind not in ("classes", "sets", "tags"):
        return {}
    right, answered, there = Counter[str](), Counter[str](), Counter[str]()
    for gold, answer in _units(kind, run.predictions):
        right.update(name for name, *_ in gold & answer)
        answered.update(name for name, *_ in answer)
        there.update(name for name, *_ in gold)
    names = run.label_names if kind != "tags" else sorted({*answered, *there})
    return {name: Counts(right[name], answered[name], there[name]) for name in names}


def _units(kind: str, predictions: Sequence[Prediction]) -> Iterator[tuple[set[Any], set[Any]]]:
    """What is right and what was answered in every example: sets of tuples that a class's name begins."""
    for each in predictions:
        if kind == "classes":
            yield {(str(each.gold),)}, {(str(each.prediction),)}
        elif kind == "sets":
            yield {(str(name),) for name in each.gold}, {(str(name),) for name in each.prediction}
        else:
            yield find_entities(each.gold), find_entities(each.prediction)


def answer_kind(run: SeedRun) -> str:
    """What its answers are: `numbers`, `texts` of a context, `tags` of words, `sets` of classes, `classes`."""
    names = {metric.name for metric in run.metrics}
    if not run.predictions or any(each.gold is None for each in run.predictions):
        return "none"
    if names & {"exact_match", "answer_f1"}:
        return "texts"
    if "entity_f1" in names:
        return "tags"
    gold = run.predictions[0].gold
    if isinstance(gold, list):
        return "tokens" if "token_accuracy" in names else "sets"
    return "numbers" if isinstance(gold, float) else "classes"


def make_answerable_table(run: SeedRun) -> Table | None:
    """Questions with and without an answer apart; None where none lacks one."""
    scores = score_answerable(run.predictions)
    if "no_answer_accuracy" not in scores:
        return None
    impossible = [not any(gold.strip() for gold in each.gold) for each in run.predictions]
    silent = [not each.prediction for each in run.predictions]
    lacking = sum(impossible)
    unanswered = [sum(quiet for none, quiet in zip(impossible, silent, strict=True) if none is part) for part in
                  (False, True)]  # fmt: skip
    exact, f1 = exact_matches(run.predictions).mean(), token_f1s(run.predictions).mean()
    keys = ("has_answer_exact_match", "has_answer_f1")
    return Table(
        (
            Column("questions", ("with an answer", "without one", "all"), number=False),
            Column("examples", (f"{len(impossible) - lacking:,}", f"{lacking:,}", f"{len(impossible):,}")),
            Column("left unanswered", (*(f"{n:,}" for n in unanswered), f"{sum(silent):,}")),
            Column("exact match", _shares(scores.get(keys[0]), scores["no_answer_accuracy"], float(exact))),
            Column("F1", _shares(scores.get(keys[1]), scores["no_answer_accuracy"], float(f1))),
        )
    )


def _shares(*values: float | None) -> tuple[str, ...]:
    return tuple(format_value(SHARE, value) for value in values)
