"""What the store tests share: a store in a temporary folder and a model that keeps every row in a dict."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from parksight.kernel.clock import SimulatedClock
from parksight.kernel.settings import StoreSettings
from parksight.telemetry.protocols import Buckets, Columns
from parksight.telemetry.quality import Quality
from parksight.telemetry.store import DuckDbStore

SHANGHAI = "Asia/Shanghai"
#: 2026-03-01 00:00 in Shanghai.
MIDNIGHT = int(datetime(2026, 3, 1, tzinfo=ZoneInfo(SHANGHAI)).timestamp() * 1000)
DAY = 86_400_000
HOUR = 3_600_000
Row = tuple[int, int, float, int, int]


def columns(rows: Iterable[Row]) -> Columns:
    """Columns from (point, observed_at, value, quality, received_at)."""
    listed = list(rows)
    p, o, v, q, r = zip(*listed, strict=True) if listed else ((), (), (), (), ())
    return Columns(
        np.array(p, np.int32), np.array(o, np.int64), np.array(v, np.float64), np.array(q, np.uint8),
        np.array(r, np.int64),
    )  # fmt: skip


def tuples(rows: Columns) -> list[Row]:
    return [
        (int(p), int(o), float(v), int(q), int(r))
        for p, o, v, q, r in zip(
            rows.point, rows.observed_at, rows.value, rows.quality, rows.received_at, strict=True
        )
    ]


def same(a: Sequence[Row], b: Sequence[Row]) -> bool:
    """Equal, NaN being equal to NaN."""
    return len(a) == len(b) and all(
        x[:2] == y[:2] and x[3:] == y[3:] and (x[2] == y[2] or (math.isnan(x[2]) and math.isnan(y[2])))
        for x, y in zip(a, b, strict=True)
    )


def open_store(folder: Path, timezone: str = SHANGHAI, **settings: Any) -> DuckDbStore:
    limits = StoreSettings(**{"memory_limit_mb": 256, "threads": 1, **settings})
    clock = SimulatedClock(datetime(2026, 3, 20, tzinfo=UTC))
    return DuckDbStore(folder, limits, timezone, clock)


def steady(points: Sequence[int], start: int, count: int, step: int, decimals: int = 2) -> Columns:
    """``count`` rows of each point in the order of time, a reproducible walk."""
    rng = np.random.default_rng(len(points) * 1000 + count)
    walk = np.round(50 + np.cumsum(rng.normal(0, 0.05, (count, len(points))), axis=0), decimals)
    at = np.repeat(start + np.arange(count, dtype=np.int64) * step, len(points))
    return Columns(
        np.tile(np.array(points, np.int32), count), at, walk.ravel(), np.zeros(len(at), np.uint8),
        at + rng.integers(20, 400, len(at)),
    )  # fmt: skip


@dataclass
class Model:
    """The naive store: the last written row of each (point, time)."""

    timezone: str = SHANGHAI
    rows: dict[tuple[int, int], tuple[float, int, int]] = field(default_factory=dict)

    def append(self, rows: Columns) -> None:
        for p, o, v, q, r in tuples(rows):
            self.rows[(p, o)] = (v, q, r)

    def mark(self, point: int, start: int, end: int, code: int) -> int:
        changed = 0
        for (p, o), (v, q, r) in self.rows.items():
            if p == point and start <= o < end and q & 15 != code:
                self.rows[(p, o)] = (v, (q & 0xF0) | code, r)
                changed += 1
        return changed

    def raw(self, points: Sequence[int], start: int, end: int) -> list[Row]:
        return sorted((p, o, *rest) for (p, o), rest in self.rows.items() if p in points and start <= o < end)

    def start(self, at: int, width: int) -> int:
        if width % DAY:
            return at - at % width
        zone = ZoneInfo(self.timezone)
        civil = datetime.fromtimestamp(at / 1000, zone).date()
        number = civil.toordinal() - datetime(1970, 1, 1).toordinal()
        first = civil - timedelta(days=number % (width // DAY))
        return int(datetime(first.year, first.month, first.day, tzinfo=zone).timestamp() * 1000)

    def buckets(
        self, points: Sequence[int], start: int, end: int, width: int
    ) -> dict[tuple[int, int], tuple[Any, ...]]:
        """(point, start) -> (count, usable, min, max, mean, last, quality) of whole buckets meeting the span."""
        low = self.start(start, width)
        groups: dict[tuple[int, int], list[Row]] = {}
        for p, o, v, q, r in self.raw(points, low, 2**60):
            bucket = self.start(o, width)
            if bucket < end:
                groups.setdefault((p, bucket), []).append((p, o, v, q, r))
        return {key: _summary(rows) for key, rows in groups.items()}


WORST_LAST = (
    Quality.GOOD, Quality.UNKNOWN, Quality.SUBSTITUTED, Quality.CALIBRATION, Quality.MAINTENANCE,
    Quality.SUSPECT, Quality.BAD,
)  # fmt: skip


def _summary(rows: list[Row]) -> tuple[Any, ...]:
    good = {Quality.GOOD, Quality.UNKNOWN, Quality.SUBSTITUTED}
    values = [v for _, _, v, q, _ in rows if q & 15 in good and math.isfinite(v)]
    worst = max((q & 15 for *_, q, _ in rows), key=lambda c: WORST_LAST.index(Quality(c)))
    flags = 0
    for *_, q, _ in rows:
        flags |= q & 0xF0
    if not values:
        return len(rows), 0, None, None, None, None, flags | worst
    mean = math.fsum(values) / len(values)
    return len(rows), len(values), min(values), max(values), mean, values[-1], flags | worst


def as_dict(b: Buckets) -> dict[tuple[int, int], tuple[Any, ...]]:
    def number(v: float) -> float | None:
        return None if math.isnan(v) else float(v)

    return {
        (int(b.point[i]), int(b.start[i])): (
            int(b.count[i]), int(b.usable[i]), number(b.minimum[i]), number(b.maximum[i]), number(b.mean[i]),
            number(b.last[i]), int(b.quality[i]),
        )
        for i in range(len(b.point))
    }  # fmt: skip


def close_enough(a: dict[Any, tuple[Any, ...]], b: dict[Any, tuple[Any, ...]]) -> bool:
    """Equal, but for rounding in the mean."""
    if a.keys() != b.keys():
        return False
    for key, x in a.items():
        y = b[key]
        if x[:4] + x[5:] != y[:4] + y[5:]:
            return False
        if x[4] != y[4] and not math.isclose(x[4], y[4], rel_tol=1e-11, abs_tol=1e-9):
            return False
    return True
