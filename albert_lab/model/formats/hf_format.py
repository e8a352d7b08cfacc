"""Hugging Face's checkpoint format: which variants it can express, and our parameters under its names, one to one.

Outside the layers the names are the same, but for the projection; in a layer Hugging Face puts attention, feed-forward
block and LayerNorms together, in inner layers of groups.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from albert_lab.config.variant import DepthSignal, NormPlacement, PositionEmbedding
from albert_lab.errors import UserError
from albert_lab.model.configuration import AlbertConfig, layer_map_of_groups
from albert_lab.model.layer_map import HfLayout, hf_layout
from albert_lab.model.shape import has_projection

PREFIX = "albert."  # of the shared part, in a model with a head
PROJECTION = ("embeddings.projection", "encoder.embedding_hidden_mapping_in")
IN_A_LAYER = {
    "attention.query": "attention.query",
    "attention.key": "attention.key",
    "attention.value": "attention.value",
    "attention.output": "attention.dense",
    "attention.relative.distance_embedding": "attention.distance_embedding",
    "attention_norm": "attention.LayerNorm",
    "ffn.intermediate": "ffn",
    "ffn.output": "ffn_output",
    "ffn_norm": "full_layer_layer_norm",
}
_BLOCK = re.compile(r"encoder\.(attention|attention_norm|ffn|ffn_norm)\.(\d+)(?:\.(.+))?\.(weight|bias)")
HINT = "; `albert-lab export RUN FOLDER --unroll` writes an equal model with a group per layer"


class Limit(NamedTuple):
    field: str  # of the configuration
    value: Any  # the only one that Hugging Face's model has
    why: str


LIMITS = (
    Limit("norm_placement", NormPlacement.post, "its LayerNorms follow the sum"),
    Limit("depth_signal", DepthSignal.none, "nothing is added between its layers"),
    Limit(
        "position_embedding_type",
        PositionEmbedding.absolute,
        "transformers 5 has dropped all others and would compute something else without a word",
    ),
    Limit("adapter_size", 0, "its layers have no adapters, and no other weights equal them"),
    Limit("output_embedding_size", None, "its output table is as wide as its word embeddings"),
)


def hf_config(config: AlbertConfig) -> AlbertConfig:
    """The configuration with the groups that express its layer map.

    Raises:
        UserError: Hugging Face's model can't express the variant; the message says what stands in the way.
    """
    if config.output_embedding_size == config.embedding_size:  # `tie_word_embeddings=False` says that
        config = config.with_changes(output_embedding_size=None)
    _check_limits(config)
    if config.lora_rank:
        raise UserError(f"model.lora_rank={config.lora_rank} gives layers weights on top of their groups'{HINT}")
    if not has_projection(config):
        raise UserError(
            f"model.embedding_projection=if_needed makes no projection at E = H = {config.hidden_size}, and "
            f"Hugging Face's model always has one; set model.embedding_projection=always{HINT}"
        )
    layers, groups, inner = _layout(config)
    changes = {"num_hidden_layers": layers, "num_hidden_groups": groups, "inner_group_num": inner}
    return config.with_changes(**changes)


def _check_limits(config: AlbertConfig) -> None:
    for field, value, why in LIMITS:
        if getattr(config, field) != value:
            raise UserError(
                f"model.{field}={getattr(config, field)} can't be written for Hugging Face: {why}; only "
                f"{'null' if value is None else value} can, and save_pretrained writes the lab's own format"
            )


def hf_names(config: AlbertConfig, names: Iterable[str]) -> dict[str, str]:
    """Our parameter names -> Hugging Face's, of any of the model classes.

    Raises:
        UserError: Hugging Face's model can't express the layer map.
    """
    inner = _layout(config).inner_group_num
    return {name: _hf_name(name, inner) for name in names}


def has_hf_names(names: Iterable[str]) -> bool:
    """Whether these are Hugging Face's names of a model's parameters and not ours."""
    return any("encoder.albert_layer_groups." in name for name in names)


def _layout(config: AlbertConfig) -> HfLayout:
    """The configuration's own where it says the map: several can, and a checkpoint has the names of its own."""
    if config.layer_map == layer_map_of_groups(config):
        return HfLayout(config.num_hidden_layers, config.num_hidden_groups, config.inner_group_num)
    return hf_layout(config.layer_map)


def _hf_name(name: str, inner: int) -> str:
    prefix = PREFIX if name.startswith(PREFIX) else ""
    own = name.removeprefix(PREFIX).replace(*PROJECTION)
    block = _BLOCK.fullmatch(own)
    if block is None:
        return prefix + own
    kind, id, module, tensor = block.groups()
    group, layer = divmod(int(id), inner)
    theirs = IN_A_LAYER[f"{kind}.{module}" if module else kind]
    return f"{prefix}encoder.albert_layer_groups.{group}.albert_layers.{layer}.{theirs}.{tensor}"
