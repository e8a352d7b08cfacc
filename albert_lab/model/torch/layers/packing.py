"""Only real tokens: the sequences of a batch end to end, without padding."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from albert_lab.model.torch.layers.linear import ROWS

# What attention to one sequence by itself costs on top of its arithmetic, forward and backward, as FLOPs that take the
# same time: about 0.1 ms on a CPU core of 50 GFLOP/s. A constant, not a measurement, so that a batch is always computed
# the same way.
SEQUENCE_FLOPS = 5e6
# Of a layer per token, times H^2, forward and backward: four products of H x H and two of H x 4H.
LAYER_FLOPS = 3 * 2 * 12


class Packing(NamedTuple):
    """Where the real tokens of a padded batch [B,S] are.

    Up to 31 copies of the first token follow them, as sequences of their own, so that T is a multiple of `ROWS`.
    """

    indices: Tensor  # [T] into the B*S tokens, sequence by sequence
    lengths: tuple[int, ...]  # tokens of every sequence; T is their sum
    ends: Tensor  # int32 [sequences+1]: 0, and where each ends
    num_real: int  # tokens without the copies
    shape: tuple[int, int]  # B, S

    def pack(self, x: Tensor | None) -> Tensor | None:
        """The tokens [1,T,...] of x [B,S,...] or [1,S,...]; None stays None."""
        if x is None:
            return None
        return x.expand(*self.shape, *x.shape[2:]).flatten(0, 1).index_select(0, self.indices)[None]

    def unpack(self, x: Tensor) -> Tensor:
        """[B,S,...] with 0 where there is padding, from [1,T,...]."""
        batch, length = self.shape
        out = x.new_zeros(batch * length, *x.shape[2:])
        return out.index_copy(0, self.indices[: self.num_real], x[0, : self.num_real]).unflatten(0, self.shape)

    def saves_time(self, hidden_size: int) -> bool:
        """Whether leaving out the padding saves more than attending to every sequence by itself costs.

        On a GPU one kernel attends to them all, and any padding is worth leaving out.
        """
        batch, length = self.shape
        if self.indices.is_cuda:
            return len(self.indices) < batch * length
        saved = (batch * length - len(self.indices)) * LAYER_FLOPS * hidden_size**2
        return saved > batch * SEQUENCE_FLOPS

    @property
    def position_ids(self) -> Tensor:
        """The position of every token in its row, [1,T]."""
        return (self.indices % self.shape[1])[None]


def make_packing(attention_mask_BS: Tensor) -> Packing:
    """How to leave out what the mask calls padding.

    The lengths are read on the CPU, so a mask on another device costs a wait for it.
    """
    mask_BS = attention_mask_BS.bool()
    batch, length = mask_BS.shape
    indices, lengths = mask_BS.flatten().nonzero().squeeze(1), mask_BS.sum(1).tolist()
    filler = -len(indices) % ROWS
    fillers = [min(length, filler - start) for start in range(0, filler, length)]  # no longer than a sequence may be
    lengths += fillers
    ends = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32).to(mask_BS.device, non_blocking=True)
    return Packing(pad(indices, (0, filler)), tuple(lengths), ends, len(indices), (batch, length))
