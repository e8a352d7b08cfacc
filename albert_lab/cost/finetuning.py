"""What fine-tuning a model on tasks takes, over seeds: steps, tokens, FLOPs, memory, time, energy and money."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache

from albert_lab.config.schema import DeviceKind, HardwareConfig, TaskEstimateConfig
from albert_lab.config.training import Keep, Precision
from albert_lab.cost.budget import HOUR, LIKELY_MFU, likely_speeds
from albert_lab.cost.cluster.hardware import (
    count_paid_devices,
    memory_per_process,
    peak_flops,
    resolve_hardware,
)
from albert_lab.cost.counts.flops import Flops, count_beam_flops, count_recomputed_flops, count_task_flops
from albert_lab.cost.counts.parameters import count_parameters
from albert_lab.cost.counts.weights import RELATIVE, TaskHead
from albert_lab.cost.task_data import TaskData
from albert_lab.cost.task_memory import estimate_task_memory
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import find_length

Lengths = Mapping[int, float]  # tokens -> how many sequences have so many, or what share of them
PADDED = "; every batch padded to its longest, as on a GPU in float32 or with dropout of attention"
UPPER_BOUND = "assumed: no padding, so an upper bound"


@dataclass(frozen=True)
class Spending:
    """What is spent; None where the device isn't known well enough."""

    hours: float | None = None  # of all devices together working
    kilowatt_hours: float | None = None
    dollars: float | None = None

    def times(self, count: int) -> "Spending":
        return Spending(*(None if value is None else value * count for value in vars(self).values()))


@dataclass(frozen=True)
class TaskCost:
    """Of one task. Numbers of steps, tokens and FLOPs are those of one seed; None where the clock ends the training."""

    task: str
    head: str
    train_examples: int  # or windows
    held_out_examples: int  # or windows
    sizes: str  # where these numbers come from
    batch_size: int  # examples of a step
    sequences: int  # of an example
    max_seq_length: int
    real_tokens: float  # the share of the positions, were every sequence as long as it may be, that holds a token
    padding: str  # where that comes from
    steps: int | None
    validations: int | None  # passes over the held-out examples, at most
    tokens: float | None  # real ones that are trained on
    training_flops: float | None
    validation_flops: float | None  # forward passes alone
    memory_bytes: float | None  # of a process, at most: a step whose every sequence is as long as it may be
    fits: bool | None  # in the device's memory
    one_seed: tuple[Spending, Spending]  # at the fastest and at the slowest speed to expect
    all_seeds: tuple[Spending, Spending]

    @property
    def flops(self) -> float | None:
        return _add(self.training_flops, self.validation_flops)


@dataclass(frozen=True)
class SuiteCost:
    """Of every task of a suite, and all of it together."""

    suite: str
    model: str
    parameters: int  # of the encoder with its embeddings and pooler, which every task has
    seeds: int
    precision: str
    devices: int
    hardware: HardwareConfig
    speed: str | None  # what is assumed of it; None: its peak isn't known
    tasks: list[TaskCost]
    total_flops: float | None  # of all seeds
    total: tuple[Spending, Spending]


def cost_task(config: TaskEstimateConfig, model: AlbertConfig, data: TaskData) -> TaskCost:
    """The cost of one task: training and every validation, which sorts by length and so has no padding to speak of.

    Raises:
        UserError: a model, hardware or an assumption that can't be.
    """
    train, length, steps = config.train, find_length(config.task, model), _count_steps(config, data)
    lengths, held_out_lengths, padding = _choose_lengths(config, data, length)
    hardware = resolve_hardware(config.hardware, config.trainer.accelerator)
    computed, removes_padding = lengths, leaves_out_padding(config, model, hardware)
    if not (config.task.group_by_length or removes_padding):
        _, micro_batch, _ = config.trainer.split_step(train.batch_size)
        computed = pad_batches(lengths, micro_batch * data.sequences)
        padding += PADDED if len(lengths) > 1 else ""
    training, forward = _count_sequence_flops(config, model, data)
    sequences = None if steps is None else steps * train.batch_size * data.sequences
    validations = None if steps is None else _count_validations(config, steps)
    training_flops = _multiply(sequences, _mean(computed, training))
    validation_flops = _multiply(validations, data.held_out * data.sequences * _mean(held_out_lengths, forward))
    memory = estimate_task_memory(config, model, data, hardware, removes_padding)
    room = memory_per_process(hardware, config.trainer.devices)
    one_seed = _spend(config, hardware, _add(training_flops, validation_flops))
    fastest, slowest = (spending.times(config.finetune.seeds) for spending in one_seed)
    return TaskCost(
        task=config.task.name,
        head=data.head.value,
        train_examples=data.train,
        held_out_examples=data.held_out,
        sizes=data.source,
        batch_size=train.batch_size,
        sequences=data.sequences,
        max_seq_length=length,
        real_tokens=_mean(lengths, float) / length,
        padding=padding,
        steps=steps,
        validations=validations,
        tokens=_multiply(sequences, _mean(lengths, float)),
        training_flops=training_flops,
        validation_flops=validation_flops,
        memory_bytes=memory,
        fits=None if memory is None or room is None else memory <= room,
        one_seed=one_seed,
        all_seeds=(fastest, slowest),
    )


def cost_suite(suite: str, config: TaskEstimateConfig, model: AlbertConfig, tasks: Sequence[TaskCost]) -> SuiteCost:
    """All tasks together. `config` is that of any of them."""
    seeds, hardware = config.finetune.seeds, resolve_hardware(config.hardware, config.trainer.accelerator)
    return SuiteCost(
        suite=suite,
        model=describe_model(config.sharing.scheme if config.checkpoint is None else config.checkpoint, model),
        parameters=count_parameters(model, model.layer_map).backbone_with_pooler,
        seeds=seeds,
        precision=config.train.precision.name,
        devices=config.trainer.devices,
        hardware=hardware,
        speed=_describe_speed(config, hardware),
        tasks=list(tasks),
        total_flops=_multiply(seeds, _add(*(task.flops for task in tasks))),
        total=(_add_up([task.all_seeds[0] for task in tasks]), _add_up([task.all_seeds[1] for task in tasks])),
    )


def describe_model(name: str, model: AlbertConfig) -> str:
    """`all E128 H768 L12`: a name and the paper's letters."""
    return f"{name} E{model.embedding_size} H{model.hidden_size} L{model.layer_map.num_layers}"


def _count_steps(config: TaskEstimateConfig, data: TaskData) -> int | None:
    """As `train.budget` counts them; None where the clock decides."""
    budget, batch_size = config.train.budget, config.train.batch_size
    if budget.epochs is not None:
        return math.ceil(budget.epochs * data.train / batch_size)
    return budget.steps


def _count_validations(config: TaskEstimateConfig, steps: int) -> int:
    """One every so many steps, one at the end, and one of the best weights where those are not the last."""
    on_the_way, rest = divmod(steps, config.train.validate_every_steps)
    return on_the_way + bool(rest) + (config.train.keep is Keep.best)


def _choose_lengths(config: TaskEstimateConfig, data: TaskData, length: int) -> tuple[Lengths, Lengths, str]:
    """Of the sequences to train on and of the held-out ones, and where they come from: given, measured, else the most.

    A given share of real tokens makes every sequence that much shorter.
    """
    given = config.cost.real_tokens
    if given is not None:
        same = {max(1, round(given * length)): 1}
        return same, same, "as given"
    if data.lengths and data.held_out_lengths:
        return data.lengths, data.held_out_lengths, f"measured on {data.measured:,} examples to train on"
    return {length: 1}, {length: 1}, UPPER_BOUND


def leaves_out_padding(config: TaskEstimateConfig, model: AlbertConfig, hardware: HardwareConfig) -> bool:
    """Whether only real tokens are computed. A GPU's kernel for that takes bfloat16, and no dropout of attention."""
    plain = model.attention_probs_dropout_prob == 0 and model.position_embedding_type not in RELATIVE
    return hardware.kind is DeviceKind.cpu or (config.train.precision is Precision.bf16 and plain)


def pad_batches(lengths: Lengths, batch_size: int) -> dict[int, float]:
    """The lengths that are computed where each batch, `batch_size` sequences by chance, is padded to its longest."""
    total, below, padded = sum(lengths.values()), 0.0, {}
    for length in sorted(lengths):
        up_to = below + lengths[length] / total
        padded[length] = up_to**batch_size - below**batch_size
        below = up_to
    return padded


def _count_sequence_flops(
    config: TaskEstimateConfig, model: AlbertConfig, data: TaskData
) -> tuple[Callable[[int], float], Callable[[int], float]]:
    """Functions of a sequence's length: the FLOPs of training on one, and of its forward pass alone."""
    task, layers = config.task, model.layer_map
    recomputes = config.trainer.gradient_checkpointing and not task.freeze_encoder

    @cache
    def flops(length: int) -> Flops:
        return count_task_flops(model, layers, data.head, 1, length, data.labels, task.freeze_encoder, task.pooling)

    def training(length: int) -> float:
        return flops(length).training + (count_recomputed_flops(model, layers, 1, length) if recomputes else 0)

    def forward(length: int) -> float:
        answers = data.head is TaskHead.question_answering_v2
        return flops(length).forward + (count_beam_flops(model, 1, length) if answers else 0)

    return training, forward


def _mean(lengths: Lengths, value: Callable[[int], float]) -> float:
    """Of `value` over the sequences: attention's products grow with the square of a length, so not that of the mean."""
    return sum(count * value(length) for length, count in lengths.items()) / sum(lengths.values())


def _spend(config: TaskEstimateConfig, hardware: HardwareConfig, flops: float | None) -> tuple[Spending, Spending]:
    """One seed's time at the fastest and the slowest speed, and what follows from it."""
    seconds = config.train.budget.seconds
    if seconds is not None:
        return _spend_time(config, hardware, seconds), _spend_time(config, hardware, seconds)
    devices = count_paid_devices(hardware, config.trainer.devices)
    speeds = likely_speeds(hardware, config.train.precision, devices, config.cost.mfu)
    if speeds is None or flops is None:
        return Spending(), Spending()
    return _spend_time(config, hardware, flops / speeds[0]), _spend_time(config, hardware, flops / speeds[1])


def _spend_time(config: TaskEstimateConfig, hardware: HardwareConfig, seconds: float) -> Spending:
    hours = seconds / HOUR
    paid = hours * count_paid_devices(hardware, config.trainer.devices)
    return Spending(
        hours,
        None if hardware.watts is None else paid * hardware.watts / 1000,
        None if hardware.price_per_hour is None else paid * hardware.price_per_hour,
    )


def _describe_speed(config: TaskEstimateConfig, hardware: HardwareConfig) -> str | None:
    if peak_flops(hardware, config.train.precision) is None:
        return None
    if config.cost.mfu is not None:
        return f"as given: {config.cost.mfu:.0%} of the peak"
    return f"assumed: {LIKELY_MFU[0]:.0%} to {LIKELY_MFU[1]:.0%} of the peak"


def _add(*values: float | None) -> float | None:
    """None where one of them isn't known."""
    return None if None in values else math.fsum(value for value in values if value is not None)


def _multiply(count: int | None, value: float | None) -> float | None:
    return None if count is None or value is None else count * value


def _add_up(parts: Sequence[Spending]) -> Spending:
    return Spending(*(_add(*(getattr(part, item.name) for part in parts)) for item in fields(Spending)))
