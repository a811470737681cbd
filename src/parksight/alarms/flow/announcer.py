"""Announces alarms: puts them into groups, opens or re-arms their cases, orders reactions. In the caller's session."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.orm import Session

from parksight.alarms import surroundings
from parksight.alarms.flow.grouping import Candidate, Grouper, OpenGroup, Wind, key_of
from parksight.alarms.models import Alarm, Group
from parksight.alarms.providers import Providers
from parksight.kernel.settings import AlarmSettings
from parksight.registry.models import Equipment
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point

#: Class of points whose alarms travel with the wind.
GAS = "gas"
_PORTION = 500


class Desk(Protocol):
    """Where groups become work for people."""

    def opened(self, session: Session, groups: Sequence[OpenGroup]) -> None:
        """New groups: open a case for each and note it on the group's record."""
        ...

    def grew(self, session: Session, group: OpenGroup, *, rearm: bool) -> None:
        """A group took new members; ``rearm``: people have to be told again."""
        ...


class Orders(Protocol):
    """Where reactions are ordered (linkage)."""

    def order(
        self, session: Session, alarms: Sequence[tuple[Candidate, OpenGroup]], now: datetime
    ) -> int: ...


@dataclass(slots=True)
class Announcement:
    """What came of it: alarm -> group, the groups that are new, and the reactions that were ordered."""

    group_of: dict[int, int] = field(default_factory=dict)
    opened: list[int] = field(default_factory=list)
    reactions: int = 0


def ms(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def instant(at: int) -> datetime:
    return datetime.fromtimestamp(at / 1000, UTC)


class Announcer:
    """
    Args:
        live: newest values, for the wind.
        providers: who knows which device feeds a point.
        desk: opens cases; None where nobody works on cases (command line).
        orders: linkage; None: no reactions.
    """

    def __init__(
        self, settings: AlarmSettings, providers: Providers, live: LiveTable | None = None,
        desk: Desk | None = None, orders: Orders | None = None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.providers = providers
        self.live = live
        self.desk = desk
        self.orders = orders

    def announce(self, session: Session, alarms: Sequence[Candidate], now: datetime) -> Announcement:
        """Give each alarm its group and each group its case; alarms in the order of judgement."""
        if not alarms:
            return Announcement()
        alarms = self._with_sources(session, alarms)
        grouper = self._grouper(session, alarms, now)
        placed = [(alarm, grouper.place(alarm)) for alarm in alarms]
        touched = [g for g in grouper.groups if g.members]
        fresh = [g for g in touched if g.id is None]
        self._save(session, fresh, [g for g in touched if g.id is not None], now)
        group_of = {alarm.alarm_id: group.id or 0 for alarm, group in placed}
        session.execute(update(Alarm), [{"id": a, "group_id": g} for a, g in group_of.items()])
        known = {id(g) for g in fresh}
        if self.desk is not None:
            self.desk.opened(session, fresh)
            for group in touched:
                if id(group) not in known:
                    urgent = group.grew_worse or any(m.priority <= 2 for m in group.members)
                    self.desk.grew(session, group, rearm=urgent and group.handling != "new")
        ordered = 0
        if self.orders is not None:
            # A group that is new or grew worse calls for its reactions; more of the same does not.
            calling = [
                (alarm, group) for alarm, group in placed
                if alarm.alarm_id == (group.root_alarm_id if id(group) in known else _worst(group))
                and (id(group) in known or group.grew_worse)
            ]  # fmt: skip
            ordered = self.orders.order(session, calling, now)
        return Announcement(group_of, [g.id or 0 for g in fresh], ordered)

    def found(self, session: Session, alarms: Sequence[Alarm], now: datetime) -> Group:
        """A group a person makes of alarms that are there already, with a case of its own."""
        members = sorted(self.candidates(session, alarms), key=lambda m: (m.at, m.alarm_id))
        first = members[0]
        group = OpenGroup(
            None, "manual", f"manual:{first.alarm_id}", min(m.priority for m in members), first.at,
            max(m.at for m in members), first.alarm_id, unit_id=_shared(m.unit_id for m in members),
            thing_id=_shared(m.thing_id for m in members), simulated=all(m.simulated for m in members),
            enterprises={m.enterprise_id for m in members}, size=len(members), members=members,
        )  # fmt: skip
        self._save(session, [group], [], now)
        if self.desk is not None:
            self.desk.opened(session, [group])
        session.flush()
        return session.get_one(Group, group.id)

    def recount(self, session: Session, group: Group, alarms: Sequence[Alarm]) -> None:
        """Bring a group's record to the alarms it has now."""
        first = min(alarms, key=lambda a: (a.raised_at, a.id))
        group.root_alarm_id, group.opened_at = first.id, first.raised_at
        group.last_at = max(a.raised_at for a in alarms)
        group.priority, group.size = min(a.priority for a in alarms), len(alarms)
        group.enterprise_id = _shared(a.enterprise_id for a in alarms)
        group.simulated = all(a.simulated for a in alarms)
        session.flush()

    def candidates(self, session: Session, alarms: Sequence[Alarm], at: int | None = None) -> list[Candidate]:
        """Records as candidates; ``at``: when they are announced (None: when they were raised)."""
        ids = sorted({a.point_id for a in alarms})
        facts = point_facts(session, ids)
        return [
            replace(
                candidate(
                    a.id, ms(a.raised_at) if at is None else at, a.rule_id, a.step, a.priority, a.point_id,
                    facts.get(a.point_id), a.simulated,
                ),
                group_id=a.group_id,
            )
            for a in alarms
        ]  # fmt: skip

    def _with_sources(self, session: Session, alarms: Sequence[Candidate]) -> list[Candidate]:
        silent = {a.point_id for a in alarms if a.step == "STALE"}
        if not silent or self.providers.sources is None:
            return list(alarms)
        sources = self.providers.sources.of_points(session, silent)
        return [
            replace(a, source_id=sources[a.point_id].id) if a.step == "STALE" and a.point_id in sources else a
            for a in alarms
        ]

    def _grouper(self, session: Session, alarms: Sequence[Candidate], now: datetime) -> Grouper:
        window = timedelta(seconds=self.settings.group_window_s)
        keys = sorted({key_of(a)[1] for a in alarms})
        since = instant(min(a.at for a in alarms)) - window
        groups: dict[int, OpenGroup] = {}
        for start in range(0, len(keys), _PORTION):
            near = (Group.key.in_(keys[start : start + _PORTION]), Group.last_at >= since)
            self._load(session, groups, *near)
        wind = None
        if any(a.gas for a in alarms):
            blowing = surroundings.wind(session, self.live, ms(now))
            wind = Wind(blowing.from_deg) if blowing else None
            if wind is not None:
                self._load(session, groups, Group.last_at >= since)
                _place_gas(session, groups)
        earlier = self._earlier(session, groups, alarms)
        return Grouper(
            groups.values(), earlier, self.settings.group_window_s * 1000, wind, self.settings.wind_sector_deg,
            self.settings.wind_reach_m,
        )  # fmt: skip

    def _load(self, session: Session, into: dict[int, OpenGroup], *where: ColumnElement[bool]) -> None:
        for record in session.scalars(select(Group).where(Group.handling != "closed", *where)):
            into.setdefault(record.id, _open_group(record))

    def _earlier(
        self, session: Session, groups: dict[int, OpenGroup], alarms: Sequence[Candidate]
    ) -> dict[tuple[int, int, str], OpenGroup]:
        points = sorted({a.point_id for a in alarms})
        found: dict[tuple[int, int, str], int] = {}
        for start in range(0, len(points), _PORTION):
            statement = (
                select(Alarm.rule_id, Alarm.point_id, Alarm.step, func.max(Alarm.group_id))
                .join(Group, Group.id == Alarm.group_id)
                .where(Alarm.point_id.in_(points[start : start + _PORTION]), Group.handling != "closed")
                .where(Alarm.handling.not_in(("closed", "suppressed")))
                .group_by(Alarm.rule_id, Alarm.point_id, Alarm.step)
            )
            found.update(
                {(r[0], r[1], r[2]): int(r[3]) for r in session.execute(statement) if r[3] is not None}
            )
        # What is announced again stays where it is handled.
        found.update({(a.rule_id, a.point_id, a.step): a.group_id for a in alarms if a.group_id is not None})
        missing = sorted(set(found.values()) - groups.keys())
        for start in range(0, len(missing), _PORTION):
            self._load(session, groups, Group.id.in_(missing[start : start + _PORTION]))
        return {key: groups[g] for key, g in found.items() if g in groups}

    def _save(self, session: Session, fresh: list[OpenGroup], grown: list[OpenGroup], now: datetime) -> None:
        if fresh:
            made = insert(Group).returning(Group.id, sort_by_parameter_order=True)
            rows = [{**_row(g), "recorded_at": now, "handling": "new"} for g in fresh]
            for group, group_id in zip(fresh, session.scalars(made, rows), strict=True):
                group.id = group_id
        if grown:
            session.execute(update(Group), [{"id": g.id, **_row(g)} for g in grown])


def _shared(values: Iterable[int | None]) -> int | None:
    """The one value all have, None when they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else None


def _worst(group: OpenGroup) -> int:
    return min(group.members, key=lambda m: (m.priority, m.at, m.alarm_id)).alarm_id


def _row(g: OpenGroup) -> dict[str, Any]:
    return {
        "kind": g.kind, "key": g.key, "root_alarm_id": g.root_alarm_id, "priority": g.priority, "size": g.size,
        "opened_at": instant(g.opened_at), "last_at": instant(g.last_at), "enterprise_id": g.enterprise_id,
        "unit_id": g.unit_id, "thing_id": g.thing_id, "source_id": g.source_id, "wind_from_deg": g.wind_from,
        "simulated": g.simulated,
    }  # fmt: skip


def _open_group(record: Group) -> OpenGroup:
    return OpenGroup(
        record.id, record.kind, record.key, record.priority, ms(record.opened_at), ms(record.last_at),
        record.root_alarm_id or 0, record.handling, record.case_id, {record.enterprise_id}, record.unit_id,
        record.thing_id, record.source_id, record.wind_from_deg, record.simulated, record.size,
    )  # fmt: skip


def _place_gas(session: Session, groups: dict[int, OpenGroup]) -> None:
    """Positions of the gas alarms that open groups hold already."""
    statement = (
        select(Alarm.group_id, Equipment.min_lon, Equipment.min_lat)
        .join(Point, Point.id == Alarm.point_id)
        .join(Equipment, Equipment.id == Alarm.thing_id)
        .where(Alarm.group_id.in_(sorted(groups)), or_(Point.kind == GAS, Point.kind.like(f"{GAS}.%")))
        .where(Equipment.min_lon.is_not(None), Equipment.min_lat.is_not(None))
        .distinct()
    )
    for group_id, lon, lat in session.execute(statement):
        if group_id is not None and lon is not None and lat is not None:
            groups[group_id].gas.append((lon, lat))


def point_facts(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    """Code, owner, place and class of points, by id."""
    facts: dict[int, Any] = {}
    for start in range(0, len(ids), _PORTION):
        statement = (
            select(
                Point.id, Point.code, Point.enterprise_id, Point.thing_id, Equipment.unit_id, Point.simulated,
                Point.kind, Equipment.min_lon, Equipment.min_lat,
            )
            .outerjoin(Equipment, Equipment.id == Point.thing_id)
            .where(Point.id.in_(ids[start : start + _PORTION]))
        )  # fmt: skip
        facts.update({row.id: row for row in session.execute(statement)})
    return facts


def candidate(
    alarm_id: int, at: int, rule_id: int, step: str, priority: int, point_id: int, fact: Any, simulated: bool
) -> Candidate:
    """An alarm as grouping sees it."""
    if fact is None:
        return Candidate(alarm_id, at, rule_id, step, priority, point_id, simulated=simulated)
    position = None if fact.min_lon is None or fact.min_lat is None else (fact.min_lon, fact.min_lat)
    return Candidate(
        alarm_id, at, rule_id, step, priority, point_id, fact.enterprise_id, fact.thing_id, fact.unit_id, None,
        fact.kind == GAS or fact.kind.startswith(f"{GAS}."), position, simulated,
    )  # fmt: skip
