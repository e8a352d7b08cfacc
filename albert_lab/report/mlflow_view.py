"""A view of the lab's runs that MLflow's own UI opens ready-made: charts chosen, studies flat, names readable."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from albert_lab.errors import UserError
from albert_lab.report.mlflow_runs import MlflowRuns, kind_of, metrics_of
from albert_lab.report.mlflow_saved_view import (
    MAX_CHARACTERS,
    TAG,
    line_chart,
    pack_view,
    scatter_chart,
    view_address,
    view_state,
)
from albert_lab.runs.metrics import Metric

KEY = "albert-lab"
COSTS = ("parameters/unique", "memory_bytes/peak")
SPEED = ("parameters/unique", "speed/tokens_per_second")
SEARCH = "tags.`albert_lab.kind` = 'run'"
COLUMNS = ("attributes.`Created`", "attributes.`Duration`", "tags.`albert_lab.study`")


def save_view(uri: str, experiment: str) -> str | None:
    """Stores the view on the experiment and returns what follows the server's address; None without the experiment.

    Its charts are those of the metrics that the runs declare; the metric that judges most of the runs orders them.
    """
    try:
        store = MlflowRuns(uri, experiment)
    except UserError:
        return None
    declared = [metrics_of(run) for run in store.search() if kind_of(run) == "run"]
    tasks = Counter(tuple(replace(m, chance=None) for m in metrics) for metrics in declared if metrics)
    store.client.set_experiment_tag(store.experiment_id, TAG + KEY, _view([task for task, _ in tasks.most_common()]))
    return view_address(store.experiment_id, KEY)


def _view(tasks: Sequence[tuple[Metric, ...]]) -> str:
    """The view over runs of these tasks, the most frequent first; of many tasks, as many as MLflow has room for."""
    # Sorted by a metric and without the parents, or MLflow folds the cells away and shows empty charts.
    order_by, ascending = "metrics.`training/steps`", False
    if tasks:
        order_by, ascending = f"metrics.`validation/{tasks[0][0].name}`", not tasks[0][0].higher_is_better
    curves = dict.fromkeys(f"{part}/{m.name}" for task in tasks for m in task for part in ("train", "validation"))
    trade_offs = [(cost, f"validation/{task[0].name}") for task in tasks for cost in COSTS]
    sections = {
        "Learning": [line_chart(metric) for metric in curves],
        "What it costs and buys": [scatter_chart(*pair) for pair in dict.fromkeys([*trade_offs, SPEED])],
    }
    view = pack_view("albert_lab", view_state(order_by, ascending, SEARCH, COLUMNS, sections))
    return view if len(view) <= MAX_CHARACTERS else _view(tasks[:-1])
