"""Every number of the schema has a range, and nothing outside it gets as far as training."""

import math
import re
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import pytest

from albert_lab.config.check import check
from albert_lab.config.ranges import RANGES, check_numbers
from albert_lab.config.schema import VERBS, PretrainConfig
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig


def number_types(schema: type, prefix: str = "") -> dict[str, type]:
    """`int` or `float` of every setting that holds numbers, or a list of them."""
    found: dict[str, type] = {}
    hints = get_type_hints(schema)
    for item in fields(schema):
        kind, key = hints[item.name], f"{prefix}{item.name}"
        if is_dataclass(kind):
            found |= number_types(kind, f"{key}.")  # type: ignore[arg-type]
        else:
            found |= dict.fromkeys([key], int) if int in (kind, *get_args(kind)) else {}
            found |= dict.fromkeys([key], float) if float in (kind, *get_args(kind)) else {}
    return found


NUMBERS = {key: kind for schema in VERBS.values() for key, kind in number_types(schema).items()}
LISTS_OF_IDS = {f"sharing.{kind}" for kind in ("attention", "ffn", "attention_norm", "ffn_norm")}  # `LayerMap` checks


def test_every_number_of_the_schema_has_a_range_and_every_range_a_setting() -> None:
    assert set(RANGES) == set(NUMBERS) - LISTS_OF_IDS


@pytest.mark.parametrize("key", [key for key in RANGES if NUMBERS[key] is float])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1e-9])
def test_no_setting_is_nan_infinite_or_negative(key: str, value: float) -> None:
    with pytest.raises(UserError, match=rf"{re.escape(key)}=\S+ must be .+(, as in {key}=|; nearest: )") as caught:
        check_numbers({key: value})
    good = float(str(caught.value).split("=")[-1].split(" ")[-1])
    check_numbers({key: good})


@pytest.mark.parametrize("key", [key for key in RANGES if NUMBERS[key] is int])
def test_a_whole_number_has_an_end_and_the_message_names_it(key: str) -> None:
    allowed = RANGES[key]
    check_numbers({key: int(allowed.least)})
    check_numbers({key: int(allowed.most)})
    with pytest.raises(UserError, match=rf"{key}=\d{{20,}} must be (at most|between 1 and) {allowed.most}"):
        check_numbers({key: 10**20})
    with pytest.raises(UserError, match=rf"{key}=-1 must be "):
        check_numbers({key: -1})


@pytest.mark.parametrize("key", ["optimizer.decay_power", "optimizer.beta1", "train.seed", "model.num_hidden_layers"])
def test_checking_a_run_checks_its_numbers(key: str) -> None:
    config: Any = PretrainConfig()
    config.train.budget.steps = 10
    group, name = key.split(".")
    setattr(getattr(config, group), name, -1)
    with pytest.raises(UserError, match=f"{key}=-1 must be at least"):
        check(config)


@pytest.mark.parametrize("end", ["eps", "beta1", "beta2"])
def test_an_open_end_is_outside(end: str) -> None:
    value = 0.0 if end == "eps" else 1.0
    with pytest.raises(UserError, match=f"optimizer.{end}={value:g} must be .*(above|below) {value:g}, as in"):
        check_numbers({f"optimizer.{end}": value})


@pytest.mark.parametrize(
    "name",
    ["num_hidden_layers", "num_hidden_groups", "inner_group_num", "vocab_size", "intermediate_size", "hidden_size",
     "num_attention_heads", "embedding_size", "max_position_embeddings", "type_vocab_size", "num_labels"],
)  # fmt: skip
def test_a_gigantic_size_in_a_config_file_is_refused_at_once(name: str) -> None:
    with pytest.raises(UserError, match=f"{name}=1000000000 must be at most"):
        AlbertConfig.from_dict({name: 10**9})


def test_a_map_of_too_many_layers_is_refused_before_it_is_made() -> None:
    with pytest.raises(UserError, match=r"num_hidden_layers=5000 .* inner_group_num=5000 must be at most 10000"):
        AlbertConfig(num_hidden_layers=5000, inner_group_num=5000)
