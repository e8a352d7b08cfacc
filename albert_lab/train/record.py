"""The one record that a run ends with."""

from dataclasses import asdict
from enum import Enum
from typing import Any

from albert_lab.config.schema import PretrainConfig
from albert_lab.cost.variant import VariantCost
from albert_lab.runs.folder import RunFolder, describe
from albert_lab.runs.machine import find_machine, library_versions

FORMAT = 1


def static_figures(cost: VariantCost) -> dict[str, Any]:
    """What follows from the variant alone: parameters and FLOPs."""
    return {
        "parameters": {"unique": cost.parameters.unique, "applied": cost.parameters.applied},
        "flops_per_token": {"forward": cost.flops_per_token.forward, "training": cost.flops_per_token.training},
    }


def make_record(
    config: PretrainConfig, folder: RunFolder, figures: dict[str, Any], started: str, finished: str
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fingerprint": folder.path.name.rsplit("-", 1)[1],
        "name": describe(config),
        "folder": str(folder.path),
        "config": plain(asdict(config)),
        **figures,
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
