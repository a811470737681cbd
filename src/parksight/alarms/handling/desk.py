"""Groups become cases: opened with the group, told again when it gets worse, followed wherever people move them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from parksight.alarms.flow.announcer import instant
from parksight.alarms.flow.grouping import Candidate, OpenGroup
from parksight.alarms.handling.mirror import Moved, mirror
from parksight.alarms.models import Alarm, Group
from parksight.alarms.telling import AlarmNotices
from parksight.alarms.workflow import ACKNOWLEDGE_CLOCK, CLASSIFY, CLOSE, HANDLING, REARM
from parksight.cases import history
from parksight.cases.models import Case, CaseEvent
from parksight.cases.requests import NewCase, Origin, Owner, Subject
from parksight.cases.service import CaseService
from parksight.kernel.clock import Clock
from parksight.kernel.identity.models import Post
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.registry.models import Equipment, Unit
from parksight.telemetry.models import Point

_PORTION = 500


class CaseDesk:
    """A :class:`~parksight.alarms.flow.announcer.Desk`.

    Args:
        notices: tells the desk of new alarms and all levels of grave ones at once; None: nobody does.
    """

    def __init__(self, clock: Clock, cases: CaseService, notices: AlarmNotices | None = None) -> None:
        self.clock = clock
        self.cases = cases
        self.notices = notices

    def opened(self, session: Session, groups: Sequence[OpenGroup]) -> None:
        """One case per new group; its key makes a second one impossible."""
        if not groups:
            return
        names = _Names(session, groups)
        wanted = [names.case(g) for g in groups]
        cases = self.cases.open_many(session, SYSTEM, wanted)
        session.execute(
            update(Group), [{"id": g.id, "case_id": c.id} for g, c in zip(groups, cases, strict=True)]
        )
        for group, case in zip(groups, cases, strict=True):
            group.case_id = case.id
        if self.notices is not None:
            titles = {g.id or 0: new.title for g, new in zip(groups, wanted, strict=True)}
            self.notices.opened(session, self._unanswered(session, groups, cases), titles)
            self.notices.grave(session, groups, titles)

    def _unanswered(
        self, session: Session, groups: Sequence[OpenGroup], cases: Sequence[Case]
    ) -> list[OpenGroup]:
        """Groups nobody was told of as theirs: without a post, or of one that nobody holds now."""
        now, people = self.clock.now(), self.cases.room.people
        manned: dict[int | None, bool] = {None: False}
        for case in cases:
            if case.owner_post_id not in manned:
                manned[case.owner_post_id] = bool(people.owners(session, case, now))
        return [g for g, case in zip(groups, cases, strict=True) if not manned[case.owner_post_id]]

    def grew(self, session: Session, group: OpenGroup, *, rearm: bool) -> None:
        """Worse news: a case somebody took is new again; the ladder of a new one starts over."""
        if group.case_id is None:
            return
        if self.notices is not None and group.grew_worse:
            case = session.get_one(Case, group.case_id)
            self.notices.grave(session, [group], {group.id or 0: case.title})
        if rearm:
            self.cases.act(session, SYSTEM, group.case_id, REARM, comment="alarms.case.grew")
        elif group.grew_worse and group.handling == "new":
            self.cases.rearm(session, SYSTEM, group.case_id, ACKNOWLEDGE_CLOCK, "alarms.case.grew")

    def followed(self, session: Session, caller: Caller, case: Case, transition: str, source: str) -> None:
        """The engine moved a case of ours: its alarms follow in the same unit of work."""
        cause = case.fields.get("cause") if transition in (CLASSIFY, CLOSE) else None
        said = session.scalar(
            select(CaseEvent.body).where(CaseEvent.case_id == case.id, CaseEvent.seq == case.head_seq)
        )
        comment = history.read(said).get("comment") if said is not None else None
        moved = Moved(case.id, transition, source, case.state, cause, comment or None)
        mirror(session, caller, moved, self.clock.now())


class _Names:
    """What cases of groups say, read once for all of them."""

    def __init__(self, session: Session, groups: Sequence[OpenGroup]) -> None:
        roots = {g.root_alarm_id: _root(g) for g in groups}
        self.points = _by_id(session, Point, {c.point_id for c in roots.values()})
        self.things = _by_id(
            session, Equipment, {c.thing_id for c in roots.values() if c.thing_id is not None}
        )
        self.units = _by_id(session, Unit, {g.unit_id for g in groups if g.unit_id is not None})
        codes = {p for p in self._posts(session, list(roots)).values() if p}
        self.alarm_posts = self._posts(session, list(roots))
        found = session.execute(select(Post.code, Post.id).where(Post.code.in_(codes), Post.active.is_(True)))
        self.posts: dict[str, int] = {row.code: row.id for row in found}

    def _posts(self, session: Session, ids: list[int]) -> dict[int, str | None]:
        out: dict[int, str | None] = {}
        for start in range(0, len(ids), _PORTION):
            rows = session.execute(
                select(Alarm.id, Alarm.post).where(Alarm.id.in_(ids[start : start + _PORTION]))
            )
            out.update({r.id: r.post for r in rows})
        return out

    def case(self, group: OpenGroup) -> NewCase:
        root = _root(group)
        point = self.points.get(root.point_id)
        place = self.units.get(group.unit_id or 0) or self.things.get(root.thing_id or 0)
        what = f"{point.name if point else root.point_id} {root.step}"
        post = self.posts.get(self.alarm_posts.get(group.root_alarm_id) or "")
        return NewCase(
            type_code=HANDLING, title=f"{place.name} · {what}" if place else what,
            subject=Subject("alarm_group", str(group.id)), enterprise_id=group.enterprise_id, position=root.position,
            priority=group.priority, occurred_at=instant(group.opened_at), owner=Owner(post_id=post) if post else None,
            origin=Origin("alarms.group", str(group.id)), key=f"alarms.group:{group.id}", simulated=group.simulated,
        )  # fmt: skip


def _root(group: OpenGroup) -> Candidate:
    return next(m for m in group.members if m.alarm_id == group.root_alarm_id)


def _by_id(session: Session, model: Any, ids: set[int]) -> dict[int, Any]:
    wanted, out = sorted(ids), {}
    for start in range(0, len(wanted), _PORTION):
        found = session.scalars(select(model).where(model.id.in_(wanted[start : start + _PORTION])))
        out.update({record.id: record for record in found})
    return out
