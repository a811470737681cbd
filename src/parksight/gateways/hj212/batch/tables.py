"""Devices and their addresses as hash tables of arrays, for the compiled decoder.

Keys are compared byte by byte after the hash, so a collision costs time, never a wrong point.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit

from parksight.gateways.hj212.batch.arrays import F64, I32, I64, U8, DeviceArrays, NameArrays
from parksight.gateways.hj212.codec.commands import PERIODS_MS, PLAIN_ADDRESSES, address_of
from parksight.gateways.hj212.codec.flags import flag_table
from parksight.gateways.hj212.codec.segment import normal_name
from parksight.telemetry.protocols import UNMAPPED

#: Point of an address that bears no reading (EFlag, SampleTime) or is to be ignored: passed over.
SKIP = -2
#: Addresses without a mapping remembered per device; beyond that its frames take the slow way.
MAX_MISSES = 500
_META = ("-EFlag", "-SampleTime")
_NEVER = ("-Flag", "-SN")


@njit(cache=True, nogil=True)
def hash_bytes(data: U8, start: int, end: int, seed: int) -> int:
    """FNV-1a over a span, 64 bit, wrapping."""
    h = seed
    for i in range(start, end):
        h = (h ^ data[i]) * 0x100000001B3
    return h ^ (h >> 29)


@njit(cache=True, nogil=True)
def key_seed(seed: int, device: int, cn: int) -> int:
    """Start value of the hash of an address of a device and command."""
    return (seed ^ (device * 65_536 + cn)) * 0x100000001B3


@njit(cache=True, nogil=True)
def find_mn(data: U8, start: int, end: int, index: I32, offset: I64, length: I32, blob: U8, seed: int) -> int:
    """Device row of an MN, -1 when unknown."""
    mask = index.shape[0] - 1
    slot = hash_bytes(data, start, end, seed) & mask
    while True:
        row = index[slot]
        if row < 0:
            return -1
        if length[row] == end - start:
            same = True
            at = offset[row]
            for i in range(end - start):
                if blob[at + i] != data[start + i]:
                    same = False
                    break
            if same:
                return int(row)
        slot = (slot + 1) & mask


@njit(cache=True, nogil=True)
def find_name(
    data: U8, start: int, end: int, h: int, device: int, cn: int, index: I32, owner: I32, command: I32,
    offset: I64, length: I32, blob: U8,
) -> int:  # fmt: skip
    """Row of an address whose hash is ``h``, -1 when it was never seen."""
    mask = index.shape[0] - 1
    slot = h & mask
    while True:
        row = index[slot]
        if row < 0:
            return -1
        if length[row] == end - start and owner[row] == device and command[row] == cn:
            same = True
            at = offset[row]
            for i in range(end - start):
                if blob[at + i] != data[start + i]:
                    same = False
                    break
            if same:
                return int(row)
        slot = (slot + 1) & mask


@dataclass(frozen=True, slots=True)
class Known:
    """One device on the allow-list, as the decoder wants it.

    Attributes:
        mappings: address (with its ``2061:`` prefix where it has one) -> (point, factor, shift, period s).
        fast: plain frames may be decoded by the compiled path (enabled, no key, nothing unusual in its policy).
        quality_flags: flags or-ed onto the quality of everything it says.
        letters: its own data flags.
        ignore: tells addresses that are known and deliberately not stored.
    """

    id: int
    mn: str
    mappings: Mapping[str, tuple[int, float, float, float]]
    fast: bool = True
    quality_flags: int = 0
    letters: Mapping[str, str] | None = None
    ignore: Callable[[str], bool] | None = None


class Target(NamedTuple):
    """Where an address goes."""

    row: int
    point: int
    factor: float
    shift: float
    late_ms: int


def split_address(address: str) -> tuple[int, str]:
    """(command, name) of a mapping address; command 0 for those that go without a prefix."""
    prefix, colon, name = address.partition(":")
    if colon and len(prefix) == 4 and prefix.isascii() and prefix.isdigit():
        cn = int(prefix)
        return (0 if cn in PLAIN_ADDRESSES else cn), normal_name(name)
    return 0, normal_name(address)


def _size(count: int) -> int:
    return max(64, 1 << (2 * count).bit_length())


class Tables:
    """Everything the decoder knows; built off the event loop, then used and extended by it alone.

    Args:
        devices: the allow-list.
        late_ms: period data later than the end of its period plus this is marked late.
    """

    def __init__(self, devices: Iterable[Known], late_ms: int = 300_000) -> None:
        self.devices = list(devices)
        self.late_ms = late_ms
        self.seed = int.from_bytes(os.urandom(7), "big")
        self.row_of = {d.mn: row for row, d in enumerate(self.devices)}
        self._device_arrays()
        rows = [
            (row, cn, name, target)
            for row, device in enumerate(self.devices)
            for address, target in device.mappings.items()
            for cn, name in (split_address(address),)
            if not name.endswith(_NEVER) and not name.endswith(_META)
        ]
        capacity = max(1024, len(rows) * 2)
        self.count = 0
        self.owner: I32 = np.zeros(capacity, np.int32)
        self.command: I32 = np.zeros(capacity, np.int32)
        self.offset: I64 = np.zeros(capacity, np.int64)
        self.length: I32 = np.zeros(capacity, np.int32)
        self.point: I32 = np.zeros(capacity, np.int32)
        self.factor: F64 = np.ones(capacity)
        self.shift: F64 = np.zeros(capacity)
        self.late: I64 = np.zeros(capacity, np.int64)
        self.group: I32 = np.zeros(capacity, np.int32)
        self.hits: I64 = np.zeros(capacity, np.int64)
        self.seen: I64 = np.zeros(capacity, np.int64)
        self.group_seen: I64 = np.zeros(capacity, np.int64)
        self.dash: I32 = np.zeros(capacity, np.int32)
        self.follow: I32 = np.full(capacity, -1, np.int32)
        self.blob: U8 = np.zeros(capacity * 16, np.uint8)
        self._used = 0
        self._rows: dict[tuple[int, int, str], int] = {}
        self._groups: dict[tuple[int, str], int] = {}
        self._misses = [0] * len(self.devices)
        self.index: I32 = np.full(_size(capacity), -1, np.int32)
        self.serial: I64 = np.zeros(1, np.int64)
        for row, cn, name, target in rows:
            if (row, cn, name) not in self._rows:
                self._add(row, cn, name, *target)

    def _device_arrays(self) -> None:
        names = [d.mn.encode() for d in self.devices]
        blob = b"".join(names)
        self.mn_blob: U8 = np.frombuffer(blob or b"\0", np.uint8)
        self.mn_length: I32 = np.array([len(n) for n in names] or [0], np.int32)
        self.mn_offset: I64 = np.zeros(len(self.mn_length), np.int64)
        self.mn_offset[1:] = np.cumsum(self.mn_length)[:-1]
        self.mn_index: I32 = np.full(_size(len(names)), -1, np.int32)
        mask = len(self.mn_index) - 1
        for row in range(len(names)):
            start = int(self.mn_offset[row])
            slot = hash_bytes(self.mn_blob, start, start + int(self.mn_length[row]), self.seed) & mask
            while self.mn_index[slot] >= 0:
                slot = (slot + 1) & mask
            self.mn_index[slot] = row
        own: dict[tuple[tuple[str, str], ...], int] = {(): 0}
        tables = [flag_table()]
        place = []
        for device in self.devices:
            letters = tuple(sorted((device.letters or {}).items()))
            if letters not in own:
                own[letters] = len(tables)
                tables.append(flag_table(dict(letters)))
            place.append(own[letters])
        self.flag_tables: U8 = np.stack(tables)
        self.flag_table_of: I32 = np.array(place or [0], np.int32)
        self.fast: U8 = np.array([d.fast for d in self.devices] or [False], np.uint8)
        self.or_quality: U8 = np.array([d.quality_flags for d in self.devices] or [0], np.uint8)

    def _add(
        self, device: int, cn: int, name: str, point: int, factor: float, shift: float, period_s: float
    ) -> int:
        key = (device, cn, name)
        data = name.encode()
        if self.count == len(self.owner):
            self._grow_rows()
        if self._used + len(data) > len(self.blob):
            self.blob = np.concatenate([self.blob, np.zeros(len(self.blob) + len(data), np.uint8)])
        row = self.count
        self.count += 1
        self.blob[self._used : self._used + len(data)] = np.frombuffer(data, np.uint8)
        self.owner[row], self.command[row] = device, cn
        self.offset[row], self.length[row] = self._used, len(data)
        self.point[row], self.factor[row], self.shift[row] = point, factor, shift
        real = cn or 2051
        self.late[row] = max(PERIODS_MS.get(real, 0), int(period_s * 1000)) + self.late_ms
        factor_name = name.rpartition("-")[0]
        self.group[row] = self._groups.setdefault((device, factor_name), len(self._groups))
        self.dash[row] = len(factor_name.encode())
        self.follow[row] = -1
        self._used += len(data)
        self._rows[key] = row
        self._insert(row)
        return row

    def _insert(self, row: int) -> None:
        start = int(self.offset[row])
        seed = key_seed(self.seed, int(self.owner[row]), int(self.command[row]))
        mask = len(self.index) - 1
        slot = hash_bytes(self.blob, start, start + int(self.length[row]), seed) & mask
        while self.index[slot] >= 0:
            slot = (slot + 1) & mask
        self.index[slot] = row

    def _grow_rows(self) -> None:
        for name in (
            "owner", "command", "offset", "length", "point", "factor", "shift", "late", "group", "hits",
            "seen", "group_seen", "dash", "follow",
        ):  # fmt: skip
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
        self.index = np.full(_size(len(self.owner)), -1, np.int32)
        for row in range(self.count):
            self._insert(row)

    def device_arrays(self) -> DeviceArrays:
        return DeviceArrays(
            self.mn_index, self.mn_offset, self.mn_length, self.mn_blob, self.fast, self.or_quality,
            self.flag_table_of, self.flag_tables,
        )  # fmt: skip

    def name_arrays(self) -> NameArrays:
        return NameArrays(
            self.index, self.owner, self.command, self.offset, self.length, self.blob, self.point, self.factor,
            self.shift, self.late, self.group, self.hits, self.seen, self.group_seen, self.dash, self.follow,
            self.serial,
        )  # fmt: skip

    def target(self, device: int, cn: int, name: str) -> Target:
        """Where a device's field goes; fields never seen are remembered as unmapped (point -1)."""
        key = (device, 0 if cn in PLAIN_ADDRESSES else cn, name)
        row = self._rows.get(key)
        if row is None:
            if self._misses[device] >= MAX_MISSES or len(name) > 200:
                return Target(-1, UNMAPPED, 1.0, 0.0, 0)
            self._misses[device] += 1
            ignore = self.devices[device].ignore
            skip = ignore is not None and ignore(address_of(cn, name))
            row = self._add(*key, SKIP if skip else UNMAPPED, 1.0, 0.0, 0.0)
        return Target(
            row, int(self.point[row]), float(self.factor[row]), float(self.shift[row]), int(self.late[row])
        )

    def known(self, device: int, cn: int, name: str) -> Target | None:
        """Where a mapped field goes; None when it has no mapping. Remembers nothing."""
        row = self._rows.get((device, 0 if cn in PLAIN_ADDRESSES else cn, name))
        if row is None or self.point[row] < 0:
            return None
        return Target(
            row, int(self.point[row]), float(self.factor[row]), float(self.shift[row]), int(self.late[row])
        )

    def pass_over(self, device: int, cn: int, name: str) -> None:
        """Remember a field that bears no reading, so that the compiled path may pass over it."""
        key = (device, 0 if cn in PLAIN_ADDRESSES else cn, name)
        if key not in self._rows and self._misses[device] < MAX_MISSES and len(name) <= 200:
            self._misses[device] += 1
            self._add(*key, SKIP, 1.0, 0.0, 0.0)

    def drain_misses(self, tell: Callable[[int, str, int], None]) -> None:
        """Hand (device id, address, how often) of what came without a mapping to ``tell``, and forget it."""
        count = self.count
        for row in np.flatnonzero((self.hits[:count] > 0) & (self.point[:count] == UNMAPPED)):
            start = int(self.offset[row])
            name = self.blob[start : start + int(self.length[row])].tobytes().decode("utf-8", "replace")
            cn = int(self.command[row])
            device = self.devices[int(self.owner[row])]
            tell(device.id, f"{cn}:{name}" if cn else name, int(self.hits[row]))
            self.hits[row] = 0
