"""Small variants: sizes of a few thousand weights, and a model of a configuration and a scheme."""

from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.model.configuration import AlbertConfig
from albert_lab.model.layer_map import make_layer_map
from albert_lab.model.torch.albert import AlbertForPreTraining

TINY = {
    "vocab_size": 50,
    "embedding_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 6,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 12,
}


def build(config: ModelConfig, scheme: str = "all") -> AlbertForPreTraining:
    return AlbertForPreTraining(
        AlbertConfig.of(config, make_layer_map(SharingConfig(scheme), config.num_hidden_layers))
    )
