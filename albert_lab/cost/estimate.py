"""What training a configuration takes, by arithmetic: no weights, no torch, no training."""

from collections.abc import Callable
from functools import cache, cached_property

from albert_lab.config.plain import flatten
from albert_lab.config.ranges import check_numbers
from albert_lab.config.schema import DeviceKind, EstimateConfig, HardwareConfig
from albert_lab.config.training import Precision
from albert_lab.cost.cluster.hardware import count_paid_devices, resolve_hardware
from albert_lab.cost.cluster.strategies import StrategyCost, Traffic, estimate_strategy, select_strategies
from albert_lab.cost.counts.flops import Flops, count_flops, count_recomputed_flops
from albert_lab.cost.counts.parameters import ParameterCounts, count_parameters
from albert_lab.cost.counts.weights import Weight, list_weights
from albert_lab.cost.history import History, read_history
from albert_lab.cost.memory.step import Pass, StepMemory, predict_step_memory
from albert_lab.model.layer_map import LayerMap, make_layer_map


class CostEstimate:
    """The counts, the FLOPs and the memory of one configuration; `fit` and `budget` go on from here.

    Raises:
        UserError: a model, a map, hardware or an assumption that can't be.
    """

    def __init__(self, config: EstimateConfig) -> None:
        check_numbers(flatten(config.cost, "cost."))
        self.config = config
        self.layer_map: LayerMap = make_layer_map(config.sharing, config.model.num_hidden_layers)
        self.sentence_head = config.objective.has_sentence_task
        self.parameters: ParameterCounts = count_parameters(config.model, self.layer_map, self.sentence_head)
        self.hardware: HardwareConfig = resolve_hardware(config.hardware, config.trainer.accelerator)
        self.devices = config.trainer.devices
        self.share, self.micro_batch, _ = config.trainer.split_step(config.train.batch_size)
        self._memory: Callable[[int, Precision, bool], StepMemory] = cache(self._step_memory)

    @cached_property
    def history(self) -> History:
        return read_history(self.config, self.hardware, self.flops().training / self.positions)

    @cached_property
    def weights(self) -> list[Weight]:
        return list_weights(self.config.model, self.layer_map, self.sentence_head)

    @property
    def positions(self) -> int:
        """Of a step, every sequence full."""
        return self.config.train.batch_size * self.config.objective.max_seq_length

    @property
    def real_tokens(self) -> float:
        """The share of the positions that hold a token: as given, as measured, else all."""
        given = self.config.cost.real_tokens
        return next(share for share in (given, self.history.real_tokens, 1.0) if share is not None)

    @property
    def paid_devices(self) -> int:
        """How many times the hardware's numbers count: processes on a CPU share one machine."""
        return count_paid_devices(self.hardware, self.devices)

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
        batch, length = self.config.train.batch_size, self._shortened(real_share)
        masked = batch * length if all_positions else self.masked(batch, length)
        return count_flops(self.config.model, self.layer_map, batch, length, masked, self.sentence_head)

    def recomputed_flops(self, real_share: float = 1.0) -> float:
        """What gradient checkpointing adds to a step."""
        length = self._shortened(real_share)
        return count_recomputed_flops(self.config.model, self.layer_map, self.config.train.batch_size, length)

    def _shortened(self, real_share: float) -> int:
        return max(1, round(real_share * self.config.objective.max_seq_length))

    def step_flops(self) -> float:
        """What a step computes as configured, on the real tokens."""
        recompute = self.config.trainer.gradient_checkpointing
        return self.flops(self.real_tokens).training + (self.recomputed_flops(self.real_tokens) if recompute else 0)

    def memory(
        self, micro_batch: int | None = None, precision: Precision | None = None, recompute: bool | None = None
    ) -> StepMemory:
        """Of one process with all state, every sequence full; as configured where nothing else is given."""
        recompute = self.config.trainer.gradient_checkpointing if recompute is None else recompute
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
        return predict_step_memory(self.config.model, self.layer_map, work, self.config.optimizer)

    def strategy(self, name: str, precision: Precision | None = None, micro_batch: int | None = None) -> StrategyCost:
        low = (precision or self.config.train.precision) is Precision.bf16
        passes = self.share // (micro_batch or self.micro_batch)
        return estimate_strategy(name, Traffic(self.weights, self.devices, passes, low))

    def strategies(self) -> list[StrategyCost]:
        """Every strategy to compare, the configuration's own among them."""
        return [self.strategy(name) for name in select_strategies(self.config.trainer)]
