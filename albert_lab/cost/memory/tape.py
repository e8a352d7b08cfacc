"""Autograd over sizes: replays what a step allocates and frees, with no tensor, so its peak memory is known at once.

A storage is freed when nothing refers to it any more, here as in PyTorch; so a function written like the model's own
has the model's own peak. Importing this module imports no torch.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import prod


class Storage:
    """Bytes that are held as long as this object is."""

    __slots__ = ("bytes", "tape")

    def __init__(self, tape: "Tape", size: int) -> None:
        self.tape, self.bytes = tape, size
        tape.now += size
        tape.peak = max(tape.peak, tape.now)

    def __del__(self) -> None:
        self.tape.now -= self.bytes


@dataclass(eq=False, slots=True)
class Slot:
    """Where the gradient of a tensor arrives; a weight keeps it."""

    bytes: int
    arriving: Storage | None = None
    kept: Storage | None = None  # of a weight, from step to step
    uses: int = 0  # of a weight in the backward pass that are still to come
    is_weight: bool = False


@dataclass(eq=False, slots=True)
class SizedTensor:
    """A tensor without its numbers; `slot` is None where no gradient is needed."""

    shape: tuple[int, ...]
    width: int  # bytes of an element
    storage: Storage
    slot: Slot | None

    @property
    def elements(self) -> int:
        return prod(self.shape)


@dataclass(eq=False)
class Node:
    """One operation of the backward pass."""

    output: Slot
    inputs: list[Slot | None]
    saved: list[Storage]
    passes_on: bool = False  # its inputs' gradients are its output's, not new ones
    scratch_bytes: int = 0  # held while it runs
    is_cast: bool = False
    before: Callable[[], None] | None = field(default=None)


class Tape:
    """What is held `now`, the `peak`, and the operations to undo."""

    def __init__(self) -> None:
        self.now = self.peak = 0
        self.keeps = True  # what operations save
        self.nodes: list[Node] = []

    def weight(self, shape: tuple[int, ...], width: int = 4) -> SizedTensor:
        size = prod(shape) * width
        return SizedTensor(shape, width, Storage(self, size), Slot(size, is_weight=True))

    def constant(self, shape: tuple[int, ...], width: int) -> SizedTensor:
        """A tensor that needs no gradient."""
        return SizedTensor(shape, width, Storage(self, prod(shape) * width), None)

    def record(
        self,
        shape: tuple[int, ...],
        width: int,
        inputs: Sequence[SizedTensor | None],
        saved: Sequence[SizedTensor] = (),
        *,
        extra_bytes: Sequence[int] = (),
        saves_output: bool = False,
        passes_on: bool = False,
        scratch_bytes: int = 0,
        is_cast: bool = False,
    ) -> SizedTensor:
        """A new tensor made of `inputs`.

        Args:
            saved: tensors that the backward pass will need.
            extra_bytes: sizes of further ones that only it knows of (statistics, random masks).

        Where no input needs a gradient, as behind frozen weights, the output needs none and nothing is kept.
        """
        if not any(tensor is not None and tensor.slot for tensor in inputs):
            further = [Storage(self, size) for size in extra_bytes]
            output = self.constant(shape, width)
            further.clear()
            return output
        output = SizedTensor(shape, width, Storage(self, prod(shape) * width), Slot(prod(shape) * width))
        kept = [tensor.storage for tensor in saved] + [Storage(self, size) for size in extra_bytes]
        kept += [output.storage] if saves_output else []
        slots = [None if tensor is None else tensor.slot for tensor in inputs]
        assert output.slot is not None
        self.nodes.append(Node(output.slot, slots, kept if self.keeps else [], passes_on, scratch_bytes, is_cast))
        return output

    def alias(self, tensor: SizedTensor, shape: tuple[int, ...]) -> SizedTensor:
        """A view."""
        return SizedTensor(shape, tensor.width, tensor.storage, tensor.slot)

    @contextmanager
    def recompute(self, again: Callable[[], object]) -> Iterator[None]:
        """What is recorded inside keeps nothing; the backward pass calls `again`, which must record the same."""
        start, self.keeps = len(self.nodes), False
        yield
        self.keeps = True
        region = [node for node in self.nodes[start:] if not node.is_cast]
        region[-1].before = lambda: self._save_again(region, again)

    def _save_again(self, region: list[Node], again: Callable[[], object]) -> None:
        nodes, self.nodes = self.nodes, []
        again()
        fresh = [node for node in self.nodes if not node.is_cast]
        self.nodes = nodes
        for node, new in zip(region, fresh, strict=True):
            node.saved = new.saved

    def backward(self, loss: SizedTensor) -> None:
        """Runs the recorded operations back to front, from the gradient of `loss` to those of the weights."""
        assert loss.slot is not None
        for slot in (slot for node in self.nodes for slot in node.inputs if slot is not None):
            slot.uses += 1
        loss.slot.arriving = Storage(self, loss.slot.bytes)
        while self.nodes:
            self._undo(self.nodes.pop())

    def _undo(self, node: Node) -> None:
        before, node.before = node.before, None
        if before is not None:
            before()
        gradient, node.output.arriving = node.output.arriving, None
        slots = [slot for slot in node.inputs if slot is not None]
        if gradient is None:  # nothing of the loss depends on it
            arriving: list[Storage | None] = [None] * len(slots)
        else:
            scratch = Storage(self, node.scratch_bytes)
            arriving = [gradient if node.passes_on else Storage(self, slot.bytes) for slot in slots]
            del scratch
        del gradient
        node.saved = []
        for slot in slots:
            self._arrive(slot, arriving.pop(0))

    def _arrive(self, slot: Slot, gradient: Storage | None) -> None:
        if slot.arriving is None:
            slot.arriving = gradient
        slot.uses -= 1
        if slot.is_weight and slot.uses == 0:
            slot.kept = slot.kept or slot.arriving
            slot.arriving = None
