"""What a model's sizes imply and which are impossible (no torch)."""

from albert_lab.config.check import check_model
from albert_lab.config.training import TaskConfig
from albert_lab.config.variant import ModelConfig, ProjectionRule
from albert_lab.errors import UserError
from albert_lab.model.layer_map import LayerMap


def has_projection(config: ModelConfig) -> bool:
    """Whether an E -> H projection exists: Google's code makes one only where E != H, Hugging Face's always."""
    return config.embedding_projection is ProjectionRule.always or config.embedding_size != config.hidden_size


def output_width(config: ModelConfig) -> int:
    """The width at which words are predicted: of the word embeddings, or of a table of the head's own (RemBERT)."""
    return config.output_embedding_size or config.embedding_size


def check_length(seq_length: int, longest: int) -> None:
    """Raises: UserError where a sequence has more tokens than the model has positions."""
    if seq_length > longest:
        raise UserError(
            f"a sequence of {seq_length} tokens is longer than model.max_position_embeddings={longest}; "
            f"cut it to {longest} tokens or build the model with {seq_length}"
        )


def find_length(task: TaskConfig, model: ModelConfig) -> int:
    """Tokens of a task's sequence, at most. Raises: UserError where the model has fewer positions."""
    length = task.max_seq_length or model.max_position_embeddings
    if length > model.max_position_embeddings:
        raise UserError(
            f"task.max_seq_length={length} is longer than the model's max_position_embeddings="
            f"{model.max_position_embeddings}; nearest: {model.max_position_embeddings}"
        )
    return length


def check_model_shape(config: ModelConfig, layer_map: LayerMap) -> None:
    """Refuse a model that can't be built, however it was configured; a run's settings have their own, earlier check.

    Raises:
        UserError: a size that no model can have, or a layer map whose depth is not a multiple of the configuration's.
    """
    check_model(config)
    layers = config.num_hidden_layers
    if layer_map.num_layers % layers:  # L*K where a group has K inner blocks
        raise UserError(
            f"model.num_hidden_layers={layers} and the layer map has {layer_map.num_layers} layers; "
            f"make the map for {layers}, or for a multiple of it (sharing.inner_group_num)"
        )
