"""Weights in pickles: plain tensors are read to the byte, anything else is refused and nothing is executed."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AlbertForPreTraining

from albert_lab.errors import UserError
from albert_lab.model.formats.checkpoint_files import read_state
from tests.model.formats.tensors import assert_same, read_tensors


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before PyTorch 1.6"])
def test_an_old_pickle_of_plain_tensors_is_read_to_the_byte(
    theirs: AlbertForPreTraining, tmp_path: Path, zipped: bool
) -> None:
    state = dict(theirs.state_dict()) | {"albert.embeddings.position_ids": torch.arange(512)[None]}
    torch.save(state, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)
    assert_same(read_tensors(tmp_path), state)


def test_sharded_pickles_are_read_to_the_byte(theirs: AlbertForPreTraining, tmp_path: Path) -> None:
    state = theirs.state_dict()
    shards = {f"pytorch_model-{i + 1:05}-of-00002.bin": dict(list(state.items())[i::2]) for i in range(2)}
    for shard, tensors in shards.items():
        torch.save(tensors, tmp_path / shard)
    weight_map = {name: shard for shard, tensors in shards.items() for name in tensors}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": weight_map}))
    assert_same(read_tensors(tmp_path), state)


def test_a_pickle_is_refused_where_there_is_no_pytorch(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model.bin is read by PyTorch alone"):
        read_state(tmp_path)


class WithCode:
    """A pickle that creates a file when it is loaded the usual way."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.system, (f"touch {self.victim}",)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before PyTorch 1.6"])
def test_a_pickle_with_code_is_refused_and_nothing_runs(tmp_path: Path, zipped: bool) -> None:
    file, victim = tmp_path / "pytorch_model.bin", tmp_path / "victim"
    torch.save({"a": torch.ones(1), "b": WithCode(victim)}, file, _use_new_zipfile_serialization=zipped)
    with pytest.raises(UserError, match=r"pytorch_model.bin wants to call \w+.system; nothing in it was executed"):
        read_tensors(tmp_path)
    assert not victim.exists()
    torch.load(file, weights_only=False)
    assert victim.exists(), "the pickle must be able to do harm, else the test shows nothing"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.ones(1)], "holds a list, not tensors by name"),
        ({"state_dict": {"a": torch.ones(1)}}, "has a dict under 'state_dict'"),
        ({"a": 1}, "has a int under 'a'"),
        ({1: torch.ones(1)}, "has 1 where a tensor's name is expected"),
        ({"a": torch.eye(3).to_sparse()}, "'a' that is not dense"),
        ({"a": torch.ones(3, device="meta")}, "'a' that is not dense"),
        ({"a": torch.ones(1).expand(10**6, 10**6)}, "'a' claims 1000000000000 elements"),
        (torch.nn.Linear(2, 2), "wants to call torch.nn.modules.linear.Linear; nothing in it was executed"),
    ],
)
def test_a_pickle_of_anything_but_dense_tensors_by_name_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    torch.save(content, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError) as raised:
        read_tensors(tmp_path)
    assert message in str(raised.value)
    assert "pytorch_model.bin" in str(raised.value)
