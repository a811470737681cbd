"""Events that people confirmed: alarms closed with the cause "real"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms.models import STEPS, Alarm

_PORTION = 500


@dataclass(frozen=True, slots=True)
class Confirmed:
    """An event that was real; instants in ms, ``cleared_at`` None while it lasts."""

    point: int
    step: int
    raised_at: int
    cleared_at: int | None


@dataclass(frozen=True, slots=True)
class Judged:
    """What people said of the alarms of a time: the real ones, and whether they judged any at all."""

    events: list[Confirmed]
    any_judged: bool


class ConfirmedEvents(Protocol):
    """Who knows which alarms were real."""

    def __call__(
        self, session: Session, rule_id: int | None, points: Sequence[int], start: int, end: int
    ) -> Judged: ...  # fmt: skip


def from_records(
    session: Session, rule_id: int | None, points: Sequence[int], start: int, end: int
) -> Judged:
    """Alarms of a rule (of any rule, for a new one) at some points that were raised in ``[start, end)``."""
    events: list[Confirmed] = []
    judged = False
    for first in range(0, len(points), _PORTION):
        statement = select(Alarm.point_id, Alarm.step, Alarm.raised_at, Alarm.cleared_at, Alarm.cause).where(
            Alarm.point_id.in_(points[first : first + _PORTION]), Alarm.cause.is_not(None),
            Alarm.raised_at >= _instant(start), Alarm.raised_at < _instant(end),
        )  # fmt: skip
        if rule_id is not None:
            statement = statement.where(Alarm.rule_id == rule_id)
        for point, step, raised, cleared, cause in session.execute(statement):
            judged = True
            if cause == "real":
                events.append(
                    Confirmed(
                        point, STEPS.index(step), _ms(raised), None if cleared is None else _ms(cleared)
                    )
                )
    return Judged(sorted(events, key=lambda e: e.raised_at), judged)


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)
