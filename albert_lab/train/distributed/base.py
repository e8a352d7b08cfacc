"""What the engine asks of a strategy."""

from collections.abc import Mapping
from typing import Literal

import torch
from lightning.pytorch.strategies import Strategy as LightningStrategy
from torch import Tensor, nn

from albert_lab.config.schema import TrainerConfig
from albert_lab.config.training import Precision

LightningPrecision = Literal["32-true", "bf16-mixed"]


class RunStrategy:
    """How the processes of a run share its work and its state. The defaults hold where every process has all state.

    Args:
        micro_batch_size: sequences in one pass of one process.
    """

    saves_folders = False  # a checkpoint is a folder of every process's part, not one file
    shards: tuple[str, ...] = ()  # of "weights", "gradients", "optimizer": what is sharded across processes

    def __init__(self, config: TrainerConfig, precision: Precision, micro_batch_size: int) -> None:
        self.config, self.precision, self.micro_batch_size = config, precision, micro_batch_size

    def build(self) -> str | LightningStrategy:
        """What Lightning's Trainer takes as its strategy."""
        raise NotImplementedError

    def lightning_precision(self) -> LightningPrecision:
        """Lightning's name for `train.precision` under this strategy."""
        return "bf16-mixed" if self.precision is Precision.bf16 else "32-true"

    def gather_weights(self, model: nn.Module) -> dict[str, Tensor]:
        """The whole weights by name. Every process calls this; only the first one's result is used."""
        return model.state_dict()

    def load_weights(self, model: nn.Module, weights: Mapping[str, Tensor]) -> None:
        """Puts the whole weights into the model, once training has ended; every process calls this."""
        model.load_state_dict(weights)

    @property
    def runs_on_gpu(self) -> bool:
        return torch.cuda.is_available() and self.config.accelerator != "cpu"

    @property
    def process_group_backend(self) -> str:
        return "nccl" if self.runs_on_gpu else "gloo"
