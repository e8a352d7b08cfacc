"""Counts what happens: losses over the log interval, real tokens, and the time that training itself took."""

import statistics
import time
from typing import Any

import lightning as L

from albert_lab.config.schema import PretrainConfig
from albert_lab.data.samples.pretraining import Samples
from albert_lab.train.tasks.pretraining import PretrainingTask
from albert_lab.train.tasks.scores import Tally, evaluate, is_first_process

WARMUP_STEPS = 5  # first steps allocate memory and fill caches; they don't count for speed


class TrainingDivergedError(Exception):
    """The loss is not finite."""


class Meter(L.Callback):
    """Logs training losses every `log_every_steps`, held-out ones every `validate_every_steps`, and measures speed.

    A step's time runs from the end of the previous step, so it includes making the batch; validation, checkpoints
    and logging are left out.
    """

    def __init__(self, config: PretrainConfig, held_out: Samples) -> None:
        self.config, self.held_out = config, held_out
        self.tokens = 0  # real ones, since the run began
        self.last: dict[str, float] = {}  # the latest figures, for the progress bar
        self._interval = Tally.empty()
        self._timed_tokens = 0
        self._step_seconds: list[float] = []
        self._mark = 0.0
        self._steps_seen = 0

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        self._mark = time.monotonic()

    def on_train_batch_end(  # type: ignore[override]
        self, trainer: L.Trainer, pl_module: PretrainingTask, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        seconds = time.monotonic() - self._mark
        self._take(pl_module, seconds)
        step = trainer.global_step
        if step % self.config.trainer.log_every_steps == 0 or step == 1 or pl_module.budget.is_spent(step):
            self._log_training(trainer, pl_module)
        if step % self.config.train.validate_every_steps == 0:
            self._log_validation(trainer, pl_module)
        self._mark = time.monotonic()

    def _take(self, task: PretrainingTask, seconds: float) -> None:
        tally, task.tally = task.tally.on_cpu(), Tally.empty()
        self._interval.add(tally)
        self._steps_seen += 1
        if self._steps_seen > WARMUP_STEPS:
            self._timed_tokens += tally.tokens
            self._step_seconds.append(seconds)

    def _log_training(self, trainer: L.Trainer, task: PretrainingTask) -> None:
        tally, self._interval = self._interval.over_processes(), Tally.empty()
        self.tokens += tally.tokens
        figures = {f"train/{key}": v for key, v in tally.means().items() if v is not None and "tokens" not in key}
        figures.pop("train/sentence_samples", None)
        speed = self.tokens_per_second(trainer.world_size)
        self.last = figures if speed is None else {**figures, "speed/tokens_per_second": speed}
        assert trainer.logger is not None
        trainer.logger.log_metrics(
            {**self.last, "train/learning_rate": task.rate, "train/tokens": self.tokens}, trainer.global_step
        )
        if not all(abs(v) < float("inf") for v in (figures["train/mlm_loss"], figures.get("train/sentence_loss", 0.0))):
            raise TrainingDivergedError(
                f"the loss is not finite at step {trainer.global_step}: try a lower optimizer.learning_rate "
                f"(now {self.config.optimizer.learning_rate:g}), more optimizer.warmup_steps "
                f"(now {self.config.optimizer.warmup_steps}) or train.precision=fp32"
            )

    def _log_validation(self, trainer: L.Trainer, task: PretrainingTask) -> None:
        figures = validate(task, self.held_out, self.config, trainer.global_rank, trainer.world_size)
        named = {f"validation/{key}": value for key, value in figures.items() if value is not None}
        assert trainer.logger is not None
        trainer.logger.log_metrics(named, trainer.global_step)

    def tokens_per_second(self, processes: int) -> float | None:
        """Real tokens a second over all processes, from this process's share; None before the warm-up is over."""
        seconds = sum(self._step_seconds)
        return processes * self._timed_tokens / seconds if seconds else None

    def median_step_seconds(self) -> float | None:
        return statistics.median(self._step_seconds) if self._step_seconds else None

    def finish(self, trainer: L.Trainer) -> None:
        """Counts the tokens since the last log line."""
        self.tokens += self._interval.over_processes().tokens
        self._interval = Tally.empty()

    def state_dict(self) -> dict[str, Any]:
        return {
            "tokens": self.tokens,
            "interval": self._interval.over_processes().sums,
            "timed_tokens": self._timed_tokens,
            "step_seconds": self._step_seconds,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.tokens, self._timed_tokens = state["tokens"], state["timed_tokens"]
        self._step_seconds = state["step_seconds"]
        if is_first_process():  # the saved sums are those of all processes
            self._interval = Tally(state["interval"])


def validate(
    task: PretrainingTask, held_out: Samples, config: PretrainConfig, rank: int = 0, processes: int = 1
) -> dict[str, float | int | None]:
    """Losses and accuracies on the held-out samples."""
    tally = evaluate(
        task.model, held_out, config.train.validation_samples, config.train.batch_size, rank=rank, processes=processes
    )
    return tally.means()
