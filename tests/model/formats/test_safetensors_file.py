"""Arrays in safetensors files: the same bytes as safetensors writes, and mapped from the file."""

import json
import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from transformers import AlbertForPreTraining

from albert_lab.errors import UserError
from albert_lab.model.formats.checkpoint_files import read_state
from tests.model.formats.tensors import read_tensors, untied, write_tensors


def test_every_kind_of_tensor_survives(tmp_path: Path) -> None:
    base = torch.arange(24.0)
    state = {
        "transposed": base.view(4, 6).T,
        "slice": base[3:9],
        "scalar": torch.tensor(3.5),
        "empty": torch.zeros(0, 3),
        "half": torch.ones(3, dtype=torch.bfloat16),
        "eighth": torch.tensor([0.5, 448.0]).to(torch.float8_e4m3fn),
        "whole numbers": torch.arange(3),
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }
    write_tensors(tmp_path, {}, state)
    back = read_tensors(tmp_path)
    assert set(back) == set(state)
    assert all(torch.equal(back[name], tensor) and back[name].dtype == tensor.dtype for name, tensor in state.items())


def test_a_file_is_the_same_as_safetensors_writes_of_tensors(theirs: AlbertForPreTraining, tmp_path: Path) -> None:
    state = untied(theirs) | {"half": torch.arange(3).bfloat16()}
    write_tensors(tmp_path, {}, state)
    save_file(state, tmp_path / "theirs.safetensors", {"format": "pt"})
    assert (tmp_path / "model.safetensors").read_bytes() == (tmp_path / "theirs.safetensors").read_bytes()


def test_a_weight_read_is_in_the_file_until_it_is_written(tmp_path: Path) -> None:
    write_tensors(tmp_path, {}, {"a": torch.ones(3), "b": torch.ones(3)})
    array = read_state(tmp_path)["a"]
    while isinstance(array.base, np.ndarray):
        array = array.base
    assert isinstance(array.base, mmap.mmap)
    read_tensors(tmp_path)["a"].zero_()
    assert all((array == 1).all() for array in read_state(tmp_path).values())


def test_an_array_at_an_odd_byte_is_read(tmp_path: Path) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}).encode()
    header += b" " * (1 - len(header) % 2)
    content = len(header).to_bytes(8, "little") + header + np.float32([1, 2]).tobytes()
    (tmp_path / "model.safetensors").write_bytes(content)
    assert read_tensors(tmp_path)["a"].tolist() == [1, 2]


def test_a_type_that_numpy_lacks_is_named(tmp_path: Path) -> None:
    state = {"a": torch.ones(2).to(torch.float8_e8m0fnu)}
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(UserError, match=r"model.safetensors has 'a' of the type F8_E8M0"):
        read_state(tmp_path)
    with pytest.raises(UserError, match=r"float8_e8m0fnu.*neither read nor written"):
        write_tensors(tmp_path, {}, state)


WITHOUT_TORCH = """
import sys
from pathlib import Path
import ml_dtypes, numpy as np
from albert_lab.model.formats.checkpoint_files import read_state, write_checkpoint
from albert_lab.model.formats.google_checkpoint import read_google_checkpoint
state = {"a": np.ones(3, ml_dtypes.bfloat16), "b": np.ones(3)}
write_checkpoint(Path(sys.argv[1]), {}, state, max_shard_size=8)
assert all((read_state(Path(sys.argv[1]))[name] == array).all() for name, array in state.items())
assert "torch" not in sys.modules
"""


def test_reading_and_writing_needs_no_torch(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_TORCH, str(tmp_path)], check=True)
