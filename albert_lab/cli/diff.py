"""`albert-lab diff RUN RUN`: in which settings and results two runs differ."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from albert_lab.cli.run_arguments import RUN_HELP, make_parser, take_runs_folder, terminal_width
from albert_lab.errors import UserError
from albert_lab.report.formatting import BLANK, format_significant
from albert_lab.report.tables.table import Column, Table
from albert_lab.runs.catalog import CatalogRun, State, find_run, shorten_names

HIDDEN = ("name", "metrics", "started")
MACHINE = ("host", "versions")
LEAST_CELL = 12  # characters that a value always gets


def run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(list(arguments))
    runs, words = take_runs_folder(asked.runs)
    if len(words) != 2:
        raise UserError(f"`albert-lab diff` compares two runs, not {len(words)}; `albert-lab runs` lists them")
    first, second = (find_run(word, runs) for word in words)
    for found in (first, second):
        if found.state is State.damaged:
            raise UserError(f"{found.name} is damaged: {found.reason}")
    print(text(first, second, terminal_width()), end="")
    return 0


def parser() -> argparse.ArgumentParser:
    parser = make_parser("diff", __doc__)
    parser.add_argument("runs", nargs="*", metavar="RUN", help=f"{RUN_HELP}; paths.runs=FOLDER says where they are")
    return parser


def text(first: CatalogRun, second: CatalogRun, width: int) -> str:
    """Tables of the settings, the results and the machine, as far as the runs differ in them."""
    short = shorten_names({first.name, second.name})
    names = [short[first.name], short[second.name]]
    lines = [
        f"{mark}  {name}  ({run.description})" for mark, name, run in zip("AB", names, (first, second), strict=True)
    ]
    lines += [f"{run.name}: {run.reason}" for run in (first, second) if run.reason]
    settings = _table("setting", _settings(first), _settings(second))
    results = _table("result", _figures(first), _figures(second), with_difference=True)
    machine = _table("machine", _machine(first), _machine(second))
    has_results = first.record is not None and second.record is not None
    parts = ["\n".join(lines) + "\n"]
    parts.append(fit(settings, width) if settings.rows else "No setting differs.\n")
    if not has_results:
        parts.append("Results are compared once both runs are finished.\n")
    else:
        parts.append(fit(results, width) if results.rows else "No result differs.\n")
        parts += [fit(machine, width)] * bool(machine.rows)
    return "\n".join(parts)


def _settings(run: CatalogRun) -> dict[str, Any]:
    return {key: value for key, value in run.settings.items() if key != "verb"} | {"verb": run.verb}


def _figures(run: CatalogRun) -> dict[str, Any]:
    return {key: value for key, value in run.row().items() if "/" in key}


def _machine(run: CatalogRun) -> dict[str, Any]:
    facts = {group: (run.record or {}).get(group) or {} for group in MACHINE}
    return {f"{group}.{key}": value for group, values in facts.items() for key, value in values.items()}


def _table(heading: str, first: Mapping[str, Any], second: Mapping[str, Any], with_difference: bool = False) -> Table:
    keys = [key for key in dict.fromkeys((*first, *second)) if first.get(key, BLANK) != second.get(key, BLANK)]
    pairs = [(first.get(key, BLANK), second.get(key, BLANK)) for key in keys]
    columns = [
        Column(heading, tuple(keys), number=False),
        Column("A", tuple(_format(a) for a, _ in pairs)),
        Column("B", tuple(_format(b) for _, b in pairs)),
    ]
    if with_difference:
        columns += [
            Column("B - A", tuple(_format_difference(a, b) for a, b in pairs)),
            Column("", tuple(_format_ratio(a, b) for a, b in pairs)),
        ]
    return Table(tuple(columns))


def _format(value: Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, (list, dict)):
        return json.dumps(value)
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.5g}"
    return f"{value:,.0f}" if isinstance(value, (int, float)) and abs(value) >= 10_000 else str(value)


def _format_difference(first: Any, second: Any) -> str:
    if BLANK in (first, second):
        return BLANK
    difference = second - first
    is_whole = isinstance(difference, int) or abs(difference) >= 1000
    return f"{difference:+,.0f}" if is_whole else f"{'+' * (difference > 0)}{format_significant(difference)}"


def _format_ratio(first: Any, second: Any) -> str:
    return f"{100 * (second / first - 1):+.1f} %" if BLANK not in (first, second) and first else ""


def fit(table: Table, width: int) -> str:
    """The table as text; long values are cut, those of A and B alike, where the terminal is too narrow for them."""
    while table.width() > width:
        widest = max((1, 2), key=lambda index: table.widths()[index])
        longest = table.widths()[widest]
        if longest <= LEAST_CELL:
            break
        column = table.columns[widest]
        cut = tuple(cell if len(cell) < longest else f"{cell[: longest - 2]}…" for cell in column.cells)
        columns = list(table.columns)
        columns[widest] = Column(column.heading, cut, number=column.number)
        table = Table(tuple(columns))
    return table.text()
