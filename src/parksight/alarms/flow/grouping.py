"""Which alarms have one cause: pure decisions, no records.

In order of preference: the silent points of one source; gas alarms that lie along the wind from each other;
everything of one process unit; of one thing; else the point by itself. An alarm whose own last occurrence is
still being handled belongs to that, however long ago it was: no second case for the same trouble.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from parksight.alarms.models.words import STEPS

_STALE = STEPS[STEPS.index("STALE")]


@dataclass(frozen=True, slots=True)
class Candidate:
    """An alarm that is to be announced; ``at`` is observation time in ms, position in degrees."""

    alarm_id: int
    at: int
    rule_id: int
    step: str
    priority: int
    point_id: int
    enterprise_id: int | None = None
    thing_id: int | None = None
    unit_id: int | None = None
    source_id: int | None = None
    gas: bool = False
    position: tuple[float, float] | None = None
    simulated: bool = False
    #: The group it is in already, when it is announced again.
    group_id: int | None = None


@dataclass(slots=True)
class OpenGroup:
    """A group that still takes members. ``id`` is None until it has a record."""

    id: int | None
    kind: str
    key: str
    priority: int
    opened_at: int
    last_at: int
    root_alarm_id: int
    handling: str = "new"
    case_id: int | None = None
    enterprises: set[int | None] = field(default_factory=set)
    unit_id: int | None = None
    thing_id: int | None = None
    source_id: int | None = None
    wind_from: float | None = None
    simulated: bool = False
    size: int = 0
    #: Positions of its gas alarms.
    gas: list[tuple[float, float]] = field(default_factory=list)
    members: list[Candidate] = field(default_factory=list)
    grew_worse: bool = False

    @property
    def enterprise_id(self) -> int | None:
        """Its owner; None when several enterprises (or the zone) are concerned."""
        return next(iter(self.enterprises)) if len(self.enterprises) == 1 else None


@dataclass(frozen=True, slots=True)
class Wind:
    """Where the wind comes from, degrees clockwise from north."""

    from_deg: float


def key_of(alarm: Candidate) -> tuple[str, str]:
    """(kind, key) of the group an alarm would found."""
    silent = alarm.step == _STALE
    if silent and alarm.source_id is not None:
        return "source", f"source:{alarm.source_id}"
    mark = "silent-" if silent else ""
    if alarm.unit_id is not None:
        return "unit", f"{mark}unit:{alarm.unit_id}"
    if alarm.thing_id is not None:
        return "thing", f"{mark}thing:{alarm.thing_id}"
    return "single", f"{mark}point:{alarm.point_id}"


class Grouper:
    """Puts alarms into groups that are open; founds new ones.

    Args:
        groups: open groups of the last window, with those that handle an earlier occurrence.
        earlier: (rule, point, step) -> open group that handles its last occurrence.
        window_ms: alarms of one key belong together within this span after the newest member.
        wind: the wind now, None when nobody knows: then nothing is grouped along it.
        sector_deg: how far off the wind's line two gas alarms may lie; ``reach_m`` how far apart.
    """

    def __init__(
        self, groups: Iterable[OpenGroup], earlier: dict[tuple[int, int, str], OpenGroup], window_ms: int,
        wind: Wind | None, sector_deg: float, reach_m: float,
    ) -> None:  # fmt: skip
        self.groups = list(groups)
        self.earlier = earlier
        self.window_ms = window_ms
        self.wind = wind
        self.sector_deg = sector_deg
        self.reach_m = reach_m
        self._by_key: dict[str, list[OpenGroup]] = {}
        for group in self.groups:
            self._by_key.setdefault(group.key, []).append(group)

    def place(self, alarm: Candidate) -> OpenGroup:
        """The group of an alarm; the alarm is its member afterwards."""
        kind, key = key_of(alarm)
        group = self.earlier.get((alarm.rule_id, alarm.point_id, alarm.step))
        if group is None and not (alarm.gas and alarm.step != _STALE):
            group = self._near(key, alarm.at)
        elif group is None:
            group = self._near(key, alarm.at) or self._along_the_wind(alarm)
        if group is None:
            group = OpenGroup(
                None, kind, key, alarm.priority, alarm.at, alarm.at, alarm.alarm_id, unit_id=alarm.unit_id,
                thing_id=alarm.thing_id, source_id=alarm.source_id if kind == "source" else None,
                simulated=alarm.simulated,
            )  # fmt: skip
            self.groups.append(group)
            self._by_key.setdefault(key, []).append(group)
        self._join(group, alarm)
        return group

    def _near(self, key: str, at: int) -> OpenGroup | None:
        fitting = [
            g for g in self._by_key.get(key, ())
            if g.opened_at - self.window_ms <= at <= g.last_at + self.window_ms
        ]  # fmt: skip
        return max(fitting, key=lambda g: g.last_at, default=None)

    def _along_the_wind(self, alarm: Candidate) -> OpenGroup | None:
        if self.wind is None or alarm.position is None:
            return None
        best: tuple[float, OpenGroup] | None = None
        for group in self.groups:
            if (
                not group.gas
                or not group.opened_at - self.window_ms <= alarm.at <= group.last_at + self.window_ms
            ):
                continue
            for place in group.gas:
                metres = distance_along(place, alarm.position, self.wind.from_deg, self.sector_deg)
                if metres is not None and metres <= self.reach_m and (best is None or metres < best[0]):
                    best = (metres, group)
        if best is None:
            return None
        group = best[1]
        group.kind, group.wind_from = "wind", self.wind.from_deg
        return group

    def _join(self, group: OpenGroup, alarm: Candidate) -> None:
        group.members.append(alarm)
        if alarm.group_id is None or alarm.group_id != group.id:
            group.size += 1
        group.enterprises.add(alarm.enterprise_id)
        group.simulated = group.simulated and alarm.simulated
        if alarm.gas and alarm.position is not None:
            group.gas.append(alarm.position)
        # The first-out is the earliest by observation, also when its news came late.
        if (alarm.at, alarm.alarm_id) < (group.opened_at, group.root_alarm_id):
            group.opened_at, group.root_alarm_id = alarm.at, alarm.alarm_id
        group.last_at = max(group.last_at, alarm.at)
        if alarm.priority < group.priority:
            group.priority, group.grew_worse = alarm.priority, True


def distance_along(
    one: tuple[float, float], other: tuple[float, float], wind_from_deg: float, sector_deg: float
) -> float | None:
    """Metres between two places (lon, lat) when one lies downwind of the other, None when it does not.

    The same place is downwind of itself: 0.
    """
    metres = distance_m(one, other)
    if metres < 1.0:
        return 0.0
    east = (other[0] - one[0]) * math.cos(math.radians((one[1] + other[1]) / 2))
    azimuth = math.degrees(math.atan2(east, other[1] - one[1]))
    off = abs((azimuth - wind_from_deg + 90.0) % 180.0 - 90.0)
    return metres if off <= sector_deg else None


def distance_m(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Metres over the ground between two places (lon, lat in degrees); sphere of 6,371 km, good to 0.6 %."""
    (lon1, lat1), (lon2, lat2) = ((math.radians(v) for v in place) for place in (one, other))
    h = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_000.0 * math.asin(min(1.0, math.sqrt(h)))
