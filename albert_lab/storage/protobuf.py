"""The wire format of protocol buffers (https://protobuf.dev/programming-guides/encoding), without compiled messages.

A message is a sequence of fields: a number with the type of the value, then the value.
"""

import struct
from collections.abc import Iterator

VARINT, FIXED64, LENGTH_DELIMITED, FIXED32 = 0, 1, 2, 5  # wire types


def read_fields(message: int | bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of every field; a value of a fixed size is bytes too.

    Args:
        message: also the value of a field that should hold a message.

    Raises:
        ValueError: not a whole message.
    """
    if isinstance(message, int):
        raise ValueError("a protocol buffer has a number where a message is expected")
    at = 0
    while at < len(message):
        key, at = read_varint(message, at)
        wire_type = key & 7
        if wire_type == VARINT:
            value, at = read_varint(message, at)
            yield key >> 3, value
            continue
        if wire_type == LENGTH_DELIMITED:
            length, at = read_varint(message, at)
        elif wire_type in (FIXED64, FIXED32):
            length = 8 if wire_type == FIXED64 else 4
        else:
            raise ValueError(f"a protocol buffer has a field of the unknown type {wire_type}")
        if at + length > len(message):
            raise ValueError("a protocol buffer is cut short")
        yield key >> 3, message[at : at + length]
        at += length


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends.

    Raises:
        ValueError: it has more than 64 bits, or the data ends first.
    """
    value = shift = 0
    for end in range(at, min(at + 10, len(data))):
        value |= (data[end] & 0x7F) << shift
        shift += 7
        if data[end] < 0x80:
            return value, end + 1
    raise ValueError("a protocol buffer has a number without end")


def encode_varint(value: int) -> bytes:
    groups = bytearray()
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def encode_number(field: int, value: int) -> bytes:
    return encode_varint(field << 3 | VARINT) + encode_varint(value)


def encode_float(field: int, value: float) -> bytes:
    return encode_varint(field << 3 | FIXED32) + struct.pack("<f", value)


def encode_bytes(field: int, value: bytes) -> bytes:
    return encode_varint(field << 3 | LENGTH_DELIMITED) + encode_varint(len(value)) + value
