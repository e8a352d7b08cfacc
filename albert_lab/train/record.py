"""The one record that a run ends with."""

from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from typing import Any

from albert_lab.config.schema import RunConfig
from albert_lab.runs.folder import RunFolder, describe
from albert_lab.runs.machine import find_machine, library_versions
from albert_lab.runs.metrics import Metric, metrics_to_plain

FORMAT = 2


def make_record(
    config: RunConfig,
    folder: RunFolder,
    metrics: Sequence[Metric],
    sections: dict[str, Any],
    started: str,
    finished: str,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fingerprint": folder.path.name.rsplit("-", 1)[1],
        "name": describe(config),
        "folder": str(folder.path),
        "config": plain(asdict(config)),
        "task": config.task_name,
        "metrics": metrics_to_plain(tuple(metrics)),
        **sections,
        "host": asdict(find_machine()),
        "versions": library_versions(),
        "started": started,
        "finished": finished,
    }


def plain(value: Any) -> Any:
    """The same settings with names in place of enum members, as JSON holds them."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.name if isinstance(value, Enum) else value
