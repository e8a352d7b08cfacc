"""Batches as a pure function of (seed, step): a resumed run needs no loader state."""

import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import lightning as L
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from albert_lab.processes import end_with_parent

_POSITIONS_AT_ONCE = 1 << 16  # made together: some 5 ms of work, compared with which numpy's calls cost little

Arrays = dict[str, np.ndarray]
Tensors = dict[str, Tensor]


class StepPlan(NamedTuple):
    """An optimizer step before its batches are made."""

    lengths: np.ndarray  # int64 [B]: tokens of each sample
    totals: Mapping[str, int]  # the denominators of the step's loss, under the names that a batch has for them


class StepSamples(Protocol):
    """Training samples by index; index i is the same sample in every process and at every call."""

    def __len__(self) -> int:
        """Samples in an epoch; later ones may be the same again."""

    @property
    def max_seq_length(self) -> int:
        """Tokens of the longest sample there can be."""

    def batches(self, groups: Sequence[np.ndarray]) -> list[Arrays]:
        """The batch of each of these indices (int64 [B]), with its totals as if it were a step of its own."""

    def plan(self, indices: np.ndarray) -> StepPlan:
        """Lengths and totals of the samples with these indices (int64 [B])."""


class MicroBatches(Dataset["Tensors | PackedBatch"]):
    """Item `step * accumulate + k` is this process's k-th micro-batch of that optimizer step."""

    def __init__(self, samples: StepSamples, batch_size: int, accumulate: int, rank: int, processes: int) -> None:
        self.samples, self.batch_size, self.accumulate = samples, batch_size, accumulate
        self.rank, self.shares = rank, processes * accumulate
        self._ready: dict[int, Arrays] = {}  # batches that will be asked for next
        self._splits: dict[int, tuple[np.ndarray, Mapping[str, int]]] = {}  # and how their steps are split

    def __getitem__(self, item: int) -> "Tensors | PackedBatch":
        worker = get_worker_info()
        if item not in self._ready:
            self._ready = self._make(item, worker.num_workers if worker else 1)
        arrays = self._ready.pop(item)
        if self.shares > 1:
            _, totals = self._split(item // self.accumulate)
            arrays |= {name: np.array(total) for name, total in totals.items()}
        return PackedBatch(arrays) if worker else _to_tensors(arrays)

    def _make(self, item: int, stride: int) -> dict[int, Arrays]:
        """This batch and those that a loader with `stride` workers will ask this one for next."""
        positions = self.batch_size // self.shares * self.samples.max_seq_length
        items = [item + stride * ahead for ahead in range(max(1, _POSITIONS_AT_ONCE // positions))]
        steps = {each // self.accumulate for each in items}
        self._splits = {step: split for step, split in self._splits.items() if step in steps}
        return dict(zip(items, self.samples.batches([self._indices(each) for each in items]), strict=True))

    def _indices(self, item: int) -> np.ndarray:
        step, micro = divmod(item, self.accumulate)
        indices, _ = self._split(step)
        return indices[self.rank * self.accumulate + micro]

    def _split(self, step: int) -> tuple[np.ndarray, Mapping[str, int]]:
        """int64 [shares,B/shares], the samples of every micro-batch, rank by rank; and the step's totals."""
        if step not in self._splits:
            whole = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
            if self.shares == 1:
                self._splits[step] = whole[None], {}
            else:
                plan = self.samples.plan(whole)
                self._splits[step] = whole[split_by_length(plan.lengths, self.shares)], plan.totals
        return self._splits[step]


def split_by_length(lengths: np.ndarray, shares: int) -> np.ndarray:
    """int64 [shares,B/shares]: B sequences in shares of equally many sequences and about equally many tokens.

    Sequences go to the shares longest first, from the first share to the last and back; within a share they keep their
    order. Padding is left out, so without this every process would wait for the one with the longest texts, and the
    largest micro-batch would set the peak of memory.
    """
    order = np.argsort(-lengths, kind="stable").reshape(-1, shares)
    order[1::2] = order[1::2, ::-1].copy()
    return np.sort(order.T, axis=1)


class PackedBatch:
    """A batch that a worker sends: it pickles as small integers within the message and arrives as tensors.

    A tensor sent on its own takes a file of shared memory and a connection to fetch it, a third of a millisecond each.
    """

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def __reduce__(self) -> tuple:
        small = {name: _shrink(array) for name, array in self.arrays.items()}
        return _unpack, (small, {name: array.dtype.str for name, array in self.arrays.items()})


def _shrink(array: np.ndarray) -> np.ndarray:
    """The same numbers in the smallest type that holds them; an array that is not of integers as it is."""
    if array.dtype.kind != "i":
        return array
    least, most = np.min_scalar_type(array.min(initial=0)), np.min_scalar_type(array.max(initial=0))
    kind = np.promote_types(least, most)
    return array.astype(kind) if kind.itemsize < array.itemsize else array


def _unpack(small: Arrays, types: dict[str, str]) -> Tensors:
    return _to_tensors({name: array.astype(types[name]) for name, array in small.items()})


def _to_tensors(arrays: Arrays) -> Tensors:
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


class TrainingData(L.LightningDataModule):
    """Training batches from the trainer's current optimizer step on."""

    def __init__(self, samples: StepSamples, batch_size: int, accumulate: int, workers: int) -> None:
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
            worker_init_fn=_start_worker,
        )


def _start_worker(number: int) -> None:
    """In a loader's process, which is a copy of the training process: ends with that, and handles no signal as that."""
    end_with_parent()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the training process ends it
