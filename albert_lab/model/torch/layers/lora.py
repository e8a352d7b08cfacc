"""Per-depth LoRA: what lets the layers that share a block differ, in a few weights of each layer's own.

Relaxed Recursive Transformers (Bae et al., arXiv 2410.20672, section 2.4): y = W'x + B_l A_l x in every linear map of
the layers; W', A and B are all trained. Nothing scales the product: the paper's SVD start needs W' + B A itself.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from albert_lab.config.variant import ModelConfig


class LowRank(nn.Module):
    """A [rank,in] and B [out,rank] of one linear map at one depth; B starts at 0, so the map starts as it is shared.

    The bias is ours: the paper's models have none, and without one no rank makes layers equal whose biases differ.
    """

    starts_at_zero = ("B",)

    def __init__(self, linear: nn.Linear, rank: int, with_bias: bool) -> None:
        super().__init__()
        self.A = nn.Parameter(torch.empty(rank, linear.in_features))
        self.B = nn.Parameter(torch.empty(linear.out_features, rank))
        self.bias = nn.Parameter(torch.empty(linear.out_features)) if with_bias else None

    def forward(self, x: Tensor) -> Tensor:
        """What the layer adds to the shared map's output [...,out] for its input [...,in]."""
        return functional.linear(functional.linear(x, self.A), self.B, self.bias)

    def merge(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Weight and bias of the one linear map that equals the shared one with this addition."""
        return weight + self.B @ self.A, bias if self.bias is None else bias + self.bias

    def reset(self) -> None:
        """Adds nothing; A stays as it is."""
        self.B.zero_()
        if self.bias is not None:
            self.bias.zero_()

    def approximate(self, weight: Tensor, bias: Tensor) -> None:
        """Add the matrix of this rank that is nearest to `weight` [out,in], and `bias` [out] if there is one.

        Its truncated SVD: B = U Sigma, A = V^T (Relaxed Recursive Transformers, section 2.4). Beyond the rank that
        `weight` can have, A stays as it is and B is 0.
        """
        precise = torch.promote_types(weight.dtype, torch.float32)
        u, sigma, v = torch.linalg.svd(weight.to(precise), full_matrices=False)
        rank = min(len(self.A), len(sigma))
        self.A[:rank] = v[:rank]
        self.B[:, :rank] = u[:, :rank] * sigma[:rank]
        if self.bias is not None:
            self.bias.copy_(bias)


class LayerLora(nn.Module):
    """The pairs of one logical layer, by the name of the linear map in its block; none where `lora_rank` is 0."""

    def __init__(self, config: ModelConfig, attention: nn.Module, ffn: nn.Module) -> None:
        super().__init__()
        self.attention = _make_pairs(config, attention)
        self.ffn = _make_pairs(config, ffn)


def _make_pairs(config: ModelConfig, block: nn.Module) -> nn.ModuleDict:
    if not config.lora_rank:
        return nn.ModuleDict()
    linears = {name: child for name, child in block.named_children() if isinstance(child, nn.Linear)}
    return nn.ModuleDict(
        {name: LowRank(linear, config.lora_rank, config.lora_bias) for name, linear in linears.items()}
    )


def apply_linear(block: nn.Module, name: str, x: Tensor, lora: nn.ModuleDict | None) -> Tensor:
    """The output of a block's linear map, with what the layer adds to it."""
    y: Tensor = block.get_submodule(name)(x)
    return y + lora[name](x) if lora is not None and name in lora else y
