"""TensorFlow's checkpoint format written by hand, for the checkpoints that its own Saver wouldn't write."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from albert_lab.model.formats.crc32c import masked_crc32c

TYPES = {"float32": 1, "int64": 9, "float16": 19, "bool": 10}


def varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def text(field: int, value: bytes) -> bytes:
    return varint(field << 3 | 2) + varint(len(value)) + value


def checksum(data: bytes) -> bytes:
    return struct.pack("<I", masked_crc32c(np.frombuffer(data, np.uint8)))


def block(pairs: Mapping[bytes, bytes], compression: int = 0) -> bytes:
    """A block of a sorted table, each key cut by what it shares with the one before."""
    body, last = b"", b""
    for key, value in pairs.items():
        shared = next((i for i, (a, b) in enumerate(zip(last, key, strict=False)) if a != b), min(len(last), len(key)))
        body += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        last = key
    body += struct.pack("<II", 0, 1) + bytes([compression])
    return body + checksum(body)


def write_bundle(
    prefix: Path, arrays: Mapping[str, Any], blocks: int = 1, compression: int = 0, slices: str = "", big: int = 0
) -> None:
    data, pairs = b"", {b"": number(1, 1) + number(2, big)}
    for name, array in sorted(arrays.items()):
        raw = np.ascontiguousarray(array).tobytes()
        shape = b"".join(text(2, number(1, size)) for size in np.shape(array))
        entry = number(1, TYPES[str(array.dtype)]) + text(2, shape) + number(4, len(data)) + number(5, len(raw))
        entry += varint(6 << 3 | 5) + checksum(raw) + (text(7, b"") if name == slices else b"")
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
    return varint(len(before)) + varint(len(written) - 5), written
