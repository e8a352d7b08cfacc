"""What the lab writes into MLflow: a run per training, a parent run per study, names that a person can read."""

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")  # read at every request; the default waits for minutes
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")

from mlflow import MlflowClient
from mlflow.entities import Metric as MlflowMetric
from mlflow.entities import Param, RunTag

from albert_lab.config.plain import flatten
from albert_lab.config.schema import RunConfig
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.identity import describe
from albert_lab.runs.machine import describe_machine
from albert_lab.runs.metrics import Metric, metrics_to_plain
from albert_lab.runs.record import flatten_figures
from albert_lab.storage.files import read_json
from albert_lab.storage.locks import lock

BATCH = 900  # MLflow takes at most 1,000 metrics in one request
for noisy in ("alembic", "mlflow"):
    logging.getLogger(noisy).setLevel(logging.WARNING)


def connect(uri: str, runs: Path) -> MlflowClient:
    """A client of the store at `uri`. The first use of an SQLite file creates it, one process at a time."""
    if uri.startswith("sqlite"):
        with lock(runs.absolute() / "mlflow", what="the MLflow database"):
            return MlflowClient(uri)
    return MlflowClient(uri)


def start_run(client: MlflowClient, config: RunConfig, folder: RunFolder, metrics: Sequence[Metric]) -> str:
    """Creates the MLflow run of a training and returns its id; tags say which task it is and what that measures."""
    runs = Path(config.paths.runs).absolute()
    with lock(runs / "mlflow", what="the MLflow experiment"):
        experiment = _experiment(client, config.tracking.experiment, runs)
        study = config.study.name
        parent = _study_run(client, experiment, study) if study else None
    tags = {"albert_lab.kind": "run", "albert_lab.run": folder.path.name, "albert_lab.folder": str(folder.path)}
    tags |= {"albert_lab.task": config.task_name, "albert_lab.metrics": json.dumps(metrics_to_plain(tuple(metrics)))}
    if study and parent:
        tags |= {"albert_lab.study": study, "mlflow.parentRunId": parent}
    name = config.tracking.run_name or describe(config)
    run_id = str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)
    client.log_batch(run_id, params=[Param(key, str(value)) for key, value in flatten(config).items()])
    client.log_artifact(run_id, str(folder.config))
    return run_id


def _experiment(client: MlflowClient, name: str, runs: Path) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    local = str(client.tracking_uri).startswith("sqlite")
    location = (runs / "mlflow-artifacts").as_uri() if local else None
    return str(client.create_experiment(name, artifact_location=location))


def _study_run(client: MlflowClient, experiment: str, study: str) -> str:
    """The parent run of a study, created at its first cell."""
    wanted = f"tags.`albert_lab.kind` = 'study' and tags.`albert_lab.study` = '{study}'"
    found = client.search_runs([experiment], wanted, max_results=1)
    if found:
        return str(found[0].info.run_id)
    tags = {"albert_lab.kind": "study", "albert_lab.study": study}
    run = client.create_run(experiment, run_name=f"study {study}", tags=tags)
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def adopt(client: MlflowClient, run_id: str, study: str) -> None:
    """Shows a finished run under `study` too: MLflow runs have one parent, so a second study gets a light copy."""
    run = client.get_run(run_id)
    experiment, fingerprint = run.info.experiment_id, run.data.tags["albert_lab.run"]
    if run.data.tags.get("albert_lab.study") == study:
        return
    parent = _study_run(client, experiment, study)
    mine = f"tags.`albert_lab.run` = '{fingerprint}' and tags.`albert_lab.study` = '{study}'"
    if client.search_runs([experiment], mine, max_results=1):
        return
    tags = {"albert_lab.kind": "cell", "albert_lab.run": fingerprint, "albert_lab.study": study}
    copy = client.create_run(experiment, run_name=run.info.run_name, tags=tags | {"mlflow.parentRunId": parent})
    values = run.data
    kept = [key for key in ("folder", "host", "task", "metrics") if f"albert_lab.{key}" in values.tags]
    client.log_batch(
        copy.info.run_id,
        params=[Param(key, value) for key, value in values.params.items()],
        metrics=[MlflowMetric(key, value, run.info.end_time or 0, 0) for key, value in values.metrics.items()],
        tags=[RunTag(f"albert_lab.{key}", values.tags[f"albert_lab.{key}"]) for key in kept],
    )
    client.set_terminated(copy.info.run_id)


def send_lines(client: MlflowClient, run_id: str, lines: list[dict[str, Any]]) -> None:
    metrics = [
        MlflowMetric(key, value, int(line["time"] * 1000), line["step"])
        for line in lines
        for key, value in line["metrics"].items()
        if value is not None
    ]
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run_id, metrics=metrics[start : start + BATCH])


def finish_run(client: MlflowClient, run_id: str, folder: RunFolder) -> None:
    """Logs the record's figures, attaches it, and ends the MLflow run."""
    record = read_json(folder.result)
    assert record is not None
    step, time_ms = record["training"]["steps"], int(folder.result.stat().st_mtime * 1000)
    metrics = [MlflowMetric(key, value, time_ms, step) for key, value in flatten_figures(record).items()]
    client.log_batch(run_id, metrics=metrics)
    client.set_tag(run_id, "albert_lab.host", describe_machine(record["host"]))
    client.log_artifact(run_id, str(folder.result))
    client.set_terminated(run_id)


def attach_report(client: MlflowClient, experiment: str, study: str, folder: Path) -> None:
    """Puts a study's table and page on its parent run."""
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    parent = _study_run(client, found.experiment_id, study)
    for name in ("report.html", "table.md", "table.csv"):
        client.log_artifact(parent, str(folder / name))
