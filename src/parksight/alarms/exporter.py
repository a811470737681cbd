"""Alarms as rows of a table people take away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from parksight.alarms.schemas import AlarmOut, JournalOut

COLUMNS = (
    "id", "priority", "step", "condition", "handling", "point_code", "point_name", "enterprise_code",
    "enterprise_name", "thing_code", "value", "limit", "unit", "raised_at", "recorded_at", "cleared_at",
    "cleared_reason", "acknowledged_by", "acknowledged_at", "comment", "rule_id", "rule_version", "simulated",
    "longitude", "latitude", "state", "group_id", "suppressed", "repeats", "post", "cause", "closed_by", "closed_at",
)  # fmt: skip
JOURNAL = (
    "id", "alarm_id", "what", "point_code", "point_name", "step", "priority", "observed_at", "recorded_at", "value",
    "by", "comment", "detail",
)  # fmt: skip


def _civil(ms: int | None, zone: ZoneInfo) -> str | None:
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone).isoformat(timespec="milliseconds")


def _cells(alarm: AlarmOut, zone: ZoneInfo) -> list[str | int | float | None]:
    def when(ms: int | None) -> str | None:
        return _civil(ms, zone)

    point, firm, thing = alarm.point, alarm.enterprise, alarm.thing
    lon, lat = alarm.position or (None, None)
    return [
        alarm.id, alarm.priority, alarm.step, alarm.condition, alarm.handling,
        point.code if point else None, point.name if point else None,
        firm.code if firm else None, firm.name if firm else None, thing.code if thing else None,
        alarm.value, alarm.limit, "s" if alarm.step == "STALE" else point.unit if point else None,
        when(alarm.raised_at), when(alarm.recorded_at), when(alarm.cleared_at), alarm.cleared_reason,
        alarm.acknowledged_by, when(alarm.acknowledged_at), alarm.comment, alarm.rule_id, alarm.rule_version,
        "true" if alarm.simulated else "false", lon, lat, alarm.state, alarm.group_id, alarm.suppressed, alarm.repeats,
        alarm.post, alarm.cause, alarm.closed_by, when(alarm.closed_at),
    ]  # fmt: skip


def rows(alarms: Iterator[AlarmOut], zone: ZoneInfo) -> Iterator[list[str | int | float | None]]:
    """Lines of the table under :data:`COLUMNS`; instants in the zone's civil time."""
    return (_cells(alarm, zone) for alarm in alarms)


def journal_rows(entries: Iterator[JournalOut], zone: ZoneInfo) -> Iterator[list[object]]:
    """Lines of the journal under :data:`JOURNAL`; instants in the zone's civil time."""
    for e in entries:
        yield [
            e.id, e.alarm_id, e.what, e.point.code if e.point else None, e.point.name if e.point else None, e.step,
            e.priority, _civil(e.observed_at, zone), _civil(e.recorded_at, zone), e.value, e.by_name, e.comment,
            e.detail,
        ]  # fmt: skip
