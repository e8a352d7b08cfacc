"""Checkpoint folders: Hugging Face's are read to the byte, ours are read by Hugging Face, and no write is half done."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AlbertForPreTraining

from albert_lab.errors import UserError
from albert_lab.model.formats.checkpoint_files import parse_size, read_config
from albert_lab.storage.replace_files import PARTIAL
from tests.model.formats.tensors import assert_same, read_tensors, untied, write_tensors


@pytest.mark.parametrize("size", ["5GB", "4KB"], ids=["one file", "shards"])
def test_what_hugging_face_saved_is_read_to_the_byte(theirs: AlbertForPreTraining, tmp_path: Path, size: str) -> None:
    theirs.save_pretrained(tmp_path, max_shard_size=size)
    assert (tmp_path / "model.safetensors").exists() == (size == "5GB")
    assert_same(read_tensors(tmp_path), untied(theirs))
    assert read_config(tmp_path) == json.loads((tmp_path / "config.json").read_text())


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
    with pytest.raises(UserError, match=r"tf_model.h5 belongs to another framework"):
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
def test_what_is_not_a_size_is_refused(size: Any) -> None:
    with pytest.raises(UserError, match=r"is not a size; give one such as '200MB'"):
        parse_size(size)
