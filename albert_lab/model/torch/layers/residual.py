"""Where a block's LayerNorm stands between the block and the residual stream x: a pair of small functions."""
# ruff: noqa: N803 (a shape suffix has the paper's capital letters; legend in albert.py)

import re
from collections.abc import Callable
from typing import NamedTuple

from torch import Tensor, nn

from albert_lab.config.variant import ModelConfig, NormPlacement


class Residual(NamedTuple):
    """What a block reads of the stream, and the stream after it; `norm` is the block's LayerNorm."""

    read: Callable[[nn.Module, Tensor], Tensor]  # (norm, x [B,S,H])
    add: Callable[[nn.Module, Tensor, Tensor], Tensor]  # (norm, x, what the block says [B,S,H])


def post(num_layers: int) -> Residual:
    """LN(x + f(x)): ALBERT, BERT and the first transformer."""
    return Residual(lambda norm, x_BSH: x_BSH, lambda norm, x_BSH, said_BSH: norm(x_BSH + said_BSH))


def pre(num_layers: int) -> Residual:
    """x + f(LN(x)) (Xiong et al., arXiv 2002.04745); the sum needs a last LayerNorm, `final_norm`."""
    return Residual(lambda norm, x_BSH: norm(x_BSH), lambda norm, x_BSH, said_BSH: x_BSH + said_BSH)


def deepnorm(num_layers: int) -> Residual:
    """LN(alpha x + f(x)) (Wang et al., arXiv 2203.00555, figure 2; torchscale, architecture/encoder.py)."""
    alpha = (2 * num_layers) ** 0.25
    return Residual(lambda norm, x_BSH: x_BSH, lambda norm, x_BSH, said_BSH: norm(alpha * x_BSH + said_BSH))


RESIDUALS: dict[NormPlacement, Callable[[int], Residual]] = {
    NormPlacement.post: post,
    NormPlacement.pre: pre,
    NormPlacement.deepnorm: deepnorm,
}


def final_norm(config: ModelConfig) -> nn.Module:
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
