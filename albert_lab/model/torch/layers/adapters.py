"""Per-depth bottleneck adapters: a small network of each layer's own before every block that layers share.

MiniALBERT (Nouriborji et al., arXiv 2210.06425; nlpie-research/MiniALBERT, minialbert_modeling.py: `BottleneckAdapter`
and the loop of `MiniAlbertModel.forward`). The block's residual starts from the adapter's output, not from its input.
Its `reduction_factor` 16 is adapter_size = H / 16.
"""
# ruff: noqa: N803 (a shape suffix has the paper's capital letters; legend in albert.py)

from torch import Tensor, nn
from torch.nn import functional

from albert_lab.config.variant import ModelConfig


class Adapter(nn.Module):
    """LN(x + up(gelu(down(x)))): H -> adapter size -> H, the exact gelu whatever the blocks' activation is."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.down = nn.Linear(config.hidden_size, config.adapter_size)
        self.up = nn.Linear(config.adapter_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x_BSH: Tensor) -> Tensor:
        return self.LayerNorm(x_BSH + self.up(functional.gelu(self.down(x_BSH))))


class LayerAdapters(nn.Module):
    """What one logical layer's hidden states [B,S,H] pass before each of its blocks; nothing where the size is 0."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention: nn.Module = Adapter(config) if config.adapter_size else nn.Identity()
        self.ffn: nn.Module = Adapter(config) if config.adapter_size else nn.Identity()
