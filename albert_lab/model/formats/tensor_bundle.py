"""TensorFlow's checkpoint format (V2, the "tensor bundle") read without TensorFlow, which installs 1.6 GB.

`PREFIX.index` is a sorted table of LevelDB's format from names to protocol buffers that say where a tensor lies in
`PREFIX.data-00000-of-00001`. Described in tensorflow/core/util/tensor_bundle/tensor_bundle.h,
tensorflow/core/protobuf/tensor_bundle.proto and github.com/google/leveldb doc/table_format.md.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from albert_lab.errors import UserError
from albert_lab.storage.files import check_regular, read_bytes
from albert_lab.storage.protobuf import read_fields, read_varint

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_BLOCK_TRAILER_BYTES = 5  # a byte for the compression, four for the checksum
_CHECKSUM_DELTA = 0xA282EAD8
_DTYPES: dict[int, Any] = {  # TensorFlow's numbers
    1: np.float32,
    2: np.float64,
    3: np.int32,
    9: np.int64,
    14: ml_dtypes.bfloat16,
    19: np.float16,
}


@dataclass(frozen=True)
class _Entry:
    """Where a tensor lies: BundleEntryProto."""

    type: int  # DataType of TensorFlow
    shape: tuple[int, ...]
    shard: int
    offset: int  # bytes
    size: int  # bytes
    checksum: int
    sliced: bool


class TensorBundle:
    """The variables of one checkpoint: `names`, `shape(name)`, `read(name)`.

    `prefix` is the path without `.index`.

    Raises:
        UserError: a file is missing, cut short or damaged (every checksum is verified), or of a kind that isn't read.
    """

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix
        self.index = prefix.with_name(prefix.name + ".index")
        try:
            table = dict(_read_table(read_bytes(self.index)))
            self._num_shards = _read_header(table.pop(b""))
            self._entries = {name.decode(): _read_entry(value) for name, value in table.items()}
        except UserError:
            raise
        except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
            raise UserError(f"{self.index} is not a whole index of a TensorFlow checkpoint ({error})") from None

    @property
    def names(self) -> list[str]:
        return sorted(self._entries)

    def shape(self, name: str) -> tuple[int, ...]:
        return self._entries[name].shape

    def read(self, name: str) -> NDArray[Any]:
        entry = self._entries[name]
        if entry.type not in _DTYPES or entry.sliced:
            kind = "is stored in slices" if entry.sliced else f"has TensorFlow's data type number {entry.type}"
            raise UserError(f"{self.index}: {name!r} {kind}, which isn't read here; save the checkpoint again without")
        data = self._read_bytes(name, entry)
        if entry.checksum != masked_crc32c(data):
            raise UserError(f"{self._data_file(entry)} is damaged: the checksum of {name!r} is wrong; fetch it again")
        dtype = np.dtype(_DTYPES[entry.type])
        if np.prod(entry.shape, dtype=object) * dtype.itemsize != entry.size:
            raise UserError(f"{self.index} is damaged: {name!r} of shape {entry.shape} can't have {entry.size} bytes")
        return data.view(dtype).reshape(entry.shape)

    def _data_file(self, entry: _Entry) -> Path:
        return self.prefix.with_name(f"{self.prefix.name}.data-{entry.shard:05}-of-{self._num_shards:05}")

    def _read_bytes(self, name: str, entry: _Entry) -> NDArray[Any]:
        """uint8 [size], a copy."""
        file = self._data_file(entry)
        check_regular(file)
        try:
            if entry.offset + entry.size > file.stat().st_size:
                raise UserError(
                    f"{file} is cut short: {name!r} ends at byte {entry.offset + entry.size}; fetch it again"
                )
            return np.fromfile(file, dtype=np.uint8, count=entry.size, offset=entry.offset)
        except OSError as error:
            raise UserError(f"{file} can't be read: {error.strerror}") from None


def masked_crc32c(data: NDArray[Any] | bytes) -> int:
    """The CRC-32C of uint8 [n] as LevelDB and TensorFlow store it: rotated, as it stands among what is summed."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + _CHECKSUM_DELTA) & 0xFFFFFFFF


def _read_table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of a sorted table."""
    footer = data[-_FOOTER_BYTES:]
    if len(footer) < _FOOTER_BYTES or struct.unpack("<Q", footer[-8:]) != (_MAGIC,):
        raise ValueError("the mark at its end is missing")
    at = 0
    for _ in range(2):  # offset and size of the table's metadata, which is empty
        _, at = read_varint(footer, at)
    for _, handle in _read_block(data, footer[at:]):  # the index of the blocks
        yield from _read_block(data, handle)


def _read_block(data: bytes, handle: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The keys and values of the block that a handle (offset and size) points to."""
    offset, at = read_varint(handle, 0)
    size, _ = read_varint(handle, at)
    block, trailer = data[offset : offset + size + 1], data[offset + size + 1 : offset + size + _BLOCK_TRAILER_BYTES]
    if len(trailer) < 4 or struct.unpack("<I", trailer) != (masked_crc32c(block),):
        raise ValueError("a block's checksum is wrong")
    if block[-1]:
        raise ValueError("its blocks are compressed, which TensorFlow's own never are")
    (restarts,) = struct.unpack("<I", block[-5:-1])
    end, at, key = size - 4 * (restarts + 1), 0, b""
    while at < end:  # a key is stored as what differs from the one before
        shared, at = read_varint(block, at)
        own, at = read_varint(block, at)
        length, at = read_varint(block, at)
        key = key[:shared] + block[at : at + own]
        at += own + length
        yield key, block[at - length : at]


def _read_header(message: bytes) -> int:
    """The number of data files: BundleHeaderProto."""
    fields = dict(read_fields(message))
    if fields.get(2, 0):
        raise ValueError("it was written on a big-endian machine")
    return _read_number(fields, 1)


def _read_entry(message: bytes) -> _Entry:
    fields: dict[int, Any] = dict(read_fields(message))
    kind, shard, offset, size = (_read_number(fields, key) for key in (1, 3, 4, 5))
    dims = [dict(read_fields(value)) for number, value in read_fields(fields.get(2, b"")) if number == 2]
    (checksum,) = struct.unpack("<I", fields.get(6, b"\0\0\0\0"))
    return _Entry(kind, tuple(_read_number(dim, 1) for dim in dims), shard, offset, size, checksum, sliced=7 in fields)


def _read_number(fields: dict[int, Any], key: int) -> int:
    """A field that is 0 where it is left out."""
    value = fields.get(key, 0)
    if not isinstance(value, int):
        raise ValueError("text stands where a number is expected")
    return value
