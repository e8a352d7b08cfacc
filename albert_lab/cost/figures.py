"""Every figure of an estimate by name: what the JSON holds, and what the tables are made of.

Bytes, FLOPs and seconds are unrounded; None where something is unknown.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from albert_lab.config.schema import HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.cost.budget import (
    LIKELY_MFU,
    BudgetCost,
    estimate_budget,
    flops_per_second,
    is_calibrated,
    speed_range,
)
from albert_lab.cost.cluster.strategies import StrategyCost, Traffic, choose_strategy, estimate_strategy
from albert_lab.cost.estimate import CostEstimate
from albert_lab.cost.fit import allocator_bytes, find_largest_micro_batch, find_nearest_fit, floor_bytes, room_bytes
from albert_lab.cost.memory.operations import FLOAT
from albert_lab.model.layer_map import LayerMap
from albert_lab.runs.identity import describe

MOMENTS = 2  # of AdamW and LAMB, float32 each
UPDATE_PASSES = 7  # of memory in AdamW's one pass: weight and two moments read and written, gradient read
COMPARED_DEVICES = 8  # of a machine with GPUs: what DDP would send there is compared where there is one device


@dataclass(frozen=True)
class ParameterFigures:
    unique: int
    applied: int
    unique_by_part: dict[str, int]
    applied_by_part: dict[str, int]


@dataclass(frozen=True)
class PerToken:
    forward: float
    training: float


@dataclass(frozen=True)
class FlopFigures:
    """Of a step of full sequences, where nothing else is said."""

    per_token: PerToken
    forward_by_part: dict[str, float]
    forward: float
    backward: float
    training: float
    training_of_real_tokens: float
    training_with_all_logits: float
    recomputed: float  # what gradient checkpointing adds
    as_configured: float


@dataclass(frozen=True)
class BatchFigures:
    sequences: int
    seq_length: int
    positions: int
    devices: int
    micro_batch: int
    precision: str
    gradient_checkpointing: bool


@dataclass(frozen=True)
class MemoryFigures:
    """Bytes of one process with all state."""

    weights: int
    gradients: int
    optimizer: int
    activations: int
    temporary: int
    peak: int


@dataclass(frozen=True)
class StrategyFigures:
    """Bytes of one process."""

    name: str
    weights: int
    gradients: int
    optimizer: int
    activations: int
    temporary: int
    allocator: int
    floor: float | None
    total: float
    fits: bool | None
    over_bytes: float | None
    largest_micro_batch: dict[str, int | None]  # by precision
    update_bytes: int
    wire_bytes: int
    host_bytes: int
    host_link_bytes: int


@dataclass(frozen=True)
class CheckpointFigures:
    """Bytes on disk."""

    weights: int  # model.safetensors
    with_optimizer: int  # and the two moments


@dataclass(frozen=True)
class Assumptions:
    """What stands behind speed and padding, and where it comes from."""

    flops_per_second: float | None
    speed: str
    real_tokens: float
    padding: str


@dataclass(frozen=True)
class CostFigures:
    variant: str
    layers: LayerMap
    drawing: str
    parameters: ParameterFigures
    flops: FlopFigures
    batch: BatchFigures
    memory: dict[str, MemoryFigures]  # by precision
    strategies: list[StrategyFigures]
    strategy: str  # the configuration's own
    fits: bool | None
    nearest_fit: str | None
    checkpoint_bytes: CheckpointFigures
    hardware: HardwareConfig
    assumed: Assumptions
    budget: BudgetCost  # at the middle of the range
    budget_range: tuple[BudgetCost, BudgetCost] | None  # at the fastest and the slowest speed; None where unknown

    @property
    def chosen(self) -> StrategyFigures | None:
        """The row of the configuration's own strategy; None: nothing is known of that one."""
        return next((row for row in self.strategies if row.name == self.strategy), None)


def collect_figures(estimate: CostEstimate) -> CostFigures:
    strategies = [_strategy_figures(estimate, strategy) for strategy in estimate.strategies()]
    name = choose_strategy(estimate.config.trainer)
    chosen = next((row for row in strategies if row.name == name), None)
    fits = chosen.fits if chosen else None
    wire, update = (chosen.wire_bytes, chosen.update_bytes) if chosen else (None, None)
    speeds = speed_range(estimate)
    return CostFigures(
        variant=describe(estimate.config).removesuffix(f" seed {estimate.config.train.seed}"),
        layers=estimate.layer_map,
        drawing=estimate.layer_map.describe(),
        parameters=_parameter_figures(estimate),
        flops=_flop_figures(estimate),
        batch=_batch_figures(estimate),
        memory={precision.name: memory_figures(estimate, precision) for precision in Precision},
        strategies=strategies,
        strategy=name,
        fits=fits,
        nearest_fit=find_nearest_fit(estimate, name) if fits is False else None,
        checkpoint_bytes=checkpoint_figures(estimate.parameters.unique),
        hardware=estimate.hardware,
        assumed=_assumptions(estimate),
        budget=estimate_budget(estimate, wire, update),
        budget_range=speeds
        and (estimate_budget(estimate, wire, update, speeds[0]), estimate_budget(estimate, wire, update, speeds[1])),
    )


def _parameter_figures(estimate: CostEstimate) -> ParameterFigures:
    counts = estimate.parameters
    return ParameterFigures(counts.unique, counts.applied, counts.by_part, counts.applied_by_part)


def _flop_figures(estimate: CostEstimate) -> FlopFigures:
    full, positions = estimate.flops(), estimate.positions
    return FlopFigures(
        per_token=PerToken(full.forward / positions, full.training / positions),
        forward_by_part=full.by_part,
        forward=full.forward,
        backward=full.training - full.forward,
        training=full.training,
        training_of_real_tokens=estimate.flops(estimate.real_tokens).training,
        training_with_all_logits=estimate.flops(all_positions=True).training,
        recomputed=estimate.recomputed_flops(),
        as_configured=estimate.step_flops(),
    )


def _batch_figures(estimate: CostEstimate) -> BatchFigures:
    train, trainer = estimate.config.train, estimate.config.trainer
    return BatchFigures(
        sequences=train.batch_size,
        seq_length=estimate.config.objective.max_seq_length,
        positions=estimate.positions,
        devices=estimate.devices,
        micro_batch=estimate.micro_batch,
        precision=train.precision.name,
        gradient_checkpointing=trainer.gradient_checkpointing,
    )


def memory_figures(estimate: CostEstimate, precision: Precision | None = None) -> MemoryFigures:
    """In the configuration's own precision unless another is given."""
    memory = estimate.memory(precision=precision)
    return MemoryFigures(
        memory.weights, memory.gradients, memory.optimizer, memory.activations, memory.temporary, memory.peak
    )


def _strategy_figures(estimate: CostEstimate, strategy: StrategyCost) -> StrategyFigures:
    memory, room = estimate.memory(), room_bytes(estimate)
    recompute, floor = estimate.config.trainer.gradient_checkpointing, floor_bytes(estimate)
    held = strategy.held(memory)
    allocator = allocator_bytes(estimate.hardware, held, recompute)
    total = held + allocator
    working = held - strategy.weights - strategy.gradients - strategy.optimizer
    return StrategyFigures(
        name=strategy.name,
        weights=strategy.weights,
        gradients=strategy.gradients,
        optimizer=strategy.optimizer,
        activations=memory.activations,
        temporary=working - memory.activations,
        allocator=allocator,
        floor=floor,
        total=total + (floor or 0),
        fits=None if room is None else total <= room,
        over_bytes=None if room is None else max(0, total - room),
        largest_micro_batch={
            precision.name: find_largest_micro_batch(estimate, strategy.name, precision, recompute)
            for precision in Precision
        },
        update_bytes=int(UPDATE_PASSES * FLOAT * estimate.parameters.unique * strategy.update_share),
        wire_bytes=strategy.wire,
        host_bytes=strategy.host,
        host_link_bytes=strategy.host_link,
    )


def checkpoint_figures(parameters: int) -> CheckpointFigures:
    weights = FLOAT * parameters
    return CheckpointFigures(weights, weights + MOMENTS * weights)


def _assumptions(estimate: CostEstimate) -> Assumptions:
    given, history = estimate.config.cost, estimate.history
    if is_calibrated(estimate):
        speed = f"from {_count_runs(len(history.speed_runs))} of this machine: {_list_names(history.speed_runs)}"
    elif given.mfu is not None:
        speed = f"as given: {given.mfu:.0%} of the peak"
    else:
        speed = f"assumed: {LIKELY_MFU[0]:.0%} to {LIKELY_MFU[1]:.0%} of the peak"
    if given.real_tokens is not None:
        padding = "as given"
    elif history.real_tokens is not None:
        padding = f"measured in {_count_runs(history.fill_runs)} on the same text"
    else:
        padding = "assumed: no padding"
    return Assumptions(flops_per_second(estimate), speed, estimate.real_tokens, padding)


def _list_names(names: Sequence[str]) -> str:
    """Each once, with how many there are of it: `all E16 H96 L4 (2)`."""
    counts = Counter(re.sub(r" seed \d+$", "", name) for name in names)
    return ", ".join(name if count == 1 else f"{name} ({count})" for name, count in counts.items())


def _count_runs(count: int) -> str:
    return f"{count} finished run" + "s" * (count > 1)


def ddp_bytes(estimate: CostEstimate) -> int:
    """What each process sends in a step of DDP: of as many as there are, of 8 where there is one."""
    devices = estimate.devices if estimate.devices > 1 else COMPARED_DEVICES
    return estimate_strategy("ddp", Traffic(estimate.weights, devices)).wire


def figures_at_size(estimate: CostEstimate) -> dict[str, float | None]:
    """What a table compares of a variant that nobody trains here: its state, one sequence's activations, its traffic.

    Time, energy and money of the budget are None where the hardware is not known.
    """
    memory, budget = memory_figures(estimate), estimate_budget(estimate)
    return {
        "state_bytes": memory.weights + memory.gradients + memory.optimizer,
        "activation_bytes_per_sequence": estimate.memory(micro_batch=1).activations,
        "ddp_bytes": ddp_bytes(estimate),
        "checkpoint_bytes": checkpoint_figures(estimate.parameters.unique).with_optimizer,
        "hours": budget.hours,
        "kilowatt_hours": budget.kilowatt_hours,
        "dollars": budget.dollars,
    }
