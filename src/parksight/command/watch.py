"""Alarms on the one screen: counts, rows, the incident that owns the screen, the time conductor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, cast

import numpy as np

from parksight.alarms.models import Alarm
from parksight.command import repository, series
from parksight.command.moment import Moment
from parksight.command.repository import PointRow, Thing
from parksight.command.schemas import AlarmPanel, AlarmRow, Incident, Step, Timeline
from parksight.telemetry.protocols import Store

#: Rows of the column; the page scrolls them and says how many more there are.
MAX_ROWS = 40
RATE_HOURS = 6.0
DAY_MS = 86_400_000
BUCKET_MS = 600_000
_TREND_MS = 60_000
_TREND_BACK_MS = 3_600_000
_LOWER_STEPS = frozenset({"L", "LL"})
STALE_STEP = "STALE"


def instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def millis(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def standing(alarms: Sequence[Alarm], at: datetime | None) -> list[Alarm]:
    """Those whose condition had not cleared at the moment."""
    return [a for a in alarms if repository.cleared_by(a, at) is None]


def rows(
    alarms: Sequence[Alarm],
    at: datetime | None,
    points: Mapping[int, PointRow],
    equipment: Mapping[int, Thing],
    firms: Mapping[int, Thing],
    moment: Moment,
) -> list[AlarmRow]:
    """Alarms as the column shows them; a value is the newest one, the limit the one that was broken."""
    out = []
    for a in alarms[:MAX_ROWS]:
        point = points.get(a.point_id)
        thing = equipment.get(a.thing_id) if a.thing_id is not None else None
        firm = firms.get(a.enterprise_id) if a.enterprise_id is not None else None
        where = next((t for t in (thing, firm) if t and t.lon is not None), None)
        acknowledged = repository.acknowledged_by(a, at)
        cleared = repository.cleared_by(a, at)
        seen = moment.seen(point) if point else None
        silent = a.step == STALE_STEP
        out.append(
            AlarmRow(
                id=a.id,
                level=cast("Literal[1, 2, 3, 4]", a.priority),
                state="cleared" if cleared else (a.condition if at is None else "active"),
                acknowledged=acknowledged is not None,
                acknowledged_by=a.acknowledged_by if acknowledged else None,
                kind="stale" if silent else a.step.lower(),
                raised_at=millis(a.raised_at),
                cleared_at=millis(cleared) if cleared else None,
                point_id=point.id if point else None,
                point_name=point.name if point else "",
                point_name_en=point.name_en if point else "",
                thing=thing.named if thing else None,
                enterprise=firm.named if firm else None,
                value=None if silent else (seen.value if seen else a.value),
                limit=None if silent else a.limit,
                unit=point.unit if point else "",
                lon=where.lon if where else None,
                lat=where.lat if where else None,
                simulated=a.simulated,
            )
        )
    return out


def panel(alarms: Sequence[Alarm], at: datetime | None, shown: list[AlarmRow], raised: int) -> AlarmPanel:
    """Counts are of standing alarms; ``raised`` were raised in the :data:`RATE_HOURS` before the moment."""
    alive = standing(alarms, at)
    counts = dict.fromkeys((1, 2, 3, 4), 0)
    for a in alive:
        counts[a.priority] += 1
    return AlarmPanel(
        counts=counts,
        unacknowledged=sum(repository.acknowledged_by(a, at) is None for a in alarms),
        total=len(alarms),
        items=shown,
        rate_per_hour=raised / RATE_HOURS,
        rate_hours=RATE_HOURS,
    )


def incident(
    alarms: Sequence[Alarm], at: datetime | None, shown: Sequence[AlarmRow], moment: Moment, store: Store
) -> Incident | None:
    """The worst standing alarm (rows come worst first) with its curve and what has been done about it."""
    if not shown or shown[0].cleared_at is not None:
        return None
    row, alarm = shown[0], alarms[0]
    trend: list[tuple[int, float | None]] = []
    peak: float | None = None
    if row.point_id is not None:
        end = moment.at_ms // _TREND_MS * _TREND_MS + _TREND_MS
        start = end - _TREND_BACK_MS - _TREND_MS
        curve = series.spark(series.dense(store, [row.point_id], start, end, _TREND_MS)[0])
        trend = [(start + i * _TREND_MS, v) for i, v in enumerate(curve)]
        if row.kind != "stale":
            peak = _peak(row, alarm, moment, store)
    acknowledged = repository.acknowledged_by(alarm, at)
    return Incident(
        alarm=row.model_copy(update={"peak": peak}),
        trend=trend,
        trend_width_ms=_TREND_MS,
        steps=[
            Step(key="raised", at=row.raised_at),
            Step(
                key="acknowledged",
                at=millis(acknowledged) if acknowledged else None,
                by=row.acknowledged_by,
            ),
            Step(key="cleared", at=row.cleared_at),
        ],
    )


def _peak(row: AlarmRow, alarm: Alarm, moment: Moment, store: Store) -> float | None:
    """The value furthest beyond the limit since the alarm was raised."""
    assert row.point_id is not None
    start = min(row.raised_at, moment.at_ms - _TREND_MS) // _TREND_MS * _TREND_MS
    found = store.buckets([row.point_id], start, moment.at_ms + 1, _width(moment.at_ms - start))
    values = found.minimum if alarm.step in _LOWER_STEPS else found.maximum
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    return float(values.min() if alarm.step in _LOWER_STEPS else values.max())


def _width(span_ms: int) -> int:
    """Bucket width for a peak: minutes for a day, hours for longer."""
    return _TREND_MS if span_ms <= DAY_MS else 3_600_000


def timeline_span(at_ms: int, now_ms: int) -> tuple[int, int]:
    """The day that the time conductor shows: until now, or around a moment further back."""
    end = now_ms if at_ms > now_ms - DAY_MS else min(now_ms, at_ms + DAY_MS // 2)
    end = -(-end // BUCKET_MS) * BUCKET_MS
    return end - DAY_MS, end


def timeline(raised: Sequence[tuple[datetime, int]], start: int, end: int, now_ms: int) -> Timeline:
    counts = np.zeros(((end - start) // BUCKET_MS, 4), dtype=int)
    for when, priority in raised:
        i = (millis(when) - start) // BUCKET_MS
        if 0 <= i < len(counts):
            counts[i, priority - 1] += 1
    return Timeline(
        start=start,
        end=min(end, now_ms),
        width_ms=BUCKET_MS,
        counts=[(int(a), int(b), int(c), int(d)) for a, b, c, d in counts],
    )


def rate_since(at: datetime) -> datetime:
    return at - timedelta(hours=RATE_HOURS)
