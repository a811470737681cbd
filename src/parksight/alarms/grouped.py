"""Groups as the API shows them, within the caller's scope: an enterprise sees its own members of a wider group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, case, exists, func, select
from sqlalchemy.orm import Session

from parksight.alarms import repository, view
from parksight.alarms.models import Alarm, Group, Linkage, Reaction
from parksight.alarms.providers import Providers, Source
from parksight.alarms.repository import pick
from parksight.alarms.schemas import (
    AlarmOut,
    Cause,
    GroupDetail,
    GroupKind,
    GroupOut,
    Handling,
    ReactionOut,
    SourceOut,
)
from parksight.kernel.errors import not_found
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise, Equipment, Unit

#: Members one group shows; the list of alarms has the rest.
MEMBERS = 1000


def _visible(caller: Caller) -> ColumnElement[bool]:
    """Groups with at least one alarm the caller may see."""
    mine = caller.scoped(select(Alarm.id).where(Alarm.group_id == Group.id), Alarm.enterprise_id)
    return exists(mine)


def listing(caller: Caller, state: str, enterprise_id: int | None, kind: str | None) -> Select[Any]:
    """Statement of a list: the critical one on top, then what is unseen, then the newest."""
    statement: Select[Any] = select(Group).where(_visible(caller), Group.merged_into_id.is_(None))
    if state != "all":
        closed = Group.handling == "closed"
        statement = statement.where(closed if state == "closed" else ~closed)
    if kind is not None:
        statement = statement.where(Group.kind == kind)
    if enterprise_id is not None:
        of = select(Alarm.id).where(Alarm.group_id == Group.id, Alarm.enterprise_id == enterprise_id)
        statement = statement.where(exists(of))
    unseen = case((Group.handling == "new", 0), else_=1)
    return statement.order_by(Group.priority, unseen, Group.last_at.desc(), Group.id.desc())


def shown(session: Session, caller: Caller, groups: Sequence[Group], providers: Providers) -> list[GroupOut]:
    """Groups with what the caller may see of them, in the given order."""
    ids = [g.id for g in groups]
    if not ids:
        return []
    counts = _counts(session, caller, ids)
    firsts = _ends(session, caller, ids, (Alarm.raised_at, Alarm.id))
    standing = case((Alarm.condition == "cleared", 1), else_=0)
    worsts = _ends(session, caller, ids, (standing, Alarm.priority, Alarm.raised_at, Alarm.id))
    return _composed(session, groups, _Members(counts, firsts, worsts), providers)


def of_members(
    session: Session, groups: Sequence[Group], alarms: Sequence[AlarmOut], providers: Providers
) -> list[GroupOut]:
    """Groups all of whose alarms are at hand, without asking the records for them again."""
    whole = _Members({}, {}, {})
    for g in groups:
        own = sorted((a for a in alarms if a.group_id == g.id), key=lambda a: (a.raised_at, a.id))
        whole.counts[g.id] = (
            len(own), sum(a.condition == "active" for a in own), sum(a.condition == "unknown" for a in own),
            sum(a.handling == "new" for a in own),
        )  # fmt: skip
        whole.firsts[g.id] = own[0]
        whole.worsts[g.id] = min(own, key=lambda a: (a.condition == "cleared", a.priority, a.raised_at, a.id))
    return _composed(session, groups, whole, providers)


@dataclass(frozen=True, slots=True)
class _Members:
    """Of each group: (size, active, unknown, unacknowledged), the first out, the worst."""

    counts: dict[int, tuple[int, int, int, int]]
    firsts: dict[int, AlarmOut]
    worsts: dict[int, AlarmOut]


def _composed(
    session: Session, groups: Sequence[Group], members: _Members, providers: Providers
) -> list[GroupOut]:
    named = {
        "enterprise": _named(session, Enterprise, {g.enterprise_id for g in groups}),
        "unit": _named(session, Unit, {g.unit_id for g in groups}),
        "thing": _named(session, Equipment, {g.thing_id for g in groups}),
    }
    sources = _sources(session, groups, members.firsts, providers)
    out: list[GroupOut] = []
    for g in groups:
        size, active, unknown, unseen = members.counts.get(g.id, (0, 0, 0, 0))
        out.append(
            GroupOut(
                id=g.id, kind=cast(GroupKind, g.kind), priority=g.priority, opened_at=view.ms(g.opened_at),
                last_at=view.ms(g.last_at), handling=cast(Handling, g.handling), cause=cast(Cause | None, g.cause),
                closed_at=view.ms_or_none(g.closed_at), case_id=g.case_id, size=size, total=g.size, active=active,
                unknown=unknown, unacknowledged=unseen, open=g.handling != "closed", first_out=members.firsts.get(g.id),
                worst=members.worsts.get(g.id), enterprise=view.named(named["enterprise"].get(g.enterprise_id)),
                unit=view.named(named["unit"].get(g.unit_id)), thing=view.named(named["thing"].get(g.thing_id)),
                source=sources.get(g.id), wind_from_deg=g.wind_from_deg, merged_into_id=g.merged_into_id,
                simulated=g.simulated,
            )
        )  # fmt: skip
    return out


def detail(session: Session, caller: Caller, group_id: int, providers: Providers) -> GroupDetail:
    """One group with its members in first-out order; 404 when none of it is the caller's to see."""
    session.flush()
    session.expire_all()
    group = session.scalar(select(Group).where(Group.id == group_id, _visible(caller)))
    if group is None:
        raise not_found("alarms.group", group_id)
    head = shown(session, caller, [group], providers)[0]
    return GroupDetail(
        **head.model_dump(), members=members(session, caller, group_id, MEMBERS),
        reactions=reactions(session, caller, Reaction.group_id == group_id),
    )  # fmt: skip


def members(session: Session, caller: Caller, group_id: int, limit: int) -> list[AlarmOut]:
    """Alarms of a group in first-out order: by observation time."""
    statement = repository.joined(caller).where(Alarm.group_id == group_id)
    return [
        view.alarm(f)
        for f in repository.found(session, statement.order_by(Alarm.raised_at, Alarm.id).limit(limit))
    ]


def reactions(session: Session, caller: Caller, *where: ColumnElement[bool]) -> list[ReactionOut]:
    """What linkage did, newest first."""
    statement = pick(Reaction, Linkage.code).join(Linkage, Linkage.id == Reaction.linkage_id).where(*where)
    rows = session.execute(
        caller.scoped(statement, Reaction.enterprise_id).order_by(Reaction.id.desc()).limit(500)
    )
    return [view.reaction(record, code) for record, code in rows]


def _counts(session: Session, caller: Caller, ids: list[int]) -> dict[int, tuple[int, int, int, int]]:
    def number(clause: ColumnElement[bool]) -> Any:
        return func.sum(case((clause, 1), else_=0))

    statement = pick(
        Alarm.group_id, func.count(), number(Alarm.condition == "active"), number(Alarm.condition == "unknown"),
        number(Alarm.handling == "new"),
    ).where(Alarm.group_id.in_(ids))  # fmt: skip
    rows = session.execute(caller.scoped(statement, Alarm.enterprise_id).group_by(Alarm.group_id))
    return {int(r[0]): (int(r[1]), int(r[2]), int(r[3]), int(r[4])) for r in rows}


def _ends(session: Session, caller: Caller, ids: list[int], order: tuple[Any, ...]) -> dict[int, AlarmOut]:
    """The first member of each group in an order."""
    place = func.row_number().over(partition_by=Alarm.group_id, order_by=order).label("place")
    ranked = caller.scoped(
        pick(Alarm.id.label("alarm_id"), place).where(Alarm.group_id.in_(ids)), Alarm.enterprise_id
    ).subquery()
    first = select(ranked.c.alarm_id).where(ranked.c.place == 1)
    rows = repository.found(session, repository.joined(caller).where(Alarm.id.in_(first)))
    return {f.alarm.group_id: view.alarm(f) for f in rows if f.alarm.group_id is not None}


def _named(session: Session, model: Any, ids: set[int | None]) -> dict[int | None, Any]:
    wanted = sorted(i for i in ids if i is not None)
    return {r.id: r for r in session.scalars(select(model).where(model.id.in_(wanted)))} if wanted else {}


def _sources(
    session: Session, groups: Sequence[Group], firsts: dict[int, AlarmOut], providers: Providers
) -> dict[int, SourceOut]:
    """The gateway devices of groups of silent points, as their owner names them now."""
    points = {
        firsts[g.id].point.id: g.id  # type: ignore[union-attr]  # asked for just below
        for g in groups
        if g.source_id is not None and g.id in firsts and firsts[g.id].point is not None
    }
    if not points or providers.sources is None:
        return {}
    known = providers.sources.of_points(session, points)
    return {points[p]: _source(s) for p, s in known.items() if p in points}


def _source(source: Source) -> SourceOut:
    return SourceOut(
        id=source.id, code=source.code, name=source.name, name_en=source.name_en, connected=source.connected
    )  # fmt: skip
