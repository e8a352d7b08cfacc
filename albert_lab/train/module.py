"""One optimizer step of any task, for Lightning."""

from typing import Any

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

from albert_lab.config.schema import RunConfig
from albert_lab.cost.memory.measured import SavedActivations
from albert_lab.train.budget import Budget
from albert_lab.train.optim.optimizers import make_optimizer
from albert_lab.train.optim.schedule import learning_rate
from albert_lab.train.tasks.task import Task


class TrainingModule(L.LightningModule):
    """Sets rate and random state of every step, and computes the task's loss.

    Attributes:
        sums: the task's sums since `take_sums` was last called, of this process alone, on the model's device.
        activation_bytes: what autograd kept of the run's first micro-batch; None where that isn't measured.
    """

    def __init__(self, model: nn.Module, task: Task, config: RunConfig, budget: Budget, partitioned: bool) -> None:
        super().__init__()
        self.model, self.task, self.config, self.budget, self.partitioned = model, task, config, budget, partitioned
        self.sums: Tensor = torch.zeros(len(task.sums), dtype=torch.float64)
        self.activation_bytes: int | None = None
        self.warmup_share = 0.0
        self.rate = 0.0

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Sets the rate and the dropout's random state: both follow from the step, so a resumed run needs neither."""
        step, config = self.trainer.global_step, self.config.optimizer
        progress, total_steps = self.budget.progress(step), self.budget.total_steps
        if step <= config.warmup_steps:
            self.warmup_share = progress
        warmup_share = config.warmup_share
        if warmup_share is None:
            warmup_share = config.warmup_steps / total_steps if total_steps else self.warmup_share
        self.rate = learning_rate(config, step, progress, warmup_share)
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.rate
        micro = batch_idx % self.trainer.accumulate_grad_batches
        draw = np.random.SeedSequence([self.config.train.seed, step, micro, self.global_rank])
        torch.manual_seed(int(draw.generate_state(1)[0]))

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        if batch_idx == 0 and self.trainer.global_step == 0 and not self.config.trainer.compile:
            with SavedActivations(self.model) as saved:
                loss, sums = self.task.loss(self.model, batch)
            self.activation_bytes = saved.bytes
        else:
            loss, sums = self.task.loss(self.model, batch)
        self.sums = self.sums.to(sums.device, non_blocking=True) + sums
        # Lightning divides by the micro-batches, the processes' gradients are averaged: undo both.
        return loss * (self.trainer.accumulate_grad_batches * self.trainer.world_size)

    def take_sums(self) -> Tensor:
        """The sums since the last call. It doesn't wait for the device."""
        sums, self.sums = self.sums, torch.zeros_like(self.sums)
        return sums

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["activation_bytes"] = self.activation_bytes

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.activation_bytes = checkpoint["activation_bytes"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return make_optimizer(self.model, self.config.optimizer, partitioned=self.partitioned)
