"""How far a training is: by steps, or by the clock."""

import math
import time
from typing import Any

import lightning as L

from albert_lab.config.training import TrainConfig
from albert_lab.train.batches import StepSamples


class Budget:
    """Progress through `train.budget`; its state is the seconds already spent, kept in checkpoints."""

    def __init__(self, config: TrainConfig, samples: StepSamples) -> None:
        self.total_steps = _total_steps(config, samples)  # None: the clock decides
        self.total_seconds = config.budget.seconds
        self.seconds_before = 0.0  # spent by earlier attempts
        self.started: float | None = None

    def start(self) -> None:
        self.started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Wall-clock spent in training, over all attempts."""
        return self.seconds_before + (time.monotonic() - self.started if self.started is not None else 0.0)

    def progress(self, step: int) -> float:
        """The share of the budget used when `step` steps are done, 0 to 1."""
        if self.total_steps is not None:
            return step / self.total_steps
        assert self.total_seconds is not None
        return min(self.seconds / self.total_seconds, 1.0)

    def is_spent(self, step: int) -> bool:
        return self.progress(step) >= 1

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.seconds_before = state["seconds"]


def _total_steps(config: TrainConfig, samples: StepSamples) -> int | None:
    if config.budget.epochs is not None:
        return math.ceil(config.budget.epochs * len(samples) / config.batch_size)
    if config.budget.tokens is not None:
        return math.ceil(config.budget.tokens / (config.batch_size * samples.max_seq_length))
    return config.budget.steps


class Clock(L.Callback):
    """Starts the budget's clock and ends a training whose time is spent."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self.budget.start()

    def on_train_batch_end(self, trainer: L.Trainer, *_: object) -> None:
        if self.budget.total_steps is None:
            trainer.should_stop = trainer.strategy.broadcast(self.budget.is_spent(trainer.global_step))

    def state_dict(self) -> dict[str, Any]:
        return self.budget.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.budget.load_state_dict(state)
