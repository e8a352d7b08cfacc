"""A view of the lab's runs that MLflow's own UI opens ready-made: charts chosen, studies flat, names readable.

MLflow keeps a saved view as one experiment tag. Its form is not documented and was read from version 3.17's bundle; an
older or newer UI that does not know it shows its plain list.
"""

import base64
import json
import time
import uuid
import zlib
from typing import Any

from mlflow import MlflowClient

KEY = "albert-lab"
NAME = "albert_lab: pre-training"
LEARNING, TRADE_OFF = "learning", "trade-off"  # sections of the page
CURVES = ("train/mlm_loss", "train/mlm_accuracy", "validation/mlm_accuracy", "validation/sentence_accuracy")
TRADE_OFFS = (
    ("parameters/unique", "validation/mlm_accuracy"),
    ("memory_bytes/peak", "validation/mlm_accuracy"),
    ("parameters/unique", "speed/tokens_per_second"),
)


def save_view(uri: str, experiment: str) -> str | None:
    """Stores the view on the experiment and returns the address behind the server's; None without the experiment."""
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    client.set_experiment_tag(found.experiment_id, f"mlflow.sharedViewState.{KEY}", _tag(_state()))
    page = f"#/experiments/{found.experiment_id}/runs"
    return f"{page}?workflowType=machine_learning&viewStateShareKey={KEY}&compareRunsMode=CHART"


def _tag(state: dict[str, Any]) -> str:
    """The state packed as MLflow packs it: tags hold 5,000 characters at most."""
    packed = "deflate;" + base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    now = int(time.time() * 1000)
    return json.dumps({"name": NAME, "createdAt": now, "updatedAt": now, "state": packed})


def _state() -> dict[str, Any]:
    return {
        # Sorted by a metric and without the parents, or MLflow folds the cells away and shows empty charts.
        "orderByKey": "metrics.`validation/mlm_loss`",
        "orderByAsc": True,
        "searchFilter": "tags.`albert_lab.kind` = 'run'",
        "selectedColumns": ["attributes.`Created`", "attributes.`Duration`", "tags.`albert_lab.study`"],
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": [_curve(metric) for metric in CURVES] + [_scatter(x, y) for x, y in TRADE_OFFS],
        "compareRunSections": [_section(LEARNING, "Learning"), _section(TRADE_OFF, "What it costs and buys")],
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "groupBy": None,
        "runListHidden": False,
        "viewMaximized": False,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }


def _section(identity: str, name: str) -> dict[str, Any]:
    return {"uuid": identity, "name": name, "display": True} | _untouched()


def _curve(metric: str) -> dict[str, Any]:
    return _chart("LINE", metric, LEARNING) | {
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "runsCountToCompare": 20,
        "lineSmoothness": 0,
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": False,
    }


def _scatter(x: str, y: str) -> dict[str, Any]:
    axes = {"xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}
    return _chart("SCATTER", f"{y} against {x}", TRADE_OFF) | {"runsCountToCompare": 100} | axes


def _chart(kind: str, title: str, section: str) -> dict[str, Any]:
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, title))
    return {"type": kind, "uuid": identity, "displayName": title, "metricSectionId": section} | _untouched()


def _untouched() -> dict[str, bool]:
    """What MLflow notes about a person's changes: none."""
    return {"deleted": False, "isGenerated": False, "isReordered": False}
