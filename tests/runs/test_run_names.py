"""A run's name mentions the options that are not ALBERT's own, and no others."""

from dataclasses import fields
from typing import Any

import pytest

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.variant import DepthSignal, ModelConfig, NormPlacement, PositionEmbedding
from albert_lab.runs.identity import OPTIONS, describe


def name(**changes: Any) -> str:
    return describe(PretrainConfig(model=ModelConfig(**changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"norm_placement": NormPlacement.deepnorm}, " deepnorm"),
        ({"depth_signal": DepthSignal.universal, "position_embedding_type": PositionEmbedding.none},
         " universal positions_none"),
        ({"position_embedding_type": PositionEmbedding.relative_key}, " positions_relative_key"),
        ({"norm_placement": NormPlacement.pre, "output_embedding_size": 96, "lora_rank": 8, "adapter_size": 4},
         " pre O96 lora8 adapter4"),
    ],
)  # fmt: skip
def test_a_name_holds_the_options_that_are_not_alberts(changes: dict[str, Any], words: str) -> None:
    assert name(**changes) == f"all E128 H768 L12{words} seed 0"


def test_every_named_option_is_a_field_of_the_model() -> None:
    assert set(OPTIONS) <= {item.name for item in fields(ModelConfig)}
