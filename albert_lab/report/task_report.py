"""A fine-tuned task's report: its seeds, its answers against the right ones, what it is most wrong about."""

import csv
import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from albert_lab.report.figures.answers import plot_confusion, plot_numbers
from albert_lab.report.figures.chart import Chart, MissingChart
from albert_lab.report.figures.seeds import plot_seed_curves, plot_seeds
from albert_lab.report.metrics import format_axis
from albert_lab.report.page.page import Section, render_page
from albert_lab.report.tables.seed_tables import answer_kind, make_answerable_table, make_class_table, make_seed_table
from albert_lab.report.tables.table import Table
from albert_lab.report.tables.worst_table import make_worst_table
from albert_lab.report.task_runs import SeedRun, TaskRuns
from albert_lab.report.task_words import say_data, say_failures, say_left_out, say_result, say_selection, say_threshold
from albert_lab.runs.folder import RunFolder
from albert_lab.storage.files import write_text

TERMINAL_WIDTH = 120  # of what surrounds a table
MOST_LEFT_OUT = 50  # rows that a page lists
HOW_TO_READ = (
    "Seeds differ in the head's first weights, the order of examples and dropout. Median, lowest and highest are of "
    "each figure by itself.",
    "Guessing (chance): the best answer that ignores the question, the most frequent class for instance. A seed that "
    "does no better has collapsed.",
    "The 95 % interval (Wilson's of an accuracy, else from resampled examples) is for the choice of held-out "
    "examples alone; the range over seeds is for the choice of seed alone. A difference has to be seen against both.",
)


@dataclass(frozen=True)
class TaskReport:
    """One task over its seeds, fine-tuned from `source`."""

    runs: TaskRuns
    source: str = ""

    @classmethod
    def of(cls, task: str, source: str, folders: Sequence[RunFolder], failures: Sequence[str] = ()) -> "TaskReport":
        """From finished runs and the reasons of those that failed. Raises: UserError for a damaged run."""
        return cls(TaskRuns.read(task, folders, failures), source)

    @property
    def title(self) -> str:
        return f"{self.runs.task}, fine-tuned from {self.source}" if self.source else self.runs.task

    @cached_property
    def answer(self) -> list[str]:
        return [*say_result(self.runs), *say_failures(self.runs)]

    def notes(self) -> list[str]:
        """What stands under the tables."""
        sentences = [say(self.runs) for say in (say_data, say_selection, say_threshold, say_left_out)]
        return [sentence for sentence in sentences if sentence]

    def tables(self) -> dict[str, Table]:
        """By heading; none where no run has finished."""
        middle = self.runs.middle
        if middle is None:
            return {}
        tables = {"Seeds": make_seed_table(self.runs)}
        if answer_kind(middle) == "texts" and (table := make_answerable_table(middle)):
            tables[f"Questions with and without an answer, of {self._whose(middle)}"] = table
        if table := make_class_table(self.runs):
            tables[f"By class, of {self._whose(middle)}"] = table
        return tables

    def _whose(self, run: SeedRun) -> str:
        count = len(self.runs.ranked)
        if count == 1:
            return f"seed {run.seed}"
        return f"seed {run.seed}, {'the median' if count % 2 else 'the lower of the two in the middle'}"

    def text(self, width: int | None = None) -> str:
        """What fits a terminal of `width` characters; None: all of it."""
        wrap = width or TERMINAL_WIDTH
        parts = [self.title, "\n".join(textwrap.wrap(" ".join(self.answer), wrap))]
        parts += [f"{heading}\n{table.text(width)}" for heading, table in self.tables().items()]
        return "\n\n".join([*parts, "\n".join(textwrap.wrap(" ".join(self.notes()), wrap))]).rstrip() + "\n"

    def markdown(self) -> str:
        parts = [f"# {self.title}\n", f"{' '.join(self.answer)}\n"]
        parts += [f"## {heading}\n\n{table.markdown()}" for heading, table in self.tables().items()]
        return "\n".join([*parts, "".join(f"* {note}\n" for note in self.notes())])

    def csv(self) -> str:
        """Every figure unrounded, a row a seed."""
        return write_csv([self.runs])

    def html(self) -> str:
        """One page that loads nothing."""
        return render_page(
            self.title,
            " ".join(self.notes()),
            self.tables(),
            [],
            [],
            answer=self.answer,
            pictures=(plot_seeds([self.runs]), *self.pictures()),
            folded=self._details(),
        )

    def pictures(self) -> list[Chart | MissingChart]:
        """Answers against the right ones, where a picture can show them."""
        middle = self.runs.middle
        if middle is None:
            return []
        whose = f"Answers of {self._whose(middle)}"
        kind = answer_kind(middle)
        if kind == "numbers":
            return [plot_numbers(middle.predictions, whose)]
        return [plot_confusion(middle.predictions, middle.label_names, whose)] if kind == "classes" else []

    def curves(self) -> list[Chart | MissingChart]:
        metric = self.runs.judge
        if metric is None:
            return []
        held_out, title = f"validation/{metric.name}", f"held-out {metric.title} by step"
        return [
            plot_seed_curves(self.runs, held_out, title, format_axis(metric), metric.chance),
            plot_seed_curves(self.runs, "train/loss", "training loss by step", "loss of the training batches", None),
        ]

    def _details(self) -> list[Section]:
        middle = self.runs.middle
        if middle is None:
            return []
        worst = make_worst_table(middle.predictions)
        left_out = max((run.left_out for run in self.runs.seeds), key=len)
        more = len(left_out) - MOST_LEFT_OUT
        rows = left_out[:MOST_LEFT_OUT] + [f"and {more:,} more, in the run's left_out.jsonl"] * (more > 0)
        return [
            *[Section(f"Worst examples, of {self._whose(middle)}", worst)] * (worst is not None),
            Section("Learning curves", charts=self.curves()),
            *[Section("Rows that were left out", notes=rows)] * bool(rows),
            Section("How to read this", notes=HOW_TO_READ),
        ]

    def save(self, folder: Path) -> None:
        """Writes the page as `TASK.html`, whole or not at all."""
        write_text(folder / page_name(self.runs.task), self.html())


def page_name(task: str) -> str:
    return f"{task.replace('/', '-')}.html"


def write_csv(tasks: Sequence[TaskRuns]) -> str:
    """A row a seed, then a row a failed run; figures under the names that records have."""
    rows: list[Mapping[str, object]] = []
    for task in tasks:
        rows += [_csv_row(task, run) for run in task.seeds]
        rows += [{"task": task.task, "failure": " ".join(reason.split())} for reason in task.failures]
    buffer = io.StringIO()
    names = dict.fromkeys(["task", "seed", *(name for row in rows for name in row)])
    writer = csv.DictWriter(buffer, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def _csv_row(task: TaskRuns, run: SeedRun) -> Mapping[str, object]:
    return {
        "task": task.task,
        "seed": run.seed,
        "judged_by": run.judge.name,
        "chance": run.judge.chance,
        "collapsed": run.has_collapsed,
        "trained_on": run.trained_on,
        "steps": run.record["training"].get("steps"),
        "best_step": run.record["training"].get("best_step"),
        **run.record["validation"],
        "folder": str(run.folder.path),
    }
