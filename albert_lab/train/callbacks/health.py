"""Says early when a model isn't learning, and what that usually means."""

import logging
import math

import lightning as L

from albert_lab.train.callbacks.meter import Meter

log = logging.getLogger(__name__)


class HealthCheck(L.Callback):
    """At `trainer.health_check_step` compares the losses with what knowing nothing would give, and warns."""

    def __init__(self, meter: Meter, step: int, unigram_entropy: float) -> None:
        self.meter, self.step, self.unigram_entropy = meter, step, unigram_entropy
        self._is_done = False

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        if self._is_done or not self.step or trainer.global_step < self.step or not self.meter.last:
            return
        self._is_done = True
        if trainer.is_global_zero:
            for finding in findings(self.meter.last, self.unigram_entropy):
                log.warning("health check at step %d: %s", trainer.global_step, finding)


def findings(figures: dict[str, float], unigram_entropy: float) -> list[str]:
    """What is wrong with the training figures, in words; empty when nothing is."""
    found = []
    if figures["train/mlm_loss"] >= unigram_entropy:
        found.append(
            f"the MLM loss {figures['train/mlm_loss']:.3f} is not below the unigram entropy {unigram_entropy:.3f} "
            "(both in nats): the model knows no more than word frequencies yet; if that stays, try another "
            "optimizer.learning_rate or a longer optimizer.warmup_steps"
        )
    if figures.get("train/sentence_loss", 0.0) >= math.log(2):
        found.append(
            f"the sentence task is not above chance (loss {figures['train/sentence_loss']:.3f}, chance "
            f"{math.log(2):.3f}): expected early on, it is learnt after the words"
        )
    return found
