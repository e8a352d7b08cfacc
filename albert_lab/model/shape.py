"""What a model's sizes imply and which are impossible (no torch)."""

from albert_lab.config.errors import UserError
from albert_lab.config.schema import ModelConfig, ProjectionRule
from albert_lab.model.layer_map import LayerMap

SIZES = (
    "vocab_size",
    "embedding_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
PROBABILITIES = ("hidden_dropout_prob", "attention_probs_dropout_prob")


def has_projection(config: ModelConfig) -> bool:
    """Whether an E -> H projection exists: Google's code makes one only where E != H, Hugging Face's always."""
    return config.embedding_projection is ProjectionRule.always or config.embedding_size != config.hidden_size


def check_model_shape(config: ModelConfig, layer_map: LayerMap) -> None:
    """Refuse a model that can't be built.

    Raises:
        UserError: a size below 1, a dropout that is no probability, heads that do not divide H, or another depth
            in the layer map than in the configuration.
    """
    for name in SIZES:
        _check_size(name, getattr(config, name))
    for name in PROBABILITIES:
        _check_probability(name, getattr(config, name))
    _check_heads(config.hidden_size, config.num_attention_heads)
    if layer_map.num_layers != config.num_hidden_layers:
        raise UserError(
            f"model.num_hidden_layers={config.num_hidden_layers} and the layer map has {layer_map.num_layers} layers; "
            f"make the map for {config.num_hidden_layers}"
        )


def _check_size(name: str, value: int) -> None:
    if value < 1:
        raise UserError(f"model.{name}={value} is no size; nearest 1")


def _check_probability(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise UserError(f"model.{name}={value} is no probability; nearest {min(max(value, 0.0), 1.0)}")


def _check_heads(hidden_size: int, heads: int) -> None:
    if hidden_size % heads:
        multiple = max(round(hidden_size / heads), 1) * heads
        raise UserError(f"model.hidden_size={hidden_size} is not divisible by {heads} heads; nearest {multiple}")
