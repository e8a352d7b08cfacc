"""An estimate as one plain mapping: what the JSON holds, and what the tables are made of."""

from dataclasses import asdict
from typing import Any

from albert_lab.config.training import Precision
from albert_lab.cost.cluster.strategies import FLOAT, StrategyCost, strategy_costs
from albert_lab.cost.counts.weights import model_weights
from albert_lab.cost.estimate import ASSUMED_MFU, Estimate
from albert_lab.runs.identity import describe

PRECISIONS = tuple(Precision)
UPDATE_PASSES = 7  # of memory in AdamW's one pass: weight and two moments read and written, gradient read
COMPARED_DEVICES = 8  # of a machine with GPUs: what DDP would send there is compared where there is one device


def figures(estimate: Estimate) -> dict[str, Any]:
    """Every figure of an estimate by name; bytes, FLOPs and seconds unrounded, None where something is unknown."""
    strategies = _strategies(estimate)
    chosen = _chosen(estimate, strategies)
    budget = asdict(estimate.budget(chosen["wire_bytes"], chosen["update_bytes"]))
    return {
        "variant": describe(estimate.config).removesuffix(f" seed {estimate.config.train.seed}"),
        "layers": asdict(estimate.layer_map),
        "drawing": estimate.layer_map.describe(),
        "parameters": _parameters(estimate),
        "flops": _flops(estimate),
        "batch": {
            "sequences": estimate.config.train.batch_size,
            "seq_length": estimate.config.objective.max_seq_length,
            "positions": estimate.positions,
            "devices": estimate.devices,
            "micro_batch": estimate.micro_batch,
            "precision": estimate.config.train.precision.name,
            "gradient_checkpointing": estimate.config.trainer.gradient_checkpointing,
        },
        "memory": {precision.name: memory_by_kind(estimate, precision) for precision in PRECISIONS},
        "strategies": strategies,
        "strategy": chosen["name"],
        "fits": chosen["fits"],
        "nearest_fit": None if chosen["fits"] is not False else estimate.nearest_fit(chosen["name"]),
        "checkpoint_bytes": estimate.checkpoint(),
        "hardware": _hardware(estimate),
        "assumed": _assumed(estimate),
        "budget": budget,
    }


def _parameters(estimate: Estimate) -> dict[str, Any]:
    counts = estimate.parameters
    return {
        "unique": counts.unique,
        "applied": counts.applied,
        "unique_by_part": counts.by_part,
        "applied_by_part": counts.applied_by_part,
    }


def _flops(estimate: Estimate) -> dict[str, Any]:
    """Of a step of full sequences and of its real tokens alone."""
    full, real = estimate.flops(), estimate.flops(estimate.real_tokens)
    return {
        "per_token": {"forward": full.forward / estimate.positions, "training": full.training / estimate.positions},
        "forward_by_part": full.by_part,
        "forward": full.forward,
        "backward": full.training - full.forward,
        "training": full.training,
        "training_of_real_tokens": real.training,
        "training_with_all_logits": estimate.flops(all_positions=True).training,
        "recomputed": estimate.recomputed(),
        "as_configured": estimate.step_flops(),
    }


def memory_by_kind(estimate: Estimate, precision: Precision | None = None) -> dict[str, int]:
    """Of one process with all state, in the configuration's own precision unless told; bytes."""
    memory = estimate.memory(precision=precision)
    kinds = ("weights", "gradients", "optimizer", "activations", "temporary", "peak")
    return {kind: getattr(memory, kind) for kind in kinds}


def ddp_bytes(estimate: Estimate) -> int:
    """What each process sends in a step of DDP: of as many as there are, of 8 where there is one."""
    weights = model_weights(estimate.config.model, estimate.layer_map, estimate.sentence_head)
    devices = estimate.devices if estimate.devices > 1 else COMPARED_DEVICES
    return strategy_costs(weights, devices, micro_batches=1, low=False)[0].wire


def at_size(estimate: Estimate) -> dict[str, float | None]:
    """What a table compares of a variant that nobody trains here: its state, one sequence's activations, its traffic.

    Time, energy and money of the budget are None where the hardware is not known.
    """
    memory, budget = memory_by_kind(estimate), estimate.budget()
    return {
        "state_bytes": sum(memory[kind] for kind in ("weights", "gradients", "optimizer")),
        "activation_bytes_per_sequence": estimate.memory(micro_batch=1).activations,
        "ddp_bytes": ddp_bytes(estimate),
        "checkpoint_bytes": estimate.checkpoint()["with_optimizer"],
        "hours": budget.hours,
        "kilowatt_hours": budget.kilowatt_hours,
        "dollars": budget.dollars,
    }


def _strategies(estimate: Estimate) -> list[dict[str, Any]]:
    return [_strategy(estimate, index, strategy) for index, strategy in enumerate(estimate.strategies())]


def _strategy(estimate: Estimate, index: int, strategy: StrategyCost) -> dict[str, Any]:
    memory, room = estimate.memory(), estimate.room
    held, recompute = strategy.held(memory), estimate.config.trainer.gradient_checkpointing
    allocator = estimate.allocator_bytes(held, recompute)
    total = held + allocator
    working = held - strategy.weights - strategy.gradients - strategy.optimizer
    return {
        "name": strategy.name,
        "weights": strategy.weights,
        "gradients": strategy.gradients,
        "optimizer": strategy.optimizer,
        "activations": memory.activations,
        "temporary": working - memory.activations,
        "allocator": allocator,
        "floor": estimate.floor_bytes,
        "total": total + (estimate.floor_bytes or 0),
        "fits": None if room is None else total <= room,
        "over_bytes": None if room is None else max(0, total - room),
        "largest_micro_batch": {p.name: estimate.largest_micro_batch(index, p, recompute) for p in PRECISIONS},
        "update_bytes": int(UPDATE_PASSES * FLOAT * estimate.parameters.unique * strategy.update_share),
        "wire_bytes": strategy.wire,
        "host_bytes": strategy.host,
        "host_link_bytes": strategy.host_link,
    }


def _chosen(estimate: Estimate, strategies: list[dict[str, Any]]) -> dict[str, Any]:
    """The strategy that the run would have; several devices without one: the first."""
    wanted = estimate.config.trainer.strategy
    return next((each for each in strategies if each["name"] == wanted), strategies[0])


def _hardware(estimate: Estimate) -> dict[str, Any]:
    values = asdict(estimate.hardware)
    return values | {"kind": estimate.hardware.kind.name}


def _assumed(estimate: Estimate) -> dict[str, Any]:
    """What stands behind speed and padding, and where it comes from."""
    told, history = estimate.config.cost, estimate.history
    if told.mfu is None and history.flops_per_second is not None:
        speed = f"calibrated from {_runs(history.speed_runs)} of this machine"
    else:
        speed = f"assumed: {told.mfu or ASSUMED_MFU:.0%} of the peak"
    if told.real_tokens is not None:
        padding = "as told"
    elif history.real_tokens is not None:
        padding = f"measured in {_runs(history.fill_runs)} on the same text"
    else:
        padding = "assumed: no padding"
    return {
        "flops_per_second": estimate.flops_per_second,
        "speed": speed,
        "real_tokens": estimate.real_tokens,
        "padding": padding,
    }


def _runs(count: int) -> str:
    return f"{count} finished run" + "s" * (count > 1)
