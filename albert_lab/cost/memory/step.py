"""One training step of the pre-training model in sizes: `albert_lab.model` and the optimizer, mirrored call by call.

What the model keeps must be changed here when it changes there; the tests hold this to PyTorch's memory tracker.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from albert_lab.config.training import OptimizerConfig, OptimizerName
from albert_lab.config.variant import DepthSignal, ModelConfig, NormPlacement, PositionEmbedding
from albert_lab.cost.counts.weights import RELATIVE, Weight, list_weights
from albert_lab.cost.memory.operations import FLOAT, Operations
from albert_lab.cost.memory.tape import SizedTensor, Storage, Tape
from albert_lab.model.layer_map import Layer, LayerMap

ROWS = 32  # of `model.torch.layers.linear`
INDEX = 8  # bytes of an id


def round_up_rows(count: int) -> int:
    """Rounded up as the model does, which fills its products with rows that don't count."""
    return -(-count // ROWS) * ROWS


@dataclass(frozen=True)
class Pass:
    """One micro-batch of one process."""

    sequences: int
    seq_length: int  # positions of each, padding included
    masked_tokens: int  # of the whole micro-batch
    real_tokens: int | None = None  # padding is left out and these are computed; None: there is no padding
    low: bool = False  # bfloat16 autocast
    on_gpu: bool = False
    recompute: bool = False  # gradient checkpointing, layer by layer
    accumulates: bool = False  # gradients of an earlier micro-batch are there already
    sentence_head: bool = True

    @property
    def tokens(self) -> int:
        """What the layers compute."""
        return self.sequences * self.seq_length if self.real_tokens is None else round_up_rows(self.real_tokens)

    @property
    def length(self) -> int:
        """Of the sequences that attention sees, on average."""
        return -(-(self.real_tokens or self.tokens) // self.sequences)


@dataclass(frozen=True)
class StepMemory:
    """Bytes that one process holds in a step, after the first, all state replicated."""

    weights: int
    gradients: int
    optimizer: int  # two moments
    activations: int  # kept for the backward pass when the forward pass ends
    passes: int  # the most that both passes hold on top of weights and gradients, activations included
    update: int  # the most that the optimizer's update holds on top of its state

    @property
    def state(self) -> int:
        return self.weights + self.gradients + self.optimizer

    @property
    def peak(self) -> int:
        return self.state + max(self.passes, self.update)

    @property
    def temporary(self) -> int:
        """What the peak holds on top of state and activations."""
        return self.peak - self.state - self.activations


def predict_step_memory(config: ModelConfig, layer_map: LayerMap, work: Pass, optimizer: OptimizerConfig) -> StepMemory:
    """The memory of one step; the last step's gradients live until its backward pass begins, as with Lightning.

    Raises:
        UserError: sizes that no model can have.
    """
    return Step(config, layer_map, work, list_weights(config, layer_map, work.sentence_head)).memory(optimizer)


class Step:
    """The weights and the functions of `albert_lab.model`, in the model's order; `loss` is that of pre-training.

    Args:
        trained: the part of the weights that is trained; None: all of them.
    """

    def __init__(
        self,
        config: ModelConfig,
        layer_map: LayerMap,
        work: Pass,
        weights: Iterable[Weight],
        trained: str | None = None,
    ) -> None:
        self.config, self.layer_map, self.work, self.tape = config, layer_map, work, Tape()
        self.ops = Operations(self.tape, work.low, work.on_gpu)
        self.weights: dict[tuple[str, str], list[SizedTensor]] = {}
        for weight in weights:
            is_trained = trained in (None, weight.part)
            make = self.tape.weight if is_trained else partial(self.tape.constant, width=FLOAT)
            self.weights.setdefault((weight.part, weight.name), []).extend(
                make(weight.shape) for _ in range(weight.unique)
            )
        self.leaves = [weight for group in self.weights.values() for weight in group if weight.slot]

    def memory(self, optimizer: OptimizerConfig) -> StepMemory:
        weights, gradients = self.tape.now, sum(weight.slot.bytes for weight in self.leaves if weight.slot)
        activations, passes = self.passes()
        held = weights + gradients
        return StepMemory(weights, gradients, 2 * gradients, activations, passes - held, self.update(optimizer))

    def passes(self) -> tuple[int, int]:
        """Bytes kept when the forward pass ends, and the peak of both passes."""
        tape, slots = self.tape, [weight.slot for weight in self.leaves if weight.slot]
        gradients = [Storage(tape, slot.bytes) for slot in slots]  # of the last step, or the last micro-batch
        held = tape.now
        loss = self.loss()
        self.ops.casts.clear()
        kept = tape.now - held
        if self.work.accumulates:
            for slot, gradient in zip(slots, gradients, strict=True):
                slot.kept = gradient
        gradients.clear()
        tape.backward(loss)
        return kept, tape.peak

    def update(self, optimizer: OptimizerConfig) -> int:
        """The peak of what `train.optim.optimizers` holds on top of weights, gradients and state."""
        if optimizer.name is OptimizerName.adamw:
            return 0  # one pass over every tensor, in place
        return sum(weight.elements * weight.width for weight in self.leaves)  # LAMB: every update, before the ratios

    def encode(self) -> SizedTensor:
        """The last layer's output [sequences * seq_length,H]."""
        work, hidden = self.work, self._encoder(self._embeddings())
        if work.real_tokens is not None:  # back to their positions, 0 at padding
            shape = (work.sequences * work.seq_length, self.config.hidden_size)
            zeros = Storage(self.tape, hidden.width * shape[0] * shape[1])
            hidden = self.tape.record(shape, hidden.width, [hidden], [hidden])
            del zeros
        return hidden

    def loss(self) -> SizedTensor:
        ops, work, hidden = self.ops, self.work, self.encode()
        pooled = self.pool(hidden) if work.sentence_head else None
        loss = self._word_loss(ops.gather(hidden, round_up_rows(work.masked_tokens)))
        if pooled is None:
            return loss
        return ops.add(loss, ops.cross_entropy(ops.linear(pooled, *self.linear("classifier", "classifier"))))

    def _embeddings(self) -> SizedTensor:
        ops, tokens, packed = self.ops, self.work.tokens, self.work.real_tokens is not None
        ids = INDEX * tokens * packed  # of their own, else the batch's
        x = ops.add(*(ops.look_up(self.weight("embeddings", name), tokens, ids) for name in ("words", "segments")))
        if ("embeddings", "positions") in self.weights:  # looked up where tokens were put together, else a slice
            positions = ops.look_up(self.weight("embeddings", "positions"), tokens * packed, ids)
            x = self.tape.record(x.shape, x.width, [x, positions], passes_on=True)
            del positions
        x = ops.dropout(self.norm("embeddings", x), self.config.hidden_dropout_prob)
        if ("projection", "projection") in self.weights:
            return ops.linear(x, *self.linear("projection", "projection"))
        return x

    def _encoder(self, x: SizedTensor) -> SizedTensor:
        entered, signal = [x], None  # the model's list of hidden states holds on to what enters
        if self.config.depth_signal == DepthSignal.universal:
            positions = self.work.seq_length if self.work.real_tokens is None else self.work.tokens
            signal = self.tape.constant((positions, self.config.hidden_size), FLOAT)
        for depth, layer in enumerate(self.layer_map.layers()):
            if signal is not None:
                x = self.tape.record(x.shape, x.width, [x], passes_on=True)
            x = self._recompute_layer(depth, layer, x) if self.work.recompute else self._layer(depth, layer, x)
        if self.config.norm_placement == NormPlacement.pre:
            x = self.norm("final_norm", x)
        del entered
        return x

    def _recompute_layer(self, depth: int, layer: Layer, x: SizedTensor) -> SizedTensor:
        def again() -> None:
            casts, self.ops.casts = self.ops.casts, {}
            self._layer(depth, layer, x)
            self.ops.casts = casts

        with self.tape.recompute(again):
            return self._layer(depth, layer, x)

    def _layer(self, depth: int, layer: Layer, x: SizedTensor) -> SizedTensor:
        x = self._adapter(2 * depth, x)
        attended = self._attention(depth, layer, self._norm_before("attention_norm", layer.attention_norm, x))
        x = self._residual("attention_norm", layer.attention_norm, x, attended)
        del attended
        x = self._adapter(2 * depth + 1, x)
        output = self._ffn(depth, layer, self._norm_before("ffn_norm", layer.ffn_norm, x))
        return self._residual("ffn_norm", layer.ffn_norm, x, output)

    def _norm_before(self, part: str, block: int, x: SizedTensor) -> SizedTensor:
        return self.norm(part, x, block) if self.config.norm_placement == NormPlacement.pre else x

    def _residual(self, part: str, block: int, x: SizedTensor, output: SizedTensor) -> SizedTensor:
        if self.config.norm_placement == NormPlacement.pre:
            return self.ops.add(x, output)
        if self.config.norm_placement == NormPlacement.deepnorm:
            x = self.ops.scale(x)
        return self.norm(part, self.ops.add(x, output), block)

    def _attention(self, depth: int, layer: Layer, x: SizedTensor) -> SizedTensor:
        config, ops, work, block = self.config, self.ops, self.work, layer.attention
        query, key, value = (self._linear_map("attention", n, block, depth, x) for n in ("query", "key", "value"))
        bias = self._relative_bias(block, query, key) if config.position_embedding_type in RELATIVE else None
        heads, dropout = config.num_attention_heads, config.attention_probs_dropout_prob
        packed = work.real_tokens is not None
        mixed = ops.attention(query, key, value, bias, heads, work.length, dropout, packed)
        del bias
        if packed:
            mixed = ops.copy(ops.copy(mixed))  # the sequences together, then the heads of a token
        del query, key, value
        return ops.dropout(self._linear_map("attention", "output", block, depth, mixed), config.hidden_dropout_prob)

    def _relative_bias(self, block: int, query: SizedTensor, key: SizedTensor) -> SizedTensor:
        """`RelativePositions`: an addition to the scores; packed, every sequence has its own."""
        ops, work = self.ops, self.work
        times = 1 if work.real_tokens is None else work.sequences
        table = ops.look_up(self.weight("attention", "distances", block), times * work.length**2)
        table = ops.cast(table, query.width)
        shape = (query.shape[0] * self.config.num_attention_heads, work.length)
        bias = ops.product(ops.copy(query), table, shape)
        if self.config.position_embedding_type == PositionEmbedding.relative_key_query:
            bias = ops.add(bias, ops.product(ops.copy(key), table, shape))
        return bias

    def _ffn(self, depth: int, layer: Layer, x: SizedTensor) -> SizedTensor:
        config, ops = self.config, self.ops
        inner = self._linear_map("ffn", "intermediate", layer.ffn, depth, x)
        inner = ops.activation(inner, config.hidden_act)
        output = self._linear_map("ffn", "output", layer.ffn, depth, inner)
        return ops.dropout(output, config.hidden_dropout_prob if config.ffn_dropout else 0.0)

    def _linear_map(self, part: str, name: str, block: int, depth: int, x: SizedTensor) -> SizedTensor:
        """A block's linear map, with the layer's own addition to it."""
        ops = self.ops
        y = ops.linear(x, *self.linear(part, name, block))
        if not self.config.lora_rank:
            return y
        a, b = (self.weight("lora", f"{part} {name} {which}", depth) for which in "AB")
        bias = self.weight("lora", f"{part} {name} bias", depth) if self.config.lora_bias else None
        return ops.add(y, ops.linear(ops.linear(x, a), b, bias))

    def _adapter(self, number: int, x: SizedTensor) -> SizedTensor:
        if not self.config.adapter_size:
            return x
        inner = self.ops.linear(x, *self.linear("adapters", "down", number))
        inner = self.ops.tape.record(inner.shape, inner.width, [inner], [inner])  # gelu
        return self.norm(
            "adapters", self.ops.add(x, self.ops.linear(inner, *self.linear("adapters", "up", number))), number
        )

    def pool(self, hidden: SizedTensor) -> SizedTensor:
        first = self.tape.record((self.work.sequences, self.config.hidden_size), 0, [hidden])  # a view
        first = SizedTensor(first.shape, hidden.width, hidden.storage, first.slot)
        pooled = self.ops.linear(first, *self.linear("pooler", "pooler"))
        return self.tape.record(pooled.shape, pooled.width, [pooled], saves_output=True)  # tanh

    def _word_loss(self, x: SizedTensor) -> SizedTensor:
        ops, own = self.ops, self.config.output_embedding_size is not None
        x = ops.activation(ops.linear(x, *self.linear("mlm_head", "transform")), self.config.hidden_act)
        table = self.weight("mlm_head", "vocabulary") if own else self.weight("embeddings", "words")
        return ops.chunked_loss(self.norm("mlm_head", x), table, self.weight("mlm_head", "vocabulary bias"))

    def weight(self, part: str, name: str, block: int = 0) -> SizedTensor:
        return self.weights[part, name][block]

    def linear(self, part: str, name: str, block: int = 0) -> tuple[SizedTensor, SizedTensor]:
        return self.weight(part, name, block), self.weight(part, f"{name} bias", block)

    def norm(self, part: str, x: SizedTensor, block: int = 0) -> SizedTensor:
        return self.ops.layer_norm(x, self.weight(part, "gain", block), self.weight(part, "shift", block))
