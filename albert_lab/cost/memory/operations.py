"""What PyTorch's operations allocate and keep for the backward pass, on a CPU or a GPU, with or without autocast.

Each was read off the operations that PyTorch 2.13 dispatches; the tests hold a whole step of them to its own tracker.
"""

from collections.abc import Callable

from albert_lab.config.variant import Activation
from albert_lab.cost.memory.tape import SizedTensor, Storage, Tape

FLOAT, LOW = 4, 2  # bytes of float32 and bfloat16
CHUNK_BYTES = 64 * 2**20  # of `model.torch.layers.losses`
KEEPS_OUTPUT = (Activation.relu, Activation.tanh)  # the others keep their input


class Operations:
    """The operations of the model on tensors without numbers.

    Args:
        low: bfloat16 autocast: products in bfloat16, a cast of each weight kept for the whole pass.
        on_gpu: fused attention whatever its dropout, LayerNorm in float32 under autocast, dropout masks of a byte.
    """

    def __init__(self, tape: Tape, low: bool, on_gpu: bool) -> None:
        self.tape, self.low, self.on_gpu = tape, low, on_gpu
        self.casts: dict[int, SizedTensor] = {}  # of weights, by identity; autocast's cache

    def linear(self, x: SizedTensor, weight: SizedTensor, bias: SizedTensor | None = None) -> SizedTensor:
        x, weight, bias = self._to_low(x), self._cast_weight(weight), bias and self._cast_weight(bias)
        shape = (*x.shape[:-1], weight.shape[0])
        return self.tape.record(shape, x.width, [x, weight, bias], [x, weight])

    def layer_norm(self, x: SizedTensor, gain: SizedTensor, shift: SizedTensor) -> SizedTensor:
        if self.low and self.on_gpu:
            x = self.cast(x, FLOAT)
        statistics = [x.elements // x.shape[-1] * x.width] * 2  # mean and 1 / deviation
        return self.tape.record(x.shape, x.width, [x, gain, shift], [x], extra_bytes=statistics)

    def add(self, x: SizedTensor, y: SizedTensor) -> SizedTensor:
        """The sum, of the larger shape; its gradient is passed on, but copied to another shape or width."""
        shape, width = max(x.shape, y.shape, key=len), max(x.width, y.width)
        same = all(each.shape == shape and each.width == width for each in (x, y) if each.slot)
        return self.tape.record(shape, width, [x, y], passes_on=same)

    def scale(self, x: SizedTensor) -> SizedTensor:
        """Times a number."""
        return self.tape.record(x.shape, x.width, [x])

    def copy(self, x: SizedTensor) -> SizedTensor:
        return self.tape.record(x.shape, x.width, [x])

    def cast(self, x: SizedTensor, width: int) -> SizedTensor:
        return x if x.width == width else self.tape.record(x.shape, width, [x], is_cast=True)

    def dropout(self, x: SizedTensor, share: float) -> SizedTensor:
        if not share:
            return x
        mask = x.elements * (1 if self.on_gpu else x.width)
        return self.tape.record(x.shape, x.width, [x], extra_bytes=[mask])

    def activation(self, x: SizedTensor, name: Activation) -> SizedTensor:
        keeps_output = name in KEEPS_OUTPUT
        return self.tape.record(x.shape, x.width, [x], [] if keeps_output else [x], saves_output=keeps_output)

    def look_up(self, table: SizedTensor, count: int, saved: int = 0) -> SizedTensor:
        """`count` rows of a table; its gradient is as large as the table."""
        return self.tape.record((count, table.shape[-1]), table.width, [table], extra_bytes=[saved])

    def gather(self, x: SizedTensor, count: int) -> SizedTensor:
        return self.tape.record((count, x.shape[-1]), x.width, [x])

    def attention(
        self,
        query: SizedTensor,
        key: SizedTensor,
        value: SizedTensor,
        bias: SizedTensor | None,
        heads: int,
        seq_length: int,
        dropout: float,
        packed: bool,
    ) -> SizedTensor:
        """Scaled dot-product attention of [tokens,H]; `bias` is added to the scores; `packed`: sequence by sequence.

        A CPU does some of it in plain products (`model.torch.layers.attention`), which first bring each head's
        vectors of several sequences together.
        """
        shape, tokens = query.shape, query.shape[0]
        if self.on_gpu or not (dropout or self.low or (bias and bias.slot)):
            saved = [query, key, value] + ([bias] if bias else [])
            statistics = [query.elements // query.shape[-1] * heads * FLOAT]
            inputs = [query, key, value, bias]
            return self.tape.record(shape, query.width, inputs, saved, extra_bytes=statistics, saves_output=True)
        together: Callable[[SizedTensor], SizedTensor] = (lambda x: x) if packed else self.copy
        query = self.scale(query)
        query, key = together(query), together(key)
        scores = self.product(query, key, (tokens * heads, seq_length))
        scores = self.add(scores, bias) if bias else scores
        scores = self.tape.record(scores.shape, scores.width, [scores], saves_output=True)  # softmax
        scores = self.dropout(scores, dropout)
        return together(self.product(scores, together(value), shape))

    def product(self, x: SizedTensor, y: SizedTensor, shape: tuple[int, ...]) -> SizedTensor:
        """A product of two tensors that both get a gradient."""
        return self.tape.record(shape, x.width, [x, y], [x, y])

    def cross_entropy(self, logits: SizedTensor) -> SizedTensor:
        """Summed, in float32."""
        logits = self.cast(logits, FLOAT)
        log_probs = self.tape.record(logits.shape, FLOAT, [logits], saves_output=True)
        del logits
        return self.tape.record((1,), FLOAT, [log_probs])

    def chunked_loss(self, x: SizedTensor, table: SizedTensor, bias: SizedTensor) -> SizedTensor:
        """Cross-entropy of x times a table; the forward pass makes its gradients (`model.torch.layers.losses`)."""
        low, tape = LOW if self.low else FLOAT, self.tape
        vocabulary = table.shape[0]
        rows = min(x.shape[0], max(1, CHUNK_BYTES // (FLOAT * vocabulary)))
        lowered = Storage(tape, low * table.elements if self.low else 0)
        gradients = [Storage(tape, each.elements * each.width) for each in (x, bias)]
        for _ in range(min(2, -(-x.shape[0] // rows))):  # from the second chunk on its product is added to the first's
            product = Storage(tape, low * rows * vocabulary if self.low else 0)
            logits = Storage(tape, FLOAT * rows * vocabulary)
            del product
            probs = Storage(tape, FLOAT * rows * vocabulary)
            del logits
            errors = Storage(tape, low * rows * vocabulary if self.low else 0)
            product = Storage(tape, low * table.elements if self.low else 0)
            gradients.append(Storage(tape, table.elements * table.width))
            del probs, errors, product
            gradients = gradients[:3]
        del lowered
        sizes = [gradient.bytes for gradient in gradients]
        gradients.clear()
        return tape.record((1,), FLOAT, [x, table, bias], extra_bytes=sizes)

    def _to_low(self, x: SizedTensor) -> SizedTensor:
        return self.cast(x, LOW) if self.low else x

    def _cast_weight(self, weight: SizedTensor) -> SizedTensor:
        if not self.low:
            return weight
        if id(weight) not in self.casts:
            self.casts[id(weight)] = self.cast(weight, LOW)
        return self.casts[id(weight)]
