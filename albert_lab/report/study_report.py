"""A study's report: our results next to the paper's, cell by cell, with what the tables can and can't show."""

import csv
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path

import pandas as pd

from albert_lab.config.study import Study
from albert_lab.report.answer import answer_study
from albert_lab.report.curves import read_curve
from albert_lab.report.figures.chart import Chart, MissingChart
from albert_lab.report.figures.plots import (
    plot_learning_curves,
    plot_memory,
    plot_paper_average,
    plot_predicted_memory,
    plot_results_against_chance,
    plot_results_against_parameters,
    plot_training_speed,
)
from albert_lab.report.formatting import (
    BLANK,
    format_average_speed,
    format_bytes,
    format_count,
    format_duration,
    format_exact,
)
from albert_lab.report.frames import CostOfRun
from albert_lab.report.metrics import format_average, format_heading, judging_metrics, main_metrics
from albert_lab.report.page.page import Section, render_page
from albert_lab.report.speeds import describe_load, explain_speeds
from albert_lab.report.summary import Summary, describe_axis
from albert_lab.report.tables.cost_table import (
    HEADING,
    NOTE,
    PAPER_SIZE_NOTE,
    make_cost_table,
    make_short_cost_table,
)
from albert_lab.report.tables.downstream import (
    Downstream,
    make_downstream_columns,
    make_downstream_figures,
    write_downstream_notes,
)
from albert_lab.report.tables.notes import write_study_notes
from albert_lab.report.tables.study_rows import Counts, Record, StudyRow, make_csv_row, make_study_rows
from albert_lab.report.tables.table import Column, Table
from albert_lab.runs.metrics import Metric
from albert_lab.storage.files import write_text

TERMINAL_WIDTH = 120  # of what surrounds a table
MARK = "†"  # on a speed that doesn't compare
LONGEST_STATE = 22  # characters, in the terminal's table
COSTS_AT_PAPER_SIZE: dict[str, tuple[str, Callable[[float | None], str]]] = {  # heading -> key of `Counts`, format
    "weights, gradients, moments": ("state_bytes", format_bytes),
    "activations of a sequence": ("activation_bytes_per_sequence", format_bytes),
    "DDP of 8 sends a step": ("ddp_bytes", format_bytes),
    "checkpoint": ("checkpoint_bytes", format_bytes),
    "time": ("hours", format_duration),  # this and the next two only for hardware that was named
    "kWh": ("kilowatt_hours", format_count),
    "USD": ("dollars", format_count),
}

SPEED = "tokens/s"  # a heading: footnotes explain its column


@dataclass(frozen=True)
class StudyReport:
    """What a study found; `records` and `failures` by cell name, `paper_counts` counted at the paper's size."""

    study: Study
    records: Mapping[str, Sequence[Record]]
    failures: Mapping[str, Sequence[str]]
    paper_counts: Mapping[str, Counts]
    cost_of_run: CostOfRun | None = None  # computes a run's costs, to be shown with its other figures
    downstream: Downstream = field(default_factory=dict)  # the records of its models once fine-tuned
    downstream_failures: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> tuple[StudyRow, ...]:
        return make_study_rows(self.study, self.records, self.failures, self.paper_counts, self.cost_of_run)

    def markdown(self) -> str:
        parts = [f"# {self.study.title}\n", f"{self.study.question}\n", f"{' '.join(self.answer)}\n"]
        parts += [f"## {heading}\n\n{table.markdown()}" for heading, table in self.tables().items()]
        return "\n".join([*parts, "".join(f"* {note}\n" for note in self.notes())])

    def text(self, width: int | None = None) -> str:
        """What fits a terminal of `width` characters (None: all of the short tables), and the study's caption."""
        caption = "\n".join(textwrap.wrap(self.study.caption, width or TERMINAL_WIDTH))
        costs = f"{HEADING}\n\n{self._cost_table(make_short_cost_table).text(width)}\n" if self._has_costs else ""
        answer = "\n".join(textwrap.wrap(" ".join(self.answer), width or TERMINAL_WIDTH))
        table = self.short_table() if width is None else self.short_table().fit(width)
        notes = self.footnotes() if SPEED in (column.heading for column in table.columns) else ()
        below = "".join("\n".join(textwrap.wrap(note, width or TERMINAL_WIDTH)) + "\n" for note in notes)
        return f"{self.study.title}\n\n{answer}\n\n{table.text(width)}{below}\n{costs}{caption}\n"

    def csv(self) -> str:
        """Every figure unrounded, a row a cell: means, spreads (sample standard deviation), n and intervals."""
        rows = [make_csv_row(row) | make_downstream_figures(row, self.downstream) for row in self.rows]
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()

    def html(self) -> str:
        """One page that loads nothing from anywhere."""
        summaries = [row.summary for row in self.rows if row.summary.rows]
        details = [
            Section("Memory and speed", charts=(plot_memory(summaries), plot_training_speed(summaries))),
            Section("Against chance", charts=tuple(plot_results_against_chance(summaries))),
            Section("At the paper's size", self.paper_table(), (self._paper_chart(), plot_predicted_memory(summaries))),
        ]
        if self._has_costs:
            details.append(Section(HEADING, self._cost_table(make_cost_table)))
        details.append(Section("How to read this", notes=self.notes()))
        return render_page(
            self.study.title,
            self.study.question,
            {f"At scale {self.study.scale}: measured here": self.measured_table()},
            [],
            self.footnotes(),
            answer=self.answer,
            pictures=(*plot_results_against_parameters(summaries), *self.curves()),
            folded=details,
        )

    @cached_property
    def answer(self) -> tuple[str, ...]:
        """Which differences are larger than the spread over seeds, and which are not."""
        return answer_study(self.rows)

    def curves(self) -> list[Chart | MissingChart]:
        """A chart a task: the metric that judges, by step, a curve a cell."""
        metrics = judging_metrics(run for row in self.rows for run in row.summary.rows)
        return [plot_learning_curves(self._curves_of(metric), metric) for metric in metrics]

    def _curves_of(self, metric: Metric) -> dict[str, tuple[str, pd.DataFrame]]:
        curves = {}
        for row in self.rows:
            if row.summary.held_out(metric):
                records = [r for r in self.records.get(row.cell.name, ()) if r.get("task") == row.summary.task]
                curves[row.summary.label] = (row.summary.scheme, read_curve(records, metric))
        return curves

    @cached_property
    def _speed_reasons(self) -> dict[str, str]:
        """Why a cell's speed doesn't compare, by the cells' labels; empty where it does."""
        summaries = [row.summary for row in self.rows]
        return dict(zip((s.label for s in summaries), explain_speeds(summaries), strict=True))

    def footnotes(self) -> tuple[str, ...]:
        """What has to stand right under the measured table."""
        marked = [f"{label}: {reason}" for label, reason in self._speed_reasons.items() if reason]
        load = describe_load([row.summary for row in self.rows])
        marks = f"{MARK} The speed can't be compared with the others'. {'. '.join(marked)}." if marked else ""
        return tuple(note for note in (marks, load) if note)

    def save(self, folder: Path) -> None:
        """Writes `table.md`, `table.csv` and `report.html`, each whole or not at all."""
        write_text(folder / "table.md", self.markdown())
        write_text(folder / "table.csv", self.csv())
        write_text(folder / "report.html", self.html())

    def notes(self) -> tuple[str, ...]:
        """What stands under the tables."""
        records = [record for cell in self.study.cells for record in self.records.get(cell.name, ())]
        notes = write_study_notes(self.study, [row.summary for row in self.rows], records)
        notes = (*notes, *write_downstream_notes(self.downstream, self.downstream_failures))
        has_paper_costs = any("state_bytes" in counts for counts in self.paper_counts.values())
        return (*notes, *[PAPER_SIZE_NOTE] * has_paper_costs, *[NOTE] * self._has_costs)

    def charts(self) -> list[Chart | MissingChart]:
        summaries = [row.summary for row in self.rows if row.summary.rows]
        return [
            *plot_results_against_parameters(summaries),
            self._paper_chart(),
            plot_memory(summaries),
            plot_predicted_memory(summaries),
            plot_training_speed(summaries),
            *plot_results_against_chance(summaries),
        ]

    def _paper_chart(self) -> Chart | MissingChart:
        return plot_paper_average(
            [
                (replace(row.summary, label=row.name), parameters, row.printed.average)
                for row in self.rows
                if row.printed and (parameters := row.counted("unique_as_built"))
            ]
        )

    def tables(self) -> dict[str, Table]:
        """A row a cell, by heading: the paper's size, where we count, and this scale, where we measure and predict."""
        tables = {
            "At the paper's size: printed and counted": self.paper_table(),
            f"At scale {self.study.scale}: measured here": self.measured_table(),
        }
        if self._has_costs:
            tables[f"{HEADING}, at scale {self.study.scale}"] = self._cost_table(make_cost_table)
        return tables

    @property
    def _has_costs(self) -> bool:
        return self.cost_of_run is not None and any(row.summary.rows for row in self.rows)

    def _cost_table(self, make: Callable[[Sequence[str], Sequence[Summary]], Table]) -> Table:
        return make([row.summary.label for row in self.rows], [row.summary for row in self.rows])

    def paper_table(self) -> Table:
        as_printed, counted = "as the paper prints it", "counted on this package's model"
        name = self._column("cell", lambda row: row.name, number=False)
        axes = self._column("configuration", _describe_axes, number=False)
        return Table(
            (
                *([name, axes] if axes.cells != name.cells else [name]),
                self._column("parameters", _printed_parameters, as_printed),
                self._column("average score (%)", _printed_average, as_printed),
                self._column("parameters", lambda row: format_exact(row.counted("unique_as_built")), counted),
                self._column(
                    "with E→H always", lambda row: format_exact(row.counted("unique_with_projection")), counted
                ),
                self._column("applied, with heads", lambda row: format_exact(row.counted("applied")), counted),
                self._column("training, FLOP per token", _paper_flops_per_token, counted),
                *self._costs_at_paper_size(),
            )
        )

    def _costs_at_paper_size(self) -> list[Column]:
        """What is predicted on a GPU; leaves out what isn't known of any cell."""
        columns = []
        for heading, (key, text) in COSTS_AT_PAPER_SIZE.items():
            cells = tuple(text(row.counts.get(key)) for row in self.rows)
            columns.append(Column(heading, cells, "predicted on a GPU"))
        return [column for column in columns if any(cell != BLANK for cell in column.cells)]

    def measured_table(self) -> Table:
        cost = "cost"
        return Table(
            (
                self._column("cell", _long_label, number=False),
                *self._result_columns("held out"),
                *make_downstream_columns(self.rows, self.downstream),
                self._column("parameters", _parameters, cost),
                self._column("FLOP per token", _flops_per_token, cost),
                self._column("memory", _memory_above_floor, cost),
                self._column("activations", _activations, cost),
                self._column(SPEED, lambda row: _average_speed(row) + self._mark(row), cost),
                self._column("paper's average (%)", _printed_average),
                self._column("runs", lambda row: row.state, number=False),
            )
        )

    def short_table(self) -> Table:
        """What fits a terminal: the paper's figures, ours at its size, and the main ones measured here."""
        full, here = "the paper's size", "measured here"
        return Table(
            (
                self._column("cell", lambda row: row.summary.label, number=False),
                self._column("printed", _printed_parameters, full),
                self._column("counted", lambda row: format_count(row.counted("unique_as_built")), full),
                self._column("average", _printed_average, full, rank=2),
                self._column("FLOP/token", _paper_flops_per_token, full, rank=5),
                self._column("params", _parameters, here),
                self._column("activ.", _activations, here, rank=3),
                self._column("memory", _memory_above_floor, here, rank=4),
                self._column(SPEED, self._short_speed, here, rank=1),
                *self._result_columns(here),
                *make_downstream_columns(self.rows, self.downstream),
                self._column("runs", lambda row: _shorten(row.state, LONGEST_STATE), number=False),
            )
        )

    def _short_speed(self, row: StudyRow) -> str:
        return format_count(row.summary.mean("speed/tokens_per_second")) + self._mark(row)

    def _mark(self, row: StudyRow) -> str:
        return f" {MARK}" if self._speed_reasons[row.summary.label] else ""

    def _result_columns(self, group: str) -> list[Column]:
        """The main metrics on held-out samples, mean and spread. How many seeds stands in the column of runs."""

        def text(row: StudyRow, metric: Metric) -> str:
            return format_average(metric, row.summary.held_out(metric), with_n=False)

        metrics = main_metrics(run for row in self.rows for run in row.summary.rows)
        return [self._column(format_heading(m), partial(text, metric=m), group) for m in metrics]

    def _column(
        self, heading: str, cell: Callable[[StudyRow], str], group: str = "", number: bool = True, rank: int = 0
    ) -> Column:
        return Column(heading, tuple(cell(row) for row in self.rows), group, number, rank)


def _describe_axes(row: StudyRow) -> str:
    return ", ".join(describe_axis(key, value) for key, value in row.cell.axes.items())


def _printed_parameters(row: StudyRow) -> str:
    return f"{row.printed.parameters // 10**6} M" if row.printed else BLANK


def _printed_average(row: StudyRow) -> str:
    return f"{row.printed.average:.1f}" if row.printed else BLANK


def _counted_with_projection(row: StudyRow) -> str:
    return format_exact(row.counted("unique_with_projection"))


def _paper_flops_per_token(row: StudyRow) -> str:
    return format_count(row.counts.get("flops_per_token"))


def _parameters(row: StudyRow) -> str:
    return format_count(row.summary.mean("parameters/unique"))


def _flops_per_token(row: StudyRow) -> str:
    return format_count(row.summary.mean("flops_per_token/training"))


def _long_label(row: StudyRow) -> str:
    """The row's label with what it stands for: `E = H = 96, for the paper's 768; all shared`."""
    task = f"; {row.summary.task}" if row.summary.label != row.label else ""
    return "; ".join(map(row.label_of, row.cell.axes)) + task


def _memory_above_floor(row: StudyRow) -> str:
    figure = row.summary.above_floor()
    return format_bytes(figure.mean if figure else None)


def _activations(row: StudyRow) -> str:
    return format_bytes(row.summary.mean("memory_bytes/activations"))


def _average_speed(row: StudyRow) -> str:
    speed = row.summary.average("speed/tokens_per_second")
    return format_average_speed(speed, with_n=False).removesuffix(" tokens/s")


def _shorten(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
