"""Micro-batches: the same bits in any order and from any number of workers; together exactly the step's samples."""

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import DataConfig, ObjectiveConfig
from albert_lab.data.prepare import open_samples, prepare
from albert_lab.train import batches as batches_module
from albert_lab.train.batches import MicroBatches, PackedBatch, Tensors, TrainingData, split_by_length
from albert_lab.train.tasks.pretraining import PretrainingSamples
from tests.lab import made_up_text


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> PretrainingSamples:
    folder = tmp_path_factory.mktemp("loader")
    (folder / "corpus.txt").write_text(made_up_text(100))
    config = PretrainConfig()
    config.paths.cache = str(folder / "cache")
    config.data = DataConfig(corpus="text", files=[str(folder / "corpus.txt")], held_out=0.2)
    config.tokenizer.vocab_size = 100
    config.objective = ObjectiveConfig(max_seq_length=32)
    prepared = prepare(config.data, config.tokenizer, folder / "cache", workers=1)
    return PretrainingSamples(open_samples(prepared, config.objective, seed=0))


def same(first: Tensors, second: Tensors) -> bool:
    return first.keys() == second.keys() and all(
        first[name].dtype == second[name].dtype and torch.equal(first[name], second[name]) for name in first
    )


def item_of(batches: MicroBatches, item: int) -> Tensors:
    return cast(Tensors, batches[item])


def test_an_item_is_the_samples_batch_in_any_order_of_asking(samples: PretrainingSamples) -> None:
    batches = MicroBatches(samples, batch_size=8, accumulate=1, rank=0, processes=1)
    for item in (5, 6, 7, 3, 7, 900, 0, 0, 1):
        expected = samples.samples.batch(np.arange(item * 8, item * 8 + 8))
        found = item_of(batches, item)
        assert int(found.pop("step_mask_budget")) == expected.mask_budget.sum()
        assert same(found, {name: torch.from_numpy(array) for name, array in expected._asdict().items()})


def test_micro_batches_of_all_processes_are_the_step(samples: PretrainingSamples) -> None:
    """Each sample of a step once, and one budget: that of the whole step."""
    whole = samples.samples.batch(np.arange(24, 48))
    parts = [
        item_of(MicroBatches(samples, batch_size=24, accumulate=3, rank=rank, processes=2), item)
        for rank in range(2)
        for item in (3, 4, 5)
    ]
    assert {int(part["step_mask_budget"]) for part in parts} == {int(whole.mask_budget.sum())}
    assert {len(part["input_ids"]) for part in parts} == {4}
    rows = [tuple(row[row > 0].tolist()) for part in parts for row in part["input_ids"]]
    assert sorted(rows) == sorted(tuple(row[row > 0].tolist()) for row in whole.input_ids)
    assert sum(part["sentence_labels"].sum() for part in parts) == whole.sentence_labels.sum()
    labels = torch.cat([part["masked_labels"] for part in parts])
    assert sorted(labels.tolist()) == sorted(whole.masked_labels.tolist())


def test_a_step_is_planned_once(samples: PretrainingSamples, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = []
    plan = PretrainingSamples.plan
    monkeypatch.setattr(
        PretrainingSamples, "plan", lambda self, whole: planned.append(int(whole[0])) or plan(self, whole)
    )
    monkeypatch.setattr(batches_module, "_POSITIONS_AT_ONCE", 1)  # one micro-batch at a time, as large ones are made
    batches = MicroBatches(samples, batch_size=24, accumulate=3, rank=0, processes=2)
    for item in range(6):
        item_of(batches, item)
    assert planned == [0, 24]


@given(
    shares=st.integers(1, 9),
    rounds=st.lists(st.lists(st.integers(3, 512), min_size=9, max_size=9), min_size=1, max_size=9),
)
def test_shares_hold_every_sequence_once_and_differ_by_less_than_the_longest(
    shares: int, rounds: list[list[int]]
) -> None:
    lengths = np.array(rounds)[:, :shares].ravel()
    found = split_by_length(lengths, shares)
    assert found.shape == (shares, len(rounds))
    assert sorted(found.ravel()) == list(range(len(lengths)))
    assert (np.diff(found, axis=1) > 0).all()
    tokens = lengths[found].sum(axis=1)
    assert np.ptp(tokens) <= np.ptp(lengths)


def loaded(samples: PretrainingSamples, workers: int, start: int, count: int, **settings: Any) -> list[Tensors]:
    data = TrainingData(samples, **settings, workers=workers)
    data.trainer = cast(Any, SimpleNamespace(global_rank=0, world_size=1, global_step=start))
    stream = iter(data.train_dataloader())
    return [next(stream) for _ in range(count)]


@pytest.mark.parametrize("accumulate", [1, 2])
def test_workers_give_the_same_bits_from_any_step_on(samples: PretrainingSamples, accumulate: int) -> None:
    settings: dict[str, Any] = {"batch_size": 512, "accumulate": accumulate}  # a worker makes a few items at once
    alone = loaded(samples, 0, 0, 12, **settings)
    shared = loaded(samples, 2, 2, 12 - 2 * accumulate, **settings)
    assert all(map(same, alone[2 * accumulate :], shared))


def test_a_batch_from_a_worker_takes_no_shared_memory_and_little_of_the_pipe(samples: PretrainingSamples) -> None:
    (arrays,) = samples.batches([np.arange(64)])
    message = pickle.dumps(PackedBatch(arrays))
    assert len(message) < sum(array.nbytes for array in arrays.values()) / 4
    assert all(isinstance(tensor, torch.Tensor) and not tensor.is_shared() for tensor in pickle.loads(message).values())


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5), st.sampled_from(["int64", "bool", "float32"]))
def test_numbers_arrive_as_they_were_sent(numbers: list[int], kind: str) -> None:
    sent = np.array(numbers, np.int64).astype(kind)
    arrived = pickle.loads(pickle.dumps(PackedBatch({"x": sent})))["x"].numpy()
    assert arrived.dtype == sent.dtype
    assert (arrived == sent).all()


def test_the_data_set_pickles_for_workers_that_are_not_forked(samples: PretrainingSamples, tmp_path: Path) -> None:
    batches = MicroBatches(samples, batch_size=8, accumulate=2, rank=0, processes=1)
    item_of(batches, 0)
    assert same(item_of(pickle.loads(pickle.dumps(batches)), 1), item_of(batches, 1))
