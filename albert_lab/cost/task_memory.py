"""The memory of fine-tuning: of one process in a step whose every sequence is as long as it may be."""

from albert_lab.config.schema import DeviceKind, HardwareConfig, TaskEstimateConfig
from albert_lab.config.training import Precision
from albert_lab.cost.cluster.strategies import STRATEGIES, Traffic, choose_strategy, estimate_strategy
from albert_lab.cost.counts.weights import list_task_weights
from albert_lab.cost.fit import allocator_bytes
from albert_lab.cost.memory.step import Pass
from albert_lab.cost.memory.task_step import predict_task_memory
from albert_lab.cost.task_data import TaskData
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.shape import find_length


def estimate_task_memory(
    config: TaskEstimateConfig, model: AlbertConfig, data: TaskData, hardware: HardwareConfig, removes_padding: bool
) -> float | None:
    """Bytes at the peak of a step, at most; None where nothing is known of the strategy.

    Raises:
        UserError: sizes that no model can have.
    """
    task, trainer = config.task, config.trainer
    share, micro_batch, passes = trainer.split_step(config.train.batch_size)
    sequences, length = micro_batch * data.sequences, find_length(task, model)
    low = config.train.precision is Precision.bf16
    recompute = trainer.gradient_checkpointing and not task.freeze_encoder
    work = Pass(
        sequences,
        length,
        masked_tokens=0,
        real_tokens=sequences * length if removes_padding else None,
        low=low,
        on_gpu=hardware.kind is DeviceKind.gpu,
        recompute=recompute,
        accumulates=micro_batch < share,
    )
    layers, head, labels = model.layer_map, data.head, data.labels
    memory = predict_task_memory(model, layers, work, config.optimizer, head, labels, task.freeze_encoder, task.pooling)
    held, name = memory.peak, choose_strategy(trainer)
    if name != "single":
        if name not in STRATEGIES or task.freeze_encoder:  # a strategy's figures are those of weights that all train
            return None
        weights = list_task_weights(model, layers, head, labels)
        held = estimate_strategy(name, Traffic(weights, trainer.devices, passes, low)).held(memory)
    return held + allocator_bytes(hardware, held, recompute) + (hardware.floor_bytes or 0)
