"""The encoder: walks the layer map, layer by layer."""
# ruff: noqa: N803, N806 (a shape suffix has the paper's capital letters; legend in albert.py)

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from albert_lab.config.variant import ModelConfig
from albert_lab.model.layer_map import Layer, LayerMap
from albert_lab.model.torch.layers.adapters import LayerAdapters
from albert_lab.model.torch.layers.blocks import AttentionBlock, FeedForwardBlock
from albert_lab.model.torch.layers.depth_signal import DEPTH_SIGNALS
from albert_lab.model.torch.layers.lora import LayerLora
from albert_lab.model.torch.layers.packing import Packing
from albert_lab.model.torch.layers.residual import RESIDUALS, Residual, make_final_norm


class EncoderOutput(NamedTuple):
    last_hidden_state: Tensor  # [B,S,H]
    hidden_states: tuple[Tensor, ...] | None  # what entered the first layer, and what every layer returned
    attentions: tuple[Tensor, ...] | None  # [B,A,S,S] of every layer


class LayerParts(NamedTuple):
    """What one logical layer computes with: its blocks, which others may share, and what it owns."""

    attention: nn.Module
    attention_norm: nn.Module
    ffn: nn.Module
    ffn_norm: nn.Module
    adapters: LayerAdapters
    lora: LayerLora


Mask = Tensor | Packing | None


class Encoder(nn.Module):
    """L layers over the unique blocks of a map; a block that several layers use is one module.

    `adapters` and `lora`, which no layers share, are listed by depth.
    """

    def __init__(self, config: ModelConfig, layer_map: LayerMap) -> None:
        super().__init__()
        self.layer_map = layer_map
        self.gradient_checkpointing = False
        self._compiled: CompiledLayer | None = None
        self.make_signal = DEPTH_SIGNALS[config.depth_signal]
        self.residual = RESIDUALS[config.norm_placement](layer_map.num_layers)
        self.attention = _make_blocks(layer_map.num_attention_blocks, lambda: AttentionBlock(config))
        self.attention_norm = _make_blocks(layer_map.num_attention_norms, lambda: _make_norm(config))
        self.ffn = _make_blocks(layer_map.num_ffn_blocks, lambda: FeedForwardBlock(config))
        self.ffn_norm = _make_blocks(layer_map.num_ffn_norms, lambda: _make_norm(config))
        self.final_norm = make_final_norm(config)
        self.adapters = nn.ModuleList(LayerAdapters(config) for _ in layer_map.layers())
        self.lora = nn.ModuleList(
            LayerLora(config, self.attention[layer.attention], self.ffn[layer.ffn]) for layer in layer_map.layers()
        )

    def forward(
        self,
        x_BSH: Tensor,
        mask: Mask,
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
        run = self._run_recomputed if self.gradient_checkpointing and torch.is_grad_enabled() else self._run_layer
        signal = self.make_signal(x_BSH, position_ids)
        for depth, layer in enumerate(self.layer_map.layers()):
            x_BSH, probs_BASS = run(depth, layer, signal.add(x_BSH, depth), mask, with_attentions)
            if with_hidden_states:
                hidden_states.append(x_BSH)
            if with_attentions:
                attentions.append(probs_BASS)
        x_BSH = hidden_states[-1] = self.final_norm(x_BSH)
        return EncoderOutput(
            x_BSH, tuple(hidden_states) if with_hidden_states else None, tuple(attentions) if with_attentions else None
        )

    def compile_layers(self, cuda_graphs: bool = False) -> None:
        """Have `torch.compile` make the layers' kernels, when they first run; the weights and their names stay.

        A block is a graph's input, so that layers of one kind have one graph, whether or not they share their block.
        Dropout draws what it draws in eager code. Probabilities of attention, if asked for, come from eager code.

        Args:
            cuda_graphs: replay a layer's kernels as one; for batches of one shape, without padding to leave out. Call
                `torch.compiler.cudagraph_mark_step_begin()` before each step.
        """
        options: dict[str, Any] = {"fallback_random": True}  # as eager code draws
        graphs = {"triton.cudagraphs": True} if cuda_graphs else {}
        self._compiled = CompiledLayer(
            torch.compile(run_layer, dynamic=False, options=options | graphs),
            torch.compile(run_feed_forward, dynamic=True, options=options),
        )

    def _run_layer(
        self, depth: int, layer: Layer, x_BSH: Tensor, mask: Mask, with_probs: bool
    ) -> tuple[Tensor, Tensor]:
        parts, compiled = self._parts(depth, layer), None if with_probs else self._compiled
        if compiled is not None and not isinstance(mask, Packing):
            return compiled.whole(parts, self.residual, x_BSH, mask, with_probs)
        # Attention within sequences that lie end to end takes their lengths, other ones in every batch: not compiled.
        x_BSH, attended_BSH, probs_BASS = run_attention(parts, self.residual, x_BSH, mask, with_probs)
        rest = run_feed_forward if compiled is None else compiled.rest
        return rest(parts, self.residual, x_BSH, attended_BSH), probs_BASS

    def _parts(self, depth: int, layer: Layer) -> LayerParts:
        return LayerParts(
            self.attention[layer.attention],
            self.attention_norm[layer.attention_norm],
            self.ffn[layer.ffn],
            self.ffn_norm[layer.ffn_norm],
            cast(LayerAdapters, self.adapters[depth]),
            cast(LayerLora, self.lora[depth]),
        )

    def _run_recomputed(
        self, depth: int, layer: Layer, x_BSH: Tensor, mask: Mask, with_probs: bool
    ) -> tuple[Tensor, Tensor]:
        """The layer, keeping only its input: the backward pass runs it again, dropout included (Chen et al., 2016)."""
        return checkpoint(partial(self._run_layer, depth, layer), x_BSH, mask, with_probs, use_reentrant=False)


def run_attention(
    parts: LayerParts, residual: Residual, x_BSH: Tensor, mask: Mask, with_probs: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The stream [B,S,H], what attention adds to it, and the probabilities [B,A,S,S] if asked for."""
    x_BSH = parts.adapters.attention(x_BSH)
    read_BSH = residual.read(parts.attention_norm, x_BSH)
    return x_BSH, *parts.attention(read_BSH, mask, with_probs, parts.lora.attention)


def run_feed_forward(parts: LayerParts, residual: Residual, x_BSH: Tensor, attended_BSH: Tensor) -> Tensor:
    """The rest of a layer: the stream [B,S,H] after its feed-forward block."""
    x_BSH = parts.adapters.ffn(residual.add(parts.attention_norm, x_BSH, attended_BSH))
    output_BSH = parts.ffn(residual.read(parts.ffn_norm, x_BSH), parts.lora.ffn)
    return residual.add(parts.ffn_norm, x_BSH, output_BSH)


def run_layer(
    parts: LayerParts, residual: Residual, x_BSH: Tensor, mask: Tensor | None, with_probs: bool
) -> tuple[Tensor, Tensor]:
    x_BSH, attended_BSH, probs_BASS = run_attention(parts, residual, x_BSH, mask, with_probs)
    return run_feed_forward(parts, residual, x_BSH, attended_BSH), probs_BASS


class CompiledLayer(NamedTuple):
    # `run_layer`, a graph per shape of a padded batch: kernels don't depend on which batch came first.
    whole: Callable[..., tuple[Tensor, Tensor]]
    # `run_feed_forward`, one graph for any number of tokens that lie end to end; CUDA graphs are of one shape each.
    rest: Callable[..., Tensor]


def _make_blocks(count: int, make: Callable[[], nn.Module]) -> nn.ModuleList:
    return nn.ModuleList(make() for _ in range(count))


def _make_norm(config: ModelConfig) -> nn.LayerNorm:
    return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
