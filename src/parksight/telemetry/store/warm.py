"""Loads the compiled kernels before somebody waits for them: a tiny segment is written, read and merged.

From numba's cache that takes seconds; the very first time on a machine it compiles.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import aggregate as agg
from parksight.telemetry.store.days import DAY_MS, HOUR_MS, LocalDays
from parksight.telemetry.store.files import FileCache
from parksight.telemetry.store.merging import Effort, Merger, SegmentWriter
from parksight.telemetry.store.mirror import Mirror
from parksight.telemetry.store.newest import Newest
from parksight.telemetry.store.segment import HOUR, read_roll, read_rows


def warm() -> None:
    """Run every kernel once on the kinds of arrays it meets. Needs no database, leaves nothing behind."""
    days, files = LocalDays("UTC"), FileCache()
    n = 256
    at = np.tile(np.arange(n // 2, dtype=np.int64) * 1000, 2)
    value = np.where(np.arange(n) % 7 == 0, np.pi * np.arange(n), np.arange(n) / 10)
    value[3] = np.nan
    point = np.repeat(np.array([1, 2], np.int32), n // 2)
    rows = Columns(point, at, value, np.zeros(n, np.uint8), at + 50)
    one = np.array([2], np.int32)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segments = []
        for number in (1, 2):
            writer = SegmentWriter(folder, number, 0, days)
            writer.add(rows)
            segments.append(writer.finish(number, number, 0)[0])
        segments.append(Merger(folder, files, days).merge(segments, 3, 0, Effort())[0])
        parts = []
        for s in segments:
            for points in (one, None):
                read_rows(files, s.rows_path(folder), "", 0, points, 5_000, HOUR_MS)
                parts.append(read_roll(files, s.roll_path(folder), "", 0, points, 0, DAY_MS, HOUR))
        agg.fold(agg.concat(parts))
        mirror = Mirror()
        mirror.append(rows)
        mirror.scan(np.arange(8, dtype=np.int32), 0, HOUR_MS)
        newest = Newest()
        newest.take(rows)
