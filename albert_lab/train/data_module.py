"""Batches as a pure function of (seed, step): a resumed run needs no loader state."""

from collections.abc import Iterator

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from albert_lab.data.samples import Samples
from albert_lab.train.evaluate import to_tensors


class MicroBatches(Dataset[dict[str, Tensor]]):
    """Item `step * accumulate + k` is this process's k-th micro-batch of that optimizer step."""

    def __init__(self, samples: Samples, batch_size: int, accumulate: int, rank: int, processes: int) -> None:
        self.samples, self.batch_size, self.accumulate = samples, batch_size, accumulate
        self.rank, self.processes = rank, processes
        self.micro_batch_size = batch_size // processes // accumulate

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        step, micro = divmod(item, self.accumulate)
        whole = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        start = (self.rank * self.accumulate + micro) * self.micro_batch_size
        batch = self.samples.batch(whole[start : start + self.micro_batch_size])
        tensors = to_tensors(batch, torch.device("cpu"))
        alone = self.micro_batch_size == self.batch_size
        budget = batch.mask_budget if alone else self.samples.mask_budget(whole)
        return {**tensors, "step_mask_budget": torch.tensor(int(budget.sum()))}


class CountFrom(Sampler[int]):
    """start, start + 1, ... without end."""

    def __init__(self, start: int) -> None:
        self.start = start

    def __iter__(self) -> Iterator[int]:
        item = self.start
        while True:
            yield item
            item += 1


class PretrainingData(L.LightningDataModule):
    """Training batches from the optimizer step that the trainer stands at."""

    def __init__(self, samples: Samples, batch_size: int, accumulate: int, workers: int) -> None:
        super().__init__()
        self.samples, self.batch_size, self.accumulate, self.workers = samples, batch_size, accumulate, workers

    def train_dataloader(self) -> DataLoader[dict[str, Tensor]]:
        assert self.trainer is not None
        batches = MicroBatches(
            self.samples, self.batch_size, self.accumulate, self.trainer.global_rank, self.trainer.world_size
        )
        return DataLoader(
            batches,
            batch_size=None,
            sampler=CountFrom(self.trainer.global_step * self.accumulate),
            num_workers=self.workers,
            pin_memory=torch.cuda.is_available(),
        )
