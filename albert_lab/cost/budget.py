"""The time, energy and money of a configuration's training budget."""

import math
from dataclasses import dataclass

from albert_lab.config.schema import HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.cost.cluster.hardware import peak_flops
from albert_lab.cost.estimate import CostEstimate

ASSUMED_MFU = 0.4
LIKELY_MFU = (0.2, 0.5)  # where nothing is given or measured
HOUR = 3600.0


@dataclass(frozen=True)
class BudgetCost:
    """What training takes; None where the hardware is not known well enough."""

    steps: int | None
    step_seconds: float | None
    wire_seconds: float | None  # of a step's traffic alone, were nothing of it hidden behind the passes
    update_seconds: float | None  # of moving what the optimizer's update reads and writes, at the memory's full speed
    hours: float | None
    kilowatt_hours: float | None
    dollars: float | None
    tokens_per_second: float | None  # real ones


def is_calibrated(estimate: CostEstimate) -> bool:
    """Whether past runs give the speed, and not a share of the hardware's peak."""
    return estimate.config.cost.mfu is None and estimate.history.flops_per_second is not None


def flops_per_second(estimate: CostEstimate) -> float | None:
    """Over all devices: the speed of past runs, else a share of the peak."""
    if is_calibrated(estimate):
        return estimate.history.flops_per_second
    peak = peak_flops(estimate.hardware, estimate.config.train.precision)
    return None if peak is None else peak * estimate.paid_devices * (estimate.config.cost.mfu or ASSUMED_MFU)


def speed_range(estimate: CostEstimate) -> tuple[float, float] | None:
    """The fastest and the slowest speed to expect, in the unit of `flops_per_second`; None where nothing is known."""
    if is_calibrated(estimate):
        fastest, slowest = estimate.history.fastest, estimate.history.slowest
        return None if fastest is None or slowest is None else (fastest, slowest)
    config = estimate.config
    return likely_speeds(estimate.hardware, config.train.precision, estimate.paid_devices, config.cost.mfu)


def likely_speeds(
    hardware: HardwareConfig, precision: Precision, paid_devices: int, mfu: float | None
) -> tuple[float, float] | None:
    """The fastest and the slowest FLOP/s of the devices together by their peak; None where it isn't known.

    Args:
        mfu: the share of the peak that is reached; None: somewhere in `LIKELY_MFU`.
    """
    peak, (low, high) = peak_flops(hardware, precision), (mfu, mfu) if mfu is not None else LIKELY_MFU
    return None if peak is None else (peak * paid_devices * high, peak * paid_devices * low)


def estimate_budget(
    estimate: CostEstimate,
    wire_bytes: int | None = None,
    update_bytes: int | None = None,
    speed: float | None = None,
) -> BudgetCost:
    """Time, energy and money of `train.budget`.

    Args:
        wire_bytes: what a process sends in a step.
        update_bytes: what a process's optimizer reads and writes in a step.
        speed: in FLOP/s over all devices, as `flops_per_second` gives where it is None.
    """
    hardware, devices = estimate.hardware, estimate.paid_devices
    speed, budget = speed or flops_per_second(estimate), estimate.config.train.budget
    # a calibrated speed is in FLOPs of full sequences, what padding saved is in it
    flops = estimate.flops().training if is_calibrated(estimate) else estimate.step_flops()
    seconds = None if speed is None else flops / speed
    steps = budget.steps if budget.tokens is None else math.ceil(budget.tokens / estimate.positions)
    if budget.seconds is not None:
        steps = None if seconds is None else int(budget.seconds / seconds)
    hours = None if seconds is None or steps is None else steps * seconds / HOUR
    hours = budget.seconds / HOUR if budget.seconds is not None else hours
    paid = None if hours is None else hours * devices
    moved = None if update_bytes is None else update_bytes * estimate.devices / devices
    return BudgetCost(
        steps,
        seconds,
        _divide(wire_bytes, hardware.link_bytes_per_second),
        _divide(moved, hardware.memory_bytes_per_second),
        hours,
        None if paid is None or hardware.watts is None else paid * hardware.watts / 1000,
        None if paid is None or hardware.price_per_hour is None else paid * hardware.price_per_hour,
        None if seconds is None else estimate.positions * estimate.real_tokens / seconds,
    )


def _divide(amount: float | None, rate: float | None) -> float | None:
    return None if amount is None or rate is None else amount / rate
