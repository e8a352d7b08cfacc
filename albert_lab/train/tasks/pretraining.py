"""One optimizer step of ALBERT's pre-training, for Lightning."""

import lightning as L
import numpy as np
import torch
from torch import Tensor

from albert_lab.config.schema import PretrainConfig, Strategy
from albert_lab.model.torch.albert import AlbertForPreTraining
from albert_lab.train.budget import Budget
from albert_lab.train.optim.optimizers import make_optimizer
from albert_lab.train.optim.schedule import learning_rate
from albert_lab.train.tasks.scores import Tally, score


class PretrainingTask(L.LightningModule):
    """Masked language modelling plus the sentence task, weights 1:1 (Google's `run_pretraining.py`).

    Losses are divided by the counts of the whole step: the planned number of masks and the batch size. So a step's
    gradient is the same however the batch is split among processes and micro-batches.
    """

    def __init__(self, model: AlbertForPreTraining, config: PretrainConfig, budget: Budget) -> None:
        super().__init__()
        self.model, self.config, self.budget = model, config, budget
        self.tally = Tally.empty()  # since it was last read, this process alone
        self.warmup_share = 0.0
        self.rate = 0.0

    def on_train_batch_start(self, batch: dict[str, Tensor], batch_idx: int) -> None:
        """Sets the rate and the dropout's random state: both follow from the step, so a resumed run needs neither."""
        step, config = self.trainer.global_step, self.config.optimizer
        progress = self.budget.progress(step)
        if step <= config.warmup_steps:
            self.warmup_share = progress
        self.rate = learning_rate(config, step, progress, self._warmup_share())
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = self.rate
        micro = batch_idx % self.trainer.accumulate_grad_batches
        draw = np.random.SeedSequence([self.config.train.seed, step, micro, self.global_rank])
        torch.manual_seed(int(draw.generate_state(1)[0]))

    def _warmup_share(self) -> float:
        total = self.budget.total_steps
        return self.config.optimizer.warmup_steps / total if total else self.warmup_share

    def training_step(self, batch: dict[str, Tensor], batch_idx: int) -> Tensor:
        scores = score(self.model, batch)
        self.tally.add(scores.tally)
        loss = scores.mlm_loss / batch["step_mask_budget"] + scores.sentence_loss / self.config.train.batch_size
        # Lightning divides by the micro-batches, the processes' gradients are averaged: undo both.
        return loss * (self.trainer.accumulate_grad_batches * self.trainer.world_size)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        sharded = self.config.trainer.strategy is Strategy.zero2
        return make_optimizer(self.model, self.config.optimizer, partitioned=sharded)
