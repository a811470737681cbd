"""An alarm with its surroundings, as actions and rehearsals look at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from parksight.alarms.linkage.matching import Called
from parksight.alarms.models import Alarm, Group, Rule
from parksight.registry.models import Equipment
from parksight.telemetry.models import Point


@dataclass(frozen=True, slots=True)
class Scene:
    """The records an action needs; ``position`` is longitude and latitude of the thing that measures."""

    alarm: Alarm
    point: Point | None
    thing: Equipment | None
    group: Group | None
    rule: Rule | None

    @property
    def position(self) -> tuple[float, float] | None:
        thing = self.thing
        if thing is None or thing.min_lon is None or thing.min_lat is None:
            return None
        return (
            (thing.min_lon + (thing.max_lon or thing.min_lon)) / 2,
            (thing.min_lat + (thing.max_lat or thing.min_lat)) / 2,
        )

    @property
    def called(self) -> Called:
        a = self.alarm
        return Called(
            a.priority, self.rule.code if self.rule else "", a.step, self.point.kind if self.point else "",
            a.enterprise_id, a.unit_id, a.thing_id,
        )  # fmt: skip

    @property
    def response(self) -> str:
        """What the rule tells people to do."""
        said: dict[str, Any] = (self.rule.rationale or {}) if self.rule else {}
        return str(said.get("response") or "")


def scene_of(session: Session, alarm: Alarm) -> Scene:
    """Read what surrounds an alarm."""
    return Scene(
        alarm,
        session.get(Point, alarm.point_id),
        None if alarm.thing_id is None else session.get(Equipment, alarm.thing_id),
        None if alarm.group_id is None else session.get(Group, alarm.group_id),
        session.get(Rule, alarm.rule_id),
    )
