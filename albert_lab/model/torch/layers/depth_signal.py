"""What is added to the hidden states before every layer, so that a shared block knows where and how deep it is."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

import math
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from albert_lab.config.variant import DepthSignal

LONGEST_PERIOD = 1e4  # of the slowest sinusoid, over 2 pi


class Signal(Protocol):
    """Made once per forward pass, since the part of the positions is the same for every layer."""

    def add(self, x_BSH: Tensor, depth: int) -> Tensor:
        """What enters the layer at this depth, which counts from 0."""


class NoSignal:
    def __init__(self, x_BSH: Tensor, position_ids: Tensor | None) -> None:
        """Nothing is added."""

    def add(self, x_BSH: Tensor, depth: int) -> Tensor:
        return x_BSH


class UniversalSignal:
    """Sinusoids of position and of depth, added before every layer (Dehghani et al., arXiv 1807.03819, equation 5).

    As in tensor2tensor, universal_transformer_util.py: `step_preprocess` with both signals on, sinusoidal, and steps
    that count from 0. No weights, so any length and depth.
    """

    def __init__(self, x_BSH: Tensor, position_ids: Tensor | None) -> None:
        if position_ids is None:
            position_ids = torch.arange(x_BSH.shape[1], device=x_BSH.device)[None]
        self.dtype = torch.promote_types(x_BSH.dtype, torch.float32)  # bfloat16 can't tell positions above 256 apart
        self.positions_BSH = sinusoids(position_ids, x_BSH.shape[-1], self.dtype)

    def add(self, x_BSH: Tensor, depth: int) -> Tensor:
        step_H = sinusoids(torch.tensor(depth, device=x_BSH.device), x_BSH.shape[-1], self.dtype)
        return x_BSH + (self.positions_BSH + step_H).to(x_BSH.dtype)


def sinusoids(at: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """[..., size] for integers `at`: sines, then cosines, of periods from 2 pi to 2 pi 10,000; an odd size ends in 0.

    tensor2tensor, common_attention.py, `get_timing_signal_1d`.
    """
    count = size // 2
    step = math.log(LONGEST_PERIOD) / max(count - 1, 1)
    rates = torch.exp(torch.arange(count, dtype=dtype, device=at.device) * -step)
    angles = at.to(dtype)[..., None] * rates
    return torch.nn.functional.pad(torch.cat([angles.sin(), angles.cos()], -1), (0, size % 2))


# Given the encoder's input [B,S,H] and the position ids, [B,S] or [1,S]; None: 0 to S-1.
DEPTH_SIGNALS: dict[DepthSignal, Callable[[Tensor, Tensor | None], Signal]] = {
    DepthSignal.none: NoSignal,
    DepthSignal.universal: UniversalSignal,
}
