"""The CRC of HJ 212 (2005, 2017 and 2025, Appendix A of each), three ways.

Per byte the *high* byte of the register is combined and the low byte discarded, unlike CRC-16/MODBUS. So only
256 values exist and one frame in 256 passes by chance: callers check structure, dates and ranges too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

_POLYNOMIAL = 0xA001


def crc_bitwise(data: bytes) -> int:
    """The standard's own procedure, bit by bit: the reference the others are tested against."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ byte
        for _ in range(8):
            low = register & 1
            register >>= 1
            if low:
                register ^= _POLYNOMIAL
    return register


def _table() -> tuple[int, ...]:
    rows = []
    for index in range(256):
        value = index
        for _ in range(8):
            value = (value >> 1) ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


#: ``register' = TABLE[(register >> 8) ^ byte]``.
TABLE = _table()


def crc(data: bytes) -> int:
    """CRC of a data segment by table, pure Python."""
    register = 0xFFFF
    table = TABLE
    for byte in data:
        register = table[(register >> 8) ^ byte]
    return register


def crc_modbus(data: bytes) -> int:
    """CRC-16/MODBUS, which some senders compute by mistake; only to name that mistake."""
    register = 0xFFFF
    table = TABLE
    for byte in data:
        register = (register >> 8) ^ table[(register ^ byte) & 0xFF]
    return register


def crc_text(data: bytes) -> bytes:
    """The four characters after the data segment."""
    return b"%04X" % crc(data)


def _slices() -> npt.NDArray[np.uint8]:
    # The step h' = high(T[h ^ b]) is linear over GF(2): n bytes can be looked up independently and combined.
    step = np.array([value >> 8 for value in TABLE], np.uint8)
    out = np.empty((8, 256), np.uint8)
    out[0] = step
    for n in range(1, 8):
        out[n] = step[out[n - 1]]
    return out


#: ``SLICES[n][b]``: effect of byte ``b`` on the register's high byte after ``n + 1`` steps.
SLICES = _slices()
TABLE16 = np.array(TABLE, np.uint16)


@njit(cache=True, nogil=True, inline="always")
def crc_span(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    slices: npt.NDArray[np.uint8],
    table: npt.NDArray[np.uint16],
) -> int:
    """CRC of ``data[start:end]``, eight bytes a step; same value as :func:`crc`."""
    if end <= start:
        return 0xFFFF
    h = np.uint8(0xFF)
    i = start
    last = end - 1
    while i + 8 <= last:
        h = (
            slices[7, h ^ data[i]]
            ^ slices[6, data[i + 1]]
            ^ slices[5, data[i + 2]]
            ^ slices[4, data[i + 3]]
            ^ slices[3, data[i + 4]]
            ^ slices[2, data[i + 5]]
            ^ slices[1, data[i + 6]]
            ^ slices[0, data[i + 7]]
        )
        i += 8
    while i < last:
        h = slices[0, h ^ data[i]]
        i += 1
    return int(table[h ^ data[last]])


@njit(cache=True, nogil=True)
def _crc_array(
    data: npt.NDArray[np.uint8], slices: npt.NDArray[np.uint8], table: npt.NDArray[np.uint16]
) -> int:
    return crc_span(data, 0, data.shape[0], slices, table)


def crc_fast(data: bytes) -> int:
    """CRC by the compiled kernel; for long segments and to test the kernel."""
    return int(_crc_array(np.frombuffer(data, np.uint8), SLICES, TABLE16))
