"""Keeps the weights of the best validation, and stops a training that no longer gets better."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning as L
from safetensors.torch import load_file, save
from torch import nn

from albert_lab.config.training import Keep, TrainConfig
from albert_lab.runs.metrics import Metric
from albert_lab.storage.files import write_bytes
from albert_lab.train.distributed.base import RunStrategy

log = logging.getLogger(__name__)


class BestValidation(L.Callback):
    """Judges validations by the task's first metric; of equal ones the earliest counts.

    Its state goes into checkpoints, so a resumed run judges as one that was never stopped. The file of weights may be
    of a later step than the checkpoint: that step comes again, and gives the same weights.
    """

    def __init__(self, file: Path, metric: Metric, config: TrainConfig, strategy: RunStrategy) -> None:
        self.file, self.metric, self.config, self.strategy = file, metric, config, strategy
        self.step: int | None = None  # of the best validation; None: there was none yet
        self.value: float | None = None
        self.worse = 0  # validations since then

    def consider(self, trainer: L.Trainer, model: nn.Module, figures: Mapping[str, float | None]) -> None:
        """Takes note of a validation; every process calls this together."""
        value = figures.get(self.metric.name)
        if value is not None and (self.value is None or self.metric.is_better(value, self.value)):
            self.step, self.value, self.worse = trainer.global_step, value, 0
            if self.config.keep is Keep.best:
                self._write(trainer, model)
        else:
            self.worse += 1
        self._stop_if_patience_is_spent(trainer)

    def _write(self, trainer: L.Trainer, model: nn.Module) -> None:
        weights = self.strategy.gather_weights(model)
        if trainer.is_global_zero:
            write_bytes(self.file, save({name: weight.contiguous() for name, weight in weights.items()}))
        trainer.strategy.barrier()

    def _stop_if_patience_is_spent(self, trainer: L.Trainer) -> None:
        patience = self.config.patience
        if patience is not None and self.worse >= patience:
            assert self.value is not None
            log.info("no better validation in %d: stopping at step %d", self.worse, trainer.global_step)
            trainer.should_stop = True

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._stop_if_patience_is_spent(trainer)  # where it was killed between the last step and its end

    def restore(self, model: nn.Module) -> None:
        """Puts the best weights back into `model`; every process calls this."""
        self.strategy.load_weights(model, load_file(self.file))

    def state_dict(self) -> dict[str, Any]:
        return {"step": self.step, "value": self.value, "worse": self.worse}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.step, self.value, self.worse = state["step"], state["value"], state["worse"]
