"""What is added to a case without moving it: comments, evidence, links, people, signatures, corrections."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from parksight.cases import access, history, ledger, people
from parksight.cases.events import CaseChanged
from parksight.cases.models import (
    EVIDENCE,
    LINKS,
    SIGNED_BY,
    Case,
    CaseClock,
    Evidence,
    Link,
    Participant,
    Signature,
    Tag,
)
from parksight.cases.people import Actor
from parksight.cases.proof import dump
from parksight.cases.requests import LinkTo, NewEvidence, Party
from parksight.cases.service.clocks import Clocks
from parksight.cases.service.moving import changed, done_already
from parksight.cases.service.room import AHEAD, Room, notice, participants_of
from parksight.cases.service.telling import Heard, Telling
from parksight.kernel.audit.chain import plain
from parksight.kernel.db import clock_of, emit
from parksight.kernel.errors import ProblemError, conflict, forbidden, invalid
from parksight.kernel.permissions import Caller

SUPERVISE = "cases.case.supervise"
_LONGEST = 4000


class Adding:
    """
    Args:
        room: what the parts of the engine share.
        clocks: for arming escalation anew.
    """

    def __init__(self, room: Room, clocks: Clocks) -> None:
        self._room = room
        self._clocks = clocks

    def comment(
        self, session: Session, caller: Caller, case_id: int, text: str, request_id: str | None
    ) -> Case:
        actor, case, now = self._begin(session, caller, case_id)
        if request_id is not None and done_already(session, case.id, request_id):
            return case
        text = text.strip()
        if not text or len(text) > _LONGEST:
            raise invalid("cases.comment_length", "/text", longest=_LONGEST)
        self._note(session, actor, case, history.Entry("commented", comment=text, request_id=request_id), now)
        telling = Telling(self._room.outside.teller)
        watchers = [p for p in participants_of(session, case.id) if p.role == "watcher"]
        heard = Heard(
            case, "cases.tell.commented", "cases.why.watcher", 4, f"cases:comment:{case.id}:{case.head_seq}"
        )
        who = [
            *self._room.people.owners(session, case, now),
            *self._room.people.participants(session, watchers, now),
        ]
        telling.note(dict.fromkeys(who), heard, but=actor.id)
        telling.send(session)
        return case

    def evidence(self, session: Session, caller: Caller, case_id: int, new: NewEvidence) -> Evidence:
        actor, case, now = self._begin(session, caller, case_id)
        return self.show(session, actor, case, new, now)

    def show(self, session: Session, actor: Actor, case: Case, new: NewEvidence, now: datetime) -> Evidence:
        """Add evidence to a case that was found and locked already."""
        if new.kind not in EVIDENCE:
            raise invalid("cases.evidence.kind", "/kind")
        if new.taken_at is not None and new.taken_at > now + AHEAD:
            raise invalid("cases.future", "/taken_at")
        values = (
            self._file(session, actor, case, new) if new.kind in ("file", "photo") else self._content(new)
        )
        lon, lat = (None, None) if new.position is None else (float(new.position[0]), float(new.position[1]))
        row = Evidence(
            case_id=case.id, kind=new.kind, lon=lon, lat=lat, accuracy_m=new.accuracy_m, taken_at=new.taken_at,
            device=new.device[:200], note=new.note, state=case.state, seq=case.head_seq + 1, by_id=actor.rights.id,
            by_name=actor.rights.name[:200], recorded_at=now, **values,
        )  # fmt: skip
        session.add(row)
        session.flush()
        detail = {
            "evidence": row.id, "kind": row.kind, "sha256": row.sha256, "name": row.name, "size": row.size,
            "position": [lon, lat, row.accuracy_m] if lon is not None else None, "taken_at": row.taken_at,
            "device": row.device, "note": row.note,
        }  # fmt: skip
        late = new.taken_at is not None and now - new.taken_at > self._room.late_after
        at = min(new.taken_at or now, now)
        entry = history.Entry("evidence", occurred_at=at, late=late, detail=detail, request_id=new.request_id)
        self._note(session, actor, case, entry, now)
        return row

    def _file(self, session: Session, actor: Actor, case: Case, new: NewEvidence) -> dict[str, Any]:
        if self._room.files is None or new.file_id is None:
            raise invalid("cases.evidence.file", "/file_id")
        stored = self._room.files.find(session, actor.rights, new.file_id)
        if stored.enterprise_id not in (None, case.enterprise_id):
            raise invalid("cases.evidence.elsewhere", "/file_id", key=new.file_id)
        if new.kind == "photo" and not stored.media_type.startswith("image/"):
            raise invalid("cases.evidence.no_photo", "/file_id", name=stored.name)
        return {
            "file_id": stored.id, "sha256": stored.sha256, "name": stored.name, "media_type": stored.media_type,
            "size": stored.size,
        }  # fmt: skip

    @staticmethod
    def _content(new: NewEvidence) -> dict[str, Any]:
        content = plain(new.content) if new.content else None
        if not isinstance(content, dict):
            raise invalid("cases.evidence.content", "/kind")
        text = dump(content)
        digest = hashlib.sha256(text.encode()).hexdigest()
        name = str(content.get("point_code") or content.get("reference") or "")[:200]
        return {
            "sha256": digest,
            "content": content,
            "name": name,
            "media_type": "application/json",
            "size": len(text),
        }

    def link(self, session: Session, caller: Caller, case_id: int, to: LinkTo, *, on: bool) -> Case:
        actor, case, now = self._begin(session, caller, case_id)
        if to.kind not in LINKS or to.other_id == case.id:
            raise invalid("cases.link", "/kind")
        other = self._room.find(session, actor, to.other_id)
        there = session.scalar(
            select(Link).where(Link.case_id == case.id, Link.kind == to.kind, Link.other_id == other.id)
        )
        if (there is not None) == on:
            return case
        if on and to.kind in ("parent", "duplicate_of") and self._above(session, other.id, case.id, to.kind):
            raise conflict("cases.link_circle", number=case.number, other=other.number)
        if there is not None:
            session.delete(there)
        else:
            session.add(Link(case_id=case.id, kind=to.kind, other_id=other.id, created_at=now))
        detail = {"kind": to.kind, "other": other.id, "number": other.number}
        self._note(session, actor, case, history.Entry("linked" if on else "unlinked", detail=detail), now)
        return case

    @staticmethod
    def _above(session: Session, start: int, wanted: int, kind: str) -> bool:
        """Whether ``wanted`` is reached from ``start`` by links of a kind."""
        seen, todo = {start}, [start]
        while todo:
            rows = session.scalars(select(Link.other_id).where(Link.case_id.in_(todo), Link.kind == kind))
            todo = [i for i in rows if i not in seen]
            seen.update(todo)
        return wanted in seen

    def participate(self, session: Session, caller: Caller, case_id: int, party: Party, *, on: bool) -> Case:
        """Add or remove a participant; watching oneself needs no right beyond seeing the case."""
        own = party.kind == "user" and party.id == caller.id and party.role == "watcher"
        actor, case, now = self._begin(session, caller, case_id, write=not own)
        declared = self._room.types.find(case.type)
        if party.role not in (*declared.type.roles, "watcher"):
            raise invalid("cases.role", "/role", role=party.role)
        if not own and not (actor.owns(case) or caller.may(SUPERVISE)):
            raise forbidden(SUPERVISE)
        if not people.exists(session, party.kind, party.id):
            raise invalid("cases.nobody", "/id", kind=party.kind, key=party.id)
        self._may_know(session, case, party)
        where = (
            Participant.case_id == case.id, Participant.role == party.role, Participant.kind == party.kind,
            Participant.party_id == party.id,
        )  # fmt: skip
        there = session.scalar(select(Participant.id).where(*where)) is not None
        if there == on:
            return case
        if on:
            row = Participant(case_id=case.id, role=party.role, kind=party.kind, party_id=party.id, since=now)
            session.add(row)
        else:
            session.execute(delete(Participant).where(*where))
        session.flush()
        what = ("watched" if on else "unwatched") if own else "participant"
        detail = {"role": party.role, "kind": party.kind, "id": party.id, "on": on}
        self._note(session, actor, case, history.Entry(what, detail=detail), now)
        holder = ledger.state_holder(session, case, declared.type, participants_of(session, case.id))
        ledger.hand_over(session, case, holder, now)
        return case

    @staticmethod
    def _may_know(session: Session, case: Case, party: Party) -> None:
        """Nobody of another enterprise may take part: taking part shows the case."""
        house = party.id if party.kind == "enterprise" else None
        if party.kind == "user":
            house = people.house_of(session, party.id)
        if house is not None and house != case.enterprise_id:
            raise invalid("cases.other_enterprise", "/id")

    def sign(
        self, session: Session, caller: Caller, case_id: int, meaning: str, statement: str, method: str
    ) -> Signature:  # fmt: skip
        actor, case, now = self._begin(session, caller, case_id)
        if actor.id is None or method not in SIGNED_BY:
            raise ProblemError("cases.sign.person", 403)
        row = Signature(
            case_id=case.id, meaning=meaning, statement=statement,
            statement_hash=hashlib.sha256(statement.encode()).hexdigest(), method=method, by_id=actor.id,
            by_name=caller.name[:200], state=case.state, seq=case.head_seq + 1, signed_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        detail = {
            "signature": row.id, "meaning": meaning, "statement_hash": row.statement_hash, "method": method,
            "head": case.head_hash,
        }  # fmt: skip
        self._note(session, actor, case, history.Entry("signed", detail=detail), now)
        return row

    def revise(
        self, session: Session, caller: Caller, case_id: int, values: Mapping[str, Any], reason: str,
        version: int | None,
    ) -> Case:  # fmt: skip
        """Correct title, description, priority, position or tags; by the owner, a supervisor or the system."""
        actor, case, now = self._begin(session, caller, case_id)
        if not (caller.kind == "system" or caller.may(SUPERVISE) or actor.owns(case)):
            raise forbidden(SUPERVISE)
        if version is not None and version != case.version:
            raise changed(session, case)
        before = history.told(case)
        detail: dict[str, Any] = {}
        for name, value in values.items():
            if name == "tags":
                self._tag(session, case, list(dict.fromkeys(str(t) for t in value or ())))
                detail["tags"] = list(dict.fromkeys(str(t) for t in value or ()))
            elif name == "position":
                case.lon, case.lat = (None, None) if value is None else (float(value[0]), float(value[1]))
            elif name in ("title", "description", "priority"):
                if value is not None:
                    setattr(case, name, value)
            else:
                raise invalid("cases.field.unknown", f"/{name}", field=name)
        if not case.title.strip() or not 1 <= case.priority <= 4:
            raise invalid("cases.title" if not case.title.strip() else "cases.priority")
        entry = history.Entry("changed", comment=reason or None, detail=detail)
        self._note(session, actor, case, entry, now, before)
        return case

    @staticmethod
    def _tag(session: Session, case: Case, tags: list[str]) -> None:
        session.execute(delete(Tag).where(Tag.case_id == case.id))
        session.add_all(Tag(case_id=case.id, tag=t[:40]) for t in tags)

    def rearm(self, session: Session, caller: Caller, case_id: int, clock: str, reason: str) -> Case:
        actor, case, now = self._begin(session, caller, case_id)
        if not (caller.kind == "system" or caller.may(SUPERVISE)):
            raise forbidden(SUPERVISE)
        row = session.scalar(
            select(CaseClock)
            .where(CaseClock.case_id == case.id, CaseClock.code == clock, CaseClock.status != "stopped")
            .with_for_update()
        )
        if row is None:
            raise conflict("cases.extension.stopped", clock=clock)
        self._clocks.rearm(session, row, self._room.types.find(case.type), now)
        entry = history.Entry("clock", comment=reason or None, detail={"clock": clock, "armed": row.arm})
        self._note(session, actor, case, entry, now)
        return case

    def _begin(
        self, session: Session, caller: Caller, case_id: int, *, write: bool = True
    ) -> tuple[Actor, Case, datetime]:  # fmt: skip
        if write and not caller.may(access.WRITE):
            raise forbidden(access.WRITE)
        now = clock_of(session).now()
        actor = self._room.people.actor(session, caller, now)
        return actor, self._room.find(session, actor, case_id, lock=True), now

    @staticmethod
    def _note(
        session: Session, actor: Actor, case: Case, entry: history.Entry, now: datetime,
        before: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        history.add(session, actor.rights, case, history.told(case) if before is None else before, entry, now)
        session.flush()
        emit(session, CaseChanged(case=notice(case, now), what=entry.what))
