"""Opening cases, one or a burst of a thousand in one unit of work."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parksight.cases import access, fields, history, ledger, people
from parksight.cases.events import CasesOpened
from parksight.cases.models import Case, CaseEvent, CaseNumber, Link, Participant, Tag
from parksight.cases.people import Actor
from parksight.cases.requests import NewCase, Owner
from parksight.cases.service.clocks import Clocks
from parksight.cases.service.room import Room, notice
from parksight.cases.service.telling import Heard, Telling
from parksight.cases.types import Declared
from parksight.kernel.db import clock_of, emit
from parksight.kernel.errors import ProblemError, forbidden, invalid, not_found
from parksight.kernel.identity.models import Post
from parksight.kernel.permissions import Caller

_PORTION = 500
#: Parties found to be there in this unit of work: a burst asks for the same few again and again.
_SEEN = "parksight_cases_seen"


class Opening:
    """
    Args:
        room: what the parts of the engine share.
        clocks: starts them.
    """

    def __init__(self, room: Room, clocks: Clocks) -> None:
        self._room = room
        self._clocks = clocks

    def open_many(
        self, session: Session, caller: Caller, wanted: Sequence[NewCase]
    ) -> tuple[list[Case], set[int]]:
        """Open cases in order.

        Returns:
            The case of each wish, and the ids of those that are new (the others were there by their key).
        """
        now = clock_of(session).now()
        actor = self._room.people.actor(session, caller, now)
        known = self._known(session, [w.key for w in wanted if w.key is not None])
        made: list[tuple[NewCase, Case, Declared]] = []
        answer: list[Case] = []
        for wish in wanted:
            there = known.get(wish.key) if wish.key is not None else None
            if there is None:
                declared = self._room.types.find(wish.type_code)
                there = self._draft(session, actor, wish, declared, now)
                made.append((wish, there, declared))
                if wish.key is not None:
                    known[wish.key] = there
            elif not there.number:
                pass  # twice in the same burst
            else:
                self._room.find(
                    session, actor, there.id
                )  # somebody else's key must not show somebody else's case
            answer.append(there)
        if made:
            self._store(session, actor, made, now)
        return answer, {case.id for _, case, _ in made}

    @staticmethod
    def _known(session: Session, keys: Sequence[str]) -> dict[str, Case]:
        found: dict[str, Case] = {}
        for start in range(0, len(keys), _PORTION):
            for case in session.scalars(select(Case).where(Case.key.in_(keys[start : start + _PORTION]))):
                found[str(case.key)] = case
        return found

    def _draft(
        self, session: Session, actor: Actor, wish: NewCase, declared: Declared, now: datetime
    ) -> Case:
        caller, case_type = actor.rights, declared.type
        if not caller.may(access.WRITE):
            raise forbidden(access.WRITE)
        if not caller.may_see_enterprise(wish.enterprise_id):
            raise not_found("enterprise", wish.enterprise_id)
        if not access.matches(actor, case_type.opened_by, None):
            raise ProblemError("cases.refused.open", 403, {"type": case_type.code})
        if wish.enterprise_id is not None and caller.kind != "system":
            self._must_exist(session, "enterprise", wish.enterprise_id, "/enterprise_id")
        if not 1 <= wish.priority <= 4:
            raise invalid("cases.priority", "/priority")
        if wish.subject is not None and case_type.subjects and wish.subject.kind not in case_type.subjects:
            raise invalid("cases.subject", "/subject/kind", kinds=", ".join(case_type.subjects))
        lon, lat = _position(wish.position)
        occurred, late = self._room.when(wish.occurred_at, now, None)
        if late and not case_type.late_opening:
            raise invalid(
                "cases.late", "/occurred_at", minutes=int(self._room.late_after.total_seconds() // 60)
            )
        state = declared.states[case_type.initial]
        case = Case(
            number="", type=case_type.code, type_version=case_type.version, state=state.code, phase=state.phase,
            title=wish.title.strip()[:300], description=wish.description,
            subject_kind=wish.subject.kind if wish.subject else None, subject_id=wish.subject.id if wish.subject else None,
            enterprise_id=wish.enterprise_id, lon=lon, lat=lat, priority=wish.priority,
            reporter_id=actor.id, reporter_name=caller.name[:200], occurred_at=occurred, opened_at=now, late=late,
            entered_at=now, entered_seq=1, updated_at=now, fields=fields.clean(session, case_type.fields, wish.fields or {}),
            origin_kind=wish.origin.kind if wish.origin else None, origin_id=wish.origin.id if wish.origin else None,
            key=wish.key, simulated=wish.simulated, drill=wish.drill,
            anonymous=wish.anonymous and case_type.visibility.hide_reporter, returned=0, reopened=0, version=1,
            head_seq=0, head_hash="",
        )  # fmt: skip
        if not case.title:
            raise invalid("cases.title", "/title")
        self._give(session, case, wish.owner or self._first_owner(session, actor, case, declared))
        for party in wish.participants:
            if party.role not in (*case_type.roles, "watcher"):
                raise invalid("cases.role", "/participants", role=party.role)
            self._must_exist(session, party.kind, party.id, "/participants")
        return case

    def _give(self, session: Session, case: Case, owner: Owner) -> None:
        """Make ``owner`` the owner; an enterprise that owns a case of the zone also becomes whom it concerns."""
        for kind, key in (
            ("user", owner.user_id), ("post", owner.post_id), ("department", owner.department_id),
            ("enterprise", owner.enterprise_id),
        ):  # fmt: skip
            if key is not None:
                self._must_exist(session, kind, key, "/owner")
        assign(session, case, owner)

    def _first_owner(self, session: Session, actor: Actor, case: Case, declared: Declared) -> Owner:
        spec = declared.type.owner
        kind, _, rest = (spec or "").partition(":")
        if kind == "reporter" and actor.id is not None:
            return Owner(user_id=actor.id)
        if kind == "enterprise" and case.enterprise_id is not None:
            return Owner(enterprise_id=case.enterprise_id)
        if kind == "post":
            post_id = session.scalar(select(Post.id).where(Post.code == rest, Post.active))
            return Owner(post_id=post_id)
        return Owner()

    @staticmethod
    def _must_exist(session: Session, kind: str, key: int, where: str) -> None:
        seen: set[tuple[str, int]] = session.info.setdefault(_SEEN, set())
        if (kind, key) not in seen:
            if not people.exists(session, kind, key):
                raise invalid("cases.nobody", where, kind=kind, key=key)
            seen.add((kind, key))

    def _store(
        self, session: Session, actor: Actor, made: Sequence[tuple[NewCase, Case, Declared]], now: datetime
    ) -> None:  # fmt: skip
        caller = actor.rights
        self._number(session, [(case, declared) for _, case, declared in made], now)
        session.add_all(case for _, case, _ in made)
        session.flush()
        parties: dict[int, list[Participant]] = defaultdict(list)
        for wish, case, _ in made:
            for party in dict.fromkeys(wish.participants):
                parties[case.id].append(
                    Participant(
                        case_id=case.id, role=party.role, kind=party.kind, party_id=party.id, since=now
                    )
                )
        session.add_all(p for rows in parties.values() for p in rows)
        tags = [{"case_id": c.id, "tag": t} for w, c, _ in made for t in dict.fromkeys(w.tags)]
        if tags:
            session.execute(insert(Tag), tags)
        self._link(session, actor, made, now)
        held = [
            (case, ledger.state_holder(session, case, declared.type, parties[case.id])) for _, case, declared in made
        ]  # fmt: skip
        ledger.begin(session, held, now)
        self._clocks.start_many(session, caller, [(c, d, d.type.starts) for _, c, d in made], now)
        rows = [
            history.append(session, caller, case, {}, self._entry(wish, case), now) for wish, case, _ in made
        ]  # fmt: skip
        session.flush()
        session.execute(insert(CaseEvent), rows)
        telling = Telling(self._room.outside.teller)
        owners: dict[ledger.Holder, list[int]] = {}
        for _, case, _ in made:
            holder = ledger.owner_of(case)
            if holder not in owners:
                owners[holder] = self._room.people.owners(session, case, now)
            heard = Heard(
                case, "cases.tell.assigned", "cases.why.owner", case.priority, f"cases:assigned:{case.id}:1"
            )
            telling.note(owners[holder], heard, but=actor.id)
        telling.send(session)
        emit(session, CasesOpened(cases=tuple(notice(case, now) for _, case, _ in made)))

    @staticmethod
    def _entry(wish: NewCase, case: Case) -> history.Entry:
        detail: dict[str, Any] = {}
        if wish.participants:
            detail["participants"] = [{"role": p.role, "kind": p.kind, "id": p.id} for p in wish.participants]
        if wish.tags:
            detail["tags"] = list(dict.fromkeys(wish.tags))
        if wish.links:
            detail["links"] = [{"kind": link.kind, "other": link.other_id} for link in wish.links]
        return history.Entry("opened", occurred_at=case.occurred_at, late=case.late, detail=detail)

    def _link(
        self, session: Session, actor: Actor, made: Sequence[tuple[NewCase, Case, Declared]], now: datetime
    ) -> None:  # fmt: skip
        rows = []
        for wish, case, _ in made:
            for to in dict.fromkeys(wish.links):
                self._room.find(session, actor, to.other_id)
                rows.append({"case_id": case.id, "kind": to.kind, "other_id": to.other_id, "created_at": now})
        if rows:
            session.execute(insert(Link), rows)

    def _number(self, session: Session, cases: Sequence[tuple[Case, Declared]], now: datetime) -> None:
        day = self._room.timing.day_of(now).strftime("%Y%m%d")
        wanted = Counter(declared.type.prefix for _, declared in cases)
        following = {p: _reserve(session, p, day, n) for p, n in sorted(wanted.items())}
        for case, declared in cases:
            prefix = declared.type.prefix
            case.number = f"{prefix}-{day}-{following[prefix]:04d}"
            following[prefix] += 1


def _reserve(session: Session, prefix: str, day: str, count: int) -> int:
    """The first of ``count`` numbers of a day that nobody else gets."""
    row = session.get(CaseNumber, (prefix, day), with_for_update=True, populate_existing=True)
    if row is None:
        try:
            with session.begin_nested():
                session.add(CaseNumber(prefix=prefix, day=day, last=count))
            return 1
        except IntegrityError:  # another process opened the first of the day meanwhile
            row = session.get_one(CaseNumber, (prefix, day), with_for_update=True, populate_existing=True)
    first = row.last + 1
    row.last += count
    return first


def assign(session: Session, case: Case, owner: Owner) -> None:
    """Write an owner.

    Raises:
        ProblemError: 422 ``cases.other_enterprise`` when the case concerns another enterprise.
    """
    enterprise_id = owner.enterprise_id
    if enterprise_id is None and owner.user_id is not None:
        enterprise_id = people.house_of(session, owner.user_id)
    if enterprise_id is not None:
        if case.enterprise_id is None:
            case.enterprise_id = enterprise_id
        elif case.enterprise_id != enterprise_id:
            raise invalid("cases.other_enterprise", "/owner")
    case.owner_user_id, case.owner_post_id = owner.user_id, owner.post_id
    case.owner_department_id, case.owner_enterprise_id = owner.department_id, owner.enterprise_id


def _position(position: tuple[float, float] | None) -> tuple[float | None, float | None]:
    if position is None:
        return None, None
    lon, lat = float(position[0]), float(position[1])
    if not (math.isfinite(lon) and math.isfinite(lat) and -180 <= lon <= 180 and -90 <= lat <= 90):
        raise invalid("cases.position", "/position")
    return lon, lat
