"""The progress bar, and lines in the log where nobody watches a terminal."""

import logging
import sys
import time
from collections.abc import Sequence

import lightning as L
from tqdm import tqdm

from albert_lab.runs.log_lines import current_label
from albert_lab.runs.metrics import Metric
from albert_lab.train.budget import Budget
from albert_lab.train.callbacks.meter import Meter

log = logging.getLogger(__name__)

LINE_SECONDS = 15.0  # between log lines
SWEEP_LINE_SECONDS = 60.0  # between those of one of many runs


class Progress(L.Callback):
    """Shows the task's metrics, tokens/s and the time left: a bar on a terminal, else a log line now and then."""

    def __init__(self, meter: Meter, metrics: Sequence[Metric], budget: Budget, bar: bool) -> None:
        self.meter, self.metrics, self.budget = meter, metrics, budget
        self._wants_bar = bar and sys.stderr.isatty() and not current_label()
        self._bar: tqdm | None = None
        self._last_line = time.monotonic()
        self._pause = SWEEP_LINE_SECONDS if current_label() else LINE_SECONDS

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
            left = f", {self._time_left(trainer.global_step)} left" if by_clock else ""
            self._bar.set_postfix_str(self.describe() + left, refresh=False)
        elif time.monotonic() - self._last_line >= self._pause:
            self._last_line = time.monotonic()
            left = self._time_left(trainer.global_step)
            text = f"step {trainer.global_step}, {self.describe()}, {left} left"
            log.info("%s", text, extra={"progress": True})

    def describe(self) -> str:
        """The latest training figures: `MLM accuracy 9.9 %, MLM loss 6.811 nats, 16,400 tokens/s`."""
        last = self.meter.last
        if not last:
            return "starting"
        known = [(metric, last.get(f"train/{metric.name}")) for metric in self.metrics]
        parts = [f"{metric.title} {metric.format(value)}" for metric, value in known if value is not None]
        if "speed/tokens_per_second" in last:
            parts.append(f"{last['speed/tokens_per_second']:,.0f} tokens/s")
        return ", ".join(parts)

    def _time_left(self, step: int) -> str:
        progress = self.budget.progress(step)
        seconds = self.budget.seconds * (1 / progress - 1) if progress else 0.0
        return f"{seconds / 60:.1f} min"

    def on_train_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if self._bar is not None:
            self._bar.close()
