"""Counts what happens: losses over the log interval, real tokens, and the time that training itself took."""

import math
import statistics
import time
from collections.abc import Mapping
from typing import Any

import lightning as L
import torch
from torch import Tensor, nn

from albert_lab.config.schema import RunConfig
from albert_lab.train.callbacks.best import BestValidation
from albert_lab.train.module import TrainingModule
from albert_lab.train.tasks.task import Figures, Task, sum_over_processes

WARMUP_STEPS = 5  # first steps allocate memory and fill caches; they don't count for speed


class TrainingDivergedError(Exception):
    """A training figure is not finite."""


class Meter(L.Callback):
    """Logs training figures every `log_every_steps`, held-out ones every `validate_every_steps`, and measures speed.

    A device is waited for only where figures are logged, so the time of a step is that of the steps since the last
    such moment, divided by their number. It includes making the batches; validation, checkpoints and logging are left
    out.
    """

    def __init__(self, task: Task, config: RunConfig, best: BestValidation) -> None:
        self.task, self.config, self.best = task, config, best
        self._validated: tuple[int, Figures] | None = None  # the latest validation of this process, by its step
        self.tokens = 0  # real ones, since the run began
        self.last: dict[str, float] = {}  # the latest figures, for the progress bar
        self._interval = torch.zeros(len(task.sums), dtype=torch.float64)  # of this process, since the last log line
        self._timed_tokens = 0.0
        self._timed_seconds = 0.0
        self.timed_steps = 0  # that the measured time is of
        self._step_seconds: list[float] = []
        self._untimed_steps = WARMUP_STEPS
        self._steps_since_mark = 0
        self._tokens_since_mark = torch.zeros((), dtype=torch.float64)
        self._mark = 0.0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._untimed_steps = WARMUP_STEPS
        self.restart_clock()

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: L.Trainer, pl_module: TrainingModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        self._add(pl_module.take_sums())
        step = trainer.global_step
        logs = step % self.config.trainer.log_every_steps == 0 or step == 1 or pl_module.budget.is_spent(step)
        validates = step % self.config.train.validate_every_steps == 0
        if logs or validates:
            self._stop_clock()
        if logs:
            self._log_training(trainer, pl_module)
        if validates:
            figures = self.validate(trainer, pl_module.model)
            self._log(trainer, {f"validation/{name}": value for name, value in figures.items() if value is not None})
        if logs or validates:
            self.restart_clock()

    def _add(self, sums: Tensor) -> None:
        self._interval = self._interval.to(sums.device, non_blocking=True) + sums
        if self._untimed_steps:
            self._untimed_steps -= 1
            if not self._untimed_steps:
                float(sums.sum())  # waits for the device
                self.restart_clock()
            return
        self._steps_since_mark += 1
        tokens = sums[self.task.sums.index("tokens")]
        self._tokens_since_mark = self._tokens_since_mark.to(sums.device, non_blocking=True) + tokens

    def restart_clock(self) -> None:
        """Leaves out what happened since the clock was stopped."""
        self._mark = time.monotonic()
        self._steps_since_mark = 0
        self._tokens_since_mark = torch.zeros_like(self._tokens_since_mark)

    def _stop_clock(self) -> None:
        tokens = float(self._tokens_since_mark)  # waits for the device
        if self._steps_since_mark:
            seconds = time.monotonic() - self._mark
            self._timed_tokens += tokens
            self._timed_seconds += seconds
            self.timed_steps += self._steps_since_mark
            self._step_seconds.append(seconds / self._steps_since_mark)

    def pause_clock(self) -> None:
        """Counts the steps so far; `restart_clock` goes on."""
        self._stop_clock()
        self.restart_clock()

    def _log_training(self, trainer: L.Trainer, module: TrainingModule) -> None:
        sums, self._interval = self._take_interval(), torch.zeros_like(self._interval)
        self.tokens += int(sums["tokens"])
        values = self.task.figures(sums)
        self.last = {
            f"train/{metric.name}": float(value)
            for metric in self.task.metrics
            if (value := values.get(metric.name)) is not None
        }
        speed = self.tokens_per_second(trainer.world_size)
        if speed is not None:
            self.last["speed/tokens_per_second"] = speed
        self._log(trainer, {**self.last, "train/learning_rate": module.rate, "train/tokens": self.tokens})
        self._check_finite("the loss", self.last, trainer.global_step)

    def validate(self, trainer: L.Trainer, model: nn.Module) -> Figures:
        """The held-out figures at this step; in every process. Raises TrainingDivergedError where one is not finite."""
        step = trainer.global_step
        if self._validated is None or self._validated[0] != step:
            figures = self.task.validate(model, trainer.global_rank, trainer.world_size)
            self._check_finite("a validation figure", figures, step)
            self._validated = step, figures
            self.best.consider(trainer, model, figures)
        return self._validated[1]

    def _check_finite(self, what: str, figures: Mapping[str, float | None], step: int) -> None:
        if all(value is None or math.isfinite(value) for value in figures.values()):
            return
        optimizer = self.config.optimizer
        raise TrainingDivergedError(
            f"{what} is not finite at step {step}: try a lower optimizer.learning_rate "
            f"(now {optimizer.learning_rate:g}), more optimizer.warmup_steps (now {optimizer.warmup_steps}) "
            "or train.precision=fp32"
        )

    def _take_interval(self) -> dict[str, float]:
        return dict(zip(self.task.sums, sum_over_processes(self._interval).tolist(), strict=True))

    def _log(self, trainer: L.Trainer, figures: dict[str, float]) -> None:
        assert trainer.logger is not None
        trainer.logger.log_metrics(figures, trainer.global_step)

    def tokens_per_second(self, processes: int) -> float | None:
        """Real tokens a second over all processes, from this process's share; None before the warm-up is over."""
        return processes * self._timed_tokens / self._timed_seconds if self._timed_seconds else None

    def median_step_seconds(self) -> float | None:
        return statistics.median(self._step_seconds) if self._step_seconds else None

    def finish(self) -> None:
        """Counts the tokens since the last log line."""
        self.tokens += int(self._take_interval()["tokens"])
        self._interval = torch.zeros_like(self._interval)

    def state_dict(self) -> dict[str, Any]:
        self.pause_clock()
        return {
            "tokens": self.tokens,
            "last": self.last,
            "interval": sum_over_processes(self._interval),
            "timed_tokens": self._timed_tokens,
            "timed_seconds": self._timed_seconds,
            "timed_steps": self.timed_steps,
            "step_seconds": self._step_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.tokens, self.last, self._timed_tokens = state["tokens"], state["last"], state["timed_tokens"]
        self._timed_seconds, self._step_seconds = state["timed_seconds"], state["step_seconds"]
        self.timed_steps = state.get("timed_steps", 0)  # older checkpoints lack it
        first = not torch.distributed.is_initialized() or torch.distributed.get_rank() == 0
        if first:  # the saved sums are those of all processes
            self._interval = state["interval"]
