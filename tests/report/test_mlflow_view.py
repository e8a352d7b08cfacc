"""The ready-made MLflow view shows metrics that runs really have, packed as MLflow reads it."""

import base64
import json
import zlib
from pathlib import Path

from mlflow import MlflowClient

from albert_lab.report.mlflow_view import KEY, save_view
from albert_lab.train.tracking.mlflow_store import flat_figures
from tests.synthetic_runs import record

LOGGED_IN_TRAINING = {"train/mlm_loss", "train/mlm_accuracy"}


def test_the_view_is_saved_and_every_chart_has_a_metric_to_show(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert save_view(uri, "albert_lab") is None, "nothing to show yet"
    identity = MlflowClient(uri).create_experiment("albert_lab")
    address = save_view(uri, "albert_lab")
    assert address is not None
    assert f"viewStateShareKey={KEY}" in address
    tag = MlflowClient(uri).get_experiment(identity).tags[f"mlflow.sharedViewState.{KEY}"]
    assert len(tag) <= 5000
    state = json.loads(zlib.decompress(base64.b64decode(json.loads(tag)["state"].removeprefix("deflate;"))))
    shown = {chart["metricKey"] for chart in state["compareRunCharts"] if chart["type"] == "LINE"}
    shown |= {chart[axis]["key"] for chart in state["compareRunCharts"] for axis in ("xaxis", "yaxis") if axis in chart}
    assert shown <= set(flat_figures(record())) | LOGGED_IN_TRAINING
