"""Parameters by part: how many a variant stores, and how many its layers apply."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from albert_lab.config.schema import ModelConfig
from albert_lab.model.albert import AlbertForPreTraining
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import LayerMap

LAYER_PARTS = ("attention", "attention_norm", "ffn", "ffn_norm")
OWN_PARTS = ("adapters", "lora", "final_norm")  # of the encoder, and shared by no layers


@dataclass(frozen=True)
class ParameterCounts:
    """Weights by part (embeddings, projection, attention, attention_norm, ffn, ffn_norm, mlm_head, pooler, classifier).

    Unique counts each tensor once, applied a block's tensors once per layer that uses it: the weights of the same model
    without sharing. The vocabulary product reuses the embedding table, which counts once in both; a table of the
    head's own (`output_embedding_size`) counts in mlm_head. `final_norm` is there with pre-LN; `adapters`
    and `lora` are what every layer owns beside its blocks (`adapter_size`, `lora_rank`).
    """

    by_part: dict[str, int]  # unique
    applied_by_part: dict[str, int]

    @property
    def unique(self) -> int:
        """All that is stored and trained: backbone, pooler and heads."""
        return sum(self.by_part.values())

    @property
    def applied(self) -> int:
        return sum(self.applied_by_part.values())

    @property
    def encoder(self) -> int:
        """The unique blocks and LayerNorms of the layers, what each layer owns besides, and what follows the last."""
        return sum(self.by_part[part] for part in (*LAYER_PARTS, *OWN_PARTS))

    @property
    def backbone(self) -> int:
        """Embeddings, projection and encoder: the paper's figure for unshared models (table 4: 89M at E = 128)."""
        return self.by_part["embeddings"] + self.by_part["projection"] + self.encoder

    @property
    def backbone_with_pooler(self) -> int:
        """With the pooler of the sentence head: the paper's figure for shared models (table 1: 12M for base)."""
        return self.backbone + self.by_part["pooler"]


def count_parameters(config: ModelConfig, layer_map: LayerMap, sentence_head: bool = True) -> ParameterCounts:
    """Counted on the model itself, built on the meta device, by the identity of its tensors.

    Raises:
        UserError: sizes that no model can have.
    """
    with torch.device("meta"):
        model = AlbertForPreTraining(AlbertConfig.of(config, layer_map), add_sentence_head=sentence_head)
    counts = ParameterCounts(_unique(model), _applied(model))
    assert counts.unique == _numel([model]), "a tensor belongs to no part, or to two"
    return counts


def _unique(model: AlbertForPreTraining) -> dict[str, int]:
    encoder = model.albert.encoder
    return _outside_layers(model) | {part: _numel(getattr(encoder, part)) for part in LAYER_PARTS}


def _applied(model: AlbertForPreTraining) -> dict[str, int]:
    encoder = model.albert.encoder
    return _outside_layers(model) | {
        part: sum(_numel([getattr(encoder, part)[block]]) for block in getattr(encoder.layer_map, part))
        for part in LAYER_PARTS
    }


def _outside_layers(model: AlbertForPreTraining) -> dict[str, int]:
    """The parts that are applied once, a layer's own weights among them."""
    embeddings = model.albert.embeddings
    projection = _numel([embeddings.projection])
    return {
        "embeddings": _numel([embeddings]) - projection,
        "projection": projection,
        "mlm_head": _numel([model.predictions]),
        "pooler": _numel([model.albert.pooler]),
        "classifier": _numel([model.sop_classifier]),
    } | {part: _numel([getattr(model.albert.encoder, part)]) for part in OWN_PARTS}


def _numel(modules: Iterable[nn.Module | None]) -> int:
    """Elements of the distinct parameters of some modules."""
    parameters = {id(p): p for module in modules if module is not None for p in module.parameters()}
    return sum(parameter.numel() for parameter in parameters.values())
