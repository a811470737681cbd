"""What the telemetry tests share: a records database, points, a store in memory, batches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.settings import IngestSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.ingest import IngestPipeline
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import Buckets, Columns, ReadingBatch

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
NOW = int(START.timestamp() * 1000)


def columns(rows: Sequence[tuple[int, int, float, int, int]]) -> Columns:
    """Columns from (point, observed_at, value, quality, received_at)."""
    p, o, v, q, r = zip(*rows, strict=True) if rows else ((), (), (), (), ())
    return Columns(
        np.array(p, np.int32), np.array(o, np.int64), np.array(v, np.float64), np.array(q, np.uint8),
        np.array(r, np.int64),
    )  # fmt: skip


class MemoryStore:
    """Observations in a list of ticks; may be told to refuse or to wait."""

    def __init__(self) -> None:
        self.ticks: list[Columns] = []
        self.refuse: Exception | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.marked: list[tuple[int, int, int, int]] = []

    def append(self, rows: Columns) -> None:
        self.gate.wait()
        if self.refuse is not None:
            raise self.refuse
        self.ticks.append(rows)

    def all(self) -> Columns:
        parts = [*self.ticks, columns([])]
        return Columns(*(np.concatenate([getattr(t, f) for t in parts]) for f in Columns.__slots__))

    def __len__(self) -> int:
        return sum(len(t) for t in self.ticks)

    def last(self) -> Columns:
        rows = self.all()
        order = np.lexsort((np.arange(len(rows)), rows.observed_at, rows.point))
        keep = order[
            np.r_[rows.point[order][1:] != rows.point[order][:-1], [True] * (len(rows) > 0)].astype(bool)
        ]
        return Columns(*(getattr(rows, f)[keep] for f in Columns.__slots__))

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns:
        rows = self.all()
        mask = np.isin(rows.point, points) & (rows.observed_at >= start) & (rows.observed_at < end)
        where = np.flatnonzero(mask)
        order = where[np.lexsort((rows.observed_at[where], rows.point[where]))][:limit]
        return Columns(*(getattr(rows, f)[order] for f in Columns.__slots__))

    def buckets(self, points: Sequence[int], start: int, end: int, width_ms: int) -> Buckets:
        raise NotImplementedError("these tests ask for no buckets")

    def mark(self, point: int, start: int, end: int, code: int) -> int:
        self.marked.append((point, start, end, code))
        changed = 0
        for t in self.ticks:
            m = (t.point == point) & (t.observed_at >= start) & (t.observed_at < end)
            t.quality[m] = (t.quality[m] & 0xF0) | code
            changed += int(m.sum())
        return changed

    def compact(self, now_ms: int) -> dict[str, float]:
        return {}

    def stats(self) -> dict[str, float]:
        return {"rows": float(len(self))}

    def close(self) -> None:
        return None


def records(tmp_path: Path) -> Database:
    db = Database(f"sqlite:///{tmp_path / 'records.sqlite'}", Bus())
    db.create_all()
    return db


def add_points(db: Database, count: int = 10, first: int = 1, **fields: Any) -> None:
    with db.session() as session:
        for i in range(first, first + count):
            values: dict[str, Any] = {
                "id": i, "code": f"P{i:05d}", "name": f"点{i}", "quantity": "temperature", "unit": "degC",
                "period_s": 10.0, "created_at": START, "updated_at": START,
            }  # fmt: skip
            session.add(Point(**{**values, **fields}))


def batch(
    points: Sequence[int],
    observed: Sequence[int] | int = NOW,
    values: Sequence[float] | float = 20.0,
    quality: Sequence[int] | int = 0,
    *,
    source: int = 1,
    received: int = NOW,
    backfill: bool = False,
    raw: bytes | None = None,
) -> ReadingBatch:
    n = len(points)
    return ReadingBatch(
        point=np.array(points, np.int32),
        observed_at=np.broadcast_to(np.asarray(observed, np.int64), n).copy(),
        value=np.broadcast_to(np.asarray(values, np.float64), n).copy(),
        quality=np.broadcast_to(np.asarray(quality, np.uint8), n).copy(),
        received_at=received,
        source=source,
        backfill=backfill,
        raw=raw,
    )


class Bench:
    """A pipeline with everything around it."""

    def __init__(self, tmp_path: Path, store: Any = None, points: int = 10, **limits: Any) -> None:
        self.db = records(tmp_path)
        add_points(self.db, points)
        self.clock = SimulatedClock(START)
        self.catalogue = Catalogue(self.db)
        self.store = store if store is not None else MemoryStore()
        self.live = LiveTable(self.catalogue)
        self.settings = IngestSettings(**{"tick_ms": 10, **limits})
        self.pipeline = IngestPipeline(
            self.settings, self.clock, self.store, self.live, self.catalogue, tmp_path / "rejects"
        )

    async def __aenter__(self) -> Bench:
        self.pipeline.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.store_gate_open()
        await self.pipeline.stop()
        self.db.close()

    def store_gate_open(self) -> None:
        if isinstance(self.store, MemoryStore):
            self.store.gate.set()
