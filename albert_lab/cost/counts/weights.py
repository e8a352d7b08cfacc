"""Every trained tensor of a model as a shape: arithmetic, since importing torch alone would take longer."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import prod

from albert_lab.config.variant import ModelConfig, NormPlacement, PositionEmbedding
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.shape import check_model_shape, has_projection, output_width


class TaskHead(StrEnum):
    """The models of tasks, by what follows their layers."""

    sequence_classification = "sequence_classification"
    multiple_choice = "multiple_choice"
    token_classification = "token_classification"
    question_answering = "question_answering"
    question_answering_v2 = "question_answering_v2"


POOLED = (TaskHead.sequence_classification, TaskHead.multiple_choice)  # heads of models that have a pooler
RELATIVE = (PositionEmbedding.relative_key, PositionEmbedding.relative_key_query)


@dataclass(frozen=True)
class Weight:
    """Tensors of one shape and role: `unique` of them are stored, `applied` would be without sharing."""

    part: str  # of ParameterCounts
    name: str
    shape: tuple[int, ...]
    unique: int = 1
    applied: int = 1
    is_linear: bool = False  # of an `nn.Linear`, which DeepSpeed's autocast sends in bfloat16

    @property
    def elements(self) -> int:
        """Of one of them."""
        return prod(self.shape)


def list_weights(config: ModelConfig, layer_map: LayerMap, sentence_head: bool = True) -> list[Weight]:
    """The tensors of the pre-training model (paper section 3.1), embeddings first.

    Raises:
        UserError: sizes that no model can have.
    """
    check_model_shape(config, layer_map)
    return [*_embeddings(config), *_encoder(config, layer_map), *_heads(config, sentence_head)]


def list_task_weights(config: ModelConfig, layer_map: LayerMap, head: TaskHead, labels: int = 2) -> list[Weight]:
    """The tensors of a fine-tuned model; those of its head have the part `head`.

    Raises:
        UserError: sizes that no model can have.
    """
    check_model_shape(config, layer_map)
    return [*_embeddings(config), *_encoder(config, layer_map), *_task_head(config.hidden_size, head, labels)]


def _task_head(size: int, head: TaskHead, labels: int) -> Iterator[Weight]:
    if head in POOLED:
        yield from _linear("pooler", "pooler", size, size)
    if head is not TaskHead.question_answering_v2:
        outputs = {TaskHead.multiple_choice: 1, TaskHead.question_answering: 2}.get(head, labels)
        yield from _linear("head", "classifier", size, outputs)
        return
    yield from _linear("head", "start", size, 1)
    yield from _linear("head", "end", 2 * size, size)
    yield from _norm("head", size)
    yield from _linear("head", "end classifier", size, 1)
    yield from _linear("head", "no answer", 2 * size, size)
    yield Weight("head", "no answer classifier", (1, size), is_linear=True)


def _embeddings(config: ModelConfig) -> Iterator[Weight]:
    size = config.embedding_size
    yield Weight("embeddings", "words", (config.vocab_size, size))
    if config.position_embedding_type == PositionEmbedding.absolute:
        yield Weight("embeddings", "positions", (config.max_position_embeddings, size))
    yield Weight("embeddings", "segments", (config.type_vocab_size, size))
    yield from _norm("embeddings", size)
    if has_projection(config):
        yield from _linear("projection", "projection", size, config.hidden_size)


def _encoder(config: ModelConfig, layer_map: LayerMap) -> Iterator[Weight]:
    layers, size = layer_map.num_layers, config.hidden_size
    attention, ffn = layer_map.num_attention_blocks, layer_map.num_ffn_blocks
    for name, inputs, outputs in list_linear_maps(config, "attention"):
        yield from _linear("attention", name, inputs, outputs, attention, layers)
    if config.position_embedding_type in RELATIVE:
        shape = (2 * config.max_position_embeddings - 1, size // config.num_attention_heads)
        yield Weight("attention", "distances", shape, attention, layers)
    yield from _norm("attention_norm", size, layer_map.num_attention_norms, layers)
    for name, inputs, outputs in list_linear_maps(config, "ffn"):
        yield from _linear("ffn", name, inputs, outputs, ffn, layers)
    yield from _norm("ffn_norm", size, layer_map.num_ffn_norms, layers)
    yield from _own(config, layers)
    if config.norm_placement == NormPlacement.pre:
        yield from _norm("final_norm", size)


def list_linear_maps(config: ModelConfig, block: str) -> list[tuple[str, int, int]]:
    """Name, width in and width out of the linear maps of an `attention` or `ffn` block."""
    size, inner = config.hidden_size, config.intermediate_size
    if block == "attention":
        return [(name, size, size) for name in ("query", "key", "value", "output")]
    return [("intermediate", size, inner), ("output", inner, size)]


def _own(config: ModelConfig, layers: int) -> Iterator[Weight]:
    """What every layer has of its own, apart from its blocks, whatever is shared."""
    size, rank = config.hidden_size, config.lora_rank
    if config.adapter_size:
        yield from _linear("adapters", "down", size, config.adapter_size, 2 * layers, 2 * layers)
        yield from _linear("adapters", "up", config.adapter_size, size, 2 * layers, 2 * layers)
        yield from _norm("adapters", size, 2 * layers, 2 * layers)
    for block in ("attention", "ffn") if rank else ():
        for name, inputs, outputs in list_linear_maps(config, block):
            yield Weight("lora", f"{block} {name} A", (rank, inputs), layers, layers)
            yield Weight("lora", f"{block} {name} B", (outputs, rank), layers, layers)
            if config.lora_bias:
                yield Weight("lora", f"{block} {name} bias", (outputs,), layers, layers)


def _heads(config: ModelConfig, sentence_head: bool) -> Iterator[Weight]:
    size, output = config.hidden_size, output_width(config)
    yield from _linear("mlm_head", "transform", size, output)
    yield from _norm("mlm_head", output)
    if config.output_embedding_size is not None:
        yield Weight("mlm_head", "vocabulary", (config.vocab_size, output), is_linear=True)
    yield Weight("mlm_head", "vocabulary bias", (config.vocab_size,))
    if sentence_head:
        yield from _linear("pooler", "pooler", size, size)
        yield from _linear("classifier", "classifier", size, 2)


def _linear(part: str, name: str, inputs: int, outputs: int, unique: int = 1, applied: int = 1) -> Iterator[Weight]:
    yield Weight(part, name, (outputs, inputs), unique, applied, is_linear=True)
    yield Weight(part, f"{name} bias", (outputs,), unique, applied, is_linear=True)


def _norm(part: str, size: int, unique: int = 1, applied: int = 1) -> Iterator[Weight]:
    yield Weight(part, "gain", (size,), unique, applied)
    yield Weight(part, "shift", (size,), unique, applied)
