"""Checkpoint folders read and written as tensors, and compared."""

from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import AlbertForPreTraining

from albert_lab.model.formats.checkpoint_files import read_state, write_checkpoint
from albert_lab.model.torch.arrays import to_array, to_tensor
from albert_lab.model.torch.pickled_weights import read_pickle

TIED = {"predictions.decoder.weight", "predictions.decoder.bias"}


def read_tensors(folder: Path) -> dict[str, Tensor]:
    return {name: to_tensor(array) for name, array in read_state(folder, read_pickle).items()}


def write_tensors(folder: Path, config: dict[str, Any], state: dict[str, Tensor], **options: Any) -> None:
    write_checkpoint(folder, config, {name: to_array(tensor) for name, tensor in state.items()}, **options)


def same_bytes(a: Tensor, b: Tensor) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and a.numpy().tobytes() == b.numpy().tobytes()


def assert_same(state: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert set(state) == set(expected)
    assert [name for name in expected if not same_bytes(state[name], expected[name])] == []


def untied(model: AlbertForPreTraining) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in model.state_dict().items() if name not in TIED}
