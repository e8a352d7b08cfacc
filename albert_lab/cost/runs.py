"""What finished runs cost: predicted from their settings, and their speed as a share of the machine's peak.

Reads runs as `report.frames` lists them: settings under dotted names, figures under names with a slash.
"""

import ast
import math
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from albert_lab.config.overrides import list_keys
from albert_lab.config.schema import DeviceKind, EstimateConfig, HardwareConfig
from albert_lab.cost.budget import HOUR
from albert_lab.cost.cluster.hardware import find_hardware_of_host, peak_flops
from albert_lab.cost.estimate import CostEstimate
from albert_lab.cost.figures import checkpoint_figures, ddp_bytes, memory_figures
from albert_lab.errors import UserError
from albert_lab.runs import machine

Row = Mapping[str, Any]
Figures = dict[str, float | None]

MEMORY = tuple(f"predicted_bytes/{kind}" for kind in ("weights", "gradients", "optimizer", "activations", "temporary"))
RUN_COSTS = (
    *MEMORY,
    "predicted_bytes/peak",
    "wire_bytes/ddp",
    "checkpoint_bytes/weights",
    "checkpoint_bytes/with_optimizer",
    "speed/flops_per_second",
    "speed/share_of_peak",
    "spent/kilowatt_hours",
    "spent/dollars",
)


def cost_of_run(row: Row) -> Figures:
    """Every figure of `RUN_COSTS`; None where it does not follow from the run's settings, its machine and its speed.

    All are None for a run of another task than pre-training, and for one that this version counts differently from its
    own record.
    """
    costs: Figures = dict.fromkeys(RUN_COSTS)
    if _is_set(row.get("task")) and row["task"] != EstimateConfig().task_name:
        return costs
    hardware = find_hardware_of_host(row.get("host"))
    try:
        config = rebuild_config(row)
        estimate = CostEstimate(replace(config, hardware=hardware or _unknown(config)))
    except (UserError, OmegaConfBaseException):  # a setting that this version no longer takes
        return costs
    counts = estimate.parameters
    if (counts.unique, counts.applied) != (row.get("parameters/unique"), row.get("parameters/applied")):
        return costs
    costs |= {f"predicted_bytes/{kind}": size for kind, size in asdict(memory_figures(estimate)).items()}
    costs |= {f"checkpoint_bytes/{kind}": size for kind, size in asdict(checkpoint_figures(counts.unique)).items()}
    costs["wire_bytes/ddp"] = ddp_bytes(estimate)
    return costs | _speed(estimate, row) | _spent(estimate, row)


def rebuild_config(row: Row) -> EstimateConfig:
    """A run's settings as a configuration: settings that the schema no longer has are left out, new ones have defaults.

    Raises:
        OmegaConfBaseException: a value that the schema no longer takes.
    """
    defaults = EstimateConfig()
    settings = OmegaConf.from_dotlist([])
    for key in (key for key in row if key in list_keys("cost") and _is_set(row[key])):
        OmegaConf.update(settings, key, _parse(row[key]), force_add=True)
    groups = {str(group): OmegaConf.structured(getattr(defaults, str(group))) for group in settings}
    return replace(defaults, **{group: _merge(schema, settings[group]) for group, schema in groups.items()})


def _merge(schema: Any, values: Any) -> Any:
    return OmegaConf.to_object(OmegaConf.merge(schema, values))


def _is_set(value: Any) -> bool:
    return not (value is None or (isinstance(value, float) and math.isnan(value)))


def _parse(value: Any) -> Any:
    """Lists are kept as text, and integers become floats in a table's column that has gaps."""
    if isinstance(value, str) and value.startswith("["):
        return ast.literal_eval(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _unknown(config: EstimateConfig) -> HardwareConfig:
    """A device without numbers, of the kind that this machine would take."""
    on_gpu = config.trainer.accelerator != "cpu" and machine.gpu_name() is not None
    return HardwareConfig(name="unknown", kind=DeviceKind.gpu if on_gpu else DeviceKind.cpu)


def _speed(estimate: CostEstimate, row: Row) -> Figures:
    """FLOPs of the real tokens alone, none for recomputing, by the time of a step; as a share of all devices' peak."""
    steps, tokens, seconds = map(row.get, ("training/steps", "training/tokens", "speed/step_seconds"))
    if not all(_is_set(value) and value for value in (steps, tokens, seconds)):
        return {}
    rate = estimate.flops(min(1.0, tokens / (steps * estimate.positions))).training / seconds  # type: ignore[operator]
    peak = peak_flops(estimate.hardware, estimate.config.train.precision)
    return {
        "speed/flops_per_second": rate,
        "speed/share_of_peak": rate / (peak * estimate.paid_devices) if peak else None,
    }


def _spent(estimate: CostEstimate, row: Row) -> Figures:
    """Energy and money of the time that training took, at full load."""
    seconds, hardware = row.get("training/seconds"), estimate.hardware
    if not _is_set(seconds):
        return {}
    hours = estimate.paid_devices * seconds / HOUR  # type: ignore[operator]
    return {
        "spent/kilowatt_hours": None if hardware.watts is None else hours * hardware.watts / 1000,
        "spent/dollars": None if hardware.price_per_hour is None else hours * hardware.price_per_hour,
    }
