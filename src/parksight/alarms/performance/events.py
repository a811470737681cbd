"""Announcements of a window as columns; the export has exactly these, so every figure recomputes from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import Session

from parksight.alarms.models import Alarm, JournalEntry, Rule
from parksight.alarms.repository import pick
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import F64, I64

COLUMNS = (
    "announced_at", "announced_s", "alarm_id", "identity", "rule_code", "point_code", "step", "priority", "post",
    "cleared_s", "acknowledged_s", "closed_s", "cause", "repeats",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """Window (UTC) and what is counted; ``post`` and ``enterprise_id`` None: all."""

    start: datetime
    end: datetime
    enterprise_id: int | None = None
    post: str | None = None


@dataclass(slots=True)
class Announced:
    """Announcements, equally long columns; times in seconds since the epoch, NaN for "not yet".

    ``identity`` tells alarms apart (rule, point and step); ``names`` describes each. Announcements before the window
    are there only while their alarm still stood in it.
    """

    alarm_id: I64
    identity: I64
    at: F64
    priority: I64
    cleared: F64
    acknowledged: F64
    closed: F64
    repeats: I64
    cause: list[str | None]
    post: list[str | None]
    names: dict[int, tuple[int, str, int, str, str]]

    def __len__(self) -> int:
        return len(self.at)


def _statement(caller: Caller, wanted: Wanted) -> Select[Any]:
    inside = and_(JournalEntry.recorded_at >= wanted.start, JournalEntry.recorded_at < wanted.end)
    standing = and_(
        JournalEntry.recorded_at < wanted.start,
        or_(Alarm.cleared_at.is_(None), Alarm.cleared_at >= wanted.start),
    )
    statement = (
        pick(
            JournalEntry.recorded_at, JournalEntry.detail, Alarm.id, Alarm.rule_id, Alarm.point_id, Alarm.step,
            Alarm.priority, Alarm.cleared_at, Alarm.acknowledged_at, Alarm.closed_at, Alarm.cause, Alarm.post,
            Alarm.repeats, Rule.code, Point.code.label("point_code"),
        )
        .join(Alarm, Alarm.id == JournalEntry.alarm_id)
        .outerjoin(Rule, Rule.id == Alarm.rule_id)
        .outerjoin(Point, Point.id == Alarm.point_id)
        .where(JournalEntry.what.in_(("raised", "realarmed")), or_(inside, standing))
    )  # fmt: skip
    if wanted.enterprise_id is not None:
        statement = statement.where(Alarm.enterprise_id == wanted.enterprise_id)
    if wanted.post is not None:
        statement = statement.where(Alarm.post == wanted.post)
    return caller.scoped(statement, Alarm.enterprise_id).order_by(JournalEntry.id)


def _s(when: datetime | None) -> float:
    return float("nan") if when is None else when.timestamp()


def announced(session: Session, caller: Caller, wanted: Wanted) -> Announced:
    """Announcements of the window in the order they were recorded, and those that still stood when it began."""
    ids: dict[tuple[int, int, str], int] = {}
    names: dict[int, tuple[int, str, int, str, str]] = {}
    lines: list[tuple[Any, ...]] = []
    for row in session.execute(_statement(caller, wanted)):
        if row.detail and row.detail.get("suppressed"):
            continue  # kept silent: nobody was told
        identity = ids.setdefault((row.rule_id, row.point_id, row.step), len(ids))
        names[identity] = (row.rule_id, row.code or "", row.point_id, row.point_code or "", row.step)
        at = _s(row.recorded_at)
        # The clearing is observed, the announcement recorded: late data may clear before they are announced.
        lines.append(
            (row.id, identity, at, row.priority, max(_s(row.cleared_at), at) if row.cleared_at else float("nan"),
             _s(row.acknowledged_at), _s(row.closed_at), row.repeats, row.cause, row.post)
        )  # fmt: skip
    columns: list[tuple[Any, ...]] = list(zip(*lines, strict=True)) if lines else [()] * 10
    return Announced(
        np.array(columns[0], np.int64), np.array(columns[1], np.int64), np.array(columns[2], np.float64),
        np.array(columns[3], np.int64), np.array(columns[4], np.float64), np.array(columns[5], np.float64),
        np.array(columns[6], np.float64), np.array(columns[7], np.int64), list(columns[8]), list(columns[9]), names,
    )  # fmt: skip


def rows(found: Announced, zone: ZoneInfo) -> Iterator[list[Any]]:
    """Lines under :data:`COLUMNS`; ``announced_at`` in the zone's civil time, the others in seconds."""

    def number(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    for i in range(len(found)):
        _, rule, _, point, step = found.names[int(found.identity[i])]
        when = datetime.fromtimestamp(float(found.at[i]), zone).isoformat(timespec="milliseconds")
        yield [
            when, float(found.at[i]), int(found.alarm_id[i]), int(found.identity[i]), rule, point, step,
            int(found.priority[i]), found.post[i], number(found.cleared[i]), number(found.acknowledged[i]),
            number(found.closed[i]), found.cause[i], int(found.repeats[i]),
        ]  # fmt: skip
