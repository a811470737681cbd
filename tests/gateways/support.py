"""Rows for the records, and an ingest door that keeps every batch it is given."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from parksight.gateways.models import Device, PointMapping
from parksight.kernel.db import Database
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import UNMAPPED, Callback, ReadingBatch, Receipt

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class RecordingIngest:
    """An ingest door with a drawer: batches are kept in memory and acknowledged on the next turn."""

    def __init__(self) -> None:
        self.batches: list[ReadingBatch] = []
        self.rejected: Counter[str] = Counter()
        self.full = False
        self.fail: BaseException | None = None
        self._room = asyncio.Event()

    def _take(self, batch: ReadingBatch) -> Receipt:
        self.batches.append(batch)
        unmapped = int((batch.point == UNMAPPED).sum())
        return Receipt(len(batch) - unmapped, {"unmapped": unmapped} if unmapped else {})

    async def submit(self, batch: ReadingBatch) -> Receipt:
        if self.fail is not None:
            raise self.fail
        await asyncio.sleep(0)
        return self._take(batch)

    def submit_nowait(self, batches: Sequence[ReadingBatch], done: Callback) -> bool:
        if self.full:
            return False
        loop = asyncio.get_running_loop()
        if self.fail is not None:
            loop.call_soon(lambda: done([], self.fail))
            return True
        receipts = [self._take(b) for b in batches]
        loop.call_soon(lambda: done(receipts, None))
        return True

    async def room(self) -> None:
        while self.full:
            await asyncio.sleep(0.005)

    def reject(self, source: int, reason: str, count: int = 1, raw: bytes | None = None) -> None:
        self.rejected[reason] += count

    def rows(self) -> list[tuple[int, int, float, int]]:
        """(point, observed_at, value, quality) of everything taken, in order."""
        return [
            (int(p), int(t), float(v), int(q))
            for b in self.batches
            for p, t, v, q in zip(b.point, b.observed_at, b.value, b.quality, strict=True)
        ]


def add_point(db: Database, code: str, quantity: str = "temperature", unit: str = "degC", **more: Any) -> int:
    with db.session() as session:
        point = Point(
            code=code, name=code, quantity=quantity, unit=unit, created_at=NOW, updated_at=NOW, **more
        )
        session.add(point)
        session.flush()
        return point.id


def add_device(
    db: Database,
    code: str,
    protocol: str,
    address: str,
    mappings: dict[str, int | dict[str, Any]] | None = None,
    **more: Any,
) -> int:
    with db.session() as session:
        device = Device(
            code=code, protocol=protocol, name=code, address=address, created_at=NOW, updated_at=NOW, **more
        )
        session.add(device)
        session.flush()
        for key, target in (mappings or {}).items():
            extra = target if isinstance(target, dict) else {"point_id": target}
            session.add(PointMapping(device_id=device.id, address=key, **extra))
        return device.id
