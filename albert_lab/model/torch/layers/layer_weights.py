"""The weights that a layer really applies: those of its blocks, with what the layer adds to them."""

from typing import cast

from torch import Tensor, nn

from albert_lab.model.layer_map import Layer
from albert_lab.model.torch.layers.encoder import Encoder
from albert_lab.model.torch.layers.lora import LayerLora, LowRank

KINDS = Layer._fields  # of what a layer map shares
Weights = dict[str, Tensor]  # by name in the module


def layer_weights(encoder: Encoder, kind: str) -> list[Weights]:
    """For every logical layer, the tensors of its block or LayerNorm of that kind, per-depth LoRA merged into them."""
    blocks, ids = getattr(encoder, kind), getattr(encoder.layer_map, kind)
    return [_merge_lora(blocks[id], _pairs(encoder, depth, kind)) for depth, id in enumerate(ids)]


def low_rank_pairs(encoder: Encoder, kind: str) -> list[dict[str, LowRank]]:
    """For every logical layer, its low-rank pairs by linear map; none in a LayerNorm."""
    return [_pairs(encoder, depth, kind) for depth in range(encoder.layer_map.num_layers)]


def _pairs(encoder: Encoder, depth: int, kind: str) -> dict[str, LowRank]:
    lora = cast(LayerLora, encoder.lora[depth])
    own = {"attention": lora.attention, "ffn": lora.ffn}.get(kind)
    return {} if own is None else {name: cast(LowRank, pair) for name, pair in own.items()}


def _merge_lora(block: nn.Module, pairs: dict[str, LowRank]) -> Weights:
    weights = {name: tensor.detach() for name, tensor in block.named_parameters()}
    for name, pair in pairs.items():
        merged = pair.merge(weights[f"{name}.weight"], weights[f"{name}.bias"])
        weights[f"{name}.weight"], weights[f"{name}.bias"] = (tensor.detach() for tensor in merged)
    return weights
