"""Which (point, instant) pairs were stored lately, with their values: an exact window of bounded memory.

Two generations of an open-addressing table (linear probing, load at most one half). The young one grows up
to ``rows`` entries; then it becomes the old one and a new young one starts. A pair is therefore found for
certain while it is among the last ``rows`` stored ones, and may be found for up to twice that. Keys are
compared in full: there are no false duplicates. Memory: 24 bytes per slot, two slots per row,
two generations, that is at most 96 bytes times ``rows`` rounded up to a power of two (1 M rows: 100 MB),
allocated only as data comes. Once the window is full its two tables only change places: growing again and again
would stop the ticks in between for a tenth of a second. Older repetitions are stored once more and resolved by the store, which keeps
the last written.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from parksight.telemetry.protocols import F64, I64

#: Slot content: point, instant, value; ids and instants are exact in a float64 (below 2**53).
FREE = -1.0
#: A slot whose row was not stored after all; keeps the probe chain, matches nothing.
DELETED = -2.0
_START = 1 << 15


@njit(cache=True, nogil=True, inline="always")
def slot_of(point: int, instant: int, seed: int, mask: int) -> int:
    """First slot of a pair. Eight neighbouring points of one frame share cache lines."""
    h = np.uint64(instant) * np.uint64(0x9E3779B97F4A7C15) ^ np.uint64(seed)
    h ^= np.uint64(point >> 3) * np.uint64(0xC2B2AE3D27D4EB4F)
    h ^= h >> np.uint64(32)
    h *= np.uint64(0xD6E8FEB86659FD93)
    h ^= h >> np.uint64(29)
    slot = (h << np.uint64(3) | np.uint64(point & 7)) & np.uint64(mask)
    return np.int64(slot)  # type: ignore[return-value]  # int() would stay unsigned in numba


@njit(cache=True, nogil=True, inline="always")
def find(table: F64, point: int, instant: int, seed: int) -> int:
    """Slot of the pair, or ``-1 - slot`` of the free slot where it would go."""
    mask = table.shape[0] - 1
    i = slot_of(point, instant, seed, mask)
    while True:
        p = table[i, 0]
        if p == -1.0:
            return -1 - i
        if p == point and table[i, 1] == instant:
            return i
        i = (i + 1) & mask


@njit(cache=True, nogil=True)
def _rehash(source: F64, target: F64, seed: int) -> int:
    n = 0
    for i in range(source.shape[0]):
        if source[i, 0] >= 0.0:
            at = -1 - find(target, int(source[i, 0]), int(source[i, 1]), seed)
            target[at] = source[i]
            n += 1
    return n


@njit(cache=True, nogil=True)
def _insert(table: F64, point: I64, instant: I64, value: F64, seed: int) -> int:
    n = 0
    for i in range(point.shape[0]):
        at = find(table, point[i], instant[i], seed)
        if at < 0:
            at = -1 - at
            n += 1
        table[at, 0], table[at, 1], table[at, 2] = point[i], instant[i], value[i]
    return n


def _table(slots: int) -> F64:
    return np.full((slots, 3), FREE)


def _power(rows: int) -> int:
    return 1 << max(4, (2 * rows - 1).bit_length())


class Window:
    """The two generations; used by the ingest thread alone.

    Args:
        rows: pairs that are remembered for certain.
        seed: of the hash, random per process so that nobody can aim at collisions.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed & 0x7FFF_FFFF_FFFF_FFFF
        self.young = _table(min(_START, _power(rows)))
        self.old = _table(16)
        self.used = 0
        self.rotations = 0

    def prepare(self, incoming: int) -> None:
        """Make sure that ``incoming`` more pairs fit into the young generation."""
        want = self.used + incoming
        if 2 * want <= len(self.young):
            return
        if self.used and want > self.rows:
            self._rotate(incoming)
            return
        bigger = _table(_power(want))
        self.used = _rehash(self.young, bigger, self.seed)
        self.young = bigger

    def _rotate(self, incoming: int) -> None:
        retired, self.old, self.used = self.old, self.young, 0
        size = max(len(self.young), _power(max(incoming, _START // 2)))
        if len(retired) == size:
            retired.fill(FREE)
            self.young = retired
        else:
            self.young = _table(size)
        self.rotations += 1

    def seen(self, point: I64, instant: I64, value: F64) -> None:
        """Enter pairs without checking, e.g. the newest row of each point at start."""
        self.prepare(len(point))
        self.used += _insert(self.young, point, instant, value, self.seed)

    def forget(self, slots: I64) -> None:
        """Take back entries of rows that could not be stored."""
        self.young[slots, 0] = DELETED

    def figures(self) -> dict[str, int]:
        return {
            "window_rows": self.rows,
            "entries": self.used,
            "bytes": self.young.nbytes + self.old.nbytes,
            "rotations": self.rotations,
        }
