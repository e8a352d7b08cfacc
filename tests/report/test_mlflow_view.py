"""The ready-made MLflow view shows the metrics that the runs declare, ordered by the one that judges them."""

from pathlib import Path

from mlflow import MlflowClient

from albert_lab.report.mlflow_saved_view import MAX_CHARACTERS, TAG, unpack_view
from albert_lab.report.mlflow_view import KEY, _view, save_view
from albert_lab.runs.metrics import Metric
from albert_lab.runs.record import flatten_figures
from tests.synthetic_runs import log_run, record


def test_every_chart_of_the_saved_view_has_a_metric_to_show(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri)
    assert save_view(uri, "albert_lab") is None, "nothing to show yet"
    identity = client.create_experiment("albert_lab", artifact_location=tmp_path.as_uri())
    log_run(client, identity, record(), {})
    address = save_view(uri, "albert_lab")
    assert address is not None
    assert f"viewStateShareKey={KEY}" in address
    tag = client.get_experiment(identity).tags[TAG + KEY]
    assert len(tag) <= MAX_CHARACTERS
    state = unpack_view(tag)
    charts = state["compareRunCharts"]
    shown = {chart["metricKey"] for chart in charts if chart["type"] == "LINE"}
    shown |= {chart[axis]["key"] for chart in charts for axis in ("xaxis", "yaxis") if axis in chart}
    assert {"train/mlm_loss", "validation/sentence_accuracy", "parameters/unique"} <= shown
    figures = flatten_figures(record())
    assert shown <= {*figures, *(key.replace("validation/", "train/") for key in figures)}


def test_runs_are_ordered_by_the_metric_that_judges_most_of_them_best_first() -> None:
    surprise, fame = Metric("surprise", "surprise", "bits", False), Metric("fame", "fame", "points", True)
    for metrics, key, ascending in (((surprise, fame), "surprise", True), ((fame, surprise), "fame", False)):
        state = unpack_view(_view([metrics]))
        assert (state["orderByKey"], state["orderByAsc"]) == (f"metrics.`validation/{key}`", ascending)


def test_a_view_of_very_many_tasks_fits_a_tag() -> None:
    tasks = [(Metric(f"score_{i:04x}", f"score {i}", "points", True),) for i in range(0, 60000, 999)]
    assert len(_view(tasks)) <= MAX_CHARACTERS
    assert len(unpack_view(_view(tasks[:12]))["compareRunCharts"]) > 24
