"""All runs in one plain table: newest first, with only the settings in which they differ."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from albert_lab.report.figures.plots import (
    plot_memory,
    plot_predicted_memory,
    plot_results_against_chance,
    plot_results_against_parameters,
    plot_training_speed,
)
from albert_lab.report.formatting import BLANK, format_bytes, format_count
from albert_lab.report.metrics import Row, declared_metrics, find_held_out_value, format_heading, format_value
from albert_lab.report.page.page import render_page
from albert_lab.report.summary import summarize
from albert_lab.report.tables.cost_table import HEADING, make_cost_table
from albert_lab.report.tables.cost_table import NOTE as COST_NOTE
from albert_lab.report.tables.runs_table import make_runs_table
from albert_lab.report.tables.table import Column, Table
from albert_lab.runs.catalog import shorten_names

_FIGURES: tuple[tuple[str, str, Callable[[float | None], str]], ...] = (
    ("parameters", "parameters/unique", format_count),
    ("applied", "parameters/applied", format_count),
    ("FLOP per token", "flops_per_token/training", format_count),
    ("peak memory", "memory_bytes/peak", format_bytes),
    ("activations", "memory_bytes/activations", format_bytes),
    ("tokens/s", "speed/tokens_per_second", format_count),
)
NOTE = (
    "Every row is one run: figures of single seeds, without a spread. Settings that all runs share are left out. "
    "↑: higher is better, ↓: lower is better."
)


@dataclass(frozen=True)
class RunsReport:
    """A frame of runs, as `frames.from_records` or `frames.from_mlflow` gives it, ready to print."""

    frame: pd.DataFrame  # after `frames.add_costs`, the report has a table of costs too

    def table(self) -> Table:
        frame = self.frame.sort_values("started", ascending=False, na_position="last", kind="stable")
        started = frame["started"].map(lambda when: BLANK if pd.isna(when) else f"{when:%Y-%m-%d %H:%M}")
        columns = [Column("run", tuple(map(str, frame["name"])), number=False)]
        columns.append(Column("started (UTC)", tuple(started), number=False))
        if frame["task"].nunique() > 1:
            columns.append(Column("task", tuple(map(_format_setting, frame["task"])), number=False))
        columns += [
            Column(_shorten_key(key, frame), tuple(map(_format_setting, frame[key])))
            for key in differing_settings(frame)
        ]
        for heading, key, text in _FIGURES:
            if frame[key].notna().any():
                columns.append(Column(heading, tuple(text(None if pd.isna(x) else float(x)) for x in frame[key])))
        return Table((*columns, *_result_columns(frame)))

    def text(self, width: int | None = None) -> str:
        """What fits a terminal of `width` characters: names, what differs, losses and accuracies, speed, time."""
        frame = self.frame.sort_values("started", ascending=False, na_position="last", kind="stable")
        rows = [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]
        for row in rows:
            row["started"] = None if pd.isna(row["started"]) else row["started"].to_pydatetime()
        folders = [f"{row['name'].replace(' ', '-')}-{row['fingerprint'][:10]}" for row in rows]
        short = shorten_names(folders)
        return make_runs_table([short[folder] for folder in folders], rows).text(width)

    def csv(self) -> str:
        """Every setting and figure of every run, unrounded."""
        return self.frame.drop(columns="metrics").to_csv(index=False, lineterminator="\n")

    def markdown(self) -> str:
        return f"{self.table().markdown()}\n{NOTE}\n"

    @property
    def _has_costs(self) -> bool:
        return "predicted_bytes/peak" in self.frame and len(self.frame) > 0

    def costs(self) -> Table:
        """A row a variant, means over its seeds."""
        summaries = summarize(self.frame)
        return make_cost_table([summary.label for summary in summaries], summaries)

    def html(self) -> str:
        """One page that loads nothing: the table, and the plots over all runs, seeds of one variant together."""
        summaries = summarize(self.frame)
        charts = [
            *plot_results_against_parameters(summaries),
            plot_memory(summaries),
            plot_predicted_memory(summaries),
            plot_training_speed(summaries),
            *plot_results_against_chance(summaries),
        ]
        tables, notes = {"All runs": self.table()}, [NOTE]
        if self._has_costs:
            tables, notes = tables | {HEADING: self.costs()}, [NOTE, COST_NOTE]
        return render_page("Runs", f"{len(self.frame)} finished runs, newest first.", tables, charts, notes)


def differing_settings(frame: pd.DataFrame) -> list[str]:
    """The settings that are not the same in every run."""
    settings = [key for key in frame.columns if "." in key]
    return [key for key in settings if frame[key].map(str).nunique() > 1]


def _result_columns(frame: pd.DataFrame) -> list[Column]:
    """A column for every metric that a run has measured; blank where a run's task doesn't have it."""
    rows: list[Row] = frame.to_dict("records")  # type: ignore[assignment]
    columns = [
        Column(format_heading(metric), tuple(format_value(metric, find_held_out_value(row, metric)) for row in rows))
        for metric in declared_metrics(rows)
    ]
    return [column for column in columns if set(column.cells) != {BLANK}]


def _shorten_key(key: str, frame: pd.DataFrame) -> str:
    """The last part of a setting's name, or all of it where two settings end alike."""
    last = key.rsplit(".", 1)[-1]
    return last if [other.rsplit(".", 1)[-1] for other in frame.columns].count(last) == 1 else key


def _format_setting(value: object) -> str:
    if value is None or (isinstance(value, float) and pd.isna(value)):
        return BLANK
    return f"{value:g}" if isinstance(value, float) else str(value)
