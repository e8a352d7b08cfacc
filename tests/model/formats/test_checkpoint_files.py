"""Checkpoint folders: Hugging Face's are read to the byte, ours are read by Hugging Face, and no write is half done."""

import json
import mmap
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import AlbertConfig, AlbertForPreTraining

from albert_lab.errors import UserError
from albert_lab.model.formats.checkpoint_files import parse_size, read_config, read_state, write_checkpoint
from albert_lab.model.torch.arrays import to_array, to_tensor
from albert_lab.model.torch.pickled_weights import read_pickle
from albert_lab.storage.replace_files import PARTIAL

TIED = {"predictions.decoder.weight", "predictions.decoder.bias"}


@pytest.fixture(scope="module")
def theirs() -> AlbertForPreTraining:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 40, "embedding_size": 8, "hidden_size": 16, "intermediate_size": 32}
    config = AlbertConfig(**sizes, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2, num_attention_heads=4)
    return AlbertForPreTraining(config).eval()


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


@pytest.mark.parametrize("size", ["5GB", "4KB"], ids=["one file", "shards"])
def test_what_hugging_face_saved_is_read_to_the_byte(theirs: AlbertForPreTraining, tmp_path: Path, size: str) -> None:
    theirs.save_pretrained(tmp_path, max_shard_size=size)
    assert (tmp_path / "model.safetensors").exists() == (size == "5GB")
    assert_same(read_tensors(tmp_path), untied(theirs))
    assert read_config(tmp_path) == json.loads((tmp_path / "config.json").read_text())


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


@pytest.mark.parametrize("size", [10**9, "4KB", 1], ids=["one file", "shards", "a tensor a shard"])
def test_hugging_face_reads_what_we_wrote_and_so_do_we(
    theirs: AlbertForPreTraining, tmp_path: Path, size: int | str
) -> None:
    write_tensors(tmp_path, theirs.config.to_dict(), untied(theirs), max_shard_size=size)
    assert_same(read_tensors(tmp_path), untied(theirs))
    model, report = AlbertForPreTraining.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(report.values())
    assert_same(model.state_dict(), theirs.state_dict())


def test_weights_may_be_read_by_whoever_may_read_the_configuration(tmp_path: Path) -> None:
    write_tensors(tmp_path, {}, {"a": torch.ones(1)})
    assert len({file.stat().st_mode for file in tmp_path.iterdir()}) == 1


def test_no_shard_but_a_single_tensor_is_larger_than_asked(theirs: AlbertForPreTraining, tmp_path: Path) -> None:
    write_tensors(tmp_path, {}, untied(theirs), max_shard_size="4KB")
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    sizes: dict[str, list[int]] = {}
    for name, shard in index["weight_map"].items():
        sizes.setdefault(shard, []).append(untied(theirs)[name].nbytes)
    assert len(sizes) > 3
    assert all(sum(tensors) <= 4000 or len(tensors) == 1 for tensors in sizes.values())
    assert index["metadata"]["total_size"] == sum(map(sum, sizes.values()))
    assert set(sizes) == {f"model-{i + 1:05}-of-{len(sizes):05}.safetensors" for i in range(len(sizes))}


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


def test_a_pickle_is_refused_where_there_is_no_pytorch(tmp_path: Path) -> None:
    torch.save({"a": torch.ones(1)}, tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model.bin is read by PyTorch alone"):
        read_state(tmp_path)


def test_two_names_for_one_tensor_are_refused(tmp_path: Path) -> None:
    table = torch.ones(3, 2)
    with pytest.raises(ValueError, match=r"'decoder' and 'table' are one tensor|'table' and 'decoder' are one tensor"):
        write_tensors(tmp_path / "model", {}, {"table": table, "decoder": table})
    assert not (tmp_path / "model").exists()


def test_a_new_checkpoint_leaves_no_old_weights_and_no_stranger_lost(tmp_path: Path) -> None:
    ones = {"a": torch.ones(500), "b": torch.ones(500)}
    write_tensors(tmp_path, {"is": 1}, ones, max_shard_size="1KB")
    torch.save(ones, tmp_path / "pytorch_model.bin")
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "checkpoints").mkdir()
    twos = {"a": torch.full((500,), 2.0)}
    write_tensors(tmp_path, {"is": 2}, twos)
    names = {"README.md", "checkpoints", "config.json", "model.safetensors"}
    assert {file.name for file in tmp_path.iterdir()} == names
    assert_same(read_tensors(tmp_path), twos)
    write_tensors(tmp_path, {"is": 3}, ones, max_shard_size="1KB")
    assert not (tmp_path / "model.safetensors").exists()
    assert_same(read_tensors(tmp_path), ones)


def test_a_state_read_from_a_folder_can_be_written_back_into_it(tmp_path: Path) -> None:
    write_tensors(tmp_path, {}, {"a": torch.arange(5000.0)})
    write_tensors(tmp_path, {}, read_tensors(tmp_path) | {"b": torch.ones(1)})
    assert torch.equal(read_tensors(tmp_path)["a"], torch.arange(5000.0))


KILLER = """
import os, signal, sys, time
import numpy as np
from pathlib import Path
from albert_lab.model.formats.checkpoint_files import read_config, read_state, write_checkpoint

def write_for_ever(folder):
    for i in range(10**6):
        state = {name: np.full(20_000, float(i), np.float32) for name in "abcdef"}
        write_checkpoint(folder, {"is": i}, state, max_shard_size=100_000 if i % 2 else "1GB")

folder, seen = Path(sys.argv[1]), set()
write_checkpoint(folder, {"is": -1}, {name: np.full(20_000, -1, np.float32) for name in "abcdef"})
for round in range(25):
    writer = os.fork()
    if not writer:
        write_for_ever(folder)
    time.sleep(0.03 + round * 0.0011)
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    seen |= {file.name for file in folder.iterdir()}
    number, state = read_config(folder)["is"], read_state(folder)
    assert set(state) == set("abcdef"), sorted(state)
    assert all((array == number).all() for array in state.values()), number
print(*sorted(seen))
"""


def test_a_killed_writer_leaves_one_whole_checkpoint(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLER, str(tmp_path / "model")]
    result = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert PARTIAL in result.stdout.split(), "no kill came in the middle of a write"


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_named_and_the_old_checkpoint_stays(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        old = {"a": torch.ones(5000)}
        write_tensors(disk / "model", {"is": 1}, old)
        with pytest.raises(
            UserError, match=r"disk is full.*model needs about 0.4 MB; free some space or name a folder"
        ):
            write_tensors(disk / "model", {"is": 2}, {"a": torch.ones(100_000)})
        assert {file.name for file in (disk / "model").iterdir()} == {"config.json", "model.safetensors"}
        assert read_config(disk / "model") == {"is": 1}
        assert_same(read_tensors(disk / "model"), old)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


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


@pytest.mark.parametrize("kind", ["model.safetensors", "pytorch_model.bin"])
@pytest.mark.parametrize("kept", [0, 4, 50, 0.5, 0.99])
def test_a_truncated_file_is_named(theirs: AlbertForPreTraining, tmp_path: Path, kind: str, kept: float) -> None:
    if kind == "model.safetensors":
        write_tensors(tmp_path, {}, untied(theirs))
    else:
        torch.save(theirs.state_dict(), tmp_path / kind)
    file = tmp_path / kind
    os.truncate(file, int(kept if kept == int(kept) else kept * file.stat().st_size))
    with pytest.raises(UserError, match=rf"{kind} (is cut short or damaged|is damaged)"):
        read_tensors(tmp_path)


@pytest.mark.parametrize("file", ["../out.safetensors", "/etc/passwd", "sub/x.safetensors", "..", "", 3, "x.bin", "x"])
def test_an_index_that_leads_out_of_the_folder_is_refused(tmp_path: Path, file: Any) -> None:
    (tmp_path / "model").mkdir()
    write_tensors(tmp_path / "real", {}, {"a": torch.ones(1)})
    shutil.copy(tmp_path / "real" / "model.safetensors", tmp_path / "out.safetensors")
    index = tmp_path / "model" / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"a": file}}))
    with pytest.raises(UserError, match=r"index.json places 'a' in .* which is not a .safetensors file of its folder"):
        read_tensors(tmp_path / "model")


def sharded(folder: Path) -> tuple[Path, Path]:
    state = {name: torch.ones(500) for name in "abcd"}
    write_tensors(folder, {}, state, max_shard_size="4KB")
    first, second = sorted(folder.glob("model-*.safetensors"))
    return first, second


def test_a_missing_shard_is_named_with_what_it_held(tmp_path: Path) -> None:
    _, second = sharded(tmp_path)
    second.unlink()
    with pytest.raises(UserError, match=rf"{second.name} is missing, and .*index.json says that it holds c, d"):
        read_tensors(tmp_path)


def test_a_shard_of_another_checkpoint_is_refused(tmp_path: Path) -> None:
    first, second = sharded(tmp_path)
    shutil.copy(first, second)
    with pytest.raises(UserError, match=rf"{second.name} is not the shard .* it lacks c, d and adds a, b"):
        read_tensors(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON"),
        (b"\xff\xfe{", "is not JSON"),
        (b"{'hidden_size': 8}", "is not JSON"),
        (b"[" * 200_000, "is not JSON"),
        (b'{"a": ' * 200_000, "is not JSON"),
        (b"[" + b"1" * 5000 + b"]", "is not JSON"),
        (b"[1]", "holds a list where a JSON object is expected"),
        (b"null", "holds a NoneType"),
        (b" " * (65 * 2**20), "has 68 MB, which no"),
    ],
    ids=["empty", "binary", "quotes", "brackets", "objects", "digits", "list", "null", "huge"],
)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors.index.json"])
def test_garbage_instead_of_json_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_config(tmp_path) if name == "config.json" else read_tensors(tmp_path)
    assert f"{tmp_path / name} {message}" in str(raised.value)


def test_an_index_without_a_map_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors.index.json").write_text('{"weight_map": {}}')
    with pytest.raises(UserError, match="has no weight_map"):
        read_tensors(tmp_path)


def test_what_is_missing_is_named_with_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no config.json$"):
        read_config(tmp_path)
    with pytest.raises(UserError, match=r"has none of model.safetensors, .*pytorch_model.bin.index.json$"):
        read_tensors(tmp_path)
    (tmp_path / "tf_model.h5").touch()
    with pytest.raises(UserError, match=r"tf_model.h5 is of another framework"):
        read_tensors(tmp_path)
    (tmp_path / "model.ckpt-best.index").touch()
    (tmp_path / "albert_config.json").touch()
    for read in (read_config, read_tensors):
        with pytest.raises(UserError, match=r"'albert-lab import' converts"):
            read(tmp_path)


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "model").write_text("x")
    with pytest.raises(UserError, match=r"model can't be written"):
        write_tensors(tmp_path / "model", {}, {})


def test_sizes_are_read_as_written() -> None:
    sizes = [parse_size(size) for size in (7, "7", "1KB", "1.5 mb", "5GB", "1GiB", "2TB")]
    assert sizes == [7, 7, 1000, 1_500_000, 5 * 10**9, 2**30, 2 * 10**12]


@pytest.mark.parametrize("size", ["", "GB", "5XB", "-1GB", 0, "0KB", "1e9", None])
def test_what_is_no_size_is_refused(size: Any) -> None:
    with pytest.raises(UserError, match=r"is not a size; give one such as '200MB'"):
        parse_size(size)
