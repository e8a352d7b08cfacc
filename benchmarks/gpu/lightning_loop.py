"""The base model's step in Lightning's loop, to tell what the framework costs."""

import logging
import tempfile
import time
import warnings
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from albert_lab.model.configuration import AlbertConfig
from albert_lab.train.optim.optimizers import make_optimizer
from benchmarks.gpu.machine import Machine
from benchmarks.gpu.models import OPTIMIZER, Batch, loss_of, model_of


def lightning_seconds(machine: Machine, config: AlbertConfig, batch: Batch, steps: int) -> float:
    """Mean seconds of a step, the first ones left out."""
    import lightning as L

    class Task(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.model = model_of(machine, config)

        def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
            return loss_of(self.model, batch)

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return make_optimizer(self.model, OPTIMIZER, partitioned=False)

    class Clock(L.Callback):
        """Waits for the device twice: after the warm-up and at the end."""

        def __init__(self) -> None:
            self.warm_up, self.started, self.seconds = max(1, steps // 4), 0.0, 0.0

        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            if trainer.global_step == self.warm_up:
                machine.wait()
                self.started = time.perf_counter()
            elif trainer.global_step == steps:
                machine.wait()
                self.seconds = (time.perf_counter() - self.started) / (steps - self.warm_up)

    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = L.Trainer(
            accelerator="gpu" if machine.on_gpu else "cpu",
            devices=1,
            precision="bf16-mixed",
            max_steps=steps,
            gradient_clip_val=OPTIMIZER.gradient_clip_norm,
            callbacks=[clock],
            logger=False,
            default_root_dir=folder,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(Task(), DataLoader([batch] * steps, batch_size=None))
    return clock.seconds
