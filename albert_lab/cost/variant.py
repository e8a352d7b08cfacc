"""What a configuration's model costs: its parameters and the FLOPs of a token, as trained."""

from dataclasses import dataclass, replace

from albert_lab.config.schema import PretrainConfig
from albert_lab.config.variant import ProjectionRule
from albert_lab.cost.counts.flops import Flops, flops_per_token
from albert_lab.cost.counts.parameters import ParameterCounts, count_parameters
from albert_lab.model.layer_map import make_layer_map


@dataclass(frozen=True)
class VariantCost:
    parameters: ParameterCounts
    flops_per_token: Flops  # per position of a full sequence


def cost_of(config: PretrainConfig) -> VariantCost:
    """Counts the model that `config` trains, with the head of its sentence task if it has one."""
    layer_map = make_layer_map(config.sharing, config.model.num_hidden_layers)
    objective = config.objective
    flops = flops_per_token(
        config.model,
        layer_map,
        objective.max_seq_length,
        objective.masked_lm_prob,
        objective.has_sentence_task,
        objective.max_predictions_per_seq,
    )
    return VariantCost(count_parameters(config.model, layer_map, objective.has_sentence_task), flops)


def with_projection(config: PretrainConfig) -> PretrainConfig:
    """The same variant with an E -> H projection even where E equals H, as Hugging Face builds it."""
    return replace(config, model=replace(config.model, embedding_projection=ProjectionRule.always))
