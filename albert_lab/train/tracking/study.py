"""Completes a study's parent run in MLflow: `python -m albert_lab.train.tracking.study URI STUDY FOLDER RUN...`.

The text that the parent run shows as its description comes in on standard input.
"""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from mlflow.entities import Metric as MlflowMetric

from albert_lab.config.compose import load
from albert_lab.processes import end_with_parent
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.identity import describe, describe_axes, result_settings
from albert_lab.runs.metrics import metrics_from_plain
from albert_lab.runs.record import flatten_figures
from albert_lab.storage.files import read_json, write_json
from albert_lab.train.tracking import mlflow_store
from albert_lab.train.tracking.journal import connect, send_finished
from albert_lab.train.tracking.mlflow_settings import LONGEST_TAG

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

DESCRIPTION = "mlflow.note.content"  # the tag whose Markdown MLflow shows as a run's description


def show(uri: str, study: str, folder: Path, runs: list[Path], description: str = "") -> None:
    """Sends what is unsent, adopts cells that another study ran, and completes the study's parent run."""
    finished = [RunFolder(path) for path in runs]
    for run in finished:
        if not (read_json(run.tracking) or {}).get("complete"):
            send_finished(run.path, uri)
    tracked = [run for run in finished if (read_json(run.tracking) or {}).get("complete")]
    if not tracked:
        return
    config = load(tracked[0].config)
    client = connect(uri, Path(config.paths.runs))
    sent = [client.get_run((read_json(run.tracking) or {})["run_id"]) for run in tracked]
    for mlflow_run in sent:
        mlflow_store.adopt(client, mlflow_run.info.run_id, study)
    started = min(mlflow_run.info.start_time for mlflow_run in sent)
    parent = mlflow_store.study_run(client, sent[0].info.experiment_id, study, started)
    _show_best(client, parent, study, tracked)
    client.set_tag(parent, DESCRIPTION, _shorten(description))
    for name in ("report.html", "table.md", "table.csv"):
        client.log_artifact(parent, str(folder / name))
    write_json(folder / "mlflow.json", {"runs": [str(path) for path in runs]})


def _show_best(client: "MlflowClient", parent: str, study: str, runs: Sequence[RunFolder]) -> None:
    """Logs the figures of the best cell, means over its seeds, and tags which one that is."""
    configs = {run.path: load(run.config) for run in runs}
    own = [config.study for config in configs.values() if config.study.name == study]
    varies = own[0] if own else configs[runs[0].path].study  # all its cells are another study's
    cells: dict[str, list[RunFolder]] = {}
    for run in runs:
        settings = result_settings(configs[run.path]) | {"train.seed": None}
        cells.setdefault(json.dumps(settings, sort_keys=True), []).append(run)
    figures = {key: _average([run.record() or {} for run in cell]) for key, cell in cells.items()}
    judge = metrics_from_plain((runs[0].record() or {})["metrics"])[0]
    measured = [key for key, values in figures.items() if f"validation/{judge.name}" in values]
    if not measured:
        return
    pick = max if judge.higher_is_better else min
    best = pick(measured, key=lambda key: figures[key][f"validation/{judge.name}"])
    config = replace(configs[cells[best][0].path], study=varies)
    name = describe_axes(config).removesuffix(f" s{config.train.seed}") or describe(config)
    client.set_tag(parent, "albert_lab.best_cell", name)
    client.set_tag(parent, "albert_lab.varies", ", ".join([*varies.axes, "train.seed"]))
    ended = client.get_run(parent).info.end_time or 0
    metrics = [MlflowMetric(key, value, ended, len(runs)) for key, value in figures[best].items()]
    client.log_batch(parent, metrics=metrics)


def _average(records: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Mean figures of the records, those that all have."""
    flat = [flatten_figures(record) for record in records]
    return {key: fmean(figures[key] for figures in flat) for key in flat[0] if all(key in f for f in flat)}


def _shorten(text: str) -> str:
    """Whole lines of `text`, as many as MLflow has room for."""
    if len(text) <= LONGEST_TAG:
        return text
    end = "\n\nThe rest is in the artifact table.md."
    return text[: LONGEST_TAG - len(end)].rsplit("\n", 1)[0] + end


if __name__ == "__main__":
    end_with_parent()
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        given = sys.stdin.buffer.read().decode()
        show(sys.argv[1], sys.argv[2], Path(sys.argv[3]), [Path(path) for path in sys.argv[4:]], given)
    except Exception as error:  # the study's files are written; MLflow's trouble doesn't undo that
        log.warning("MLflow does not show the study yet (%s); the same command tries again", error)
