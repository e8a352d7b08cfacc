"""Models of every block option and some together, for the tests of each and of all alike."""

from typing import Any

import pytest
import torch

from albert_lab.config.variant import ModelConfig
from albert_lab.model.torch.albert import AlbertForPreTraining
from tests.variants import TINY, build

OPTIONS: dict[str, dict[str, Any]] = {
    "post": {},
    "pre": {"norm_placement": "pre"},
    "deepnorm": {"norm_placement": "deepnorm"},
    "universal": {"depth_signal": "universal", "position_embedding_type": "none"},
    "relative_key": {"position_embedding_type": "relative_key"},
    "relative_key_query": {"position_embedding_type": "relative_key_query"},
    "pre, universal, relative_key": {
        "norm_placement": "pre",
        "depth_signal": "universal",
        "position_embedding_type": "relative_key",
    },
    "deepnorm, own output table": {"norm_placement": "deepnorm", "output_embedding_size": 24},
}
every_option = pytest.mark.parametrize("option", OPTIONS)


@torch.no_grad()
def make_model(option: str, scheme: str = "ffn", **changes: Any) -> AlbertForPreTraining:
    """In float64 and evaluation mode, every weight off its initial value."""
    model = build(ModelConfig(**(TINY | OPTIONS[option] | changes)), scheme).double().eval()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return model
