"""Reads and writes SentencePiece's `.model` file: what a `tokenizer.json` needs of it, and back.

The file is a protocol buffer (sentencepiece_model.proto). SentencePiece's Python has no way to its normalisation, and
its protobuf module binds to one version of that library; the format itself is a dozen lines.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from albert_lab.errors import UserError

UNIGRAM = 1


class Kind(IntEnum):
    """ModelProto.SentencePiece.Type."""

    normal = 1
    unknown = 2
    control = 3
    user_defined = 4
    unused = 5
    byte = 6


@dataclass
class Piece:
    text: str
    score: float  # log probability, as a 32-bit float
    kind: Kind = Kind.normal


@dataclass
class ModelProto:
    """The pieces by id and the normalisation (`charsmap`: its compiled rules, `name`: what they are called)."""

    pieces: list[Piece] = field(default_factory=list)
    model_type: int = UNIGRAM
    name: str = "nmt_nfkc"
    charsmap: bytes = b""


def read_model(data: bytes) -> ModelProto:
    """Raises: UserError for bytes that are no model."""
    model = ModelProto()
    try:
        for number, value in _fields(data):
            if number == 1 and isinstance(value, bytes):
                model.pieces.append(_piece(value))
            elif number == 2 and isinstance(value, bytes):
                model.model_type = next((v for n, v in _fields(value) if n == 3 and isinstance(v, int)), UNIGRAM)
            elif number == 3 and isinstance(value, bytes):
                normalizer = dict(_fields(value))
                model.name, model.charsmap = _text(normalizer.get(1, b"")), _bytes(normalizer.get(2, b""))
    except (IndexError, ValueError, struct.error):
        raise UserError("these bytes are no SentencePiece model") from None
    return model


def write_model(model: ModelProto) -> bytes:
    """The bytes of a `.model` file; the same pieces from the same text."""
    kinds = {kind: [i for i, piece in enumerate(model.pieces) if piece.kind is kind] for kind in Kind}
    unknown = kinds[Kind.unknown][0]
    pieces = b"".join(
        _block(1, _block(1, p.text.encode()) + _float(2, p.score) + _number(3, p.kind)) for p in model.pieces
    )
    trainer = _number(3, model.model_type) + _number(4, len(model.pieces)) + _number(40, unknown)
    # no begin, end and padding of SentencePiece's own: ALBERT's special tokens are control pieces
    trainer += b"".join(_number(number, (1 << 64) - 1) for number in (41, 42, 43))
    normalizer = _block(1, model.name.encode()) + _block(2, model.charsmap) + b"".join(_number(n, 1) for n in (3, 4, 5))
    return pieces + _block(2, trainer) + _block(3, normalizer)


def _piece(data: bytes) -> Piece:
    found = dict(_fields(data))
    score = struct.unpack("<f", _bytes(found.get(2, b"\0\0\0\0")))[0]
    return Piece(_text(found.get(1, b"")), score, Kind(int(found.get(3, Kind.normal))))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(field number, its integer or its bytes) of one message."""
    place = 0
    while place < len(data):
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, place = _varint(data, place)
            yield number, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if wire == 2:
            size, place = _varint(data, place)
        if size is None or place + size > len(data):
            raise ValueError("not a protocol buffer")
        yield number, data[place : place + size]
        place += size


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise ValueError("not a protocol buffer")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("not a SentencePiece model")
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode()


def _to_varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _number(number: int, value: int) -> bytes:
    return _to_varint(number << 3) + _to_varint(value)


def _float(number: int, value: float) -> bytes:
    return _to_varint(number << 3 | 5) + struct.pack("<f", value)


def _block(number: int, data: bytes) -> bytes:
    return _to_varint(number << 3 | 2) + _to_varint(len(data)) + data
