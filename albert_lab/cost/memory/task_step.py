"""One training step of a fine-tuned model in sizes: the heads of `albert_lab.model`, after the encoder of `step`."""

from albert_lab.config.training import OptimizerConfig
from albert_lab.config.variant import ModelConfig, Pooling
from albert_lab.cost.counts.weights import POOLED, TaskHead, list_task_weights
from albert_lab.cost.memory.step import Pass, Step, StepMemory
from albert_lab.cost.memory.tape import SizedTensor
from albert_lab.model.layer_map import LayerMap


def predict_task_memory(
    config: ModelConfig,
    layer_map: LayerMap,
    work: Pass,
    optimizer: OptimizerConfig,
    head: TaskHead,
    labels: int = 2,
    frozen_encoder: bool = False,
    pooling: Pooling = Pooling.cls,
) -> StepMemory:
    """As `predict_step_memory`; the arguments are those of `count_task_flops`.

    Raises:
        UserError: sizes that no model can have.
    """
    return _TaskStep(config, layer_map, work, head, labels, frozen_encoder, pooling).memory(optimizer)


class _TaskStep(Step):
    def __init__(
        self,
        config: ModelConfig,
        layer_map: LayerMap,
        work: Pass,
        head: TaskHead,
        labels: int,
        frozen_encoder: bool,
        pooling: Pooling,
    ) -> None:
        weights = list_task_weights(config, layer_map, head, labels)
        super().__init__(config, layer_map, work, weights, "head" if frozen_encoder else None)
        self.head, self.pooling = head, pooling

    def loss(self) -> SizedTensor:
        hidden = self.encode()
        if self.head is TaskHead.question_answering_v2:
            return self._answerable_loss(hidden)
        if self.head in POOLED:
            pooled = self.pool(hidden)
            hidden = self._average(hidden) if self.pooling is Pooling.mean else pooled
            del pooled
        if self.head is not TaskHead.question_answering:
            hidden = self.ops.dropout(hidden, self.config.classifier_dropout_prob)
        return self.ops.cross_entropy(self.ops.linear(hidden, *self.linear("head", "classifier")))

    def _average(self, hidden: SizedTensor) -> SizedTensor:
        """The mean of the tokens: times a mask, summed, divided."""
        shape = (self.work.sequences, self.config.hidden_size)
        if self.work.real_tokens is not None:
            hidden = self.ops.scale(hidden)
        return self.tape.record(shape, hidden.width, [hidden])

    def _answerable_loss(self, hidden: SizedTensor) -> SizedTensor:
        """Start, end given the true start, and whether there is an answer: `model.torch.question_answering`."""
        ops, tape, size, sequences = self.ops, self.tape, self.config.hidden_size, self.work.sequences
        starts = ops.linear(hidden, *self.linear("head", "start"))
        shares = tape.record(starts.shape, starts.width, [starts], saves_output=True)  # softmax
        expected = ops.product(shares, hidden, (sequences, size))
        pair = tape.record((sequences, 2 * size), expected.width, [expected, hidden])  # with [CLS]
        answer = self._tanh(ops.linear(pair, *self.linear("head", "no answer")))
        answer = ops.dropout(answer, self.config.classifier_dropout_prob)
        answer = ops.cross_entropy(ops.linear(answer, self.weight("head", "no answer classifier")))
        pairs = tape.record((hidden.shape[0], 2 * size), hidden.width, [hidden])  # with the start's state
        ends = self._tanh(ops.linear(pairs, *self.linear("head", "end")))
        ends = ops.linear(self.norm("head", ends), *self.linear("head", "end classifier"))
        return ops.add(ops.add(ops.cross_entropy(starts), ops.cross_entropy(ends)), answer)

    def _tanh(self, x: SizedTensor) -> SizedTensor:
        return self.tape.record(x.shape, x.width, [x], saves_output=True)
