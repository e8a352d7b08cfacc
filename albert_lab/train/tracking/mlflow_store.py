"""What the lab writes into MLflow: a run per training, a parent run per study, names that a person can read."""

import json
import logging
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # read at every request; the default waits for minutes
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

from mlflow import MlflowClient
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param, Run, RunTag
from mlflow.exceptions import MlflowException

from albert_lab.config.schema import RunConfig
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.identity import describe, describe_axes
from albert_lab.runs.machine import describe_machine
from albert_lab.runs.metrics import Metric, metrics_to_plain
from albert_lab.runs.record import flatten_figures
from albert_lab.storage.files import read_json
from albert_lab.storage.locks import lock
from albert_lab.train.tracking.mlflow_database import prepare_database
from albert_lab.train.tracking.mlflow_settings import choose_parameters, pack_settings

SQLITE = "sqlite:///"
BATCH = 900  # MLflow takes at most 1,000 metrics in one request
for noisy in ("alembic", "mlflow"):
    logging.getLogger(noisy).setLevel(logging.WARNING)


def is_local(uri: str) -> bool:
    """Whether the store is an SQLite file."""
    return uri.startswith(SQLITE)


def connect(uri: str, runs: Path) -> tuple[MlflowClient, bool]:
    """A client of the store at `uri`, and whether its database was broken and is empty now.

    The first use of an SQLite file creates it, one process at a time.
    """
    if not is_local(uri):
        return MlflowClient(uri), False
    with lock(runs.absolute() / "mlflow", what="the MLflow database"):
        is_rebuilt = prepare_database(Path(uri.removeprefix(SQLITE)))
        return MlflowClient(uri), is_rebuilt


def start_run(client: MlflowClient, config: RunConfig, folder: RunFolder, metrics: Sequence[Metric]) -> str:
    """Creates the MLflow run of a training and returns its id; tags say which task it is and what that measures.

    Returns the one that an attempt created which was killed before it could keep the id.
    """
    runs, started = Path(config.paths.runs).absolute(), _start_time(folder)
    with lock(runs / "mlflow", what="the MLflow experiment"):
        experiment = _experiment(client, config.tracking.experiment, runs)
        study = config.study.name
        parent = study_run(client, experiment, study, started) if study else None
    tags = {"albert_lab.kind": "run", "albert_lab.run": folder.path.name, "albert_lab.folder": str(folder.path)}
    tags |= {"albert_lab.task": config.task_name, "albert_lab.metrics": json.dumps(metrics_to_plain(tuple(metrics)))}
    tags |= {"albert_lab.settings": pack_settings(config)}
    if study and parent:
        tags |= {"albert_lab.study": study, "mlflow.parentRunId": parent}
    if varying := describe_axes(config):
        tags |= {"albert_lab.cell": varying}
    run = _unfinished_run(client, experiment, folder)
    if run is None:
        name = config.tracking.run_name or describe(config)
        run = client.create_run(experiment, start_time=started, run_name=name, tags=tags)
    run_id, parameters = str(run.info.run_id), choose_parameters(config)
    missing = [Param(key, value) for key, value in parameters.items() if key not in run.data.params]
    client.log_batch(run_id, params=missing)
    client.log_artifact(run_id, str(folder.config))
    return run_id


def _start_time(folder: RunFolder) -> int:
    """When a training logged its first line, in milliseconds; now, if it has none yet."""
    if folder.metrics.exists():
        with open(folder.metrics, encoding="utf-8") as file:
            if (line := file.readline()).endswith("\n"):
                return int(json.loads(line)["time"] * 1000)
    return int(time.time() * 1000)


def _unfinished_run(client: MlflowClient, experiment: str, folder: RunFolder) -> Run | None:
    wanted = f"tags.`albert_lab.kind` = 'run' and tags.`albert_lab.run` = '{folder.path.name}'"
    unfinished = client.search_runs([experiment], f"{wanted} and attributes.status = 'RUNNING'")
    return next((run for run in unfinished if run.data.tags.get("albert_lab.folder") == str(folder.path)), None)


def last_steps(client: MlflowClient, run_id: str) -> dict[str, int] | None:
    """The last step of every metric that a run has; None where there is no such run."""
    try:
        names = client.get_run(run_id).data.metrics
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise
    return {name: max(point.step for point in client.get_metric_history(run_id, name)) for name in names}


def _experiment(client: MlflowClient, name: str, runs: Path) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = str(client.tracking_uri).startswith("sqlite")
    location = (runs / "mlflow-artifacts").as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=location))


def study_run(client: MlflowClient, experiment: str, study: str, started: int) -> str:
    """The parent run of a study, created when its first cell starts; a cell that ends moves its end on."""
    wanted = f"tags.`albert_lab.kind` = 'study' and tags.`albert_lab.study` = '{study}'"
    found = client.search_runs([experiment], wanted, max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {"albert_lab.kind": "study", "albert_lab.study": study}
    run = client.create_run(experiment, start_time=started, run_name=f"study {study}", tags=tags)
    client.set_terminated(run.info.run_id, end_time=started)
    return str(run.info.run_id)


def _end_run(client: MlflowClient, run_id: str, ended: int) -> None:
    """Ends a run, and its study's with it: that is never left running, and ends with its last cell."""
    client.set_terminated(run_id, end_time=ended)
    parent = client.get_run(run_id).data.tags.get("mlflow.parentRunId")
    if parent is not None and ended > (client.get_run(parent).info.end_time or 0):
        client.set_terminated(parent, end_time=ended)


def adopt(client: MlflowClient, run_id: str, study: str) -> None:
    """Shows a finished run under `study` too: MLflow runs have one parent, so a second study gets a light copy."""
    run = client.get_run(run_id)
    experiment, fingerprint = run.info.experiment_id, run.data.tags["albert_lab.run"]
    if run.data.tags.get("albert_lab.study") == study:
        return
    parent = study_run(client, experiment, study, run.info.start_time)
    mine = f"tags.`albert_lab.run` = '{fingerprint}' and tags.`albert_lab.study` = '{study}'"
    if client.search_runs([experiment], mine, max_results=1):
        return
    tags = {"albert_lab.kind": "cell", "albert_lab.run": fingerprint, "albert_lab.study": study}
    tags |= {"mlflow.parentRunId": parent}
    copy = client.create_run(experiment, start_time=run.info.start_time, run_name=run.info.run_name, tags=tags)
    values = run.data
    copied = ("folder", "host", "task", "metrics", "settings", "cell")
    kept = [key for key in copied if f"albert_lab.{key}" in values.tags]
    client.log_batch(
        copy.info.run_id,
        params=[Param(key, value) for key, value in values.params.items()],
        metrics=[MlflowMetric(key, value, run.info.end_time or 0, 0) for key, value in values.metrics.items()],
        tags=[RunTag(f"albert_lab.{key}", values.tags[f"albert_lab.{key}"]) for key in kept],
    )
    _end_run(client, copy.info.run_id, run.info.end_time)


def delete_runs(uri: str, run_id: str, name: str) -> None:
    """Deletes a training's run and its copies under further studies: MLflow shows them no more.

    Leaves everything where `run_id` is of another run than `name`: a user's copy of a folder has the original's.
    """
    client = MlflowClient(uri)
    try:
        run = client.get_run(run_id)
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return
        raise
    folder = run.data.tags.get("albert_lab.folder")
    if run.data.tags.get("albert_lab.run") != name:
        return
    for other in client.search_runs([run.info.experiment_id], f"tags.`albert_lab.run` = '{name}'"):
        if other.info.run_id == run_id or other.data.tags.get("albert_lab.folder") == folder:
            client.delete_run(other.info.run_id)


def send_lines(client: MlflowClient, run_id: str, lines: list[dict[str, Any]], last_steps: dict[str, int]) -> None:
    """Sends the lines of `metrics.jsonl`; see `_send_metrics`."""
    metrics = [
        MlflowMetric(key, value, int(line["time"] * 1000), line["step"])
        for line in lines
        for key, value in line["metrics"].items()
        if value is not None
    ]
    _send_metrics(client, run_id, metrics, last_steps)


def _send_metrics(
    client: MlflowClient, run_id: str, metrics: Sequence[MlflowMetric], last_steps: dict[str, int]
) -> None:
    """Sends metrics in the order of their steps, those after `last_steps` only, and moves that on."""
    new = []
    for metric in metrics:
        if metric.step > last_steps.get(metric.key, -1):
            last_steps[metric.key] = metric.step
            new.append(metric)
    for start in range(0, len(new), BATCH):
        client.log_batch(run_id, metrics=new[start : start + BATCH])


def finish_run(client: MlflowClient, run_id: str, folder: RunFolder, last_steps: dict[str, int]) -> None:
    """Logs the record's figures that the last step didn't log, attaches the record, and ends the MLflow run."""
    record = read_json(folder.result)
    assert record is not None
    step, time_ms = record["training"]["steps"], int(folder.result.stat().st_mtime * 1000)
    metrics = [MlflowMetric(key, value, time_ms, step) for key, value in flatten_figures(record).items()]
    _send_metrics(client, run_id, metrics, last_steps)
    client.set_tag(run_id, "albert_lab.host", describe_machine(record["host"]))
    client.log_artifact(run_id, str(folder.result))
    _end_run(client, run_id, time_ms)
