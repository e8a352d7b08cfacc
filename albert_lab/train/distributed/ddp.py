"""Data parallel: every process has all weights, gradients and optimizer state, and gradients are averaged."""

from lightning.pytorch.strategies import DDPStrategy

from albert_lab.train.distributed.base import RunStrategy


class DataParallel(RunStrategy):
    def build(self) -> DDPStrategy:
        return DDPStrategy(process_group_backend=self.process_group_backend)


STRATEGY = DataParallel
