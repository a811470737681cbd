"""Values of points at one moment, now or past, behind one face.

Now they come from the live table; a past moment reads the store for the last value observed at or before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from parksight.command.repository import PointRow
from parksight.command.schemas import Coverage, Drill, Figure
from parksight.telemetry.live_table import STALE_PERIODS, LiveTable
from parksight.telemetry.protocols import Columns, Store
from parksight.telemetry.quality import CODE_MASK, Quality, QualityFlag

_USABLE = frozenset({int(Quality.GOOD), int(Quality.UNKNOWN), int(Quality.SUBSTITUTED)})
#: How far back a value of a past moment is looked for at least, however short the point's period.
_LOOK_BACK_MS = 15 * 60_000
#: Ids that a page can follow live by itself; above it a figure is only computed here.
_FOLLOW = 12


@dataclass(frozen=True, slots=True)
class Seen:
    """A point's newest value at the moment; ``value`` None where the source sent none."""

    value: float | None
    observed_at: int
    quality: int

    @property
    def usable(self) -> bool:
        return self.value is not None and (self.quality & CODE_MASK) in _USABLE


class Moment:
    """The values panels ask for.

    Args:
        live: newest values.
        store: history, asked only for a past moment.
        at_ms: the moment.
        is_live: whether the moment is now.
    """

    def __init__(self, live: LiveTable, store: Store, at_ms: int, is_live: bool) -> None:
        self._live = live
        self._store = store
        self.at_ms = at_ms
        self.is_live = is_live
        self.simulated = False
        self._seen: dict[int, Seen] = {}
        self._asked: set[int] = set()

    def fetch(self, points: Iterable[PointRow]) -> None:
        """Read the values of these points in one go, once each."""
        new = [p for p in points if p.id not in self._asked]
        if not new:
            return
        self._asked.update(p.id for p in new)
        ids = sorted(p.id for p in new)
        if self.is_live:
            rows = self._live.rows(ids, self.at_ms)
            columns = Columns(rows.point, rows.observed_at, rows.value, rows.quality, rows.received_at)
        else:
            back = max(_LOOK_BACK_MS, *(round(p.period_s * 1000 * STALE_PERIODS) for p in new))
            columns = self._store.raw(ids, self.at_ms - back, self.at_ms + 1)
        self._take(columns)

    def _take(self, columns: Columns) -> None:
        if not len(columns):
            return
        # raw rows are ordered by point then time: the last row of each point is its newest
        newest = np.flatnonzero(np.append(columns.point[1:] != columns.point[:-1], True))
        for i in newest:
            observed = int(columns.observed_at[i])
            if observed < 0:
                continue
            value, quality = float(columns.value[i]), int(columns.quality[i])
            self._seen[int(columns.point[i])] = Seen(None if np.isnan(value) else value, observed, quality)
            self.simulated = self.simulated or bool(quality & QualityFlag.SIMULATED)

    def seen(self, point: PointRow) -> Seen | None:
        """The newest value, however old."""
        return self._seen.get(point.id)

    def fresh(self, point: PointRow) -> float | None:
        """The value where it is usable and not stale, else None: unknown."""
        seen = self._seen.get(point.id)
        return seen.value if seen and seen.usable and not self.stale(point) else None

    def stale(self, point: PointRow) -> bool:
        """Older than three of the point's own periods, or never seen."""
        seen = self._seen.get(point.id)
        return seen is None or self.at_ms - seen.observed_at > STALE_PERIODS * point.period_s * 1000

    def figure(self, point: PointRow) -> Figure:
        """One point as a figure; a stale value stays visible with its age."""
        seen = self._seen.get(point.id)
        return Figure(
            value=seen.value if seen else None,
            unit=point.unit,
            observed_at=seen.observed_at if seen else None,
            period_s=point.period_s,
            simulated=bool(seen and seen.quality & QualityFlag.SIMULATED),
            points=[point.id],
            drill=trend([point.id]),
        )

    def total(self, points: Sequence[PointRow], unit: str, factor: float, drill: Drill) -> Figure:
        """Sum of fresh values times ``factor`` into ``unit``; None when no part is known."""
        parts = [(p, self._seen[p.id]) for p in points if self.fresh(p) is not None]
        value = sum(s.value for _, s in parts if s.value is not None) * factor if parts else None
        return Figure(
            value=value,
            unit=unit,
            observed_at=min((s.observed_at for _, s in parts), default=None),
            period_s=max((p.period_s for p, _ in parts), default=None),
            coverage=Coverage(n=len(parts), of=len(points)),
            simulated=any(s.quality & QualityFlag.SIMULATED for _, s in parts),
            points=[p.id for p in points] if len(points) == 1 and factor == 1 else [],
            drill=drill,
        )


def trend(ids: Sequence[int]) -> Drill:
    """The way to the records of some points."""
    return Drill(page="trends", params={"points": ",".join(str(i) for i in ids[:_FOLLOW])})


def of_kind(kind: str, **more: str) -> Drill:
    return Drill(page="points", params={"kind": kind, **more})


def levels_by_point(alarms: Iterable[tuple[int, int]]) -> Mapping[int, int]:
    """Worst (lowest) level of the standing alarms of each point, from (point, level) pairs."""
    out: dict[int, int] = {}
    for point, level in alarms:
        out[point] = min(level, out.get(point, level))
    return out
