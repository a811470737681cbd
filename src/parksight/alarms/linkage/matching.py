"""Which alarms a declaration means: pure."""

from __future__ import annotations

from dataclasses import dataclass

from parksight.alarms.schemas.linkage import Match


@dataclass(frozen=True, slots=True)
class Called:
    """An alarm as declarations see it."""

    priority: int
    rule_code: str
    step: str
    point_kind: str
    enterprise_id: int | None
    unit_id: int | None
    thing_id: int | None


def within(kind: str, wanted: str) -> bool:
    """Whether a class is the wanted one or below it: ``gas.toxic`` is within ``gas``."""
    return kind == wanted or kind.startswith(f"{wanted}.")


def matches(match: Match, alarm: Called) -> bool:
    """Whether all lists that say anything agree."""
    plain = (
        (match.priorities, alarm.priority), (match.rules, alarm.rule_code), (match.steps, alarm.step),
        (match.enterprises, alarm.enterprise_id), (match.units, alarm.unit_id), (match.things, alarm.thing_id),
    )  # fmt: skip
    if any(wanted and have not in wanted for wanted, have in plain):
        return False
    return not match.kinds or any(within(alarm.point_kind, kind) for kind in match.kinds)
