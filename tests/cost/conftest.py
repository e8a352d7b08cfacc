"""The released models' shapes and a tiny one."""

from collections.abc import Callable
from typing import Any

import pytest

from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.model.layer_map import LayerMap, make_layer_map

SHAPES = {  # hidden_size, num_hidden_layers, num_attention_heads of the released configurations
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
    "xlarge": (2048, 24, 16),
    "xxlarge": (4096, 12, 64),
    "tiny": (16, 4, 4),
}


@pytest.fixture
def variant() -> Callable[..., tuple[ModelConfig, LayerMap]]:
    """`variant(shape, scheme, **changes)`: a configuration and its layer map."""

    def make(shape: str, scheme: str = "all", **changes: Any) -> tuple[ModelConfig, LayerMap]:
        hidden, layers, heads = SHAPES[shape]
        sizes = {"hidden_size": hidden, "num_attention_heads": heads, "intermediate_size": 4 * hidden}
        config = ModelConfig(**(sizes | {"num_hidden_layers": layers} | changes))
        return config, make_layer_map(SharingConfig(scheme), config.num_hidden_layers)

    return make
