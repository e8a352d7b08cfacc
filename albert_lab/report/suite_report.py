"""A suite's report: every task over its seeds, beside the figures that the paper prints, and a page a task."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from albert_lab.config.schema import SuiteConfig
from albert_lab.report.figures.seeds import plot_seeds
from albert_lab.report.page.page import render_page
from albert_lab.report.paper import SOURCE, BenchmarkTable, find_benchmark_table
from albert_lab.report.tables.comparison_table import NOTE, TaskComparison, compare_tasks, make_comparison_table
from albert_lab.report.tables.suite_tables import make_paper_table, make_task_table
from albert_lab.report.tables.table import Table
from albert_lab.report.task_report import HOW_TO_READ, TaskReport, page_name, write_csv
from albert_lab.report.task_runs import TaskRuns
from albert_lab.report.task_words import is_partial, say_data, say_failures, say_left_out, say_result, say_selection
from albert_lab.runs.folder import RunFolder
from albert_lab.storage.files import write_text

TERMINAL_WIDTH = 120  # of what surrounds a table


@dataclass(frozen=True)
class SuiteReport:
    """What a checkpoint, `source`, reaches on several tasks: finished runs and reasons of failure, by task."""

    suite: SuiteConfig
    source: str
    runs: Mapping[str, Sequence[RunFolder]]
    failures: Mapping[str, Sequence[str]]
    against: "SuiteReport | None" = None  # another checkpoint's, to be compared with task by task

    @cached_property
    def tasks(self) -> dict[str, TaskRuns]:
        """In the suite's order; also those that have no finished run. Raises: UserError for a damaged run."""
        names = dict.fromkeys([*self.suite.tasks, *self.runs, *self.failures])
        return {name: TaskRuns.read(name, self.runs.get(name, ()), self.failures.get(name, ())) for name in names}

    @property
    def title(self) -> str:
        return f"{self.suite.title or self.suite.name}, fine-tuned from {self.source}"

    @cached_property
    def answer(self) -> list[str]:
        """What was measured, and what is wrong with it."""
        tasks = list(self.tasks.values())
        if len(tasks) == 1:
            return [*say_result(tasks[0]), *say_failures(tasks[0])]
        done = [task for task in tasks if task.seeds]
        sentences = [f"{len(done)} of {len(tasks)} tasks have finished runs."]
        collapsed = [f"{task.task} {len(task.collapsed)} of {len(task.seeds)}" for task in done if task.collapsed]
        if collapsed:
            sentences.append(f"Seeds that collapsed, no better than guessing: {', '.join(collapsed)}.")
        if failed := [f"{task.task} {len(task.failures)}" for task in tasks if task.failures]:
            sentences.append(f"Runs that failed: {', '.join(failed)}.")
        if partial := [task.task for task in done if is_partial(task)]:
            sentences.append(
                f"On a part of the benchmark's data, so not comparable with the paper: {', '.join(partial)}."
            )
        return sentences

    @property
    def _paper(self) -> BenchmarkTable | None:
        return find_benchmark_table(self.tasks)

    def tables(self) -> dict[str, Table]:
        tables = {"Tasks": make_task_table(list(self.tasks.values()))}
        if self._paper:
            heading = f"Beside the paper's {self._paper.title} (percent)"
            tables[heading] = make_paper_table(self._paper, self.tasks)
        if self.against:
            tables[f"Against {self.against.source}"] = make_comparison_table(self.comparisons)
        return tables

    @cached_property
    def comparisons(self) -> list[TaskComparison]:
        """Of every task; empty where there is nothing to compare with."""
        return compare_tasks(self.tasks, self.against.tasks) if self.against else []

    def notes(self) -> list[str]:
        """What stands under the tables."""
        notes = [self._paper.note, f"Source of the paper's figures: {SOURCE}."] if self._paper else []
        if self.against:
            notes.append(NOTE.format(other=self.against.source, own=self.source))
        starts = [task for task in self.suite.warm_started if task in self.tasks]
        if starts:
            start = self.suite.warm_start_task
            notes.append(f"{', '.join(starts)}: from the {start} model of the same seed.")
        for name, task in self.tasks.items():
            sentences = (say_data(task), say_left_out(task), *say_failures(task))
            if text := " ".join(sentence for sentence in sentences if sentence):
                notes.append(f"{name}: {text}")
        if any(say_selection(task) for task in self.tasks.values()):
            notes.append(
                "Weights are those of the best validation on the same examples that the figures are of, as in the "
                "paper's recipes: a little too good."
            )
        return notes

    def text(self, width: int | None = None) -> str:
        """What fits a terminal of `width` characters; None: all of it."""
        wrap = width or TERMINAL_WIDTH
        parts = [self.title, "\n".join(textwrap.wrap(" ".join(self.answer), wrap))]
        parts += [f"{heading}\n{table.text(width)}" for heading, table in self.tables().items()]
        notes = "\n".join(line for note in self.notes() for line in textwrap.wrap(note, wrap, subsequent_indent="  "))
        return "\n\n".join([*parts, notes]).rstrip() + "\n"

    def markdown(self) -> str:
        parts = [f"# {self.title}\n", f"{' '.join(self.answer)}\n"]
        parts += [f"## {heading}\n\n{table.markdown()}" for heading, table in self.tables().items()]
        return "\n".join([*parts, "".join(f"* {note}\n" for note in self.notes())])

    def csv(self) -> str:
        """Every figure unrounded, a row a seed of a task."""
        return write_csv(list(self.tasks.values()))

    def html(self) -> str:
        """One page that loads nothing; it links to the tasks' pages beside it."""
        return render_page(
            self.title,
            "Every task is told by its median over seeds, with the range; never by its best seed.",
            self.tables(),
            [],
            [*self.notes(), *HOW_TO_READ],
            answer=self.answer,
            pictures=[plot_seeds(list(self.tasks.values()))],
            links={f"{name}: seeds, answers, worst examples": page_name(name) for name in self.tasks},
        )

    def save(self, folder: Path) -> None:
        """Writes `table.md`, `table.csv`, `report.html` and a page a task, each whole or not at all."""
        write_text(folder / "table.md", self.markdown())
        write_text(folder / "table.csv", self.csv())
        write_text(folder / "report.html", self.html())
        for task in self.tasks.values():
            TaskReport(task, self.source).save(folder)
