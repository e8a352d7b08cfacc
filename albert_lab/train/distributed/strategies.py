"""One process, several (DDP) or sharded ones (DeepSpeed ZeRO), on GPUs as on a CPU."""

import logging
import os
from typing import Literal

import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import DDPStrategy, DeepSpeedStrategy
from lightning.pytorch.strategies import Strategy as LightningStrategy

from albert_lab.config.schema import Strategy, TrainerConfig
from albert_lab.config.training import Precision

BUCKET = 20_000_000  # elements, 80 MB: more than ALBERT-base has; Lightning's default takes 0.8 GB a process


def make_strategy(config: TrainerConfig, precision: Precision, micro_batch_size: int) -> str | LightningStrategy:
    """Lightning's strategy for `trainer.strategy`; DeepSpeed wants to know the sequences in one pass of one process."""
    if config.strategy is Strategy.auto:
        return "auto"
    on_gpu = torch.cuda.is_available() and config.accelerator != "cpu"
    if config.strategy is Strategy.ddp:
        return DDPStrategy(process_group_backend="nccl" if on_gpu else "gloo")
    if not on_gpu:
        os.environ["DS_ACCELERATOR"] = "cpu"  # read when deepspeed is first imported
    backend = "nccl" if on_gpu else "gloo"
    strategy = _PortableDeepSpeed(
        stage=2,
        allgather_bucket_size=BUCKET,
        reduce_bucket_size=BUCKET,
        logging_batch_size_per_gpu=micro_batch_size,
        process_group_backend=backend,
    )
    if precision is Precision.bf16:
        assert isinstance(strategy.config, dict)
        strategy.config["torch_autocast"] = {"enabled": True, "dtype": "bfloat16"}
    return strategy


def lightning_precision(config: TrainerConfig, precision: Precision) -> Literal["32-true", "bf16-mixed"]:
    """Lightning's name for it. Its bf16 under DeepSpeed casts weights and norms too: there DeepSpeed's own autocast
    does what autocast does elsewhere.
    """
    autocast = precision is Precision.bf16 and config.strategy is not Strategy.zero2
    return "bf16-mixed" if autocast else "32-true"


class _PortableDeepSpeed(DeepSpeedStrategy):
    """Lightning's DeepSpeed strategy, also on CPU processes over gloo; on GPUs it is its parent."""

    def setup_environment(self) -> None:
        if isinstance(self.accelerator, CPUAccelerator):
            DDPStrategy.setup_environment(self)  # Lightning's own version refuses anything but CUDA
        else:
            super().setup_environment()

    def setup_distributed(self) -> None:
        import deepspeed.ops

        logging.getLogger("DeepSpeed").setLevel(logging.ERROR)  # it advises on what is set on purpose
        if self.root_device.type == "cpu":
            # Else DeepSpeed compiles a shared-memory all-reduce (50 s), which hangs for ever on a stale lock and leaks
            # 132 MiB of /dev/shm per run; gloo does the same.
            deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
            os.environ["LOCAL_SIZE"] = str(self.num_processes)  # what DeepSpeed counts as devices
            self.parallel_devices = [torch.device("cpu", index) for index in range(self.num_processes)]
        super().setup_distributed()
