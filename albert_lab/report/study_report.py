"""A study's report: ours beside the paper's, cell by cell, with what the tables can and can't tell."""

import csv
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from albert_lab.config.study import Study
from albert_lab.report.figures import plots
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
from albert_lab.report.page.page import page
from albert_lab.report.statistics import SeedAverage
from albert_lab.report.summary import Summary, axis_text
from albert_lab.report.tables.cost_table import HEADING, NOTE, PAPER_SIZE_NOTE, cost_table, short_cost_table
from albert_lab.report.tables.lines import Counts, Line, Record, csv_row, line
from albert_lab.report.tables.notes import study_notes
from albert_lab.report.tables.table import Column, Table
from albert_lab.runs.metrics import Metric
from albert_lab.storage.files import write_text

TERMINAL_WIDTH = 120  # of what surrounds a table


@dataclass(frozen=True)
class StudyReport:
    """What a study found; `records` and `failures` by cell name, `paper_counts` counted at the paper's size."""

    study: Study
    records: Mapping[str, Sequence[Record]]
    failures: Mapping[str, Sequence[str]]
    paper_counts: Mapping[str, Counts]
    cost_of_run: CostOfRun | None = None  # what adds a run's cost to its figures

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        return tuple(
            line(
                self.study,
                cell,
                self.records.get(cell.name, ()),
                self.failures.get(cell.name, ()),
                self.paper_counts.get(cell.name, {}),
                self.cost_of_run,
            )
            for cell in self.study.cells
        )

    def markdown(self) -> str:
        parts = [f"# {self.study.title}\n", f"{self.study.question}\n"]
        parts += [f"## {heading}\n\n{table.markdown()}" for heading, table in self.tables().items()]
        return "\n".join([*parts, "".join(f"* {note}\n" for note in self.notes())])

    def text(self) -> str:
        """The essential columns, for a terminal about 150 characters wide, and the study's caption."""
        caption = "\n".join(textwrap.wrap(self.study.caption, TERMINAL_WIDTH))
        costs = f"{HEADING}\n\n{self._costs(short_cost_table).text()}\n" if self._tells_costs else ""
        return f"{self.study.title}\n\n{self.short_table().text()}\n{costs}{caption}\n"

    def csv(self) -> str:
        """Every figure unrounded, a row a cell: means, spreads (sample standard deviation), n and intervals."""
        rows = [csv_row(line) for line in self.lines]
        buffer = io.StringIO()
        writer = csv.DictWriter(buffer, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()

    def html(self) -> str:
        """One page that loads nothing from anywhere."""
        return page(self.study.title, self.study.question, self.tables(), self.charts(), self.notes())

    def save(self, folder: Path) -> None:
        """Writes `table.md`, `table.csv` and `report.html`, each whole or not at all."""
        write_text(folder / "table.md", self.markdown())
        write_text(folder / "table.csv", self.csv())
        write_text(folder / "report.html", self.html())

    def notes(self) -> tuple[str, ...]:
        """What stands under the tables."""
        records = [record for cell in self.study.cells for record in self.records.get(cell.name, ())]
        notes = study_notes(self.study, [line.summary for line in self.lines], records)
        sized = any("state_bytes" in counts for counts in self.paper_counts.values())
        return (*notes, *[PAPER_SIZE_NOTE] * sized, *[NOTE] * self._tells_costs)

    def charts(self) -> list[plots.Drawn]:
        summaries = [line.summary for line in self.lines if line.summary.rows]
        averages = [
            (line.summary, parameters, line.printed.average)
            for line in self.lines
            if line.printed and (parameters := line.counted("unique_as_built"))
        ]
        return [
            *plots.results_against_parameters(summaries),
            plots.paper_average(averages),
            plots.memory_by_kind(summaries),
            plots.predicted_memory(summaries),
            plots.training_speed(summaries),
            *plots.results_against_chance(summaries),
        ]

    def tables(self) -> dict[str, Table]:
        """A row a cell, by heading: the paper's size, where we count, and this scale, where we measure and predict."""
        costs = {f"{HEADING}, at scale {self.study.scale}": self._costs(cost_table)} if self._tells_costs else {}
        return {
            "At the paper's size: printed and counted": self.paper_table(),
            f"At scale {self.study.scale}: measured here": self.measured_table(),
            **costs,
        }

    @property
    def _tells_costs(self) -> bool:
        return self.cost_of_run is not None and any(line.summary.rows for line in self.lines)

    def _costs(self, make: Callable[[Sequence[str], Sequence[Summary]], Table]) -> Table:
        return make([line.cell.name for line in self.lines], [line.summary for line in self.lines])

    def paper_table(self) -> Table:
        as_printed, counted = "as the paper prints it", "counted on this package's model"
        return Table(
            (
                *self._names(),
                self._column("parameters", _printed_parameters, as_printed),
                self._column("average score (%)", _printed_average, as_printed),
                self._column("parameters", lambda n: format_exact(n.counted("unique_as_built")), counted),
                self._column("with E→H always", lambda n: format_exact(n.counted("unique_with_projection")), counted),
                self._column("applied, with heads", lambda n: format_exact(n.counted("applied")), counted),
                self._column(
                    "training, FLOP per token", lambda n: format_count(n.counts.get("flops_per_token")), counted
                ),
                *self._costs_at_paper_size(),
            )
        )

    def _costs_at_paper_size(self) -> list[Column]:
        """What is known of them: time, energy and money only for hardware that was named."""
        texts: dict[str, tuple[str, Callable[[float | None], str]]] = {
            "weights, gradients, moments": ("state_bytes", format_bytes),
            "activations of a sequence": ("activation_bytes_per_sequence", format_bytes),
            "DDP of 8 sends a step": ("ddp_bytes", format_bytes),
            "checkpoint": ("checkpoint_bytes", format_bytes),
            "time": ("hours", format_duration),
            "kWh": ("kilowatt_hours", format_count),
            "USD": ("dollars", format_count),
        }
        columns = [
            self._column(head, lambda n, key=key, text=text: text(n.counts.get(key)), "predicted on a GPU")  # type: ignore[misc]
            for head, (key, text) in texts.items()
        ]
        return [column for column in columns if any(cell != BLANK for cell in column.cells)]

    def measured_table(self) -> Table:
        cost = "cost"
        return Table(
            (
                self._column("cell", lambda n: n.cell.name, number=False),
                self._column("runs", lambda n: n.state, number=False),
                self._column("shape", lambda n: n.summary.shape() or BLANK, number=False),
                self._column("parameters", lambda n: format_count(n.summary.mean("parameters/unique")), cost),
                self._column(
                    "FLOP per token", lambda n: format_count(n.summary.mean("flops_per_token/training")), cost
                ),
                self._column("peak memory", _peak, cost),
                self._column("above the floor", lambda n: _mean_size(n.summary.above_floor()), cost),
                self._column("activations", lambda n: format_bytes(n.summary.mean("memory_bytes/activations")), cost),
                self._column("tokens/s", _speed, cost),
                *self._results("held out"),
                self._column("paper's average (%)", _printed_average),
            )
        )

    def short_table(self) -> Table:
        """What fits a terminal: the paper's figures, ours at its size, and the main ones measured here."""
        full, here = "at the paper's size", "measured here"
        return Table(
            (
                self._column("cell", lambda n: n.cell.name, number=False),
                self._column("printed", _printed_parameters, full),
                self._column("counted", lambda n: format_count(n.counted("unique_as_built")), full),
                self._column("average", _printed_average, full),
                self._column("FLOP/token", lambda n: format_count(n.counts.get("flops_per_token")), full),
                self._column("params", lambda n: format_count(n.summary.mean("parameters/unique")), here),
                self._column("activ.", lambda n: format_bytes(n.summary.mean("memory_bytes/activations")), here),
                self._column("peak", _peak, here),
                self._column("tokens/s", lambda n: format_count(n.summary.mean("speed/tokens_per_second")), here),
                *self._results(here),
                self._column("runs", lambda n: _shortened(n.state, 22), number=False),
            )
        )

    def _results(self, group: str) -> list[Column]:
        """The main metrics on held-out samples: mean and spread; how many seeds stands in the column of runs."""

        def text(line: Line, metric: Metric) -> str:
            return format_average(metric, line.summary.held_out(metric), with_n=False)

        metrics = main_metrics(row for line in self.lines for row in line.summary.rows)
        return [self._column(format_heading(m), partial(text, metric=m), group) for m in metrics]

    def _names(self) -> list[Column]:
        name = self._column("cell", lambda n: n.cell.name, number=False)
        axes = self._column("configuration", _axes_text, number=False)
        return [name, axes] if axes.cells != name.cells else [name]

    def _column(self, heading: str, cell: Callable[[Line], str], group: str = "", number: bool = True) -> Column:
        return Column(heading, tuple(cell(line) for line in self.lines), group, number)


def _axes_text(line: Line) -> str:
    return ", ".join(axis_text(key, value) for key, value in line.cell.axes.items())


def _printed_parameters(line: Line) -> str:
    return f"{line.printed.parameters // 10**6} M" if line.printed else BLANK


def _printed_average(line: Line) -> str:
    return f"{line.printed.average:.1f}" if line.printed else BLANK


def _peak(line: Line) -> str:
    return format_bytes(line.summary.mean("memory_bytes/peak"))


def _flops_per_token(line: Line) -> str:
    return format_count(line.summary.mean("flops_per_token/training"))


def _speed(line: Line) -> str:
    speed = line.summary.average("speed/tokens_per_second")
    return format_average_speed(speed, with_n=False).removesuffix(" tokens/s")


def _mean_size(figure: SeedAverage | None) -> str:
    return format_bytes(figure.mean if figure else None)


def _shortened(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"
