"""A study's report: our results next to the paper's, cell by cell, with what the tables can and can't show."""

import csv
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from albert_lab.config.study import Study
from albert_lab.report.figures.chart import Chart, MissingChart
from albert_lab.report.figures.plots import (
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
from albert_lab.report.metrics import format_average, format_heading, main_metrics
from albert_lab.report.page.page import render_page
from albert_lab.report.summary import Summary, describe_axis
from albert_lab.report.tables.cost_table import (
    HEADING,
    NOTE,
    PAPER_SIZE_NOTE,
    make_cost_table,
    make_short_cost_table,
)
from albert_lab.report.tables.notes import write_study_notes
from albert_lab.report.tables.study_rows import Counts, Record, StudyRow, make_csv_row, make_study_rows
from albert_lab.report.tables.table import Column, Table
from albert_lab.runs.metrics import Metric
from albert_lab.storage.files import write_text

TERMINAL_WIDTH = 120  # of what surrounds a table
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


@dataclass(frozen=True)
class StudyReport:
    """What a study found; `records` and `failures` by cell name, `paper_counts` counted at the paper's size."""

    study: Study
    records: Mapping[str, Sequence[Record]]
    failures: Mapping[str, Sequence[str]]
    paper_counts: Mapping[str, Counts]
    cost_of_run: CostOfRun | None = None  # computes a run's costs, to be shown with its other figures

    @cached_property
    def rows(self) -> tuple[StudyRow, ...]:
        return make_study_rows(self.study, self.records, self.failures, self.paper_counts, self.cost_of_run)

    def markdown(self) -> str:
        parts = [f"# {self.study.title}\n", f"{self.study.question}\n"]
        parts += [f"## {heading}\n\n{table.markdown()}" for heading, table in self.tables().items()]
        return "\n".join([*parts, "".join(f"* {note}\n" for note in self.notes())])

    def text(self, width: int | None = None) -> str:
        """What fits a terminal of `width` characters (None: all of the short tables), and the study's caption."""
        caption = "\n".join(textwrap.wrap(self.study.caption, width or TERMINAL_WIDTH))
        costs = f"{HEADING}\n\n{self._cost_table(make_short_cost_table).text(width)}\n" if self._has_costs else ""
        return f"{self.study.title}\n\n{self.short_table().text(width)}\n{costs}{caption}\n"

    def csv(self) -> str:
        """Every figure unrounded, a row a cell: means, spreads (sample standard deviation), n and intervals."""
        rows = [make_csv_row(row) for row in self.rows]
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()

    def html(self) -> str:
        """One page that loads nothing from anywhere."""
        return render_page(self.study.title, self.study.question, self.tables(), self.charts(), self.notes())

    def save(self, folder: Path) -> None:
        """Writes `table.md`, `table.csv` and `report.html`, each whole or not at all."""
        write_text(folder / "table.md", self.markdown())
        write_text(folder / "table.csv", self.csv())
        write_text(folder / "report.html", self.html())

    def notes(self) -> tuple[str, ...]:
        """What stands under the tables."""
        records = [record for cell in self.study.cells for record in self.records.get(cell.name, ())]
        notes = write_study_notes(self.study, [row.summary for row in self.rows], records)
        has_paper_costs = any("state_bytes" in counts for counts in self.paper_counts.values())
        return (*notes, *[PAPER_SIZE_NOTE] * has_paper_costs, *[NOTE] * self._has_costs)

    def charts(self) -> list[Chart | MissingChart]:
        summaries = [row.summary for row in self.rows if row.summary.rows]
        averages = [
            (row.summary, parameters, row.printed.average)
            for row in self.rows
            if row.printed and (parameters := row.counted("unique_as_built"))
        ]
        return [
            *plot_results_against_parameters(summaries),
            plot_paper_average(averages),
            plot_memory(summaries),
            plot_predicted_memory(summaries),
            plot_training_speed(summaries),
            *plot_results_against_chance(summaries),
        ]

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
        return make([row.name for row in self.rows], [row.summary for row in self.rows])

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
                self._column("cell", lambda row: row.name, number=False),
                self._column("runs", lambda row: row.state, number=False),
                self._column("shape", lambda row: row.summary.shape() or BLANK, number=False),
                self._column("parameters", _parameters, cost),
                self._column("FLOP per token", _flops_per_token, cost),
                self._column("peak memory", _peak_memory, cost),
                self._column("above the floor", _memory_above_floor, cost),
                self._column("activations", _activations, cost),
                self._column("tokens/s", _average_speed, cost),
                *self._result_columns("held out"),
                self._column("paper's average (%)", _printed_average),
            )
        )

    def short_table(self) -> Table:
        """What fits a terminal: the paper's figures, ours at its size, and the main ones measured here."""
        full, here = "at the paper's size", "measured here"
        return Table(
            (
                self._column("cell", lambda row: row.name, number=False),
                self._column("printed", _printed_parameters, full),
                self._column("counted", lambda row: format_count(row.counted("unique_as_built")), full),
                self._column("average", _printed_average, full, rank=2),
                self._column("FLOP/token", _paper_flops_per_token, full, rank=5),
                self._column("params", _parameters, here),
                self._column("activ.", _activations, here, rank=3),
                self._column("peak", _peak_memory, here, rank=4),
                self._column(
                    "tokens/s", lambda row: format_count(row.summary.mean("speed/tokens_per_second")), here, rank=1
                ),
                *self._result_columns(here),
                self._column("runs", lambda row: _shorten(row.state, LONGEST_STATE), number=False),
            )
        )

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


def _peak_memory(row: StudyRow) -> str:
    return format_bytes(row.summary.mean("memory_bytes/peak"))


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
