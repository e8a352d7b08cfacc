"""Reads the lab's runs from an MLflow store: all of an experiment or those of a study, and learning curves."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from albert_lab.errors import UserError, nearest
from albert_lab.runs.metrics import Metric, metrics_from_plain

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


class MlflowRuns:
    """The runs of one experiment. Raises UserError where the store or the experiment is missing."""

    def __init__(self, uri: str, experiment: str = "albert_lab") -> None:
        self.uri = uri
        self.client = _connect(uri)
        self.experiment_id = self._find_experiment(experiment)

    def search(self, study: str | None = None) -> list["Run"]:
        """Every run, newest first, or those of a study. Raises UserError for a study that has not run."""
        runs: list[Run] = []
        token: str | None = None
        while True:
            page = self.client.search_runs(
                [self.experiment_id], order_by=["attributes.start_time DESC"], page_token=token
            )
            runs += page
            token = page.token
            if not token:
                return runs if study is None else _select_study(runs, study)

    def history(self, run: str, metric: str) -> pd.DataFrame:
        """A metric's values by step, of the newest run with this fingerprint or name: columns `step` and `value`."""
        runs = [r for r in self.search() if kind_of(r) == "run"]
        named = [r for r in runs if run in (fingerprint_of(r), r.info.run_name)]
        if not named:
            raise UserError(f"no run {run!r} in {self.uri}" + nearest(run, (str(r.info.run_name) for r in runs)))
        if metric not in named[0].data.metrics:
            raise UserError(f"run {run!r} has no metric {metric!r}" + nearest(metric, named[0].data.metrics))
        points = self.client.get_metric_history(named[0].info.run_id, metric)
        by_step = {point.step: point.value for point in sorted(points, key=lambda p: (p.step, p.timestamp))}
        return pd.DataFrame({"step": list(by_step.keys()), "value": list(by_step.values())})

    def _find_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            experiments = {str(e.name): str(e.experiment_id) for e in self.client.search_experiments()}
        except MlflowException as error:
            raise UserError(f"can't read the MLflow store {self.uri}: {error}") from error
        if name not in experiments:
            raise UserError(f"no experiment {name!r} in {self.uri}" + nearest(name, experiments))
        return experiments[name]


def kind_of(run: "Run") -> str:
    """`run`, `study` (the parent of its runs) or `cell` (a copy under a further study)."""
    return str(run.data.tags.get("albert_lab.kind", ""))


def fingerprint_of(run: "Run") -> str:
    """The end of the run folder's name, `all-e16-3f2a9c`, or the tag as it is where it holds the fingerprint alone."""
    return str(run.data.tags.get("albert_lab.run", "")).rsplit("-", 1)[-1]


def metrics_of(run: "Run") -> tuple[Metric, ...]:
    """The metrics that a run declares."""
    return metrics_from_plain(json.loads(run.data.tags.get("albert_lab.metrics", "[]")))


def settings_of(run: "Run") -> dict[str, Any]:
    """The settings of a run by key; its parameters are only those that say what it is, so they are in a tag."""
    return dict(json.loads(run.data.tags.get("albert_lab.settings", "null")) or run.data.params)


def _connect(uri: str) -> "MlflowClient":
    path = Path(uri.removeprefix("sqlite:///"))
    if uri.startswith("sqlite:///") and not path.exists():
        raise UserError(f"no MLflow store at {path}; run `albert-lab pretrain` or a study first, or give another uri")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before the import: a report sends nothing anywhere
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri)


def _select_study(runs: list["Run"], study: str) -> list["Run"]:
    """Runs that carry the study's name, or whose parent run does."""
    parents = {r.info.run_id for r in runs if r.data.tags.get("albert_lab.study") == study}
    chosen = [r for r in runs if r.info.run_id in parents or r.data.tags.get("mlflow.parentRunId") in parents]
    if not chosen:
        known = {r.data.tags["albert_lab.study"] for r in runs if "albert_lab.study" in r.data.tags}
        raise UserError(f"no study {study!r} has run" + (nearest(study, known) if known else "; none has run yet"))
    return chosen
