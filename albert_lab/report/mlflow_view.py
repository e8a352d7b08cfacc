"""A view of the lab's runs that MLflow's own UI opens ready-made: results in the list, charts chosen, studies flat."""

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
WHAT = ("params.`sharing.scheme`", "params.`model.embedding_size`", "params.`train.seed`")
SIZES = ("metrics.`parameters/unique`", "metrics.`speed/tokens_per_second`", "metrics.`memory_bytes/peak`")
MORE = ("tags.`albert_lab.study`", "attributes.`Created`", "attributes.`Duration`")
TASKS_IN_TABLE = 2  # whose metrics are columns


def save_view(uri: str, experiment: str) -> str | None:
    """Stores the view on the experiment and returns what follows the server's address; None without the experiment.

    Columns and charts are those of the metrics that the runs declare; the one that judges most of the runs orders them.
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
    results = dict.fromkeys(
        f"metrics.`validation/{name}`" for task in tasks[:TASKS_IN_TABLE] for name in _results(task)
    )
    losses = (f"train/{m.name}" for task in tasks for m in task if not m.higher_is_better)
    curves = dict.fromkeys([*(f"validation/{m.name}" for task in tasks for m in task), *losses])
    trade_offs = [(cost, f"validation/{task[0].name}") for task in tasks for cost in COSTS]
    sections = {
        "What it costs and buys": [scatter_chart(*pair) for pair in dict.fromkeys([*trade_offs, SPEED])],
        "Learning": [line_chart(metric) for metric in curves],
    }
    columns = dict.fromkeys(WHAT, 75) | dict.fromkeys((*results, *SIZES), 125) | dict.fromkeys(MORE, 110)  # pixels
    view = pack_view("albert_lab", view_state(order_by, ascending, SEARCH, columns, sections))
    return view if len(view) <= MAX_CHARACTERS else _view(tasks[:-1])


def _results(task: Sequence[Metric]) -> list[str]:
    """The metrics that fit a list: what is better when higher, and the first loss."""
    losses = [metric for metric in task if not metric.higher_is_better]
    return [metric.name for metric in task if metric.higher_is_better or metric is losses[0]]
