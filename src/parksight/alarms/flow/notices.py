"""Records of alarms as the bus and the browsers are told of them."""

from __future__ import annotations

from typing import Any

from parksight.alarms.events import AlarmNotice
from parksight.alarms.flow.announcer import ms
from parksight.alarms.models import Alarm


def notice_of_row(row: dict[str, Any], condition: str, at: int) -> AlarmNotice:
    """A record as the bus and the browsers are told of it."""
    return AlarmNotice(
        id=row["id"], point_id=row["point_id"], point_code=row["_code"], rule_id=row["rule_id"],
        rule_version=row["rule_version"], step=row["step"], priority=row["priority"], condition=condition,
        raised_at=ms(row["raised_at"]), recorded_at=ms(row["recorded_at"]), at=at, value=row["value"],
        limit=row["limit"], enterprise_id=row["enterprise_id"], thing_id=row["thing_id"], unit_id=row["unit_id"],
        simulated=row["simulated"], group_id=row["group_id"], suppressed=row["suppressed"],
    )  # fmt: skip


def notice_of(alarm: Alarm, code: str, condition: str | None = None, at: int | None = None) -> AlarmNotice:
    """The same from a record."""
    row = {name: getattr(alarm, name) for name in Alarm.__table__.columns.keys()}  # noqa: SIM118 - column names
    when = ms(alarm.raised_at) if at is None else at
    return notice_of_row({**row, "_code": code}, condition or alarm.condition, when)
