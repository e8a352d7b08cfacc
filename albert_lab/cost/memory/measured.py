"""Memory by kind: what the weights need before a step, and what autograd keeps during one."""

from collections.abc import Callable
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef


def state_bytes(
    parameters: int, trained: int | None = None, optimizer_states_per_weight: int = 2, bytes_per_weight: int = 4
) -> dict[str, int]:
    """Bytes of `weights`, `gradients` and `optimizer` that one process holds from step to step, all state replicated.

    A shared weight is one weight, with one gradient and one optimizer state.

    Args:
        parameters: unique weights.
        trained: those that are not frozen; None: all.
        optimizer_states_per_weight: 2 for AdamW and LAMB (first and second moment).
        bytes_per_weight: 4 in float32, also under bfloat16 autocast, which keeps its weights in float32.
    """
    gradients = (parameters if trained is None else trained) * bytes_per_weight
    return {
        "weights": parameters * bytes_per_weight,
        "gradients": gradients,
        "optimizer": optimizer_states_per_weight * gradients,
    }


class SavedActivations:
    """Measures what autograd keeps for the backward pass of the operations inside `with`.

    Counts the bytes of distinct storages, those of `module`'s parameters and buffers left out. It costs a Python call
    per kept tensor, so it is for one training step, not for all. Works on the meta device, where attention keeps its
    scores as the unfused kernel does. Under autocast the low-precision copies of weights are kept, and so counted.
    """

    def __init__(self, module: nn.Module) -> None:
        self._not_counted = {_storage_id(tensor) for tensor in (*module.parameters(), *module.buffers())}
        self._bytes: dict[StorageWeakRef, int] = {}
        self._hooks = torch.autograd.graph.saved_tensors_hooks(self._note, lambda tensor: tensor)

    @property
    def bytes(self) -> int:
        return sum(self._bytes.values())

    def __enter__(self) -> "SavedActivations":
        self._hooks.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hooks.__exit__(kind, error, trace)

    def _note(self, tensor: Tensor) -> Tensor:
        storage = _storage_id(tensor)
        if storage not in self._not_counted:
            self._bytes[storage] = tensor.untyped_storage().nbytes()
        return tensor


def saved_activation_bytes(module: nn.Module, call: Callable[[], object]) -> int:
    """Bytes that autograd keeps for the backward pass of `call`, without `module`'s weights."""
    with SavedActivations(module) as saved:
        call()
    return saved.bytes


def _storage_id(tensor: Tensor) -> StorageWeakRef:
    """Which storage a tensor views; a weak reference, since an address may be used again once a storage is freed."""
    return StorageWeakRef(tensor.untyped_storage())
