"""The encoder: walks the layer map, layer by layer."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from albert_lab.config.variant import ModelConfig
from albert_lab.model.adapters import LayerAdapters
from albert_lab.model.blocks import AttentionBlock, FeedForwardBlock
from albert_lab.model.depth_signal import DEPTH_SIGNALS
from albert_lab.model.layer_map import Layer, LayerMap
from albert_lab.model.lora import LayerLora
from albert_lab.model.packing import Packing
from albert_lab.model.residual import RESIDUALS, final_norm


class EncoderOutput(NamedTuple):
    last_hidden_state: Tensor  # [B,S,H]
    hidden_states: tuple[Tensor, ...] | None  # what entered the first layer, and what every layer returned
    attentions: tuple[Tensor, ...] | None  # [B,A,S,S] of every layer


class Encoder(nn.Module):
    """L layers over the unique blocks of a map; a block that several layers use is one module.

    What a layer owns besides, `adapters` and `lora`, is listed by depth.
    """

    def __init__(self, config: ModelConfig, layer_map: LayerMap) -> None:
        super().__init__()
        self.layer_map = layer_map
        self.gradient_checkpointing = False
        self.depth_signal = DEPTH_SIGNALS[config.depth_signal]
        self.residual = RESIDUALS[config.norm_placement](layer_map.num_layers)
        self.attention = _blocks(layer_map.num_attention_blocks, lambda: AttentionBlock(config))
        self.attention_norm = _blocks(layer_map.num_attention_norms, lambda: _norm(config))
        self.ffn = _blocks(layer_map.num_ffn_blocks, lambda: FeedForwardBlock(config))
        self.ffn_norm = _blocks(layer_map.num_ffn_norms, lambda: _norm(config))
        self.final_norm = final_norm(config)
        self.adapters = nn.ModuleList(LayerAdapters(config) for _ in layer_map.layers())
        self.lora = nn.ModuleList(
            LayerLora(config, self.attention[layer.attention], self.ffn[layer.ffn]) for layer in layer_map.layers()
        )

    def forward(
        self,
        x_BSH: Tensor,
        mask: Tensor | Packing | None,
        with_hidden_states: bool = False,
        with_attentions: bool = False,
        position_ids: Tensor | None = None,
    ) -> EncoderOutput:
        """Runs every layer on `x` [B,S,H].

        Args:
            mask: of `attention.key_mask`; or the packing of sequences that lie end to end in x [1,T,H].
            position_ids: [B,S] or [1,S], for a depth signal; None: 0 to S-1.
        """
        hidden_states, attentions = [x_BSH], []
        run = self._recomputed if self.gradient_checkpointing and torch.is_grad_enabled() else self._layer
        add_signal = self.depth_signal(x_BSH, position_ids)
        for depth, layer in enumerate(self.layer_map.layers()):
            x_BSH, probs_BASS = run(depth, layer, add_signal(x_BSH, depth), mask, with_attentions)
            if with_hidden_states:
                hidden_states.append(x_BSH)
            if with_attentions:
                attentions.append(probs_BASS)
        x_BSH = hidden_states[-1] = self.final_norm(x_BSH)
        return EncoderOutput(
            x_BSH, tuple(hidden_states) if with_hidden_states else None, tuple(attentions) if with_attentions else None
        )

    def _layer(
        self, depth: int, layer: Layer, x_BSH: Tensor, mask: Tensor | Packing | None, with_probs: bool
    ) -> tuple[Tensor, Tensor]:
        attention_norm, ffn_norm = self.attention_norm[layer.attention_norm], self.ffn_norm[layer.ffn_norm]
        adapters, lora = cast(LayerAdapters, self.adapters[depth]), cast(LayerLora, self.lora[depth])
        read, add = self.residual
        x_BSH = adapters.attention(x_BSH)
        attended_BSH, probs_BASS = self.attention[layer.attention](
            read(attention_norm, x_BSH), mask, with_probs, lora.attention
        )
        x_BSH = adapters.ffn(add(attention_norm, x_BSH, attended_BSH))
        x_BSH = add(ffn_norm, x_BSH, self.ffn[layer.ffn](read(ffn_norm, x_BSH), lora.ffn))
        return x_BSH, probs_BASS

    def _recomputed(
        self, depth: int, layer: Layer, x_BSH: Tensor, mask: Tensor | Packing | None, with_probs: bool
    ) -> tuple[Tensor, Tensor]:
        """The layer, keeping only its input: the backward pass runs it again, dropout included (Chen et al., 2016)."""
        return checkpoint(partial(self._layer, depth, layer), x_BSH, mask, with_probs, use_reentrant=False)


def _blocks(count: int, make: Callable[[], nn.Module]) -> nn.ModuleList:
    return nn.ModuleList(make() for _ in range(count))


def _norm(config: ModelConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
