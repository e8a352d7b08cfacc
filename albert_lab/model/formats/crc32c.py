"""The checksum of TensorFlow's files, CRC-32C (Castagnoli), fast enough for gigabytes in numpy.

The register is linear over GF(2): bytes are cut into lanes that are summed side by side, and two lanes join by moving
the first one's register past the second one's bytes (as zlib's crc32_combine does).
"""

from typing import Any

import numpy as np

_POLYNOMIAL = 0x82F63B78  # bits reversed
_MOST_LANES = 2**14  # a power of two; 16 bits of each are taken at a time
_SMALL_BYTES = 2**13  # below, joining lanes takes longer than it saves
_MASK_DELTA = 0xA282EAD8


def masked_crc32c(data: Any) -> int:
    """The checksum of uint8 [n] as LevelDB and TensorFlow store it: rotated, as it stands among what is summed."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def crc32c(data: Any) -> int:
    """CRC-32C of uint8 [n]; RFC 3720 appendix B.4 has test vectors."""
    if len(data) < _SMALL_BYTES:
        return _bytewise(data.tobytes())
    lanes = min(_MOST_LANES, 1 << (len(data) // 512).bit_length())
    padded = np.zeros(-(-len(data) // (2 * lanes)) * 2 * lanes, np.uint8)  # zeros in front leave a register of 0 alone
    padded[len(padded) - len(data) :] = data
    padded[len(padded) - len(data) :][:4] ^= 0xFF  # the same as starting with a register of ones
    words = padded.view("<u2").reshape(lanes, -1).T
    registers = np.zeros(lanes, np.uint32)
    for column in words:
        registers = _TABLE[(registers & 0xFFFF) ^ column] ^ (registers >> 16)
    return int(_join(registers, 2 * len(words))) ^ 0xFFFFFFFF


def _bytewise(data: bytes) -> int:
    register = 0xFFFFFFFF
    for byte in data:
        register = _BYTE_TABLE[(register ^ byte) & 0xFF] ^ register >> 8
    return register ^ 0xFFFFFFFF


def _join(registers: Any, lane_bytes: int) -> Any:
    """One register from those of lanes of equal length, neighbours first."""
    move = _moved_past(lane_bytes) if len(registers) > 1 else None
    while len(registers) > 1:
        registers = _apply(move, registers[::2]) ^ registers[1::2]
        move = _apply(move, move)
    return registers[0]


def _moved_past(zero_bytes: int) -> Any:
    """uint32 [32]: what becomes of each bit of a register after so many bytes of 0, by repeated squaring."""
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    moved, power = bits, _shifted(bits, 8)  # past one byte
    while zero_bytes:
        if zero_bytes & 1:
            moved = _apply(power, moved)
        power, zero_bytes = _apply(power, power), zero_bytes >> 1
    return moved


def _apply(matrix: Any, registers: Any) -> Any:
    """The linear map whose images of the 32 bits are given, on each register."""
    result = np.zeros_like(registers)
    for bit in range(32):
        result ^= np.where(registers >> np.uint32(bit) & np.uint32(1), matrix[bit], np.uint32(0))
    return result


def _shifted(registers: Any, bits: int) -> Any:
    for _ in range(bits):
        registers = registers >> np.uint32(1) ^ np.where(registers & np.uint32(1), np.uint32(_POLYNOMIAL), np.uint32(0))
    return registers


_TABLE = _shifted(np.arange(2**16, dtype=np.uint32), 16)
_BYTE_TABLE = _shifted(np.arange(2**8, dtype=np.uint32), 8).tolist()
