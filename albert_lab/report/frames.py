"""Runs as data frames: one row a run, the same columns from result records and from MLflow."""

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from albert_lab.config.plain import flatten_plain
from albert_lab.config.schema import RESULT_GROUPS, SPEED_SETTINGS
from albert_lab.report.mlflow_runs import MlflowRuns, fingerprint_of, kind_of, metrics_of, settings_of
from albert_lab.runs.machine import describe_machine
from albert_lab.runs.metrics import Metric, metrics_from_plain

if TYPE_CHECKING:
    from mlflow.entities import Run

FIGURES = (  # what every run has, whatever its task
    "parameters/unique",
    "parameters/applied",
    "flops_per_token/forward",
    "flops_per_token/training",
    "memory_bytes/peak",
    "memory_bytes/floor",
    "memory_bytes/weights",
    "memory_bytes/gradients",
    "memory_bytes/optimizer",
    "memory_bytes/activations",
    "speed/tokens_per_second",
    "speed/step_seconds",
    "speed/timed_steps",
    "speed/others_at_start",
    "speed/others_mean",
    "speed/others_at_end",
    "speed/trainings_at_once",
    "training/steps",
    "training/tokens",
    "training/seconds",
)
IDENTITY = ("name", "fingerprint", "task", "metrics", "started", "host")
_WORDS = {"None": None, "null": None, "True": True, "true": True, "False": False, "false": False}  # "none" is a scheme

Row = dict[str, Any]
CostOfRun = Callable[[Mapping[str, Any]], Mapping[str, float | None]]  # `cost.runs.cost_of_run`, given from above


def from_records(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for every result record: its identity, its settings (dotted names) and its figures (names with a slash).

    The column `metrics` holds the metrics that each run declares; a figure that a run doesn't have is NaN.
    """
    return _frame([flatten(record) for record in records])


def from_mlflow(uri: str, experiment: str = "albert_lab", study: str | None = None) -> pd.DataFrame:
    """The finished runs of an MLflow experiment, or of one study in it, in the columns of `from_records`.

    A run counts once, however many studies use it. Raises UserError where the store, experiment or study is missing.
    """
    runs = MlflowRuns(uri, experiment).search(study)
    finished = [run for run in runs if run.info.status == "FINISHED" and kind_of(run) in ("run", "cell")]
    originals_first = sorted(finished, key=lambda run: kind_of(run) == "cell")
    once: dict[str, Run] = {}
    for run in originals_first:
        once.setdefault(fingerprint_of(run) or run.info.run_id, run)
    return _frame([_flatten_run(run) for run in once.values()])


def add_costs(frame: pd.DataFrame, cost_of_run: CostOfRun) -> pd.DataFrame:
    """The runs with what each cost, one more column a figure; NaN where it can't be known."""
    costs = [dict(cost_of_run({str(key): value for key, value in row.items()})) for row in frame.to_dict("records")]
    return frame.join(pd.DataFrame(costs, index=frame.index, dtype=float))


def flatten(record: Mapping[str, Any]) -> Row:
    """A result record as one flat row: settings under dotted names, figures under names with a slash."""
    row: Row = {"name": record["name"], "fingerprint": record["fingerprint"], "task": record.get("task")}
    row["started"] = pd.to_datetime(record["started"], utc=True)
    row["host"] = describe_machine(record["host"]) if "host" in record else None
    row |= _parse_settings(flatten_plain(record["config"]))
    sections = {name: section for name, section in record.items() if isinstance(section, Mapping)}
    figures = {f"{name}/{key}": value for name, section in sections.items() for key, value in section.items()}
    return row | _figures(metrics_from_plain(record.get("metrics", [])), figures)


def _flatten_run(run: "Run") -> Row:
    tags = run.data.tags
    row: Row = {"name": run.info.run_name, "fingerprint": fingerprint_of(run), "task": tags.get("albert_lab.task")}
    row["started"] = pd.to_datetime(run.info.start_time, unit="ms", utc=True)
    row["host"] = tags.get("albert_lab.host")
    row |= _parse_settings(settings_of(run))
    return row | _figures(metrics_of(run), run.data.metrics)


def _figures(metrics: tuple[Metric, ...], figures: Mapping[str, Any]) -> Row:
    """The figures that every run has, each declared metric's values, and the number of samples behind a share."""
    counts = [f"validation/{metric.counted_by}" for metric in metrics if metric.counted_by]
    values = [f"{section}/{metric.name}" for metric in metrics for section in ("training", "validation")]
    return {"metrics": metrics} | {key: _to_float(figures.get(key)) for key in (*FIGURES, *values, *counts)}


def _frame(rows: list[Row]) -> pd.DataFrame:
    settings = sorted({key for row in rows for key in row if "." in key})
    figures = dict.fromkeys(key for row in rows for key in row if "/" in key)
    return pd.DataFrame(rows, columns=[*IDENTITY, *settings, *dict.fromkeys((*FIGURES, *figures))])


def _parse_settings(settings: Mapping[str, Any]) -> Row:
    """The settings that can change one of the figures."""
    matter = {k: v for k, v in settings.items() if k.split(".")[0] in RESULT_GROUPS or k in SPEED_SETTINGS}
    return {key: _parse_setting(str(value)) for key, value in matter.items()}


def _parse_setting(text: str) -> int | float | bool | str | None:
    """A setting from its text. MLflow keeps every parameter as text, so both sources go through here."""
    if text in _WORDS:
        return _WORDS[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    try:
        return str(ast.literal_eval(text)) if text.startswith("[") else text
    except (ValueError, SyntaxError):
        return text


def _to_float(value: Any) -> float:
    return float("nan") if value is None else float(value)
