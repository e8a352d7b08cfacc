"""A model of Hugging Face's."""

from typing import Any

import pytest
import torch
from transformers import AlbertConfig, AlbertForPreTraining


@pytest.fixture(scope="package")
def theirs() -> AlbertForPreTraining:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 40, "embedding_size": 8, "hidden_size": 16, "intermediate_size": 32}
    config = AlbertConfig(**sizes, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2, num_attention_heads=4)
    return AlbertForPreTraining(config).eval()
