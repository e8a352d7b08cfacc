"""One process."""

from albert_lab.train.distributed.base import RunStrategy


class SingleProcess(RunStrategy):
    def build(self) -> str:
        return "auto"


STRATEGY = SingleProcess
