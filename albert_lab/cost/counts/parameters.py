"""Parameters by part: how many a variant stores, and how many its layers apply (no torch)."""

from dataclasses import dataclass

from albert_lab.config.variant import ModelConfig
from albert_lab.cost.counts.weights import list_weights
from albert_lab.model.layer_map import LayerMap

LAYER_PARTS = ("attention", "attention_norm", "ffn", "ffn_norm")
OWN_PARTS = ("adapters", "lora", "final_norm")  # of the encoder, and shared by no layers
PARTS = ("embeddings", "projection", *LAYER_PARTS, *OWN_PARTS, "mlm_head", "pooler", "classifier")


@dataclass(frozen=True)
class ParameterCounts:
    """Weights by part (embeddings, projection, attention, attention_norm, ffn, ffn_norm, mlm_head, pooler, classifier).

    Unique counts each tensor once, applied a block's tensors once per layer that uses it: the weights of the same model
    without sharing. The vocabulary product reuses the embedding table, which counts once in both; a table of the
    head's own (`output_embedding_size`) counts in mlm_head. `final_norm` is there with pre-LN; `adapters`
    and `lora` are what every layer has of its own, apart from its blocks (`adapter_size`, `lora_rank`).
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
        """The unique blocks and LayerNorms of the layers, what each layer has of its own, and what follows the last."""
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
    """Counted from the tensors' shapes; the tests hold it to the model's own tensors, part by part.

    Raises:
        UserError: sizes that no model can have.
    """
    unique, applied = dict.fromkeys(PARTS, 0), dict.fromkeys(PARTS, 0)
    for weight in list_weights(config, layer_map, sentence_head):
        unique[weight.part] += weight.unique * weight.elements
        applied[weight.part] += weight.applied * weight.elements
    return ParameterCounts(unique, applied)
