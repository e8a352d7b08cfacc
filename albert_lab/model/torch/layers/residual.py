"""Where a block's LayerNorm stands: behind the sum with the residual stream x, or in front of the block.

A `Residual` has two small functions, both given the block's LayerNorm: what the block reads of the stream, and the
stream after the block.
"""
# ruff: noqa: N803 (a shape suffix has the paper's capital letters; legend in albert.py)

import re
from collections.abc import Callable
from typing import Protocol

from torch import Tensor, nn

from albert_lab.config.variant import ModelConfig, NormPlacement


class Residual(Protocol):
    def read(self, norm: nn.Module, x_BSH: Tensor) -> Tensor:
        """What the block reads."""

    def add(self, norm: nn.Module, x_BSH: Tensor, output_BSH: Tensor) -> Tensor:
        """The stream after the block, whose output is given."""


class PostNorm:
    """LN(x + f(x)): ALBERT, BERT and the first transformer."""

    def __init__(self, num_layers: int) -> None:
        """Depth plays no part."""

    def read(self, norm: nn.Module, x_BSH: Tensor) -> Tensor:
        return x_BSH

    def add(self, norm: nn.Module, x_BSH: Tensor, output_BSH: Tensor) -> Tensor:
        return norm(x_BSH + output_BSH)


class PreNorm:
    """x + f(LN(x)) (Xiong et al., arXiv 2002.04745); the sum needs a last LayerNorm, `make_final_norm`."""

    def __init__(self, num_layers: int) -> None:
        """Depth plays no part."""

    def read(self, norm: nn.Module, x_BSH: Tensor) -> Tensor:
        return norm(x_BSH)

    def add(self, norm: nn.Module, x_BSH: Tensor, output_BSH: Tensor) -> Tensor:
        return x_BSH + output_BSH


class DeepNorm:
    """LN(alpha x + f(x)) (Wang et al., arXiv 2203.00555, figure 2; torchscale, architecture/encoder.py)."""

    def __init__(self, num_layers: int) -> None:
        self.alpha = (2 * num_layers) ** 0.25

    def read(self, norm: nn.Module, x_BSH: Tensor) -> Tensor:
        return x_BSH

    def add(self, norm: nn.Module, x_BSH: Tensor, output_BSH: Tensor) -> Tensor:
        return norm(self.alpha * x_BSH + output_BSH)


RESIDUALS: dict[NormPlacement, Callable[[int], Residual]] = {  # given the number of logical layers
    NormPlacement.post: PostNorm,
    NormPlacement.pre: PreNorm,
    NormPlacement.deepnorm: DeepNorm,
}


def make_final_norm(config: ModelConfig) -> nn.Module:
    """What the stream passes after the last layer: with pre-LN nothing has normalized it yet."""
    if config.norm_placement is NormPlacement.pre:
        return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
    return nn.Identity()


_SCALED = re.compile(r"(.+\.)?encoder\.(attention\.\d+\.(value|output)|ffn\.\d+\.(intermediate|output))")


def initial_divisor(config: ModelConfig, num_layers: int, module: str) -> float:
    """What DeepNorm divides the initial weights of a module by, given its name; 1 for all others.

    (8N)^(1/4) for value, attention output and both feed-forward matrices, N layers in depth and not unique blocks: a
    shared block adds to the stream as often as it is applied.
    """
    scaled = config.norm_placement is NormPlacement.deepnorm and _SCALED.fullmatch(module)
    return (8 * num_layers) ** 0.25 if scaled else 1.0
