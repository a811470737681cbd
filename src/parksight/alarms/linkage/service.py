"""Linkages as versioned data, and the ordering of their reactions with the alarm itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, insert, select
from sqlalchemy.orm import Session

from parksight.alarms.events import ReactionsOrdered
from parksight.alarms.flow.grouping import Candidate, OpenGroup
from parksight.alarms.linkage.matching import Called, matches
from parksight.alarms.models import Linkage, LinkageVersion, Reaction, Rule
from parksight.alarms.schemas.linkage import Declaration, LinkageIn, LinkagePatch
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, forbidden, not_found
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point

_VERSIONED = ("name", "definition", "enabled")
WRITE = "alarms.linkage.write"


class LinkageService:
    """Use cases of linkages.

    Args:
        clock: stamps of versions.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def create(self, session: Session, caller: Caller, data: LinkageIn) -> Linkage:
        """Declare a linkage.

        Raises:
            ProblemError: 403 for another's enterprise or the zone's without the right to it; 409 code taken.
        """
        if not caller.may_see_enterprise(data.enterprise_id):
            raise forbidden(WRITE)
        if session.scalar(select(Linkage.id).where(Linkage.code == data.code)) is not None:
            raise conflict("alarms.linkage.taken", value=data.code)
        now = self.clock.now()
        record = Linkage(
            code=data.code, name=data.name, name_en=data.name_en, enterprise_id=data.enterprise_id,
            definition=data.definition.model_dump(), enabled=data.enabled, version=1, created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(record)
        session.flush()
        self._keep_version(session, caller, record)
        audit.record(
            session, caller, action="alarms.linkage.create", subject=("alarm_linkage", record.id),
            after={"code": data.code, "definition": record.definition, "enabled": data.enabled},
        )  # fmt: skip
        return record

    def update(self, session: Session, caller: Caller, linkage_id: int, data: LinkagePatch) -> Linkage:
        """Make the next version, if nobody did so since ``data.version``."""
        record = get(session, caller, linkage_id)
        if record.version != data.version:
            raise conflict("alarms.linkage.changed_meanwhile", seen=data.version, current=record.version)
        stated = data.model_dump(exclude_unset=True, exclude={"version"})
        changed = {k: v for k, v in stated.items() if v is not None and getattr(record, k) != v}
        if not changed:
            return record
        before = {k: getattr(record, k) for k in changed}
        for name, value in changed.items():
            setattr(record, name, value)
        record.version += 1
        record.updated_at = self.clock.now()
        session.flush()
        self._keep_version(session, caller, record)
        audit.record(
            session, caller, action="alarms.linkage.update", subject=("alarm_linkage", record.id), before=before,
            after=changed,
        )  # fmt: skip
        return record

    def _keep_version(self, session: Session, caller: Caller, record: Linkage) -> None:
        content = {name: getattr(record, name) for name in _VERSIONED}
        row = {"linkage_id": record.id, "version": record.version, "at": record.updated_at, "by_id": caller.id,
               "by_name": caller.name, **content}  # fmt: skip
        session.execute(insert(LinkageVersion), [row])

    def order(self, session: Session, alarms: Sequence[tuple[Candidate, OpenGroup]], now: datetime) -> int:
        """Write the reactions these alarms call for, in the unit of work that records the alarms."""
        if not alarms:
            return 0
        linkages = enabled(session)
        if not linkages:
            return 0
        codes, kinds = _words(session, [a for a, _ in alarms])
        rows: list[dict[str, Any]] = []
        for alarm, group in alarms:
            called = Called(
                alarm.priority, codes.get(alarm.rule_id, ""), alarm.step, kinds.get(alarm.point_id, ""),
                alarm.enterprise_id, alarm.unit_id, alarm.thing_id,
            )  # fmt: skip
            for record, declaration in linkages:
                if applies(record, declaration, called):
                    rows += [
                        {"alarm_id": alarm.alarm_id, "group_id": group.id, "enterprise_id": alarm.enterprise_id,
                         "linkage_id": record.id, "linkage_version": record.version, "place": place,
                         "kind": action.kind, "action": action.model_dump(), "state": "waiting", "created_at": now,
                         "due_at": now, "result": {}}
                        for place, action in enumerate(declaration.actions)
                    ]  # fmt: skip
        rows = self._not_yet(session, rows)
        if rows:
            session.execute(insert(Reaction), rows)
            emit(session, ReactionsOrdered(count=len(rows)))
        return len(rows)

    def _not_yet(self, session: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """An alarm that is announced again (after a shelf) has had its reactions; they do not come twice."""
        ids = sorted({r["alarm_id"] for r in rows})
        had = {
            tuple(r)
            for r in session.execute(
                select(Reaction.alarm_id, Reaction.linkage_id, Reaction.place).where(
                    Reaction.alarm_id.in_(ids)
                )
            )
        }
        return [r for r in rows if (r["alarm_id"], r["linkage_id"], r["place"]) not in had]


def applies(record: Linkage, declaration: Declaration, called: Called) -> bool:
    """Whether it concerns the alarm; an enterprise's own linkage only its own alarms."""
    if record.enterprise_id is not None and record.enterprise_id != called.enterprise_id:
        return False
    return matches(declaration.match, called)


def enabled(session: Session) -> list[tuple[Linkage, Declaration]]:
    found = session.scalars(select(Linkage).where(Linkage.enabled.is_(True)).order_by(Linkage.code))
    return [(record, Declaration.model_validate(record.definition)) for record in found]


def listing(caller: Caller) -> Select[Any]:
    """Linkages the caller may see: the zone's for the zone's people, an enterprise's own for itself."""
    return caller.scoped(select(Linkage), Linkage.enterprise_id).order_by(Linkage.code)


def get(session: Session, caller: Caller, linkage_id: int) -> Linkage:
    """One linkage, 404 when it is not the caller's to see."""
    record: Linkage | None = session.scalar(
        caller.scoped(select(Linkage).where(Linkage.id == linkage_id), Linkage.enterprise_id)
    )
    if record is None:
        raise not_found("alarms.linkage", linkage_id)
    return record


def _words(session: Session, alarms: Sequence[Candidate]) -> tuple[dict[int, str], dict[int, str]]:
    rules = select(Rule.id, Rule.code).where(Rule.id.in_(sorted({a.rule_id for a in alarms})))
    points = select(Point.id, Point.kind).where(Point.id.in_(sorted({a.point_id for a in alarms})))
    return (
        {r.id: r.code for r in session.execute(rules)},
        {p.id: p.kind for p in session.execute(points)},
    )
