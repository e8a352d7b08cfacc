"""DeepSpeed ZeRO stage 2: every process has all weights and a part of the gradients and of the optimizer state."""

import logging
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import DDPStrategy, DeepSpeedStrategy

from albert_lab.config.training import Precision
from albert_lab.train.distributed.base import LightningPrecision, RunStrategy

BUCKET = 20_000_000  # elements, 80 MB: more than ALBERT-base has; Lightning's default takes 0.8 GB a process


class Zero2(RunStrategy):
    saves_folders = True
    shards = ("gradients", "optimizer")

    def build(self) -> DeepSpeedStrategy:
        if not self.runs_on_gpu:
            os.environ["DS_ACCELERATOR"] = "cpu"  # read when deepspeed is first imported
        strategy = PortableDeepSpeedStrategy(
            stage=2,
            allgather_bucket_size=BUCKET,
            reduce_bucket_size=BUCKET,
            logging_batch_size_per_gpu=self.micro_batch_size,
            process_group_backend=self.process_group_backend,
        )
        if self.precision is Precision.bf16:
            assert isinstance(strategy.config, dict)
            strategy.config["torch_autocast"] = {"enabled": True, "dtype": "bfloat16"}
        return strategy

    def lightning_precision(self) -> LightningPrecision:
        """Lightning's bf16 under DeepSpeed casts weights and norms too; DeepSpeed's own autocast leaves them alone."""
        return "32-true"


class PortableDeepSpeedStrategy(DeepSpeedStrategy):
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

    def load_checkpoint(self, checkpoint_path: str | Path, weights_only: bool | None = None) -> dict[str, Any]:
        """Loads tensors, plain values and three classes of DeepSpeed's; its own way runs whatever a pickle asks for."""
        from deepspeed.runtime.fp16.loss_scaler import LossScaler
        from deepspeed.runtime.zero.config import ZeroStageEnum
        from deepspeed.utils.tensor_fragment import fragment_address

        os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # DeepSpeed asks torch.load for weights_only=False
        with torch.serialization.safe_globals([LossScaler, ZeroStageEnum, fragment_address]):
            return super().load_checkpoint(checkpoint_path, weights_only)


STRATEGY = Zero2
