"""Only real tokens: the sequences of a batch end to end, without padding."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

from typing import NamedTuple

from torch import Tensor

# What attention to one sequence by itself costs beside its arithmetic, there and back, in FLOPs of the same time: about
# 0.1 ms on a CPU core of 50 GFLOP/s. A constant and no measurement, so that the same batch is computed the same way.
SEQUENCE_FLOPS = 5e6
LAYER_FLOPS = 3 * 2 * 12  # of a layer per token, times H^2: four products of H x H and two of H x 4H, there and back


class Packing(NamedTuple):
    """Where the T real tokens of a batch of B x S places lie; T is the sum of the lengths."""

    places: Tensor  # index into the B*S places, sequence by sequence
    lengths: tuple[int, ...]  # real tokens of every sequence
    shape: tuple[int, int]  # B, S

    def packed(self, x: Tensor | None) -> Tensor | None:
        """The real tokens [1,T,...] of x [B,S,...] or [1,S,...]; None stays None."""
        if x is None:
            return None
        return x.expand(*self.shape, *x.shape[2:]).flatten(0, 1).index_select(0, self.places)[None]

    def padded(self, x: Tensor) -> Tensor:
        """[B,S,...] with 0 where there is padding, from [1,T,...]."""
        batch, length = self.shape
        out = x.new_zeros(batch * length, *x.shape[2:])
        return out.index_copy(0, self.places, x[0]).unflatten(0, self.shape)

    def pays(self, hidden_size: int) -> bool:
        """Whether leaving out the padding saves more than attending to every sequence by itself costs."""
        batch, length = self.shape
        saved = (batch * length - len(self.places)) * LAYER_FLOPS * hidden_size**2
        return saved > batch * SEQUENCE_FLOPS

    @property
    def positions(self) -> Tensor:
        """The place of every token in its row, [1,T]."""
        return (self.places % self.shape[1])[None]


def packing_of(attention_mask_BS: Tensor) -> Packing:
    """How to leave out what the mask calls padding.

    The lengths are read on the CPU, so a mask on another device costs a wait for it.
    """
    mask_BS = attention_mask_BS.bool()
    batch, length = mask_BS.shape
    return Packing(mask_BS.flatten().nonzero().squeeze(1), tuple(mask_BS.sum(1).tolist()), (batch, length))
