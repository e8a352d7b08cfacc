"""What the engine asks of a task."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from albert_lab.config.schema import RunConfig
from albert_lab.runs.metrics import Metric
from albert_lab.train.batches import StepSamples

Figures = dict[str, float | int | None]  # a metric's value, or a count behind one; None: there is nothing to measure


class Task(ABC):
    """A model, its batches, its loss, and what is measured of it.

    It must not depend on how many steps are done: the engine saves no state of a task.

    Attributes:
        metrics: what it measures, in the order of tables; the first one judges a run.
        samples: the training samples.
    """

    sums: ClassVar[tuple[str, ...]]  # names of what `loss` adds up; "tokens", the real ones, is among them
    metrics: tuple[Metric, ...]
    samples: StepSamples

    @abstractmethod
    def __init__(self, config: RunConfig) -> None:
        """Prepares the task's data. Raises UserError for settings that don't fit it."""

    @abstractmethod
    def make_model(self) -> nn.Module:
        """The model to train, its weights drawn from torch's random state or read from a checkpoint."""

    @abstractmethod
    def loss(self, model: nn.Module, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Runs `model` on one batch of `samples`, through its own `forward`.

        Returns:
            The loss with its graph, a scalar: this batch's part of the whole step's loss. A step's loss is the sum over
            its batches, so its denominators are the step's totals (`StepSamples.plan`), not the batch's own.
            And float64 [len(sums)]: sums over the batch, on the model's device.
        """

    @abstractmethod
    def figures(self, sums: Mapping[str, float]) -> Figures:
        """Computes the metrics, and the counts behind them, from sums over samples."""

    @abstractmethod
    def validate(self, model: nn.Module, rank: int = 0, processes: int = 1) -> Figures:
        """Figures on the held-out samples, the same samples at every call; every process calls this together."""

    @abstractmethod
    def save(self, folder: Path, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
        """Makes `folder` a checkpoint that `from_pretrained` reads, vocabulary included."""

    @abstractmethod
    def count_cost(self, model: nn.Module) -> dict[str, Any]:
        """`parameters` (unique, applied) and `flops_per_token` (forward, training), for the record."""

    def enable_gradient_checkpointing(self, model: nn.Module) -> None:
        model.gradient_checkpointing_enable()  # type: ignore[operator]

    def compile_layers(self, model: nn.Module) -> None:
        """Has torch.compile make the kernels of the model's layers."""
        model.base_model.encoder.compile_layers()  # type: ignore[operator, union-attr]

    def count_examples(self) -> dict[str, int]:
        """How much there is to train on, for the record's section `training`; nothing where it isn't known."""
        return {}

    def describe(self) -> list[str]:
        """Lines for the log before training starts."""
        return []


@torch.no_grad()
def sum_over_samples(
    task: Task, model: nn.Module, samples: StepSamples, count: int, batch_size: int, rank: int, processes: int
) -> dict[str, float]:
    """The sums of samples 0 to count-1, shared among the processes, in evaluation mode.

    Every process runs the model equally often, with samples that don't count where its own have run out: a strategy
    that shards weights gathers them in every forward pass, for all processes at once.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    total = torch.zeros(len(task.sums), dtype=torch.float64)
    mine = np.arange(count)[rank::processes]
    most = -(-count // processes)
    for start in range(0, most, batch_size):
        indices = mine[start : start + batch_size]
        (batch,) = samples.batches([indices if len(indices) else np.arange(1)])
        _, sums = task.loss(model, {name: torch.from_numpy(array).to(device) for name, array in batch.items()})
        if len(indices):
            total = total.to(sums.device) + sums
    model.train(was_training)
    return dict(zip(task.sums, sum_over_processes(total).tolist(), strict=True))


def sum_over_processes(sums: Tensor) -> Tensor:
    """The sums of every process of the group added up, on the CPU: it waits for the device."""
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return sums.cpu()
    total = sums.to("cuda" if dist.get_backend() == "nccl" else "cpu", copy=True)
    dist.all_reduce(total)
    return total.cpu()
