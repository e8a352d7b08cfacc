"""Reads and writes SentencePiece's `.model` file, as far as a `tokenizer.json` needs it.

The file is a protocol buffer (sentencepiece_model.proto). SentencePiece's Python API doesn't give its normalisation,
and its protobuf module works with one version of that library only; the format itself takes a dozen lines.
"""

import struct
from dataclasses import dataclass, field
from enum import IntEnum

from albert_lab.errors import UserError
from albert_lab.storage.protobuf import encode_bytes, encode_float, encode_number, read_fields

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
    """Raises: UserError for bytes that are not a model."""
    model = ModelProto()
    try:
        for number, value in read_fields(data):
            if number == 1 and isinstance(value, bytes):
                model.pieces.append(_read_piece(value))
            elif number == 2 and isinstance(value, bytes):
                model.model_type = next((v for n, v in read_fields(value) if n == 3 and isinstance(v, int)), UNIGRAM)
            elif number == 3 and isinstance(value, bytes):
                normalizer = dict(read_fields(value))
                model.name, model.charsmap = _expect_text(normalizer.get(1, b"")), _expect_bytes(normalizer.get(2, b""))
    except (ValueError, struct.error):
        raise UserError("these bytes are not a SentencePiece model") from None
    return model


def write_model(model: ModelProto) -> bytes:
    """The bytes of a `.model` file; the same pieces from the same text."""
    kinds = {kind: [i for i, piece in enumerate(model.pieces) if piece.kind is kind] for kind in Kind}
    unknown = kinds[Kind.unknown][0]
    pieces = b"".join(
        encode_bytes(1, encode_bytes(1, p.text.encode()) + encode_float(2, p.score) + encode_number(3, p.kind))
        for p in model.pieces
    )
    trainer = encode_number(3, model.model_type) + encode_number(4, len(model.pieces)) + encode_number(40, unknown)
    # no begin, end and padding of SentencePiece's own: ALBERT's special tokens are control pieces
    trainer += b"".join(encode_number(number, (1 << 64) - 1) for number in (41, 42, 43))
    flags = b"".join(encode_number(n, 1) for n in (3, 4, 5))
    normalizer = encode_bytes(1, model.name.encode()) + encode_bytes(2, model.charsmap) + flags
    return pieces + encode_bytes(2, trainer) + encode_bytes(3, normalizer)


def _read_piece(data: bytes) -> Piece:
    found = dict(read_fields(data))
    score = struct.unpack("<f", _expect_bytes(found.get(2, b"\0\0\0\0")))[0]
    return Piece(_expect_text(found.get(1, b"")), score, Kind(int(found.get(3, Kind.normal))))


def _expect_bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("not a SentencePiece model")
    return value


def _expect_text(value: int | bytes) -> str:
    return _expect_bytes(value).decode()
