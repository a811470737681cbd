"""What can be asked about observations. Each question starts from the points the caller may see."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Protocol

import numpy as np
from sqlalchemy import Row

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import QuerySettings
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import MAX_POINT_ID, Point
from parksight.telemetry.points.repository import Wanted, narrowed, visible
from parksight.telemetry.points.view import last_values
from parksight.telemetry.protocols import I64, Buckets, Columns
from parksight.telemetry.quality import QualityFlag
from parksight.telemetry.queries.export import Export, PointLine, encoder_for
from parksight.telemetry.queries.ladder import width_for
from parksight.telemetry.queries.pool import QueryPool
from parksight.telemetry.store.days import LocalDays

_FIELDS = (
    Point.id, Point.code, Point.name, Point.name_en, Point.unit, Point.period_s, Point.simulated,
    Point.enterprise_id,
)  # fmt: skip
_CHUNK = 1_000
#: Rows of a day that an export holds at a time.
_EXPORT_ROWS = 500_000


class History(Protocol):
    """What is asked of the store."""

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns: ...

    def raw_by_day(self, points: Sequence[int], start: int, end: int) -> Iterator[Columns]: ...

    def buckets(self, points: Sequence[int], start: int, end: int, width_ms: int) -> Buckets: ...


class ObservationQueries:
    """Answers questions in its own few threads.

    Args:
        db: the records, for points and who may see them.
        store: the observations.
        live: the newest values.
        clock: the platform's time.
        settings: limits.
        timezone: the zone's, for days and for local times in exports.
        zone_name: named as the origin in exports, in Chinese and English.
    """

    def __init__(
        self,
        db: Database,
        store: History,
        live: LiveTable,
        clock: Clock,
        settings: QuerySettings,
        timezone: str,
        zone_name: tuple[str, str],
    ) -> None:
        self.settings = settings
        self.pool = QueryPool(settings.threads, settings.max_waiting, settings.time_limit_s)
        self._db = db
        self._store = store
        self._live = live
        self._clock = clock
        self._days = LocalDays(timezone)
        self._zone_name = zone_name
        self._exports = 0

    def close(self) -> None:
        """Finish the questions under way and end the threads."""
        self.pool.close()

    def figures(self) -> dict[str, int]:
        """For the health page: questions answered, refused, stopped, and exports running."""
        return {**self.pool.figures(), "exports": self._exports}

    # --- points ---------------------------------------------------------------------------------------

    def _points(self, caller: Caller, ids: Sequence[int], limit: int) -> list[Row[Any]]:
        """The points in the order asked for; 404 for one that is not there or not the caller's."""
        ids = list(dict.fromkeys(ids))
        if len(ids) > limit:
            raise invalid("telemetry.query.too_many_points", "points", count=len(ids), limit=limit)
        found: dict[int, Row[Any]] = {}
        with self._db.read() as session:
            for first in range(0, len(ids), _CHUNK):
                part = [i for i in ids[first : first + _CHUNK] if 0 < i <= MAX_POINT_ID]
                rows = session.execute(visible(caller, *_FIELDS).where(Point.id.in_(part)))
                found.update((row.id, row) for row in rows)
        for i in ids:
            if i not in found:
                raise not_found("telemetry.point", i)
        return [found[i] for i in ids]

    def _choose(
        self, caller: Caller, ids: Sequence[int] | None, wanted: Wanted, limit: int
    ) -> list[Row[Any]]:
        """Points by id, or all that fit ``wanted``."""
        if ids is not None:
            return self._points(caller, ids, limit)
        with self._db.read() as session:
            rows = session.execute(
                narrowed(caller, wanted, *_FIELDS).order_by(Point.id).limit(limit + 1)
            ).all()
        if len(rows) > limit:
            raise invalid("telemetry.query.too_many_points", "points", count=f"> {limit}", limit=limit)
        return list(rows)

    # --- newest values --------------------------------------------------------------------------------

    async def last(self, caller: Caller, ids: Sequence[int] | None, wanted: Wanted) -> dict[str, Any]:
        """Newest values, from the live table."""

        def answer() -> dict[str, Any]:
            points = self._choose(caller, ids, wanted, self.settings.max_last_points)
            now = self._clock.now_ms()
            lasts = last_values(self._live.rows([p.id for p in points], now), now)
            items = [
                {"point": p.id, "code": p.code, "unit": p.unit, **last.model_dump()}
                for p, last in zip(points, lasts, strict=True)
            ]
            return {"server_ms": now, "items": items}

        return await self.pool.run(answer)

    # --- courses --------------------------------------------------------------------------------------

    async def buckets(
        self, caller: Caller, ids: Sequence[int], start: int, end: int, pixels: int, width_ms: int | None
    ) -> dict[str, Any]:
        """Aggregates by time, as many as ``pixels`` can show, or of a given width."""
        _check_span(start, end)
        width = width_ms or width_for(end - start, pixels)

        def answer() -> dict[str, Any]:
            points = self._points(caller, ids, self.settings.max_points)
            count = len(points) * -(-(end - start) // width)
            if count > self.settings.max_buckets:
                raise invalid("telemetry.query.too_many_buckets", "width_ms", count=count, limit=self.settings.max_buckets)  # fmt: skip
            found = self._store.buckets([p.id for p in points], start, end, width)
            return self._course(points, found, start, end, width)

        return await self.pool.run(answer)

    def _course(
        self, points: list[Row[Any]], found: Buckets, start: int, end: int, width: int
    ) -> dict[str, Any]:
        now = self._clock.now_ms()
        low, high = self._days.floor(start, width), self._days.ceil(end, width)
        unique, place = np.unique(found.start, return_inverse=True)
        ends = np.array([self._days.ceil(int(s) + 1, width) for s in unique], np.int64)
        length = np.maximum(np.minimum(ends, now) - unique, 1)[place] if len(unique) else np.empty(0)
        series = []
        for p in points:
            mine = slice(*np.searchsorted(found.point, [p.id, p.id + 1]))
            period = max(1.0, p.period_s * 1000)
            usable: I64 = found.usable[mine]
            coverage = np.minimum(1.0, usable / np.maximum(1.0, length[mine] / period))
            expected = max(0.0, min(high, now) - low) / period
            series.append(
                {
                    "point": p.id, "code": p.code, "name": p.name, "name_en": p.name_en, "unit": p.unit,
                    "period_ms": round(period),
                    "simulated": bool(p.simulated or (found.quality[mine] & QualityFlag.SIMULATED).any()),
                    "coverage": min(1.0, float(usable.sum()) / expected) if expected >= 1 else None,
                    "start": found.start[mine].tolist(),
                    "count": found.count[mine].tolist(),
                    "usable": usable.tolist(),
                    "min": found.minimum[mine].tolist(),
                    "max": found.maximum[mine].tolist(),
                    "mean": found.mean[mine].tolist(),
                    "last": found.last[mine].tolist(),
                    "bucket_coverage": np.round(coverage, 4).tolist(),
                    "quality": found.quality[mine].tolist(),
                }
            )  # fmt: skip
        return {"server_ms": now, "start": low, "end": high, "width_ms": width, "series": series}

    # --- rows -----------------------------------------------------------------------------------------

    async def raw(
        self,
        caller: Caller,
        ids: Sequence[int],
        start: int,
        end: int,
        limit: int,
        after: tuple[int, int] | None,
    ) -> dict[str, Any]:
        """One page of rows ordered by point then time; ``after`` is the last row of the page before."""
        _check_span(start, end)
        if limit > self.settings.max_raw_rows:
            raise invalid("telemetry.query.page_too_long", "limit", limit=self.settings.max_raw_rows)

        def answer() -> dict[str, Any]:
            points = self._points(caller, ids, self.settings.max_points)
            wanted = sorted(p.id for p in points)
            parts = []
            if after is not None:
                if after[0] in wanted:
                    parts.append(self._store.raw([after[0]], max(start, after[1] + 1), end, limit + 1))
                wanted = [i for i in wanted if i > after[0]]
            left = limit + 1 - sum(map(len, parts))
            if left > 0:
                parts.append(self._store.raw(wanted, start, end, left))
            rows = {n: np.concatenate([getattr(p, n) for p in parts])[:limit] for n in Columns.__slots__}
            more = sum(map(len, parts)) > limit
            last = f"{rows['point'][-1]}-{rows['observed_at'][-1]}" if more else None
            return {
                "server_ms": self._clock.now_ms(),
                "points": [{"point": p.id, "code": p.code, "name": p.name, "name_en": p.name_en, "unit": p.unit} for p in points],
                **{n: column.tolist() for n, column in rows.items()},
                "next": last,
            }  # fmt: skip

        return await self.pool.run(answer)

    # --- export ---------------------------------------------------------------------------------------

    async def export(
        self, caller: Caller, kind: str, ids: Sequence[int] | None, wanted: Wanted, start: int, end: int, language: str
    ) -> AsyncIterator[bytes]:  # fmt: skip
        """The file, piece by piece; ready to be sent once this returns.

        Raises:
            ProblemError: too many rows to be expected, too many exports, no point.
        """
        _check_span(start, end)
        if self._exports >= self.settings.max_exports:
            raise ProblemError(
                "telemetry.export.busy", HTTPStatus.SERVICE_UNAVAILABLE, {"running": self._exports}
            )
        self._exports += 1
        try:
            plan = await self.pool.run(lambda: self._plan(caller, kind, ids, wanted, start, end, language))
        except BaseException:
            self._exports -= 1
            raise
        pieces = self._pieces(plan)
        # From its first step on the generator itself gives the place back, read to the end or not.
        return _stream(await anext(pieces), pieces)

    def _plan(
        self, caller: Caller, kind: str, ids: Sequence[int] | None, wanted: Wanted, start: int, end: int, language: str
    ) -> Export:  # fmt: skip
        points = self._choose(caller, ids, wanted, MAX_POINT_ID if ids is None else len(ids))
        if not points:
            raise invalid("telemetry.export.no_points", "points")
        until = min(end, self._clock.now_ms())
        expected = sum(max(0, until - start) / 1000 / p.period_s for p in points)
        if expected > self.settings.export_max_rows:
            raise invalid("telemetry.export.too_large", "end", rows=round(expected), limit=self.settings.export_max_rows)  # fmt: skip
        named = self._zone_name[0 if language.startswith("zh") else 1]
        lines = sorted((PointLine(**p._mapping) for p in points), key=lambda p: p.id)
        with self._db.session() as session:
            audit.record(
                session, caller, action="telemetry.observation.export", subject=("observations", kind),
                after={"points": len(points), "start": start, "end": end, "expected_rows": round(expected)},
            )  # fmt: skip
        return Export(
            kind, lines, start, end, named, caller.name, self._clock.now_ms(), language, self._days.timezone
        )

    async def _pieces(self, plan: Export) -> AsyncGenerator[bytes]:
        try:
            async for piece in self._steps(plan):
                yield piece
        finally:
            self._exports -= 1

    async def _steps(self, plan: Export) -> AsyncGenerator[bytes]:
        """Each piece is made in the pool, so a slow reader keeps no thread."""
        encoder = encoder_for(plan)
        deadline = self._clock.monotonic() + 60 * self.settings.export_minutes
        yield await self.pool.run(encoder.head, patient=True)
        for group in plan.groups(_EXPORT_ROWS):
            days = self._store.raw_by_day(group, plan.start, plan.end)

            def step(days: Iterator[Columns] = days) -> bytes | None:
                rows = next(days, None)
                return None if rows is None else encoder.rows(rows)

            while (piece := await self.pool.run(step, patient=True)) is not None:
                if piece:
                    yield piece
                if self._clock.monotonic() > deadline:
                    raise ProblemError("telemetry.export.too_slow", HTTPStatus.GATEWAY_TIMEOUT, {"minutes": self.settings.export_minutes})  # fmt: skip
        yield await self.pool.run(encoder.tail, patient=True)


async def _stream(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece


def _check_span(start: int, end: int) -> None:
    if start >= end:
        raise invalid("telemetry.query.empty_span", "end", start=start, end=end)
