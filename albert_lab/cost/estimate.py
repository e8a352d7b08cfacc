"""Everything that `albert-lab cost` tells of one configuration, by arithmetic: no weights, no torch, no training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property

from albert_lab.config.schema import DeviceKind, EstimateConfig, HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.cost.cluster.hardware import memory_per_process, peak_flops, resolve_hardware
from albert_lab.cost.cluster.strategies import StrategyCost, checkpoint_bytes, strategy_costs
from albert_lab.cost.counts.flops import Flops, count_flops, recomputed_flops
from albert_lab.cost.counts.parameters import ParameterCounts, count_parameters
from albert_lab.cost.counts.weights import model_weights
from albert_lab.cost.history import History, read_history
from albert_lab.cost.memory.step import Pass, StepMemory, step_memory
from albert_lab.errors import UserError
from albert_lab.model.layer_map import LayerMap, make_layer_map

ASSUMED_MFU = 0.4
# What glibc's malloc keeps of freed blocks on a CPU, as a share of what the step needs: the most benchmarks/memory.py
# measured, without and with gradient checkpointing. A GPU's allocator is not measured and not counted.
KEPT_BY_MALLOC = {False: 0.31, True: 1.1}
HOUR = 3600.0
OPTIONS = [(precision, recompute) for precision in Precision for recompute in (False, True)]


@dataclass(frozen=True)
class Budget:
    """What training takes; None where the hardware is not known well enough."""

    steps: int | None
    step_seconds: float | None
    wire_seconds: float | None  # of a step's traffic alone, were nothing of it hidden behind the passes
    update_seconds: float | None  # of moving what the optimizer's update reads and writes, at the memory's full speed
    hours: float | None
    kilowatt_hours: float | None
    dollars: float | None
    tokens_per_second: float | None  # real ones


class Estimate:
    """The figures of one configuration.

    Raises:
        UserError: a model, a map, hardware or an assumption that can't be.
    """

    def __init__(self, config: EstimateConfig) -> None:
        for key in ("mfu", "real_tokens"):
            _check_share(f"cost.{key}", getattr(config.cost, key))
        self.config = config
        self.layer_map: LayerMap = make_layer_map(config.sharing, config.model.num_hidden_layers)
        self.sentence_head = config.objective.has_sentence_task
        self.parameters: ParameterCounts = count_parameters(config.model, self.layer_map, self.sentence_head)
        self.hardware: HardwareConfig = resolve_hardware(config.hardware, config.trainer.accelerator)
        self.devices = config.trainer.devices
        self.share = config.train.batch_size // self.devices  # sequences of a process in a step
        self.micro_batch = config.trainer.micro_batch_size or self.share
        self._memory: Callable[[int, Precision, bool], StepMemory] = cache(self._step_memory)

    @cached_property
    def history(self) -> History:
        per_token = self.flops().training / self.positions
        return read_history(self.config, self.hardware, per_token)

    @property
    def positions(self) -> int:
        """Of a step, every sequence full."""
        return self.config.train.batch_size * self.config.objective.max_seq_length

    @property
    def real_tokens(self) -> float:
        """The share of the positions that hold a token: as told, as measured, else all."""
        told = self.config.cost.real_tokens
        return next(share for share in (told, self.history.real_tokens, 1.0) if share is not None)

    def masked(self, sequences: int, seq_length: int) -> int:
        """Predicted tokens of full sequences."""
        objective = self.config.objective
        each = max(round(seq_length * objective.masked_lm_prob), 1) if objective.masked_lm_prob else 0
        return sequences * min(each, objective.max_predictions_per_seq or each)

    def flops(self, real_share: float = 1.0, all_positions: bool = False) -> Flops:
        """Of a step of the whole batch.

        Args:
            real_share: of the positions, where only real tokens are computed; every sequence that much shorter.
            all_positions: the vocabulary meets every position and not the predicted ones alone.
        """
        batch, length = self.config.train.batch_size, max(1, round(real_share * self.config.objective.max_seq_length))
        masked = batch * length if all_positions else self.masked(batch, length)
        return count_flops(self.config.model, self.layer_map, batch, length, masked, self.sentence_head)

    def recomputed(self, real_share: float = 1.0) -> float:
        """What gradient checkpointing adds to a step."""
        batch, length = self.config.train.batch_size, max(1, round(real_share * self.config.objective.max_seq_length))
        return recomputed_flops(self.config.model, self.layer_map, batch, length)

    def step_flops(self) -> float:
        """What a step computes as configured, on the real tokens."""
        recompute = self.config.trainer.gradient_checkpointing
        return self.flops(self.real_tokens).training + (self.recomputed(self.real_tokens) if recompute else 0)

    def memory(self, micro_batch: int | None = None, precision: Precision | None = None) -> StepMemory:
        """Of one process with all state, every sequence full."""
        recompute = self.config.trainer.gradient_checkpointing
        return self._memory(micro_batch or self.micro_batch, precision or self.config.train.precision, recompute)

    def _step_memory(self, micro_batch: int, precision: Precision, recompute: bool) -> StepMemory:
        length = self.config.objective.max_seq_length
        work = Pass(
            micro_batch,
            length,
            max(1, self.masked(micro_batch, length)),
            real_tokens=micro_batch * length,  # a batch with hardly any padding, which takes the most
            low=precision is Precision.bf16,
            on_gpu=self.hardware.kind is DeviceKind.gpu,
            recompute=recompute,
            accumulates=micro_batch < self.share,
            sentence_head=self.sentence_head,
        )
        return step_memory(self.config.model, self.layer_map, work, self.config.optimizer)

    def strategies(self, precision: Precision | None = None, micro_batch: int | None = None) -> list[StrategyCost]:
        weights = model_weights(self.config.model, self.layer_map, self.sentence_head)
        low = (precision or self.config.train.precision) is Precision.bf16
        return strategy_costs(weights, self.devices, self.share // (micro_batch or self.micro_batch), low)

    @property
    def floor_bytes(self) -> float | None:
        """What a process holds before there is a model, where it is known."""
        return self.hardware.floor_bytes if self.hardware.floor_bytes is not None else self.history.floor_bytes

    @property
    def room(self) -> float | None:
        """Bytes that one process may hold beside the floor."""
        memory = memory_per_process(self.hardware, self.devices)
        return None if memory is None else memory - (self.floor_bytes or 0)

    def allocator_bytes(self, held: int, recompute: bool) -> int:
        """What the allocator may hold beside the `held` bytes that a step needs."""
        return int(held * KEPT_BY_MALLOC[recompute]) if self.hardware.kind is DeviceKind.cpu else 0

    def largest_micro_batch(self, index: int, precision: Precision, recompute: bool) -> int | None:
        """The most sequences of a pass that fit and divide a process's share, for that strategy; 0: not even one."""
        if self.room is None:
            return None
        divisors = [n for n in range(1, self.share + 1) if self.share % n == 0]
        low, high = 0, len(divisors)  # how many of them fit
        while low < high:
            middle = (low + high + 1) // 2
            micro = divisors[middle - 1]
            strategy = self.strategies(precision, micro)[index]
            held = strategy.held(self._memory(micro, precision, recompute))
            fits = held + self.allocator_bytes(held, recompute) <= self.room
            low, high = (middle, high) if fits else (low, middle - 1)
        return divisors[low - 1] if low else 0

    def nearest_fit(self, strategy: str) -> str | None:
        """What to change where the configuration does not fit: the smallest change first, another strategy last."""
        now = (self.config.train.precision, self.config.trainer.gradient_checkpointing)
        for precision, recompute in sorted(
            OPTIONS, key=lambda option: (option[1] != now[1]) + 2 * (option[0] != now[0])
        ):
            named = [(index, costs.name) for index, costs in enumerate(self.strategies())]
            for index, name in sorted(named, key=lambda pair: pair[1] != strategy):
                micro = self.largest_micro_batch(index, precision, recompute)
                if micro:
                    changes = [f"trainer.micro_batch_size={micro}"]
                    changes += ["trainer.gradient_checkpointing=true"] if recompute and not now[1] else []
                    changes += [f"train.precision={precision.name}"] if precision is not now[0] else []
                    return f"{' '.join(changes)} with {name}"
        return None

    @property
    def paid_devices(self) -> int:
        """How many times the hardware's numbers count: processes on a CPU share one machine."""
        return self.devices if self.hardware.kind is DeviceKind.gpu else 1

    @property
    def flops_per_second(self) -> float | None:
        """Over all devices: assumed or calibrated share of the peak."""
        if self.config.cost.mfu is None and self.history.flops_per_second is not None:
            return self.history.flops_per_second
        peak = peak_flops(self.hardware, self.config.train.precision)
        return None if peak is None else peak * self.paid_devices * (self.config.cost.mfu or ASSUMED_MFU)

    def budget(self, wire_bytes: int = 0, update_bytes: int = 0) -> Budget:
        """Time, energy and money of `train.budget`; both kinds of bytes are of a process and a step."""
        rate, given, hardware = self.flops_per_second, self.config.train.budget, self.hardware
        calibrated = self.config.cost.mfu is None and self.history.flops_per_second is not None
        # a calibrated rate is in FLOPs of full sequences, what padding saved is in it
        flops = self.flops().training if calibrated else self.step_flops()
        seconds = None if rate is None else flops / rate
        steps = given.steps if given.tokens is None else math.ceil(given.tokens / self.positions)
        if given.seconds is not None:
            steps = None if seconds is None else int(given.seconds / seconds)
        hours = None if seconds is None or steps is None else steps * seconds / HOUR
        hours = given.seconds / HOUR if given.seconds is not None else hours
        paid = None if hours is None else hours * self.paid_devices
        return Budget(
            steps,
            seconds,
            _over(wire_bytes, hardware.link_bytes_per_second),
            _over(update_bytes * self.devices / self.paid_devices, hardware.memory_bytes_per_second),
            hours,
            None if paid is None or hardware.watts is None else paid * hardware.watts / 1000,
            None if paid is None or hardware.price_per_hour is None else paid * hardware.price_per_hour,
            None if seconds is None else self.positions * self.real_tokens / seconds,
        )

    def checkpoint(self) -> dict[str, int]:
        return checkpoint_bytes(self.parameters.unique)


def _check_share(key: str, value: float | None) -> None:
    if value is not None and not 0 < value <= 1:
        raise UserError(f"{key}={value:g} must be above 0 and at most 1, as in {key}=0.4; null: from past runs")


def _over(amount: float, rate: float | None) -> float | None:
    """The time of an amount; None where the rate is not known."""
    return None if rate is None else amount / rate
