"""Our parameters under the names of Hugging Face's `AlbertForPreTraining`, one to one, both ways.

Without a sentence head the names are those of `AlbertForMaskedLM`, which has no pooler.
"""

from collections.abc import Mapping

from torch import Tensor

from albert_lab.config.errors import UserError
from albert_lab.config.schema import ModelConfig
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.pretraining import PretrainingModel
from albert_lab.model.shape import has_projection

EMBEDDINGS = {
    "backbone.embeddings.word": "albert.embeddings.word_embeddings",
    "backbone.embeddings.position": "albert.embeddings.position_embeddings",
    "backbone.embeddings.token_type": "albert.embeddings.token_type_embeddings",
}
MODULES = {
    "backbone.embeddings.norm": "albert.embeddings.LayerNorm",
    "backbone.embeddings.projection": "albert.encoder.embedding_hidden_mapping_in",
    "mlm_head.dense": "predictions.dense",
    "mlm_head.norm": "predictions.LayerNorm",
}
SENTENCE_MODULES = {
    "sentence_head.pooler": "albert.pooler",
    "sentence_head.classifier": "sop_classifier.classifier",
}
BLOCK_MODULES = {  # {} is the block's id, which is Hugging Face's group
    "backbone.encoder.attention.{}.query": "attention.query",
    "backbone.encoder.attention.{}.key": "attention.key",
    "backbone.encoder.attention.{}.value": "attention.value",
    "backbone.encoder.attention.{}.output": "attention.dense",
    "backbone.encoder.attention_norm.{}": "attention.LayerNorm",
    "backbone.encoder.ffn.{}.intermediate": "ffn",
    "backbone.encoder.ffn.{}.output": "ffn_output",
    "backbone.encoder.ffn_norm.{}": "full_layer_layer_norm",
}
COPIES = {  # names that Hugging Face may store beside ours: the tied decoder, and a buffer of old checkpoints
    "predictions.decoder.weight",
    "predictions.decoder.bias",
    "albert.embeddings.position_ids",
}


def hf_num_hidden_groups(layer_map: LayerMap) -> int:
    """The `num_hidden_groups` that gives Hugging Face's model this layer map.

    Raises:
        UserError: the map is not one of runs of neighbouring layers that share everything, cut where Hugging Face cuts.
    """
    layers, groups = layer_map.num_layers, layer_map.num_ffn_blocks
    # Hugging Face's formula, in floats as there: it differs from i*G//L where G does not divide L (first: L=18, G=14)
    hf_ids = tuple(int(layer / (layers / groups)) for layer in range(layers))
    for kind in ("attention", "ffn", "attention_norm", "ffn_norm"):
        ids = getattr(layer_map, kind)
        if ids != hf_ids:
            raise UserError(
                f"sharing.{kind}={list(ids)} cannot be written for Hugging Face, whose layers share attention, "
                f"feed-forward and LayerNorms together in groups; nearest {list(hf_ids)} for all four"
            )
    return groups


def hf_name_map(config: ModelConfig, layer_map: LayerMap, sentence_head: bool = True) -> dict[str, str]:
    """Our parameter names -> Hugging Face's.

    Raises:
        UserError: Hugging Face's model can't express the layer map, or has a projection where ours has none.
    """
    if not has_projection(config):
        raise UserError(
            f"model.embedding_projection=if_needed makes no projection at E = H = {config.hidden_size}, and "
            "Hugging Face's model always has one; set model.embedding_projection=always"
        )
    modules = MODULES | (SENTENCE_MODULES if sentence_head else {})
    for group in range(hf_num_hidden_groups(layer_map)):
        prefix = f"albert.encoder.albert_layer_groups.{group}.albert_layers.0"
        modules |= {ours.format(group): f"{prefix}.{theirs}" for ours, theirs in BLOCK_MODULES.items()}
    names = {f"{ours}.weight": f"{theirs}.weight" for ours, theirs in (EMBEDDINGS | modules).items()}
    names |= {f"{ours}.bias": f"{theirs}.bias" for ours, theirs in modules.items()}
    return names | {"mlm_head.bias": "predictions.bias"}


def to_hf_state_dict(model: PretrainingModel) -> dict[str, Tensor]:
    """The model's state under Hugging Face's names; the tied decoder is left out, as `save_pretrained` does.

    Raises:
        UserError: Hugging Face's model can't express this variant.
    """
    names = hf_name_map(model.config, model.layer_map, model.sentence_head is not None)
    return {names[ours]: tensor for ours, tensor in model.state_dict().items()}


def from_hf_state_dict(
    hf_state: Mapping[str, Tensor], config: ModelConfig, layer_map: LayerMap, sentence_head: bool = True
) -> dict[str, Tensor]:
    """A Hugging Face state under our names, for `PretrainingModel.load_state_dict`.

    Raises:
        UserError: Hugging Face's model can't express this variant, or the state is of another variant.
    """
    names = hf_name_map(config, layer_map, sentence_head)
    wanted = set(names.values())
    missing, unknown = sorted(wanted - set(hf_state)), sorted(set(hf_state) - wanted - COPIES)
    if missing or unknown:
        raise UserError(
            f"the checkpoint lacks {missing or 'nothing'} and has {unknown or 'nothing'} besides; "
            "build the model with the checkpoint's own groups and heads"
        )
    return {ours: hf_state[theirs] for ours, theirs in names.items()}
