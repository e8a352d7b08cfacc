"""The one record that a run ends with."""

from dataclasses import asdict
from enum import Enum
from typing import Any

from albert_lab.config.run_folder import RunFolder, describe
from albert_lab.config.schema import Config, SentenceObjective
from albert_lab.cost.flops import flops_per_token
from albert_lab.cost.parameters import count_parameters
from albert_lab.model.layer_map import LayerMap
from albert_lab.train.host import describe_host, versions

FORMAT = 1


def static_figures(config: Config, layer_map: LayerMap) -> dict[str, Any]:
    """What follows from the variant alone: parameters and FLOPs."""
    sentence = config.objective.sentence is not SentenceObjective.none
    counts = count_parameters(config.model, layer_map, sentence)
    flops = flops_per_token(
        config.model, layer_map, config.objective.max_seq_length, config.objective.masked_lm_prob, sentence
    )
    return {
        "parameters": {"unique": counts.unique, "applied": counts.applied},
        "flops_per_token": {"forward": flops.forward, "training": flops.training},
    }


def make_record(
    config: Config, folder: RunFolder, figures: dict[str, Any], started: str, finished: str
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "fingerprint": folder.path.name.rsplit("-", 1)[1],
        "name": describe(config),
        "folder": str(folder.path),
        "config": plain(asdict(config)),
        **figures,
        "host": describe_host(),
        "versions": versions(),
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
