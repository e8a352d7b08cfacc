"""`albert-lab runs`: every run, how it ended and what it reached, read from the runs' folders alone."""

import argparse
import csv
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from albert_lab.cli.run_arguments import make_parser, take_runs_folder, terminal_width
from albert_lab.errors import UserError, nearest
from albert_lab.report.metrics import judging_metrics
from albert_lab.report.tables.runs_table import make_runs_table
from albert_lab.runs.catalog import CatalogRun, State, list_runs, shorten_names
from albert_lab.runs.metrics import Metric

Row = Mapping[str, Any]

EXAMPLES = """examples:
  albert-lab runs                                    newest first
  albert-lab runs --sort mlm_accuracy                best first
  albert-lab runs --best sharing=all                 the best run of those that share all
  albert-lab runs --status failed                    which failed, and why
  albert-lab runs --csv > runs.csv                   every setting and figure
  albert-lab runs model.embedding_size=96 paths.runs=elsewhere/runs
"""
HIGHER_IS_BETTER = ("speed/tokens_per_second", "speed/flops_per_second", "training/steps", "training/tokens")
MEASURES = {"parameters": "parameters/unique", "time": "training/seconds", "memory": "memory_bytes/peak"}


def run(arguments: Sequence[str]) -> int:
    asked = parser().parse_args(list(arguments))
    runs, words = take_runs_folder(asked.words)
    found = list_runs(runs)
    if not found:
        raise UserError(f"no runs under paths.runs={runs} yet; `albert-lab pretrain scale=smoke` makes one")
    chosen = choose(found, words, asked.status, asked.sort, asked.best)[: asked.limit]
    if asked.csv:
        print_csv(chosen)
    else:
        print(text(found, chosen, terminal_width()), end="")
    return 0


def parser() -> argparse.ArgumentParser:
    parser = make_parser("runs", __doc__, EXAMPLES)
    parser.add_argument("words", nargs="*", metavar="KEY=VALUE", help="only runs with this setting; paths.runs=FOLDER")
    parser.add_argument("--sort", metavar="MEASURE", help="best first by a figure: mlm_loss, tokens_per_second, time")
    parser.add_argument(
        "--best", action="store_true", help="only the best run of each task, by --sort or its own judge"
    )
    parser.add_argument("--status", choices=[state.value for state in State], help="only runs that ended like this")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N runs")
    parser.add_argument("--csv", action="store_true", help="every setting and figure as CSV")
    return parser


def choose(
    found: Sequence[CatalogRun], filters: Sequence[str], status: str | None, sort: str | None, best: bool
) -> list[CatalogRun]:
    """The runs that pass, in order. Raises UserError for a setting or a measure that no run has."""
    chosen = [run for run in found if status in (None, run.state.value)]
    for word in filters:
        key, equals, value = word.partition("=")
        if not equals:
            raise UserError(f"{word!r} is not KEY=VALUE; to name runs use `albert-lab diff`, `curves` or `rm`")
        key = find_setting(key, found)
        chosen = [run for run in chosen if key in run.settings and _equal(run.settings[key], value)]
    if not (sort or best):
        return chosen
    rows = {run.name: run.row() for run in chosen}
    if sort:
        chosen = sort_runs(chosen, rows, sort)
        return chosen[:1] if best else chosen
    judges = judging_metrics(rows.values())
    ranked = {judge: sort_runs(chosen, rows, f"validation/{judge.name}", judge) for judge in judges}
    return [runs[0] for runs in ranked.values() if runs]


def find_setting(key: str, found: Sequence[CatalogRun]) -> str:
    """A setting's whole key; `sharing` stands for `sharing.scheme`, `optimizer` for `optimizer.name`."""
    known = {setting for run in found for setting in run.settings}
    for name in (key, f"{key}.scheme", f"{key}.name", f"{key}.corpus"):
        if name in known:
            return name
    raise UserError(
        f"no run has a setting {key!r}{nearest(key, {*known, *(name.partition('.')[0] for name in known)})}"
    )


def _equal(value: Any, text: str) -> bool:
    return str(value) == text or value == yaml.safe_load(text)


def sort_runs(
    chosen: Sequence[CatalogRun], rows: Mapping[str, Row], measure: str, judge: Metric | None = None
) -> list[CatalogRun]:
    """Best first by a figure; runs without it are left out."""
    key = find_measure(measure, rows.values())
    metrics = {metric.name: metric for row in rows.values() for metric in row["metrics"]}
    metric = judge or metrics.get(key.partition("/")[2])
    higher = metric.higher_is_better if metric else key in HIGHER_IS_BETTER
    having = [run for run in chosen if rows[run.name].get(key) is not None]
    if judge:
        having = [run for run in having if rows[run.name]["metrics"][0].name == judge.name]
    return sorted(having, key=lambda run: rows[run.name][key], reverse=higher)


def find_measure(measure: str, rows: Any) -> str:
    """A figure's whole name: `mlm_loss` is `validation/mlm_loss`. Raises UserError where no run has it."""
    figures = {key for row in rows for key in row if "/" in key}
    ends = [key for key in sorted(figures) if key.endswith(f"/{measure}")]
    for name in (measure, MEASURES.get(measure, ""), f"validation/{measure}", *ends):
        if name in figures:
            return name
    known = {key.partition("/")[2] if key.startswith("validation/") else key for key in figures}
    raise UserError(f"--sort {measure}: no run here has that figure{nearest(measure, {*known, *MEASURES})}")


def text(found: Sequence[CatalogRun], chosen: Sequence[CatalogRun], width: int) -> str:
    """A table of the runs, under it why some failed and what is wrong with the damaged, and how many there are."""
    names = shorten_names([run.name for run in found])
    whole = [run for run in chosen if run.state is not State.damaged]
    table = make_runs_table(
        [names[run.name] for run in whole], [run.row() for run in whole], [run.description for run in whole]
    )
    parts = [table.text(width)] if whole else []
    for state in (State.failed, State.damaged):
        reasons = [f"{names[run.name]}: {run.reason}" for run in chosen if run.state is state]
        if reasons:
            parts.append("\n".join([f"{state.value}:", *(_wrap(reason, width) for reason in reasons)]) + "\n")
    counts = [f"{n} {state.value}" for state in State if (n := sum(run.state is state for run in found))]
    shown = "" if len(chosen) == len(found) else f"{len(chosen)} of "
    parts.append(f"{shown}{len(found)} run{'s' * (len(found) != 1)}: {', '.join(counts)}\n")
    return "\n".join(parts)


def _wrap(text: str, width: int) -> str:
    return textwrap.fill(text, width, initial_indent="  ", subsequent_indent="    ", break_long_words=False)


def print_csv(chosen: Sequence[CatalogRun]) -> None:
    """Identity, settings and figures of every run, unrounded."""
    rows = []
    for run in chosen:
        identity = {"run": run.name, "verb": run.verb, "state": run.state.value, "reason": run.reason}
        progress = {"steps": run.steps, "total_steps": run.total_steps, "started": run.started}
        row = {key: value for key, value in run.row().items() if key not in ("name", "metrics", "started")}
        rows.append(identity | progress | row)
    columns = dict.fromkeys(key for row in rows for key in row)
    writer = csv.DictWriter(sys.stdout, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
