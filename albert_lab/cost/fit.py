"""Whether a configuration fits a device's memory, and the nearest one that does."""

from albert_lab.config.schema import DeviceKind, HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.cost.cluster.hardware import memory_per_process
from albert_lab.cost.cluster.strategies import select_strategies
from albert_lab.cost.estimate import CostEstimate

# What glibc's malloc keeps of freed blocks on a CPU, as a share of what the step needs: the most benchmarks/memory.py
# measured, without and with gradient checkpointing. A GPU's allocator is not measured and not counted.
KEPT_BY_MALLOC = {False: 0.31, True: 1.1}
OPTIONS = [(precision, recompute) for precision in Precision for recompute in (False, True)]


def floor_bytes(estimate: CostEstimate) -> float | None:
    """What a process holds before there is a model, where it is known."""
    given = estimate.hardware.floor_bytes
    return given if given is not None else estimate.history.floor_bytes


def room_bytes(estimate: CostEstimate) -> float | None:
    """Bytes that one process may hold on top of the floor."""
    memory = memory_per_process(estimate.hardware, estimate.devices)
    return None if memory is None else memory - (floor_bytes(estimate) or 0)


def allocator_bytes(hardware: HardwareConfig, held: int, recompute: bool) -> int:
    """What the allocator may hold on top of the `held` bytes that a step needs."""
    return int(held * KEPT_BY_MALLOC[recompute]) if hardware.kind is DeviceKind.cpu else 0


def find_largest_micro_batch(
    estimate: CostEstimate, strategy: str, precision: Precision, recompute: bool
) -> int | None:
    """The most sequences of a pass that fit and divide a process's share, for that strategy; 0: not even one."""
    most = room_bytes(estimate)
    if most is None:
        return None
    divisors = [n for n in range(1, estimate.share + 1) if estimate.share % n == 0]
    low, high = 0, len(divisors)  # how many of them fit
    while low < high:
        middle = (low + high + 1) // 2
        micro = divisors[middle - 1]
        held = estimate.strategy(strategy, precision, micro).held(estimate.memory(micro, precision, recompute))
        fits = held + allocator_bytes(estimate.hardware, held, recompute) <= most
        low, high = (middle, high) if fits else (low, middle - 1)
    return divisors[low - 1] if low else 0


def find_nearest_fit(estimate: CostEstimate, chosen: str) -> str | None:
    """What to change where the configuration does not fit: the smallest change first, another strategy last."""
    trainer, now = estimate.config.trainer, estimate.config.train.precision
    others = [name for name in select_strategies(trainer) if name != chosen]
    by_size_of_change = sorted(
        OPTIONS, key=lambda option: (option[1] != trainer.gradient_checkpointing) + 2 * (option[0] is not now)
    )
    for precision, recompute in by_size_of_change:
        for name in [chosen, *others]:
            micro = find_largest_micro_batch(estimate, name, precision, recompute)
            if micro:
                changes = [f"trainer.micro_batch_size={micro}"]
                changes += ["trainer.gradient_checkpointing=true"] * (recompute and not trainer.gradient_checkpointing)
                changes += [f"train.precision={precision.name}"] * (precision is not now)
                return f"{' '.join(changes)} with {estimate.strategy(name).title}"
    return None
