"""What fine-tuning costs: FLOPs as PyTorch counts them, steps and validations as the engine does them."""

import math
from copy import deepcopy
from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import albert_lab.train.heads
from albert_lab.config.schema import CostConfig, TaskEstimateConfig
from albert_lab.config.training import BudgetConfig, Keep
from albert_lab.cost.counts.weights import TaskHead
from albert_lab.cost.finetuning import SuiteCost, cost_suite, cost_task, pad_batches
from albert_lab.cost.task_data import HEADS, PUBLISHED, TaskData
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.torch.classification import AlbertForSequenceClassification
from albert_lab.train.budget import Budget
from tests.lab import compose_verb

MODEL = AlbertConfig(
    vocab_size=20, embedding_size=4, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=12,
    max_position_embeddings=16, num_labels=3,
)  # fmt: skip
DATA = TaskData(TaskHead.sequence_classification, 3, train=100, held_out=7, sequences=1, source="made up")
FAST = ["hardware.fp32_flops_per_second=1e9", "hardware.watts=100", "hardware.price_per_hour=2"]


def config_of(*overrides: str) -> TaskEstimateConfig:
    return deepcopy(composed(*overrides))


@cache
def composed(*overrides: str) -> TaskEstimateConfig:
    config = compose_verb("cost_of_tasks", *overrides)
    assert isinstance(config, TaskEstimateConfig)
    return config


def counted(lengths: list[int], frozen: bool, backward: bool) -> int:
    """FLOPs of one pass or both over one sequence of each length, none of them padded."""
    model, total = AlbertForSequenceClassification(MODEL), 0
    model.albert.requires_grad_(not frozen)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        for length in lengths:
            loss = model(torch.zeros(1, length, dtype=torch.long), labels=torch.zeros(1, dtype=torch.long)).loss
            if backward:
                loss.backward()
        total = counter.get_total_flops()
    return total


@settings(max_examples=10, deadline=None)
@given(lengths=st.lists(st.integers(1, 16), min_size=1, max_size=4), frozen=st.booleans())
def test_flops_are_those_of_the_real_tokens(lengths: list[int], frozen: bool) -> None:
    """A step of training on these sequences, and one validation on the same."""
    config = config_of("task=sst2", "train.keep=last")
    config.task.freeze_encoder = frozen
    config.train.batch_size, config.train.budget = len(lengths), BudgetConfig(steps=1)
    by_length = {length: lengths.count(length) for length in lengths}
    data = replace(DATA, held_out=len(lengths), lengths=by_length, held_out_lengths=by_length, measured=len(lengths))
    cost = cost_task(config, MODEL, data)
    assert cost.training_flops == pytest.approx(counted(lengths, frozen, backward=True), rel=1e-12)
    assert cost.validation_flops == pytest.approx(counted(lengths, frozen, backward=False), rel=1e-12)
    assert cost.tokens == pytest.approx(sum(lengths))


@settings(max_examples=20, deadline=None)
@given(epochs=st.floats(0.1, 9), examples=st.integers(1, 10**6), batch_size=st.integers(1, 64))
def test_epochs_make_as_many_steps_as_the_engine_does(epochs: float, examples: int, batch_size: int) -> None:
    config = config_of("task=sst2")
    config.train.batch_size, config.train.budget = batch_size, BudgetConfig(epochs=epochs)
    engine = Budget(config.train, cast(Any, _Sized(examples)))
    assert cost_task(config, MODEL, replace(DATA, train=examples)).steps == engine.total_steps


class _Sized:
    """So many samples."""

    max_seq_length = 16

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count


@pytest.mark.parametrize(
    ("steps", "every", "keep", "validations"),
    [(10, 5, Keep.last, 2), (11, 5, Keep.last, 3), (4, 5, Keep.last, 1), (10, 5, Keep.best, 3)],
)
def test_every_validation_counts(steps: int, every: int, keep: Keep, validations: int) -> None:
    """The last step's is one of them; the best weights are validated again unless they are the last."""
    config = config_of("task=sst2")
    config.train.budget = BudgetConfig(steps=steps)
    config.train.validate_every_steps, config.train.keep = every, keep
    assert cost_task(config, MODEL, DATA).validations == validations


def suite_of(*overrides: str, seeds: int = 1, real_tokens: float | None = None, mfu: float | None = None) -> SuiteCost:
    config = config_of("task=sst2", *FAST, *overrides)
    config.finetune.seeds, config.cost = seeds, CostConfig(mfu, real_tokens)
    costs = [cost_task(config, MODEL, data) for data in (DATA, replace(DATA, held_out=50), replace(DATA, sequences=4))]
    return cost_suite("three", config, MODEL, costs)


@settings(max_examples=10, deadline=None)
@given(seeds=st.integers(1, 9), share=st.floats(0.05, 1), mfu=st.floats(0.01, 1))
def test_totals_add_up(seeds: int, share: float, mfu: float) -> None:
    suite = suite_of(seeds=seeds, real_tokens=share, mfu=mfu)
    assert suite.total_flops is not None
    assert suite.total_flops == pytest.approx(seeds * sum(task.flops or 0 for task in suite.tasks))
    fastest, slowest = suite.total
    assert fastest == slowest
    for key in ("hours", "kilowatt_hours", "dollars"):
        parts = [getattr(task.one_seed[0], key) for task in suite.tasks]
        assert getattr(fastest, key) == pytest.approx(seeds * math.fsum(parts))
    hours = suite.total_flops / (1e9 * mfu) / 3600
    assert (fastest.hours, fastest.kilowatt_hours, fastest.dollars) == pytest.approx((hours, hours / 10, 2 * hours))


def test_no_speed_is_no_time_and_a_clock_is_no_flops() -> None:
    unknown = suite_of("hardware.fp32_flops_per_second=null")
    assert (unknown.total[0].hours, unknown.total[1].dollars, unknown.speed) == (None, None, None)
    clocked = suite_of("train.budget.steps=null", "train.budget.seconds=3600")
    assert (clocked.total_flops, clocked.total[0].hours) == (None, 3)


def test_a_choice_is_a_sequence_each() -> None:
    one, four = (suite_of().tasks[place] for place in (0, 2))
    assert four.training_flops == 4 * (one.training_flops or 0)


def test_devices_share_the_time_and_not_the_money() -> None:
    one, four = (suite_of(f"trainer.devices={n}", mfu=0.4).total[0] for n in (1, 4))
    assert (4 * (four.hours or 0), four.dollars) == pytest.approx((one.hours, one.dollars))


@settings(max_examples=20, deadline=None)
@given(lengths=st.dictionaries(st.integers(1, 16), st.integers(1, 9), min_size=1), batch_size=st.integers(1, 8))
def test_padded_batches_are_as_long_as_their_longest(lengths: dict[int, int], batch_size: int) -> None:
    """Against every batch that can be drawn, one after another, of three sequences at most."""
    population = [length for length, count in lengths.items() for _ in range(count)][:6]
    lengths = {length: population.count(length) for length in population}
    padded = pad_batches(lengths, min(batch_size, 3))
    longest = [max(batch) for batch in product(population, repeat=min(batch_size, 3))]
    expected = {length: longest.count(length) / len(longest) for length in lengths}
    assert padded == pytest.approx(expected, abs=1e-9)


def test_a_gpu_computes_padding_in_float32() -> None:
    data = replace(DATA, lengths={4: 9, 16: 1}, held_out_lengths={4: 1}, measured=10)
    low, full = (config_of("task=sst2", "hardware=a100", f"train.precision={name}") for name in ("bf16", "fp32"))
    packed, padded = (cost_task(config, MODEL, data) for config in (low, full))
    assert padded.tokens == packed.tokens
    assert (padded.training_flops or 0) > 2 * (packed.training_flops or 0)
    assert "padded" in padded.padding
    assert "padded" not in packed.padding


def test_a_frozen_encoder_takes_less_memory_and_a_small_device_does_not_fit() -> None:
    trained, frozen = (config_of("task=sst2", f"task.freeze_encoder={word}") for word in ("false", "true"))
    bytes_of = [cost_task(config, MODEL, DATA).memory_bytes or 0 for config in (trained, frozen)]
    assert bytes_of[1] < bytes_of[0]
    assert cost_task(config_of("task=sst2", "hardware.memory_bytes=1e3"), MODEL, DATA).fits is False
    assert cost_task(config_of("task=sst2", "hardware=a100"), MODEL, DATA).fits is True


def test_heads_are_counted_as_they_count_themselves() -> None:
    files = Path(albert_lab.train.heads.__path__[0]).glob("*.py")
    heads = {
        file.stem: import_module(f"albert_lab.train.heads.{file.stem}").HEAD
        for file in files
        if "\nHEAD = " in file.read_text(encoding="utf-8")
    }
    assert {name: HEADS[name] for name, head in heads.items() if isinstance(head.flops, str)} == {
        name: head.flops for name, head in heads.items() if isinstance(head.flops, str)
    }
    assert set(heads) <= set(HEADS)


@pytest.mark.parametrize("task", ["cola", "sst2", "stsb", "qnli"])
def test_published_sizes_fit_the_recipes_of_the_paper(task: str) -> None:
    """Table 14 of the paper: ten passes, within two percent."""
    train = config_of(f"task={task}").train
    assert train.batch_size * (train.budget.steps or 0) == pytest.approx(10 * PUBLISHED[task].train, rel=0.02)
