"""The two kinds of block that layers share or own: attention and feed-forward, each without its LayerNorm."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

import torch
from torch import Tensor, nn

from albert_lab.config.variant import ModelConfig
from albert_lab.model.torch.layers.activations import ACTIVATIONS
from albert_lab.model.torch.layers.attention import (
    ATTENTIONS,
    eager_attention,
    sdpa_attention,
    varlen_attention,
    varlen_fits,
)
from albert_lab.model.torch.layers.linear import Linear
from albert_lab.model.torch.layers.lora import apply_linear
from albert_lab.model.torch.layers.packing import Packing
from albert_lab.model.torch.layers.relative import RELATIVE, RelativePositions


class AttentionBlock(nn.Module):
    """Bidirectional multi-head self-attention; D = H/A is the width of a head."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.num_heads = config.num_attention_heads
        self.probs_dropout = config.attention_probs_dropout_prob
        self.attend = ATTENTIONS["sdpa"]
        self.query = Linear(size, size)
        self.key = Linear(size, size)
        self.value = Linear(size, size)
        self.output = Linear(size, size)
        self.relative = RelativePositions(config) if config.position_embedding_type in RELATIVE else None
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self, x_BSH: Tensor, mask: Tensor | Packing | None, with_probs: bool = False, lora: nn.ModuleDict | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """What attention adds to `x` [B,S,H], and the probabilities [B,A,S,S] if asked for (that takes plain products).

        The mask is `attention.key_mask`'s; a packing stands for sequences [1,T,H] that lie end to end.
        """
        query_BASD, key_BASD, value_BASD = (
            self._split_heads(apply_linear(self, name, x_BSH, lora)) for name in ("query", "key", "value")
        )
        mixed_BASD, probs_BASS = self._mix_values(query_BASD, key_BASD, value_BASD, mask, with_probs)
        return self.dropout(apply_linear(self, "output", mixed_BASD.transpose(1, 2).flatten(2), lora)), probs_BASS

    def _mix_values(
        self, query_BASD: Tensor, key_BASD: Tensor, value_BASD: Tensor, mask: Tensor | Packing | None, with_probs: bool
    ) -> tuple[Tensor, Tensor | None]:
        if isinstance(mask, Packing):
            if self.attends_at_once(query_BASD.device, query_BASD.dtype):
                return varlen_attention(query_BASD, key_BASD, value_BASD, mask.ends, max(mask.lengths)), None
            split = (x.split(mask.lengths, dim=2) for x in (query_BASD, key_BASD, value_BASD))
            mixed = [self._mix_values(q, k, v, None, False)[0] for q, k, v in zip(*split, strict=True)]
            return torch.cat(mixed, dim=2), None
        bias = mask if self.relative is None else self.relative(query_BASD, key_BASD, mask)
        attend = eager_attention if with_probs else self.attend
        return attend(query_BASD, key_BASD, value_BASD, bias, self._current_dropout)

    def attends_at_once(self, device: torch.device, dtype: torch.dtype) -> bool:
        """Whether sequences that lie end to end need no loop over them: one kernel takes them all."""
        width = self.query.out_features // self.num_heads
        plain = self.relative is None and self.attend is sdpa_attention
        return plain and varlen_fits(device, dtype, width, self._current_dropout)

    @property
    def _current_dropout(self) -> float:
        return self.probs_dropout if self.training else 0.0

    def _split_heads(self, x_BSH: Tensor) -> Tensor:
        return x_BSH.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)


class FeedForwardBlock(nn.Module):
    """H -> intermediate size -> H; the dropout after it is Google's, Hugging Face leaves it out."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.intermediate = Linear(config.hidden_size, config.intermediate_size)
        self.activation = ACTIVATIONS[config.hidden_act]
        self.output = Linear(config.intermediate_size, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob if config.ffn_dropout else 0.0)

    def forward(self, x_BSH: Tensor, lora: nn.ModuleDict | None = None) -> Tensor:
        """What the block adds to `x` [B,S,H]; `lora` as in attention."""
        inner = self.activation(apply_linear(self, "intermediate", x_BSH, lora))
        return self.dropout(apply_linear(self, "output", inner, lora))
