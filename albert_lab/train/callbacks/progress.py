"""The progress bar, and lines in the log where nobody watches a terminal."""

import logging
import sys
import time

import lightning as L
from tqdm import tqdm

from albert_lab.train.budget import Budget
from albert_lab.train.callbacks.meter import Meter

log = logging.getLogger(__name__)

LINE_SECONDS = 15.0  # between log lines


class Progress(L.Callback):
    """Shows losses, accuracies, tokens/s and the time left: a bar on a terminal, else a log line now and then."""

    def __init__(self, meter: Meter, budget: Budget, bar: bool) -> None:
        self.meter, self.budget = meter, budget
        self._wants_bar = bar and sys.stderr.isatty()
        self._bar: tqdm | None = None
        self._last_line = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero and self._wants_bar:
            total = self.budget.total_steps
            self._bar = tqdm(total=total, initial=trainer.global_step, unit="step", dynamic_ncols=True, leave=True)

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if not trainer.is_global_zero:
            return
        if self._bar is not None:
            self._bar.update(trainer.global_step - self._bar.n)
            by_clock = self.budget.total_steps is None  # else the bar itself knows the time left
            left = f", {self._left(trainer.global_step)} left" if by_clock else ""
            self._bar.set_postfix_str(self._figures() + left, refresh=False)
        elif time.monotonic() - self._last_line >= LINE_SECONDS:
            self._last_line = time.monotonic()
            log.info("step %d, %s, %s left", trainer.global_step, self._figures(), self._left(trainer.global_step))

    def _figures(self) -> str:
        last = self.meter.last
        if not last:
            return "starting"
        parts = [f"MLM loss {last['train/mlm_loss']:.3f}", f"MLM {last['train/mlm_accuracy']:.1%}"]
        if "train/sentence_accuracy" in last:
            parts.append(f"sentence {last['train/sentence_accuracy']:.1%}")
        if "speed/tokens_per_second" in last:
            parts.append(f"{last['speed/tokens_per_second']:,.0f} tokens/s")
        return ", ".join(parts)

    def _left(self, step: int) -> str:
        progress = self.budget.progress(step)
        seconds = self.budget.seconds * (1 / progress - 1) if progress else 0.0
        return f"{seconds / 60:.1f} min"

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._bar is not None:
            self._bar.close()
