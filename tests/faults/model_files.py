"""Checkpoints of models: ours, Hugging Face's and Google's."""

import json
import pickle
import shutil
import struct
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import torch

from albert_lab import AlbertConfig, AlbertForPreTraining
from albert_lab.model.formats.google_checkpoint import read_google_checkpoint
from albert_lab.model.formats.tensor_bundle import masked_crc32c
from albert_lab.model.torch.auto import load_any
from albert_lab.storage.protobuf import read_varint
from tests.faults.kind import Kind
from tests.faults.mutations import (
    ANY_BYTES,
    change_json,
    change_pickled_number,
    change_safetensors_header,
    change_zip_member,
)

GOLDEN = Path(__file__).parents[1] / "golden"
TINY: dict[str, Any] = {
    "vocab_size": 11,
    "embedding_size": 4,
    "hidden_size": 4,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 4,
    "max_position_embeddings": 6,
}


def make_model(**changes: Any) -> AlbertForPreTraining:
    torch.manual_seed(0)
    return AlbertForPreTraining(AlbertConfig(**TINY, **changes))


def make_checkpoint(folder: Path) -> None:
    make_model().save_pretrained(folder)


def load_libraries() -> None:
    """Has PyTorch import what it does at first use: a forked child then needn't."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        make_checkpoint(Path(folder))
        load_any(folder)


def make_own_checkpoint(folder: Path) -> None:
    """In our own format, with a layer map and options that Hugging Face's lacks."""
    from albert_lab import SharingConfig, make_layer_map

    layer_map = make_layer_map(SharingConfig(scheme="ffn"), 2)
    make_model(layer_map=layer_map, lora_rank=1, id2label={0: "no", 1: "yes"}).save_pretrained(folder)


def make_shards(folder: Path) -> None:
    make_model().save_pretrained(folder, max_shard_size="1KB")


def make_pickle(folder: Path) -> None:
    _make_pickle(folder, zipped=True)


def make_old_pickle(folder: Path) -> None:
    _make_pickle(folder, zipped=False)


def _make_pickle(folder: Path, zipped: bool) -> None:
    make_checkpoint(folder)
    (folder / "model.safetensors").unlink()
    state = make_model().state_dict()
    torch.save(state, folder / "pytorch_model.bin", _use_new_zipfile_serialization=zipped)


class CallsTheSystem:
    """Pickled, it calls os.system when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        import os

        return os.system, ("touch executed",)


def replace_by_odd_state(draw: Random, data: bytes) -> bytes:
    """Something else than dense tensors by name."""
    import io

    state: Any = make_model().state_dict()
    name = draw.choice(sorted(state))
    tensor = state[name]
    odd: list[Any] = [
        *(None, 1, 1.5, "text", [], {}, {"nested": tensor}, [tensor], (tensor, 1), CallsTheSystem(), b"bytes"),
        *(tensor.to(torch.complex64), tensor.to_sparse(), tensor.bool(), tensor.to(torch.int64), tensor.half()),
        *(tensor[:0], tensor.reshape(-1), tensor[None], tensor * float("nan"), torch.tensor(1.0), tensor.to("meta")),
        *(torch.zeros(1).expand(10**6, 10**6), torch.nn.Parameter(tensor), torch.Size([1]), torch.float32),
        *(torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8), torch.nested.nested_tensor([tensor])),
        *(tensor.to(torch.float8_e4m3fn), tensor.to(torch.bfloat16), tensor.t() if tensor.ndim == 2 else tensor),
    ]
    chosen = draw.choice(odd)
    if draw.random() < 0.2:
        state = chosen
    elif draw.random() < 0.1:
        state[draw.choice((1, None, ("a", "b"), "", "\n", "x" * 100_000))] = tensor
    else:
        state[name] = chosen
    stream = io.BytesIO()
    torch.save(state, stream, _use_new_zipfile_serialization=data.startswith(b"PK"))
    return stream.getvalue()


def replace_by_code(draw: Random, data: bytes) -> bytes:
    return pickle.dumps(draw.choice((CallsTheSystem(), {"a": CallsTheSystem()})), protocol=draw.choice((0, 2, 4)))


def make_plan(folder: Path) -> None:
    """A save that was killed while its files were moved into place."""
    make_checkpoint(folder)
    ready = folder / ".new_files.ready"
    ready.mkdir()
    shutil.move(folder / "config.json", ready / "config.json")
    (ready / ".plan.json").write_text(json.dumps({"files": ["config.json"], "stale": ["pytorch_model.bin"]}))


def make_google_checkpoint(folder: Path) -> None:
    shutil.copytree(GOLDEN / "tf_checkpoint", folder, dirs_exist_ok=True)
    for other in ("expected.npz", "make.py"):
        (folder / other).unlink()


def change_table_block(draw: Random, data: bytes) -> bytes:
    """A change within a block of a TensorFlow index, with the block's checksum made right again."""
    footer = data[-48:]
    at = 0
    for _ in range(2):
        _, at = read_varint(footer, at)
    offset, at = read_varint(footer, at)
    size, _ = read_varint(footer, at)
    if draw.random() < 0.7:  # the entries, before the index of the blocks and the empty block
        offset, size = 0, max(1, offset - 3 * 5 - 8)
        while size > 1 and data[size + 1 : size + 5] != struct.pack("<I", masked_crc32c(data[: size + 1])):
            size -= 1
    block = bytearray(data[offset : offset + size + 1])
    for _ in range(draw.choice((1, 1, 2))):
        block[draw.randrange(len(block))] = draw.choice((0, 1, 127, 128, 255, draw.randrange(256)))
    checksum = struct.pack("<I", masked_crc32c(bytes(block)))
    return data[:offset] + bytes(block) + checksum + data[offset + size + 5 :]


JSON = (change_json, change_json, change_json, *ANY_BYTES)
PICKLE = (*[replace_by_odd_state] * 6, replace_by_code, *ANY_BYTES)

MODEL_FILES = (
    Kind("config.json", make_checkpoint, {"config.json": JSON}, load_any),
    Kind("config.json-of-ours", make_own_checkpoint, {"config.json": JSON}, load_any),
    Kind(
        "safetensors",
        make_checkpoint,
        {"model.safetensors": (*[change_safetensors_header] * 8, *ANY_BYTES)},
        load_any,
    ),
    Kind(
        "shards",
        make_shards,
        {"model.safetensors.index.json": JSON, "model-*.safetensors": ANY_BYTES},
        load_any,
    ),
    Kind(
        "pytorch_model.bin",
        make_pickle,
        {"pytorch_model.bin": (*PICKLE, *[change_zip_member] * 6, *[change_pickled_number] * 4)},
        load_any,
    ),
    Kind("pytorch_model.bin-old", make_old_pickle, {"pytorch_model.bin": PICKLE}, load_any),
    Kind("interrupted-save", make_plan, {".new_files.ready/.plan.json": JSON}, load_any, writes=("",)),
    Kind(
        "tensorflow-checkpoint",
        make_google_checkpoint,
        {
            "albert_config.json": JSON,
            "*.index": (*[change_table_block] * 20, *ANY_BYTES),
            "*.data-*": ANY_BYTES,
        },
        read_google_checkpoint,
    ),
)
