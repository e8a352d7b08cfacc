"""The format in which MLflow's UI keeps a saved view of its runs page. It is not documented: read from version 3.17.

A view is one tag of the experiment, JSON around a compressed state. An older or newer UI that does not know the format
shows its plain list of runs; `tests/report/test_mlflow_saved_view.py` looks for its words in the installed UI.
"""

import base64
import json
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

READ_FROM = "3.17"  # the version of MLflow that this format was read from
TAG = "mlflow.sharedViewState."
MAX_CHARACTERS = 5000  # of a tag
PACKED = "deflate;"

Chart = dict[str, Any]
TABLE, CHART = "TABLE", "CHART"  # how the page shows the runs
CHARTS_A_ROW, CHART_HEIGHT = 2, 380  # legible at 1,500 pixels beside the list of runs
UNTOUCHED = {"deleted": False, "isGenerated": False, "isReordered": False}  # a person has changed nothing


def view_address(experiment_id: str, key: str, mode: str = TABLE) -> str:
    """What follows the server's address to open the view."""
    page = f"#/experiments/{experiment_id}/runs"
    return f"{page}?workflowType=machine_learning&viewStateShareKey={key}&compareRunsMode={mode}"


def pack_view(name: str, state: Mapping[str, Any]) -> str:
    """The text of the tag."""
    packed = PACKED + base64.b64encode(zlib.compress(json.dumps(state).encode())).decode()
    now = int(time.time() * 1000)
    return json.dumps({"name": name, "createdAt": now, "updatedAt": now, "state": packed})


def unpack_view(tag: str) -> dict[str, Any]:
    """The state in the text of a tag."""
    packed = str(json.loads(tag)["state"]).removeprefix(PACKED)
    return dict(json.loads(zlib.decompress(base64.b64decode(packed))))


def view_state(
    order_by: str, ascending: bool, search: str, columns: Mapping[str, int], sections: Mapping[str, Sequence[Chart]]
) -> dict[str, Any]:
    """A table of the runs that `search` finds, `columns` with their widths, and charts, `sections` by headings."""
    layout = {"display": True, "columns": CHARTS_A_ROW, "cardHeight": CHART_HEIGHT}
    charts = [chart | {"metricSectionId": section} for section, charts in sections.items() for chart in charts]
    return {
        "orderByKey": order_by,
        "orderByAsc": ascending,
        "searchFilter": search,
        "selectedColumns": list(columns),
        "columnOrder": list(columns),
        "columnWidths": dict(columns),
        "runsHiddenMode": "FIRST_20_RUNS",
        "compareRunCharts": charts,
        "compareRunSections": [{"uuid": name, "name": name} | layout | UNTOUCHED for name in sections],
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
        "autoRefreshEnabled": True,
        "useGroupedValuesInCharts": True,
        "groupBy": None,
        "runListHidden": False,
        "viewMaximized": False,
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
    }


def line_chart(metric: str) -> Chart:
    """A metric by step."""
    return _chart("LINE", metric) | {
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


def scatter_chart(x: str, y: str) -> Chart:
    """A point a run: its latest values of two metrics."""
    axes = {"xaxis": {"key": x, "type": "METRIC"}, "yaxis": {"key": y, "type": "METRIC"}}
    return _chart("SCATTER", f"{y} against {x}") | {"runsCountToCompare": 100} | axes


def _chart(kind: str, title: str) -> Chart:
    identity = str(uuid.uuid5(uuid.NAMESPACE_URL, title))
    return {"type": kind, "uuid": identity, "displayName": title} | UNTOUCHED
