"""Batches as a pure function of (seed, step): a resumed run needs no loader state."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from albert_lab.data.samples.pretraining import Batch, Samples

_POSITIONS_AT_ONCE = 1 << 16  # made together: some 5 ms of work, beside which numpy's calls cost little

Arrays = dict[str, np.ndarray]
Tensors = dict[str, Tensor]


class Plan(NamedTuple):
    """An optimizer step before it is made."""

    indices: np.ndarray  # int64 [processes * accumulate, B]: the samples of every micro-batch, rank by rank
    mask_budget: int | None  # planned predictions of the whole step; None: one micro-batch is all of it


class MicroBatches(Dataset["Tensors | Parcel"]):
    """Item `step * accumulate + k` is this process's k-th micro-batch of that optimizer step."""

    def __init__(self, samples: Samples, batch_size: int, accumulate: int, rank: int, processes: int) -> None:
        self.samples, self.batch_size, self.accumulate = samples, batch_size, accumulate
        self.rank, self.shares = rank, processes * accumulate
        self._made: dict[int, Batch] = {}  # those that will be asked for next
        self._plans: dict[int, Plan] = {}  # of their steps

    def __getitem__(self, item: int) -> "Tensors | Parcel":
        worker = get_worker_info()
        if item not in self._made:
            self._made = self._make(item, worker.num_workers if worker else 1)
        batch, budget = self._made.pop(item), self._plan(item // self.accumulate).mask_budget
        budget = int(batch.mask_budget.sum()) if budget is None else budget
        arrays = {**batch._asdict(), "step_mask_budget": np.array(budget)}
        return Parcel(arrays) if worker else _tensors(arrays)

    def _make(self, item: int, stride: int) -> dict[int, Batch]:
        """This batch and those that a loader with `stride` workers will ask this one for next."""
        positions = self.batch_size // self.shares * self.samples.objective.max_seq_length
        items = [item + stride * ahead for ahead in range(max(1, _POSITIONS_AT_ONCE // positions))]
        steps = {each // self.accumulate for each in items}
        self._plans = {step: plan for step, plan in self._plans.items() if step in steps}
        return dict(zip(items, self.samples.batches([self._indices(each) for each in items]), strict=True))

    def _indices(self, item: int) -> np.ndarray:
        step, micro = divmod(item, self.accumulate)
        return self._plan(step).indices[self.rank * self.accumulate + micro]

    def _plan(self, step: int) -> Plan:
        if step not in self._plans:
            self._plans[step] = self._planned(np.arange(step * self.batch_size, (step + 1) * self.batch_size))
        return self._plans[step]

    def _planned(self, whole: np.ndarray) -> Plan:
        if self.shares == 1:
            return Plan(whole[None], None)
        lengths, budget = self.samples.planned(whole)
        return Plan(whole[dealt(lengths, self.shares)], int(budget.sum()))


def dealt(lengths: np.ndarray, shares: int) -> np.ndarray:
    """int64 [shares,B/shares]: B sequences in shares of as many sequences and about as many tokens.

    Dealt out longest first, back and forth; a share keeps the order that its sequences had. Padding is left out, so
    without this the processes of a step would wait for the one with the longest texts, and the largest micro-batch
    would set the peak of memory.
    """
    order = np.argsort(-lengths, kind="stable").reshape(-1, shares)
    order[1::2] = order[1::2, ::-1].copy()
    return np.sort(order.T, axis=1)


class Parcel:
    """A batch on its way from a worker: pickles as small integers in the message, arrives as tensors.

    A tensor sent by itself takes a file of shared memory and a connection to fetch it, a third of a millisecond each.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def __reduce__(self) -> tuple:
        small = {name: _smallest(array) for name, array in self.arrays.items()}
        return _unpacked, (small, {name: array.dtype.str for name, array in self.arrays.items()})


def _smallest(array: np.ndarray) -> np.ndarray:
    """The same numbers in the smallest type that holds them; an array that is not of integers as it is."""
    if array.dtype.kind != "i":
        return array
    least, most = np.min_scalar_type(array.min(initial=0)), np.min_scalar_type(array.max(initial=0))
    kind = np.promote_types(least, most)
    return array.astype(kind) if kind.itemsize < array.itemsize else array


def _unpacked(small: Arrays, types: dict[str, str]) -> Tensors:
    return _tensors({name: array.astype(types[name]) for name, array in small.items()})


def _tensors(arrays: Arrays) -> Tensors:
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


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

    def train_dataloader(self) -> DataLoader[Any]:
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
