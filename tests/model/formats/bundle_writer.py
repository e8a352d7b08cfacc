"""TensorFlow's checkpoint format written by hand, for the checkpoints that its own Saver wouldn't write."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from albert_lab.model.formats.tensor_bundle import masked_crc32c
from albert_lab.storage.protobuf import FIXED32, encode_bytes, encode_number, encode_varint

TYPES = {"float32": 1, "int64": 9, "float16": 19, "bool": 10}


def checksum(data: bytes) -> bytes:
    return struct.pack("<I", masked_crc32c(data))


def block(pairs: Mapping[bytes, bytes], compression: int = 0) -> bytes:
    """A block of a sorted table, each key cut by what it shares with the one before."""
    body, last = b"", b""
    for key, value in pairs.items():
        shared = next((i for i, (a, b) in enumerate(zip(last, key, strict=False)) if a != b), min(len(last), len(key)))
        body += (
            encode_varint(shared) + encode_varint(len(key) - shared) + encode_varint(len(value)) + key[shared:] + value
        )
        last = key
    body += struct.pack("<II", 0, 1) + bytes([compression])
    return body + checksum(body)


def write_bundle(
    prefix: Path, arrays: Mapping[str, Any], blocks: int = 1, compression: int = 0, slices: str = "", big: int = 0
) -> None:
    data, pairs = b"", {b"": encode_number(1, 1) + encode_number(2, big)}
    for name, array in sorted(arrays.items()):
        raw = np.ascontiguousarray(array).tobytes()
        shape = b"".join(encode_bytes(2, encode_number(1, size)) for size in np.shape(array))
        entry = (
            encode_number(1, TYPES[str(array.dtype)])
            + encode_bytes(2, shape)
            + encode_number(4, len(data))
            + encode_number(5, len(raw))
        )
        entry += encode_varint(6 << 3 | FIXED32) + checksum(raw) + (encode_bytes(7, b"") if name == slices else b"")
        pairs[name.encode()] = entry
        data += raw
    prefix.with_name(f"{prefix.name}.data-00000-of-00001").write_bytes(data)
    prefix.with_name(f"{prefix.name}.index").write_bytes(table(pairs, blocks, compression))


def table(pairs: Mapping[bytes, bytes], blocks: int, compression: int) -> bytes:
    result, handles, items = b"", {}, list(pairs.items())
    size = -(-len(items) // blocks)
    for start in range(0, len(items), size):
        part = dict(items[start : start + size])
        handles[max(part)], written = handle_of(result, part, compression)
        result += written
    meta, written = handle_of(result, {}, 0)
    result += written
    index, written = handle_of(result, handles, 0)
    return result + written + (meta + index).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def handle_of(before: bytes, pairs: Mapping[bytes, bytes], compression: int) -> tuple[bytes, bytes]:
    written = block(pairs, compression)
    return encode_varint(len(before)) + encode_varint(len(written) - 5), written
