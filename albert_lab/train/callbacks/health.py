"""Says early when a model isn't learning, and what that usually means."""

import logging
from collections.abc import Mapping, Sequence

import lightning as L

from albert_lab.runs.metrics import Metric
from albert_lab.train.callbacks.meter import Meter

log = logging.getLogger(__name__)


class HealthCheck(L.Callback):
    """At `trainer.health_check_step` compares training figures with what a model that has learnt nothing reaches.

    Not before the learning rate is warmed up: until then a model need not have learnt anything.
    """

    def __init__(self, meter: Meter, metrics: Sequence[Metric], step: int, warmup_steps: int) -> None:
        self.meter, self.metrics = meter, metrics
        self.step = max(step, warmup_steps) if step else 0
        self._is_done = False

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if self._is_done or not self.step or trainer.global_step < self.step or not self.meter.last:
            return
        self._is_done = True
        if trainer.is_global_zero:
            for finding in find_metrics_at_chance(self.metrics, self.meter.last):
                advice = {"once": finding.partition(": ")[2]}
                log.warning("health check at step %d: %s", trainer.global_step, finding, extra=advice)


def find_metrics_at_chance(metrics: Sequence[Metric], figures: Mapping[str, float]) -> list[str]:
    """In words, every metric with a health check (`Metric.at_chance`) that is not yet better than chance.

    Args:
        figures: training figures, as in "train/mlm_loss".
    """
    return [
        f"{metric.title} {metric.format(value)} is not better than {metric.format(metric.chance)}, "
        f"which a model that has learnt nothing reaches: {metric.at_chance}"
        for metric in metrics
        if metric.at_chance and metric.chance is not None
        if (value := figures.get(f"train/{metric.name}")) is not None and not metric.is_better(value, metric.chance)
    ]
