"""Runs as rows, for a terminal: name, what differs among them, losses and accuracies, speed, time.

Takes flat runs, from `runs.catalog` or from a frame of `report.frames`, and needs no pandas.
"""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from albert_lab.config.schema import RESULT_GROUPS, SPEED_SETTINGS
from albert_lab.report.formatting import BLANK, format_count, format_duration
from albert_lab.report.metrics import (
    Row,
    declared_metrics,
    find_held_out_value,
    format_heading,
    format_value,
    judging_metrics,
)
from albert_lab.report.tables.table import Column, Table

IN_NAMES = ("sharing.scheme", "model.embedding_size", "model.hidden_size", "model.num_hidden_layers", "train.seed")
LONGEST_SETTING = 14  # characters
HOUR = 3600.0
# Ranks of columns: in a narrow terminal the last is left out first.
RESULT, SETTING, SPEED, TIME, SECOND_SETTING, FURTHER_RESULT, PARAMETERS, STARTED, FURTHER_SETTING = range(1, 10)


def make_runs_table(names: Sequence[str], rows: Sequence[Row], states: Sequence[str] = ()) -> Table:
    """A row a run, columns ranked for `Table.text(width)`.

    Args:
        names: a name for every run.
        states: how each ended; none where all are finished.
    """
    columns = [Column("run", tuple(names), number=False)]
    if states:
        columns.append(Column("state", tuple(states), number=False))
    columns.append(
        Column("started", tuple(_format_start(row.get("started")) for row in rows), number=False, rank=STARTED)
    )
    if len({row.get("task") for row in rows}) > 1:
        columns.append(Column("task", tuple(str(row.get("task") or BLANK) for row in rows), number=False, rank=SETTING))
    columns += _setting_columns(rows)
    columns.append(_figure_column("parameters", "parameters/unique", rows, PARAMETERS))
    judging = judging_metrics(rows)
    for number, metric in enumerate(declared_metrics(rows)):
        cells = tuple(format_value(metric, find_held_out_value(row, metric)) for row in rows)
        rank = 0 if metric in judging else RESULT if number < 3 else FURTHER_RESULT
        columns.append(Column(format_heading(metric), cells, rank=rank))
    columns.append(_figure_column("tokens/s", "speed/tokens_per_second", rows, SPEED))
    columns.append(_figure_column("time", "training/seconds", rows, TIME, _format_seconds))
    return Table(tuple(column for column in columns if column.rank == 0 or set(column.cells) - {BLANK}))


def find_differing_settings(rows: Sequence[Row]) -> list[str]:
    """The settings that can change a figure and that have several values in the runs that have them."""
    values: dict[str, set[str]] = {}
    for row in rows:
        for key, value in row.items():
            if "." in key and not _is_absent(value) and (key.split(".")[0] in RESULT_GROUPS or key in SPEED_SETTINGS):
                values.setdefault(key, set()).add(str(value))
    return sorted(key for key, different in values.items() if len(different) > 1)


def _setting_columns(rows: Sequence[Row]) -> list[Column]:
    """What differs and no name says."""
    keys = [key for key in find_differing_settings(rows) if key not in IN_NAMES]
    lasts = [key.rpartition(".")[2] for key in keys]
    columns = []
    for number, (key, last) in enumerate(zip(keys, lasts, strict=True)):
        heading = (last if lasts.count(last) == 1 else key).replace("_", " ")
        cells = tuple(_format_setting(row.get(key, math.nan)) for row in rows)
        columns.append(Column(heading, cells, rank=(SETTING, SECOND_SETTING, FURTHER_SETTING)[min(number, 2)]))
    return columns


def _figure_column(
    heading: str, key: str, rows: Sequence[Row], rank: int, text: Callable[[float], str] = format_count
) -> Column:
    figures = [row.get(key) for row in rows]
    cells = tuple(BLANK if figure is None or math.isnan(figure) else text(figure) for figure in figures)
    return Column(heading, cells, rank=rank)


def _format_seconds(seconds: float) -> str:
    return format_duration(seconds / HOUR)


def _format_start(when: datetime | None) -> str:
    """In the machine's own time zone, as clocks on its walls say it."""
    return BLANK if when is None or when != when else f"{when.astimezone():%m-%d %H:%M}"


def _format_setting(value: Any) -> str:
    if _is_absent(value):
        return BLANK
    text = f"{value:g}" if isinstance(value, float) else "null" if value is None else str(value)
    return text if len(text) <= LONGEST_SETTING else f"{text[: LONGEST_SETTING - 1]}…"


def _is_absent(value: Any) -> bool:
    """None is a setting's value; a run that lacks the setting has NaN in a frame."""
    return isinstance(value, float) and math.isnan(value)
