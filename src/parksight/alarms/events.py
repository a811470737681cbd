"""Events of alarms on the bus. One event carries all transitions of a written batch, so that a flood is one event."""

from __future__ import annotations

import msgspec

from parksight.kernel.bus import Event


class AlarmNotice(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as linkage, cases and panels need it; instants in ms since the epoch."""

    id: int
    point_id: int
    point_code: str
    rule_id: int
    rule_version: int
    step: str
    priority: int
    condition: str
    raised_at: int
    recorded_at: int
    at: int
    value: float | None
    limit: float
    enterprise_id: int | None
    thing_id: int | None
    unit_id: int | None
    simulated: bool


class AlarmsRaised(Event, frozen=True, kw_only=True):
    alarms: tuple[AlarmNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "alarms.raised"


class AlarmsCleared(Event, frozen=True, kw_only=True):
    alarms: tuple[AlarmNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "alarms.cleared"


class AlarmsDoubted(Event, frozen=True, kw_only=True):
    """The condition of open alarms became unknown, or known again (see ``condition``)."""

    alarms: tuple[AlarmNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "alarms.doubted"


class AlarmAcknowledged(Event, frozen=True, kw_only=True):
    id: int
    enterprise_id: int | None
    by_name: str
    at: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.acknowledged"


class RulesChanged(Event, frozen=True, kw_only=True):
    """Rules were made or changed; the evaluation compiles them anew."""

    count: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.rules.changed"
