"""Runs as tidy tables: one row a run, the same columns from result records and from MLflow."""

import ast
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from albert_lab.config.schema import RESULT_GROUPS
from albert_lab.errors import UserError, nearest
from albert_lab.runs.machine import describe_machine

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

MEASURES = (
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
    "training/steps",
    "training/tokens",
    "training/seconds",
    "training/mlm_loss",
    "validation/mlm_loss",
    "validation/mlm_accuracy",
    "validation/mlm_tokens",
    "validation/sentence_loss",
    "validation/sentence_accuracy",
    "validation/sentence_samples",
    "validation/unigram_entropy",
)
IDENTITY = ("name", "fingerprint", "started", "host")
SPEED_SETTINGS = tuple(
    f"trainer.{key}"
    for key in (
        "accelerator",
        "devices",
        "strategy",
        "gradient_checkpointing",
        "compile",
        "micro_batch_size",
        "threads",
        "workers",
    )
)  # can't change what a run learns, but its speed and memory; other settings of these groups change no figure

_WORDS = {"None": None, "null": None, "True": True, "true": True, "False": False, "false": False}  # "none" is a scheme

Row = dict[str, Any]
CostOfRun = Callable[[Mapping[str, Any]], Mapping[str, float | None]]  # `cost.runs.cost_of_run`, given from above


def from_records(records: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for every result record: name, fingerprint, started (UTC), configuration (dots), measures (slashes)."""
    return _frame([flatten(record) for record in records])


def from_mlflow(uri: str, experiment: str = "albert_lab", study: str | None = None) -> pd.DataFrame:
    """The finished runs of an MLflow experiment, or of one study in it, in the columns of `from_records`.

    A run counts once, however many studies use it. Raises UserError where the store, experiment or study is missing.
    """
    client = _client(uri)
    runs = _search(client, _experiment_id(client, uri, experiment))
    if study is not None:
        runs = _of_study(runs, study)
    finished = [run for run in runs if run.info.status == "FINISHED" and _kind(run) in ("run", "cell")]
    originals_first = sorted(finished, key=lambda run: _kind(run) == "cell")
    once: dict[str, Run] = {}
    for run in originals_first:
        once.setdefault(_fingerprint(run) or run.info.run_id, run)
    return _frame([_flatten_run(run) for run in once.values()])


def history(uri: str, run: str, metric: str, experiment: str = "albert_lab") -> pd.DataFrame:
    """A metric's values by step, of the newest run with this fingerprint or name: columns `step` and `value`."""
    client = _client(uri)
    runs = [r for r in _search(client, _experiment_id(client, uri, experiment)) if _kind(r) == "run"]
    named = [r for r in runs if run in (_fingerprint(r), r.info.run_name)]
    if not named:
        raise UserError(f"no run {run!r} in {uri}" + nearest(run, (str(r.info.run_name) for r in runs)))
    if metric not in named[0].data.metrics:
        raise UserError(f"run {run!r} has no metric {metric!r}" + nearest(metric, named[0].data.metrics))
    points = client.get_metric_history(named[0].info.run_id, metric)
    by_step = {point.step: point.value for point in sorted(points, key=lambda p: (p.step, p.timestamp))}
    return pd.DataFrame({"step": list(by_step.keys()), "value": list(by_step.values())})


def with_costs(frame: pd.DataFrame, cost_of_run: CostOfRun) -> pd.DataFrame:
    """The runs with what each cost, a further column a figure; where a run does not tell it, NaN."""
    costs = [dict(cost_of_run({str(key): value for key, value in row.items()})) for row in frame.to_dict("records")]
    return frame.join(pd.DataFrame(costs, index=frame.index, dtype=float))


def flatten(record: Mapping[str, Any]) -> Row:
    """A result record as one flat row; the keys of the configuration with dots, of the measures with slashes."""
    row: Row = {"name": record["name"], "fingerprint": record["fingerprint"]}
    row["started"] = pd.to_datetime(record["started"], utc=True)
    row["host"] = describe_machine(record["host"]) if "host" in record else None
    for group, values in record["config"].items():
        row.update({key: _plain(str(value)) for key, value in _dotted(group, values).items() if _tells(key)})
    for measure in MEASURES:
        section, key = measure.split("/")
        row[measure] = _number(record.get(section, {}).get(key))
    return row


def _flatten_run(run: "Run") -> Row:
    row: Row = {"name": run.info.run_name, "fingerprint": _fingerprint(run)}
    row["started"] = pd.to_datetime(run.info.start_time, unit="ms", utc=True)
    row["host"] = run.data.tags.get("albert_lab.host")  # older runs have none
    row.update({key: _plain(value) for key, value in run.data.params.items() if _tells(key)})
    row.update({measure: _number(run.data.metrics.get(measure)) for measure in MEASURES})
    return row


def _frame(rows: list[Row]) -> pd.DataFrame:
    settings = sorted({key for row in rows for key in row if "." in key})
    return pd.DataFrame(rows, columns=[*IDENTITY, *settings, *MEASURES])


def _tells(key: str) -> bool:
    """Whether a setting can change one of the figures."""
    return key.split(".")[0] in RESULT_GROUPS or key in SPEED_SETTINGS


def _dotted(prefix: str, value: Any) -> Row:
    if not isinstance(value, Mapping):
        return {prefix: value}
    return {k: v for key, inner in value.items() for k, v in _dotted(f"{prefix}.{key}", inner).items()}


def _plain(text: str) -> int | float | bool | str | None:
    """A setting from its text: MLflow keeps every parameter as text, so both sources go through here."""
    if text in _WORDS:
        return _WORDS[text]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return _list_text(text) if text.startswith("[") else text


def _list_text(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _client(uri: str) -> "MlflowClient":
    path = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and not path.exists():
        raise UserError(f"no MLflow store at {path}; run `albert-lab pretrain` or a study first, or give another uri")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before the import: a report sends nothing anywhere
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _experiment_id(client: "MlflowClient", uri: str, name: str) -> str:
    from mlflow.exceptions import MlflowException

    try:
        experiments = {str(e.name): str(e.experiment_id) for e in client.search_experiments()}
    except MlflowException as error:
        raise UserError(f"can't read the MLflow store {uri}: {error}") from error
    if name not in experiments:
        raise UserError(f"no experiment {name!r} in {uri}" + nearest(name, experiments))
    return experiments[name]


def _search(client: "MlflowClient", experiment_id: str) -> list["Run"]:
    """Every run of an experiment, newest first."""
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs([experiment_id], order_by=["attributes.start_time DESC"], page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def _of_study(runs: list["Run"], study: str) -> list["Run"]:
    """Runs that carry the study's name, or whose parent run does."""
    parents = {r.info.run_id for r in runs if r.data.tags.get("albert_lab.study") == study}
    chosen = [r for r in runs if r.info.run_id in parents or r.data.tags.get("mlflow.parentRunId") in parents]
    if not chosen:
        known = {r.data.tags["albert_lab.study"] for r in runs if "albert_lab.study" in r.data.tags}
        raise UserError(f"no study {study!r} has run" + (nearest(study, known) if known else "; none has run yet"))
    return chosen


def _kind(run: "Run") -> str:
    return str(run.data.tags.get("albert_lab.kind", ""))


def _fingerprint(run: "Run") -> str:
    """The end of the run folder's name, `all-e16-3f2a9c`, or the tag as it is where it holds the fingerprint alone."""
    return str(run.data.tags.get("albert_lab.run", "")).rsplit("-", 1)[-1]
