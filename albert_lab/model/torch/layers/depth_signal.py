"""What is added to the hidden states before every layer, so that a shared block knows where and how deep it is."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

import math
from collections.abc import Callable

import torch
from torch import Tensor

from albert_lab.config.variant import DepthSignal

LONGEST_PERIOD = 1e4  # of the slowest sinusoid, over 2 pi

AddSignal = Callable[[Tensor, int], Tensor]  # (x [B,S,H], depth from 0) -> what enters that layer
# (x [B,S,H], position ids [B,S] or [1,S] or None) -> what adds the signal
Signal = Callable[[Tensor, Tensor | None], AddSignal]


def no_signal(x_BSH: Tensor, position_ids: Tensor | None) -> AddSignal:
    return lambda x_BSH, depth: x_BSH


def universal_signal(x_BSH: Tensor, position_ids: Tensor | None) -> AddSignal:
    """Sinusoids of position and of depth, added before every layer (Dehghani et al., arXiv 1807.03819, equation 5).

    As in tensor2tensor, universal_transformer_util.py: `step_preprocess` with both signals on, sinusoidal, and steps
    that count from 0. No weights, so any length and depth.
    """
    if position_ids is None:
        position_ids = torch.arange(x_BSH.shape[1], device=x_BSH.device)[None]
    precise = torch.promote_types(x_BSH.dtype, torch.float32)  # bfloat16 can't tell positions above 256 apart
    positions_BSH = sinusoids(position_ids, x_BSH.shape[-1], precise)

    def add(x_BSH: Tensor, depth: int) -> Tensor:
        step_H = sinusoids(torch.tensor(depth, device=x_BSH.device), x_BSH.shape[-1], precise)
        return x_BSH + (positions_BSH + step_H).to(x_BSH.dtype)

    return add


def sinusoids(at: Tensor, size: int, dtype: torch.dtype) -> Tensor:
    """[..., size] for integers `at`: sines, then cosines, of periods from 2 pi to 2 pi 10,000; an odd size ends in 0.

    tensor2tensor, common_attention.py, `get_timing_signal_1d`.
    """
    count = size // 2
    step = math.log(LONGEST_PERIOD) / max(count - 1, 1)
    rates = torch.exp(torch.arange(count, dtype=dtype, device=at.device) * -step)
    angles = at.to(dtype)[..., None] * rates
    return torch.nn.functional.pad(torch.cat([angles.sin(), angles.cos()], -1), (0, size % 2))


DEPTH_SIGNALS: dict[DepthSignal, Signal] = {
    DepthSignal.none: no_signal,
    DepthSignal.universal: universal_signal,
}
