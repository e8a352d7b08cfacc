"""Scaled dot-product attention (Vaswani et al., 2017, equation 1), as one fused product or step by step."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from albert_lab.errors import UserError

# (query, key, value [B,A,S,D], mask or bias that broadcasts to [B,A,S,S], dropout) -> mixed [B,A,S,D], probabilities
Attend = Callable[[Tensor, Tensor, Tensor, Tensor | None, float], tuple[Tensor, Tensor | None]]


def sdpa_attention(
    query_BASD: Tensor, key_BASD: Tensor, value_BASD: Tensor, mask: Tensor | None, dropout: float
) -> tuple[Tensor, None]:
    """PyTorch's fused kernel; it never holds all probabilities, so it can't return them.

    On a CPU that kernel has neither dropout nor a gradient for a bias, and in 16 bits it takes two to four times as
    long as plain products (forward and backward, 22 to 512 tokens; `benchmarks/README.md`): these cases use those.
    """
    bias_learns = mask is not None and mask.requires_grad
    if query_BASD.device.type == "cpu" and (dropout or bias_learns or query_BASD.dtype.itemsize == 2):
        return eager_attention(query_BASD, key_BASD, value_BASD, mask, dropout)[0], None
    mixed_BASD = functional.scaled_dot_product_attention(query_BASD, key_BASD, value_BASD, mask, dropout_p=dropout)
    return mixed_BASD, None


def eager_attention(
    query_BASD: Tensor, key_BASD: Tensor, value_BASD: Tensor, mask: Tensor | None, dropout: float
) -> tuple[Tensor, Tensor]:
    """The same in plain products, with the probabilities (after dropout, as Hugging Face returns them)."""
    scores_BASS = (query_BASD * query_BASD.shape[-1] ** -0.5) @ key_BASD.transpose(-1, -2)
    if mask is not None:
        scores_BASS = scores_BASS + as_bias(mask, scores_BASS.dtype)
    probs_BASS = functional.dropout(scores_BASS.softmax(-1), dropout)
    return probs_BASS @ value_BASD, probs_BASS


def varlen_fits(device: torch.device, dtype: torch.dtype, width: int, dropout: float) -> bool:
    """Whether `varlen_attention` can be used: FlashAttention on NVIDIA from Ampere on, 16 bits, without dropout."""
    if device.type != "cuda" or torch.version.hip or dropout or dtype.itemsize != 2:
        return False
    return width % 8 == 0 and width <= 256 and torch.cuda.get_device_capability(device) >= (8, 0)


def varlen_attention(query_BASD: Tensor, key_BASD: Tensor, value_BASD: Tensor, ends: Tensor, longest: int) -> Tensor:
    """Attention [1,A,T,D] within sequences that lie end to end, in one kernel (Dao, 2023, FlashAttention 2).

    Args:
        ends: int32 [n+1], 0 and where each of n sequences ends in the T tokens.
        longest: tokens of the longest of them.
    """
    from torch.nn.attention.varlen import varlen_attn  # loads FlashAttention's bindings

    query, key, value = (x_BASD[0].transpose(0, 1) for x_BASD in (query_BASD, key_BASD, value_BASD))  # [T,A,D], a view
    mixed_TAD = varlen_attn(query, key, value, ends, ends, longest, longest)
    assert isinstance(mixed_TAD, Tensor)
    return mixed_TAD.transpose(0, 1)[None]


ATTENTIONS: dict[str, Attend] = {"sdpa": sdpa_attention, "eager": eager_attention}


def as_bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """What to add to the scores: 0 where a bool mask is true and the lowest number where it is not."""
    if mask.dtype is not torch.bool:
        return mask.to(dtype)
    return torch.zeros_like(mask, dtype=dtype).masked_fill(~mask, torch.finfo(dtype).min)


def key_mask(attention_mask: Tensor | None, sequences: int, tokens: int) -> Tensor | None:
    """A padding mask as attention takes it.

    Args:
        attention_mask: [B,S] or [1,S], not 0 at real tokens; or [B,1,S,S] and what broadcasts to it, which passes: bool
            (true where a query may look at a key) or a number to add to the scores. None: no padding, the fastest.
        sequences, tokens: B and S.

    Raises:
        UserError: another shape.
    """
    if attention_mask is None or attention_mask.dim() == 4:
        return attention_mask
    rows, columns = attention_mask.shape if attention_mask.dim() == 2 else (None, None)
    if columns != tokens or (rows != sequences and rows != 1):
        wanted = f"[{sequences},{tokens}] or [{sequences},1,{tokens},{tokens}]"
        raise UserError(
            f"attention_mask has {attention_mask.dim()} dimensions: {list(attention_mask.shape)}; give {wanted}"
        )
    return attention_mask.bool()[:, None, None, :]
