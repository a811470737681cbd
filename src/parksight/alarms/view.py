"""Records of alarms as the API shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from parksight.alarms import lifecycle
from parksight.alarms.flow.silences import words
from parksight.alarms.models import Alarm, Flood, JournalEntry, Reaction, Suppression, Window
from parksight.alarms.repository import Found
from parksight.alarms.schemas import (
    AlarmOut,
    Cause,
    Condition,
    FloodOut,
    Handling,
    IsaState,
    JournalOut,
    Named,
    PointRef,
    ReactionOut,
    Silence,
    StepWord,
    SuppressionOut,
    WindowOut,
)
from parksight.registry.models import Enterprise, Equipment, Unit
from parksight.telemetry.models import Point


def ms(when: datetime) -> int:
    """Milliseconds since the epoch."""
    return round(when.timestamp() * 1000)


def ms_or_none(when: datetime | None) -> int | None:
    return None if when is None else ms(when)


def point_ref(point: Point | None) -> PointRef | None:
    if point is None:
        return None
    return PointRef(
        id=point.id, code=point.code, name=point.name, name_en=point.name_en, unit=point.unit, kind=point.kind
    )


def named(record: Enterprise | Equipment | Unit | None) -> Named | None:
    if record is None:
        return None
    return Named(id=record.id, code=record.code, name=record.name, name_en=record.name_en)


def state(a: Alarm) -> str:
    """State of ISA-18.2 of a record."""
    return lifecycle.state_of(
        a.condition, acknowledged=a.acknowledged_at is not None or a.handling == "suppressed", suppressed=a.suppressed,
        latching=a.latching, reset=a.reset_at is not None,
    )  # fmt: skip


def alarm(found: Found) -> AlarmOut:
    a, thing = found.alarm, found.thing
    position = None
    if thing is not None and thing.min_lon is not None and thing.min_lat is not None:
        position = (thing.min_lon, thing.min_lat)
    return AlarmOut(
        id=a.id, point=point_ref(found.point), rule_id=a.rule_id, rule_version=a.rule_version,
        step=cast(StepWord, a.step), priority=a.priority, raised_at=ms(a.raised_at), recorded_at=ms(a.recorded_at),
        value=a.value, limit=a.limit, condition=cast(Condition, a.condition), cleared_at=ms_or_none(a.cleared_at),
        cleared_reason=a.cleared_reason, handling=cast(Handling, a.handling), acknowledged_by=a.acknowledged_by,
        acknowledged_at=ms_or_none(a.acknowledged_at), comment=a.comment,
        open=lifecycle.is_open(a.condition, a.handling, latching=a.latching, reset=a.reset_at is not None),
        simulated=a.simulated, enterprise=named(found.enterprise), thing=named(thing), unit_id=a.unit_id,
        position=position, state=cast(IsaState, state(a)), group_id=a.group_id, case_id=found.case_id,
        annunciated_at=ms_or_none(a.annunciated_at), suppressed=cast(Silence | None, a.suppressed),
        suppression_id=a.suppression_id, latching=a.latching, reset_at=ms_or_none(a.reset_at), repeats=a.repeats,
        window_id=a.window_id, window_kind=found.window_kind, post=a.post, cause=cast(Cause | None, a.cause),
        closed_at=ms_or_none(a.closed_at), closed_by=a.closed_by,
    )  # fmt: skip


def journal(entry: JournalEntry, point: Point | None) -> JournalOut:
    return JournalOut(
        id=entry.id, alarm_id=entry.alarm_id, point=point_ref(point), enterprise_id=entry.enterprise_id,
        what=entry.what, step=entry.step, priority=entry.priority, observed_at=ms(entry.observed_at),
        recorded_at=ms(entry.recorded_at), value=entry.value, by_name=entry.by_name, comment=entry.comment, detail=entry.detail,
    )  # fmt: skip


def flood(record: Flood) -> FloodOut:
    return FloodOut(
        id=record.id, started_at=ms(record.started_at), ended_at=ms_or_none(record.ended_at), peak=record.peak,
        alarms=record.alarms, groups=record.groups,
    )  # fmt: skip


def suppression(record: Suppression) -> SuppressionOut:
    return SuppressionOut(
        id=record.id, kind=cast(Silence, record.kind), rule_id=record.rule_id, step=record.step,
        point_id=record.point_id, thing_id=record.thing_id, unit_id=record.unit_id, enterprise_id=record.enterprise_id,
        covers=words(record), reason=record.reason, reference=record.reference, owner_name=record.owner_name,
        from_at=ms(record.from_at), until_at=ms_or_none(record.until_at), ended_at=ms_or_none(record.ended_at),
        ended_by=record.ended_by, ended_reason=cast(Any, record.ended_reason), ended_note=record.ended_note,
        kept_silent=record.kept_silent,
    )  # fmt: skip


def window(record: Window, alarms: int) -> WindowOut:
    return WindowOut(
        id=record.id, kind=cast(Any, record.kind), rule_id=record.rule_id, step=record.step, point_id=record.point_id,
        thing_id=record.thing_id, unit_id=record.unit_id, enterprise_id=record.enterprise_id, covers=words(record),
        start=ms(record.start_at), end=ms(record.end_at), reason=record.reason, reference=record.reference,
        owner_name=record.owner_name, announced_at=ms(record.announced_at), late=record.announced_at > record.start_at,
        ended_at=ms_or_none(record.ended_at), ended_by=record.ended_by, alarms=alarms,
    )  # fmt: skip


def reaction(record: Reaction, code: str) -> ReactionOut:
    return ReactionOut(
        id=record.id, alarm_id=record.alarm_id, group_id=record.group_id, linkage_id=record.linkage_id,
        linkage_code=code, linkage_version=record.linkage_version, kind=record.kind, state=cast(Any, record.state),
        attempts=record.attempts, created_at=ms(record.created_at), started_at=ms_or_none(record.started_at),
        finished_at=ms_or_none(record.finished_at), took_ms=record.took_ms, result=record.result,
    )  # fmt: skip
