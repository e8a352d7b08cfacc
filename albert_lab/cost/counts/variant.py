"""What follows from a variant alone: its parameters and the FLOPs of a token."""

from dataclasses import dataclass

from albert_lab.config.training import ObjectiveConfig
from albert_lab.config.variant import ModelConfig, SharingConfig
from albert_lab.cost.counts.flops import Flops, count_flops_per_token
from albert_lab.cost.counts.parameters import ParameterCounts, count_parameters
from albert_lab.model.layer_map import make_layer_map


@dataclass(frozen=True)
class VariantCounts:
    parameters: ParameterCounts
    flops_per_token: Flops  # per position of a full sequence


def count_variant(model: ModelConfig, sharing: SharingConfig, objective: ObjectiveConfig) -> VariantCounts:
    """Counts the pre-training model, with the head of its sentence task if it has one.

    Raises:
        UserError: sizes that no model can have.
    """
    layer_map = make_layer_map(sharing, model.num_hidden_layers)
    flops = count_flops_per_token(
        model,
        layer_map,
        objective.max_seq_length,
        objective.masked_lm_prob,
        objective.has_sentence_task,
        objective.max_predictions_per_seq,
    )
    return VariantCounts(count_parameters(model, layer_map, objective.has_sentence_task), flops)
