"""The encoder: walks the layer map, layer by layer."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in pretraining.py)

from collections.abc import Callable

from torch import Tensor, nn

from albert_lab.config.schema import ModelConfig
from albert_lab.model.blocks import AttentionBlock, FeedForwardBlock
from albert_lab.model.layer_map import LayerMap


class Encoder(nn.Module):
    """L post-LN layers over the unique blocks of a map; a block that several layers use is one module."""

    def __init__(self, config: ModelConfig, layer_map: LayerMap) -> None:
        super().__init__()
        self.layer_map = layer_map
        self.attention = _blocks(layer_map.num_attention_blocks, lambda: AttentionBlock(config))
        self.attention_norm = _blocks(layer_map.num_attention_norms, lambda: _norm(config))
        self.ffn = _blocks(layer_map.num_ffn_blocks, lambda: FeedForwardBlock(config))
        self.ffn_norm = _blocks(layer_map.num_ffn_norms, lambda: _norm(config))

    def forward(self, x_BSH: Tensor, mask_B11S: Tensor | None) -> Tensor:
        """Hidden states [B,S,H] after the last layer; the mask is true where a key may be looked at."""
        for layer in self.layer_map.layers():
            attended_BSH = self.attention[layer.attention](x_BSH, mask_B11S)
            x_BSH = self.attention_norm[layer.attention_norm](x_BSH + attended_BSH)
            x_BSH = self.ffn_norm[layer.ffn_norm](x_BSH + self.ffn[layer.ffn](x_BSH))
        return x_BSH


def _blocks(count: int, make: Callable[[], nn.Module]) -> nn.ModuleList:
    return nn.ModuleList(make() for _ in range(count))


def _norm(config: ModelConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
