"""The record that a run ends with: one JSON object, which tables, studies, searches and notebooks read."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from albert_lab.config.plain import to_plain
from albert_lab.config.schema import RunConfig
from albert_lab.errors import UserError, nearest
from albert_lab.runs.folder import RunFolder
from albert_lab.runs.identity import describe
from albert_lab.runs.machine import find_machine, library_versions
from albert_lab.runs.metrics import Metric, metrics_from_plain, metrics_to_plain

FORMAT = 2  # raised when a key goes or changes its meaning; a new key leaves it
SECTIONS = ("parameters", "flops_per_token", "memory_bytes", "speed", "training", "validation")  # of figures

Record = Mapping[str, Any]


def make_record(
    config: RunConfig,
    folder: RunFolder,
    metrics: Sequence[Metric],
    sections: Mapping[str, Mapping[str, float | int | None]],
    started: str,
    finished: str,
) -> dict[str, Any]:
    """The record of a finished run.

    Args:
        metrics: what the task measures, the metric that judges a run first.
        sections: the figures by section and name (`SECTIONS`); None where there was nothing to measure.
        started, finished: ISO 8601.
    """
    return {
        "format": FORMAT,
        "fingerprint": folder.path.name.rsplit("-", 1)[1],
        "name": describe(config),
        "folder": str(folder.path),
        "verb": config.verb,
        "task": config.task_name,
        "config": to_plain(config),
        "metrics": metrics_to_plain(tuple(metrics)),
        **sections,
        "host": asdict(find_machine()),
        "versions": library_versions(),
        "started": started,
        "finished": finished,
    }


def flatten_figures(record: Record) -> dict[str, float]:
    """The record's numbers by section and name: `{"validation/mlm_accuracy": 0.31, ...}`."""
    return {
        f"{section}/{name}": float(value)
        for section in SECTIONS
        for name, value in record.get(section, {}).items()
        if value is not None
    }


def read_measures(record: Record, names: Sequence[str] | None) -> list[float]:
    """The figures that a sweeper optimizes.

    Args:
        names: as in "validation/mlm_accuracy"; None: the metric that judges a run of this task.

    Raises:
        UserError: the task declares no such figure, or had nothing to measure it on.
    """
    metrics = [f"validation/{metric.name}" for metric in metrics_from_plain(record["metrics"])]
    figures = flatten_figures(record)
    for name in names or metrics[:1]:
        if name not in figures and name in metrics:
            raise UserError(f"study.measures: this run had nothing to measure {name!r} on")
        if name not in figures:
            raise UserError(f"study.measures: a run has no {name!r}{nearest(name, [*metrics, *figures])}")
    return [figures[name] for name in names or metrics[:1]]
