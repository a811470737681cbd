"""The arrays that the compiled decoder reads and writes, in named groups (numba takes named tuples)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
F64 = npt.NDArray[np.float64]


class DeviceArrays(NamedTuple):
    """The allow-list: a hash index over MN, then one entry per device.

    ``flag_tables`` is (tables, versions, 256): quality codes by flag character.
    """

    slots: I32
    offset: I64
    length: I32
    blob: U8
    fast: U8
    or_quality: U8
    flag_table_of: I32
    flag_tables: U8


class NameArrays(NamedTuple):
    """Addresses: a hash index over (device, command, name), then one entry per address.

    ``late`` is the age in ms beyond which a period value is late; ``group`` numbers (device, factor);
    ``hits`` counts unmapped readings; ``seen`` and ``group_seen`` hold the serial of the last frame; ``dash``
    is the length of the factor and ``follow`` the address that came next the last time, to look there first.
    """

    slots: I32
    owner: I32
    command: I32
    offset: I64
    length: I32
    blob: U8
    point: I32
    factor: F64
    shift: F64
    late: I64
    group: I32
    hits: I64
    seen: I64
    group_seen: I64
    dash: I32
    follow: I32
    serial: I64


class Constants(NamedTuple):
    """Zone offsets, month lengths and CRC tables."""

    zone_starts: I64
    zone_offsets: I64
    month_before: I64
    month_length: I64
    slices: U8
    crc_table: U16


class RowArrays(NamedTuple):
    """Out: one entry per reading; ``slot`` is its row in :class:`NameArrays`."""

    point: I32
    observed: I64
    value: F64
    quality: U8
    slot: I32


class FrameArrays(NamedTuple):
    """Out: one entry per frame; ``row`` and ``answer`` hold where its rows and its answer end."""

    stream: I32
    device: I32
    cn: I32
    row: I64
    start: I64
    end: I64
    history: U8
    notes: U8
    answer: I64


class StreamArrays(NamedTuple):
    """In: span of each stream, ``expect`` (in and out) whether a CR LF is due. Out: see the decoder."""

    start: I64
    end: I64
    expect: U8
    consumed: I64
    irregular: U8
