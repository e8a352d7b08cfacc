"""Floating-point operations by part, counted per application of a block (no torch).

Only matrix products count, a multiply-add as two. Sharing changes none of these figures: 6 x parameters, the rule for
unshared models, is 8x (base) to 21x (xlarge) too low for ALBERT.
"""

from dataclasses import dataclass

from albert_lab.config.variant import ModelConfig, NormPlacement, Pooling, PositionEmbedding
from albert_lab.cost.counts.weights import POOLED, TaskHead
from albert_lab.model.layer_map import LayerMap
from albert_lab.model.shape import check_model_shape, has_projection, output_width

MULTIPLY_ADD = 2
# Further products of the scores' size: with the vectors of the distances
RELATIVE_PRODUCTS = {PositionEmbedding.relative_key: 1, PositionEmbedding.relative_key_query: 2}
BEAM = 5  # starts that `AlbertForQuestionAnsweringV2` goes on from
BACKWARD = 2  # a product in the forward pass is two in the backward: by its input and by its weights


@dataclass(frozen=True)
class Flops:
    """Forward FLOPs by part, of a batch or of one of its tokens.

    Where all is trained, the backward pass is exactly twice the forward: every product has two operands that need a
    gradient (the E -> H projection's input too, for the embedding tables), and a lookup in those tables is not a
    product. Recomputing is not counted: fused attention kernels repeat the score product in their backward pass.
    """

    by_part: dict[str, float]  # of a batch: whole numbers
    backward_by_part: dict[str, float] | None = None  # None: twice the forward

    @property
    def forward(self) -> float:
        return sum(self.by_part.values())

    @property
    def backward(self) -> float:
        parts = self.backward_by_part
        return BACKWARD * self.forward if parts is None else sum(parts.values())

    @property
    def training(self) -> float:
        """Forward and backward."""
        return self.forward + self.backward


def count_flops(
    config: ModelConfig,
    layer_map: LayerMap,
    batch_size: int,
    seq_length: int,
    masked_tokens: int,
    sentence_head: bool = True,
) -> Flops:
    """FLOPs of a batch of `batch_size` sequences of `seq_length` positions, padding included: it is computed too.

    Args:
        masked_tokens: masked tokens of the whole batch; only they meet the vocabulary.

    Raises:
        UserError: sizes that no model can have.
    """
    output, size = output_width(config), config.hidden_size
    heads = {
        "mlm_transform": masked_tokens * size * output,
        "mlm_vocabulary": masked_tokens * output * config.vocab_size,
        "pooler": sentence_head * batch_size * size * size,
        "classifier": sentence_head * batch_size * size * 2,
    }
    return _flops(_body(config, layer_map, batch_size, seq_length) | heads)


def count_task_flops(
    config: ModelConfig,
    layer_map: LayerMap,
    head: TaskHead,
    batch_size: int,
    seq_length: int,
    labels: int = 2,
    frozen_encoder: bool = False,
    pooling: Pooling = Pooling.cls,
) -> Flops:
    """The same of a fine-tuned model, in training.

    Args:
        batch_size: sequences; of multiple choice, all choices of all questions.
        labels: of a classifier.
        frozen_encoder: the head alone is trained: nothing of the encoder has a backward pass, nor has a product of the
            head by what the encoder gives.
        pooling: what a sequence classifier reads. With the mean the pooler still runs, for nothing.

    Raises:
        UserError: sizes that no model can have.
    """
    size, tokens = config.hidden_size, batch_size * seq_length
    heads: dict[TaskHead, int] = {
        TaskHead.sequence_classification: batch_size * size * labels,
        TaskHead.multiple_choice: batch_size * size,
        TaskHead.token_classification: tokens * size * labels,
        TaskHead.question_answering: tokens * size * 2,
    }
    forward, backward = (
        _answerable(size, batch_size, tokens, frozen_encoder)
        if head is TaskHead.question_answering_v2
        else (heads[head], heads[head] * (1 if frozen_encoder else BACKWARD))
    )
    encoder = _body(config, layer_map, batch_size, seq_length)
    encoder |= {"pooler": batch_size * size * size} if head in POOLED else {}
    trained = {} if frozen_encoder else {part: BACKWARD * count for part, count in encoder.items()}
    if pooling is Pooling.mean:
        trained.pop("pooler", None)
    return Flops(_flops(encoder | {"head": forward}).by_part, _flops(trained | {"head": backward}).by_part)


def count_beam_flops(config: ModelConfig, batch_size: int, seq_length: int) -> float:
    """What `AlbertForQuestionAnsweringV2` adds to a forward pass where it answers: the ends from each of the starts."""
    starts, size = min(BEAM, seq_length), config.hidden_size
    return MULTIPLY_ADD * starts * batch_size * seq_length * (2 * size * size + size)


def _answerable(size: int, batch_size: int, tokens: int, frozen_encoder: bool) -> tuple[int, int]:
    """Multiply-adds of both passes.

    Start; end from every token with the start's state; from the expected start and [CLS], whether there is any.
    """
    of_encoder = tokens * size + tokens * 2 * size * size + tokens * size  # start, end's first map, expected start
    of_head = tokens * size + batch_size * (2 * size * size + size)
    return of_encoder + of_head, of_encoder * (1 if frozen_encoder else BACKWARD) + of_head * BACKWARD


def _body(config: ModelConfig, layer_map: LayerMap, batch_size: int, seq_length: int) -> dict[str, int]:
    """Multiply-adds of everything before the heads."""
    check_model_shape(config, layer_map)
    tokens, size, layers = batch_size * seq_length, config.hidden_size, layer_map.num_layers
    lora_widths = 4 * (size + size) + 2 * (size + config.intermediate_size)  # in and out of six maps
    relative = RELATIVE_PRODUCTS.get(config.position_embedding_type, 0)
    return {
        "projection": has_projection(config) * tokens * config.embedding_size * size,
        "attention_projections": layers * 4 * tokens * size * size,
        "attention_products": layers * (2 + relative) * tokens * seq_length * size,
        "ffn": layers * 2 * tokens * size * config.intermediate_size,
        "lora": layers * tokens * config.lora_rank * lora_widths,
        "adapters": layers * 4 * tokens * size * config.adapter_size,  # down and up, twice a layer
    }


def count_recomputed_flops(config: ModelConfig, layer_map: LayerMap, batch_size: int, seq_length: int) -> float:
    """What gradient checkpointing adds to a training step: the layers once more, up to the last tensor that is kept.

    With pre-LN nothing of a layer's last product is kept, so that one is not repeated.
    """
    body = _body(config, layer_map, batch_size, seq_length)
    layers = sum(count for part, count in body.items() if part != "projection")
    if config.norm_placement == NormPlacement.pre:
        inner = config.lora_rank or config.intermediate_size
        layers -= layer_map.num_layers * batch_size * seq_length * inner * config.hidden_size
    return MULTIPLY_ADD * layers


def _flops(multiply_adds: dict[str, int]) -> Flops:
    return Flops({part: MULTIPLY_ADD * count for part, count in multiply_adds.items()})


def count_flops_per_token(
    config: ModelConfig,
    layer_map: LayerMap,
    seq_length: int,
    masked_lm_prob: float,
    sentence_head: bool = True,
    max_predictions_per_seq: int | None = None,
) -> Flops:
    """FLOPs per position of a full sequence, with the share of it that is masked.

    Raises:
        UserError: sizes that no model can have.
    """
    masked = max(round(seq_length * masked_lm_prob), 1)
    masked = masked if max_predictions_per_seq is None else min(masked, max_predictions_per_seq)
    sequence = count_flops(config, layer_map, 1, seq_length, masked, sentence_head)
    return Flops({part: count / seq_length for part, count in sequence.by_part.items()})
