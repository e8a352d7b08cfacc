"""Impossible settings fail with one line that names the key, the value and the nearest valid choice."""

import logging
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from albert_lab.config.check import check, nearest_multiple
from albert_lab.config.schema import PretrainConfig
from albert_lab.config.training import BudgetConfig
from albert_lab.config.variant import DepthSignal, PositionEmbedding
from albert_lab.errors import UserError


def valid() -> PretrainConfig:
    config = PretrainConfig()
    config.train.budget.steps = 10
    return config


CASES = {
    "hidden_size=770": (lambda c: vars(c.model).update(hidden_size=770), "model.hidden_size=770.*nearest: 768"),
    "long sequence": (lambda c: vars(c.objective).update(max_seq_length=600), "max_seq_length=600.*nearest: 512"),
    "odd batch": (
        lambda c: vars(c.trainer).update(devices=3, strategy="ddp"),
        "train.batch_size=32.*trainer.devices=3; nearest: 33",
    ),
    "odd micro-batch": (lambda c: vars(c.trainer).update(micro_batch_size=5), "micro_batch_size=5.*nearest: 4"),
    "unknown strategy": (
        lambda c: vars(c.trainer).update(strategy="zero3000"),
        "no trainer.strategy=zero3000; did you mean 'zero2'",
    ),
    "no strategy": (lambda c: vars(c.trainer).update(devices=2), "trainer=ddp or trainer=zero2"),
    "two budgets": (
        lambda c: vars(c.train.budget).update(seconds=5.0),
        "exactly one of steps, epochs, tokens, seconds",
    ),
    "no budget": (lambda c: vars(c.train).update(budget=BudgetConfig()), "exactly one.*has none"),
    "long warm-up": (lambda c: vars(c.optimizer).update(warmup_steps=11), "warmup_steps=11.*nearest: 10"),
    "two vocabularies": (lambda c: vars(c.model).update(vocab_size=100), "model.vocab_size=100 differs"),
    "held out all": (lambda c: vars(c.data).update(held_out=1.0), "data.held_out=1 "),
    "probability": (lambda c: vars(c.objective).update(masked_lm_prob=1.5), "masked_lm_prob=1.5.*nearest: 1"),
    "mask shares": (lambda c: vars(c.objective).update(random_token_prob=0.5), "over 1; nearest.*=0.2"),
    "quoted study": (lambda c: vars(c.study).update(name="Lan's"), "study.name=.Lan's. may have.*nearest: Lan-s"),
    "no layers": (lambda c: vars(c.model).update(num_hidden_layers=0), "num_hidden_layers=0 must be at least 1"),
}


@pytest.mark.parametrize(("spoil", "message"), CASES.values(), ids=CASES)
def test_the_message_for_an_impossible_setting_names_it_and_a_remedy(spoil, message) -> None:
    config = valid()
    spoil(config)
    with pytest.raises(UserError, match=message) as caught:
        check(config)
    assert "\n" not in str(caught.value)


def test_a_valid_configuration_passes() -> None:
    check(valid())


def test_an_embedding_wider_than_the_model_is_allowed_but_warned_of(caplog) -> None:
    config = valid()
    config.model.embedding_size = 1024
    with caplog.at_level(logging.WARNING):
        check(config)
    assert "model.embedding_size=1024 is larger" in caplog.text


def test_a_model_that_cannot_tell_positions_apart_is_allowed_but_warned_of(caplog) -> None:
    config = valid()
    config.model.position_embedding_type = PositionEmbedding.none
    with caplog.at_level(logging.WARNING):
        check(config)
    assert "the order of words is lost" in caplog.text
    caplog.clear()
    config.model.depth_signal = DepthSignal.universal
    check(config)
    assert not caplog.text


def test_checking_does_not_change_the_configuration() -> None:
    config = valid()
    check(config)
    assert config == replace(valid())


@given(value=st.integers(1, 10_000), factor=st.integers(1, 500))
def test_the_nearest_multiple_divides_and_no_other_is_nearer(value: int, factor: int) -> None:
    found = nearest_multiple(value, factor)
    assert found > 0
    assert found % factor == 0
    assert all(abs(found - value) <= abs(other - value) for other in (found - factor, found + factor) if other > 0)
