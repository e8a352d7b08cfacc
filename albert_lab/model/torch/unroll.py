"""Unrolling: an equal model in which every layer owns its weights, which Hugging Face's format can express."""

from copy import deepcopy
from typing import TypeVar

import torch
from torch import nn

from albert_lab.config.variant import ProjectionRule
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.formats.hf_format import hf_config
from albert_lab.model.layer_map import unshare
from albert_lab.model.torch.albert import AlbertModel
from albert_lab.model.torch.layers.encoder import Encoder
from albert_lab.model.torch.layers.layer_weights import KINDS, layer_weights
from albert_lab.model.torch.pretrained_model import AlbertPreTrainedModel

Model = TypeVar("Model", bound=AlbertPreTrainedModel)


@torch.no_grad()
def unroll_model(model: Model) -> Model:
    """A copy with equal outputs and a group for every logical layer, per-depth LoRA merged into the weights.

    Where E = H needs no projection it gets the identity, since Hugging Face's model always has one. Nothing of the
    copy is shared with the model, in memory or between layers: L layers take the memory of L blocks.

    Raises:
        UserError: an option that Hugging Face's model has no weights for (`hf_format.LIMITS`).
    """
    config = unroll_config(model.config)
    hf_config(config)
    copy = deepcopy(model)
    base = copy.base_model
    assert isinstance(base, AlbertModel)
    copy.config = base.config = config
    base.encoder = _copy_with_own_blocks(base.encoder, config)
    if base.embeddings.projection is None:
        base.embeddings.projection = _make_identity(config.hidden_size, copy)
    copy.set_attn_implementation(config.attn_implementation)
    return copy


def unroll_config(config: AlbertConfig) -> AlbertConfig:
    """The configuration of `unroll_model`: a group per logical layer, a projection, no LoRA."""
    layer_map = unshare(config.layer_map)
    changes = {
        "layer_map": layer_map,
        "num_hidden_layers": layer_map.num_layers,
        "num_hidden_groups": layer_map.num_layers,
        "inner_group_num": 1,
        "embedding_projection": ProjectionRule.always,
        "lora_rank": 0,
        "lora_bias": False,
    }
    return config.with_changes(**changes)


def _copy_with_own_blocks(encoder: Encoder, config: AlbertConfig) -> Encoder:
    """The encoder of that configuration, every layer with the weights that it applies in this one."""
    with torch.device("meta"):
        copy = Encoder(config, config.layer_map)
    state = {
        f"{kind}.{depth}.{name}": tensor.clone()
        for kind in KINDS
        for depth, weights in enumerate(layer_weights(encoder, kind))
        for name, tensor in weights.items()
    }
    copy.load_state_dict(state, assign=True)
    copy.gradient_checkpointing = encoder.gradient_checkpointing
    return copy.train(encoder.training)


def _make_identity(size: int, model: AlbertPreTrainedModel) -> nn.Linear:
    projection = nn.Linear(size, size, device=model.device, dtype=model.dtype)
    nn.init.eye_(projection.weight)
    nn.init.zeros_(projection.bias)
    return projection.train(model.training)
