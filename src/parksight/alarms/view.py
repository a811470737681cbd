"""Records of alarms as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from parksight.alarms.models import JournalEntry, Rule
from parksight.alarms.repository import Found
from parksight.alarms.schemas import (
    AlarmOut,
    Condition,
    Definition,
    Handling,
    JournalOut,
    Named,
    PointRef,
    RuleOut,
    StepWord,
)
from parksight.registry.models import Enterprise, Equipment
from parksight.telemetry.models import Point


def ms(when: datetime) -> int:
    """Milliseconds since the epoch."""
    return round(when.timestamp() * 1000)


def point_ref(point: Point | None) -> PointRef | None:
    if point is None:
        return None
    return PointRef(
        id=point.id, code=point.code, name=point.name, name_en=point.name_en, unit=point.unit, kind=point.kind
    )


def named(record: Enterprise | Equipment | None) -> Named | None:
    if record is None:
        return None
    return Named(id=record.id, code=record.code, name=record.name, name_en=record.name_en)


def alarm(found: Found) -> AlarmOut:
    a, thing = found.alarm, found.thing
    position = None
    if thing is not None and thing.min_lon is not None and thing.min_lat is not None:
        position = (thing.min_lon, thing.min_lat)
    return AlarmOut(
        id=a.id, point=point_ref(found.point), rule_id=a.rule_id, rule_version=a.rule_version,
        step=cast(StepWord, a.step), priority=a.priority, raised_at=ms(a.raised_at), recorded_at=ms(a.recorded_at),
        value=a.value, limit=a.limit, condition=cast(Condition, a.condition),
        cleared_at=None if a.cleared_at is None else ms(a.cleared_at), cleared_reason=a.cleared_reason,
        handling=cast(Handling, a.handling), acknowledged_by=a.acknowledged_by,
        acknowledged_at=None if a.acknowledged_at is None else ms(a.acknowledged_at), comment=a.comment,
        open=a.condition != "cleared" or a.handling == "new", simulated=a.simulated,
        enterprise=named(found.enterprise), thing=named(thing), unit_id=a.unit_id, position=position,
    )  # fmt: skip


def journal(entry: JournalEntry, point: Point | None) -> JournalOut:
    return JournalOut(
        id=entry.id, alarm_id=entry.alarm_id, point=point_ref(point), enterprise_id=entry.enterprise_id,
        what=entry.what, step=entry.step, priority=entry.priority, observed_at=ms(entry.observed_at),
        recorded_at=ms(entry.recorded_at), value=entry.value, by_name=entry.by_name, comment=entry.comment,
    )  # fmt: skip


def rule(record: Rule, point: Point | None) -> RuleOut:
    return RuleOut(
        id=record.id, code=record.code, name=record.name, point=point_ref(point),
        enterprise_id=record.enterprise_id, definition=Definition.model_validate(record.definition),
        basis=record.basis, enabled=record.enabled, version=record.version, created_at=record.created_at,
        updated_at=record.updated_at,
    )  # fmt: skip
