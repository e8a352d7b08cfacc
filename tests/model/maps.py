"""Layer maps drawn at random, and small models on them."""

from typing import Any

import torch
from hypothesis import strategies as st

from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.torch.albert import AlbertForPreTraining

SIZES: dict[str, Any] = {
    "vocab_size": 20,
    "embedding_size": 4,
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 6,
    "embedding_projection": "if_needed",
}


@st.composite
def layer_maps(draw: st.DrawFn, depth: int = 4) -> LayerMap:
    """Any map of that depth: attention, feed-forward blocks and both LayerNorms each shared in a way of their own."""
    return LayerMap(*(draw(_ids(depth)) for _ in range(4)))


@st.composite
def _ids(draw: st.DrawFn, depth: int) -> tuple[int, ...]:
    drawn = draw(st.lists(st.integers(0, depth - 1), min_size=depth, max_size=depth))
    rank = {id: place for place, id in enumerate(draw(st.permutations(sorted(set(drawn)))))}
    return tuple(rank[id] for id in drawn)


def model_of(layer_map: LayerMap, seed: int = 0, **changes: Any) -> AlbertForPreTraining:
    """A float64 model in evaluation mode, every weight far off its initial value."""
    torch.manual_seed(seed)
    config = AlbertConfig(**(SIZES | {"num_hidden_layers": layer_map.num_layers, "layer_map": layer_map} | changes))
    model = AlbertForPreTraining(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.3)
    return model


def inputs(seed: int = 1) -> dict[str, torch.Tensor]:
    """Two sequences of 5 tokens, the second one padded."""
    draw = torch.Generator().manual_seed(seed)
    mask = torch.tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    ids = torch.randint(1, 20, (2, 5), generator=draw) * mask
    return {
        "input_ids": ids,
        "attention_mask": mask,
        "token_type_ids": torch.tensor([[0, 0, 1, 1, 1], [0, 1, 1, 0, 0]]),
    }
