"""The case engine as others use it; on ``app.state.cases``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from parksight.cases.models import Case, Evidence, Signature
from parksight.cases.people import Actor
from parksight.cases.requests import LinkTo, NewCase, NewEvidence, Offer, Origin, Owner, Party, Subject
from parksight.cases.service.adding import Adding
from parksight.cases.service.clocks import Clocks
from parksight.cases.service.extensions import Extensions
from parksight.cases.service.moving import Moving, Request
from parksight.cases.service.opening import Opening
from parksight.cases.service.room import Room
from parksight.kernel.db import clock_of
from parksight.kernel.permissions import Caller


class CaseService:
    """Opens and moves cases. Every method belongs to the caller's unit of work.

    Args:
        room: declared types, calendar, files and other rooms.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self.types = room.types
        self._clocks = Clocks(room.timing)
        self._opening = Opening(room, self._clocks)
        self._moving = Moving(room, self._clocks, Extensions(room.types, self._clocks))
        self._adding = Adding(room, self._clocks)

    def actor(self, session: Session, caller: Caller) -> Actor:
        """The caller with posts held and absent people acted for; queries start from it."""
        return self.room.actor(session, caller)

    def find(self, session: Session, caller: Caller, case_id: int) -> Case:
        """A case the caller may see.

        Raises:
            ProblemError: 404 otherwise.
        """
        return self.room.find(session, self.actor(session, caller), case_id)

    def open(
        self, session: Session, caller: Caller, type_code: str, *, title: str, description: str = "",
        subject: Subject | None = None, enterprise_id: int | None = None,
        position: tuple[float, float] | None = None, priority: int = 3, occurred_at: datetime | None = None,
        fields: Mapping[str, Any] | None = None, participants: Sequence[Party] = (), owner: Owner | None = None,
        links: Sequence[LinkTo] = (), origin: Origin | None = None, key: str | None = None, simulated: bool = False,
        drill: bool = False, anonymous: bool = False, tags: Sequence[str] = (), evidence: Sequence[NewEvidence] = (),
    ) -> Case:  # fmt: skip
        """Open a case; the same ``key`` returns the one that is there.

        Raises:
            ProblemError: 403 not theirs to open; 404 unknown type or enterprise; 422 a value that is wrong.
        """
        new = NewCase(
            type_code, title, description, subject, enterprise_id, position, priority, occurred_at, fields,
            tuple(participants), owner, tuple(links), origin, key, simulated, drill, anonymous, tuple(tags),
            tuple(evidence),
        )  # fmt: skip
        return self.open_many(session, caller, [new])[0]

    def open_many(self, session: Session, caller: Caller, cases: Sequence[NewCase]) -> list[Case]:
        """Open a burst in one unit of work, in order; those whose key is known already are returned as they are."""
        opened, fresh = self._opening.open_many(session, caller, cases)
        shown = [
            (new, case) for new, case in zip(cases, opened, strict=True) if new.evidence and case.id in fresh
        ]
        if shown:
            actor, now = self.actor(session, caller), clock_of(session).now()
            for new, case in shown:
                for item in new.evidence:
                    self._adding.show(session, actor, case, item, now)
        return opened

    def act(
        self, session: Session, caller: Caller, case_id: int, transition: str, *,
        fields: Mapping[str, Any] | None = None, evidence_ids: Sequence[int] = (), comment: str = "",
        occurred_at: datetime | None = None, version: int | None = None, request_id: str | None = None,
    ) -> Case:  # fmt: skip
        """Do a transition; the same ``request_id`` is carried out once.

        Raises:
            ProblemError: 404 not there or not visible; 403 ``cases.refused.*``; 409 ``cases.changed`` (another version) or
                ``cases.not_from_here``; 422 what is missing or wrong.
        """
        request = Request(transition, fields or {}, evidence_ids, comment, occurred_at, version, request_id)
        return self._moving.act(session, caller, case_id, request)

    def available(self, session: Session, caller: Caller, case: Case) -> list[Offer]:
        """All transitions out of the present state: whether the caller may, why not, and what is still missing."""
        return self._moving.offers(session, self.actor(session, caller), case)

    def comment(
        self, session: Session, caller: Caller, case_id: int, text: str, *, request_id: str | None = None
    ) -> Case:  # fmt: skip
        return self._adding.comment(session, caller, case_id, text, request_id)

    def add_evidence(self, session: Session, caller: Caller, case_id: int, new: NewEvidence) -> Evidence:
        """Add a stored file or photo, readings or a piece of video; nobody can change or take it away again.

        Raises:
            ProblemError: 404 case or file; 422 another enterprise's file, no picture, a time that is still to come.
        """
        return self._adding.evidence(session, caller, case_id, new)

    def link(self, session: Session, caller: Caller, case_id: int, to: LinkTo, on: bool = True) -> Case:
        """Link two cases, or take the link away. 409 when parents or duplicates would run in a circle."""
        return self._adding.link(session, caller, case_id, to, on=on)

    def watch(self, session: Session, caller: Caller, case_id: int, on: bool = True) -> Case:
        """Be told about a case, or no more."""
        return self._adding.participate(
            session, caller, case_id, Party("user", caller.id or 0, "watcher"), on=on
        )

    def participate(
        self, session: Session, caller: Caller, case_id: int, party: Party, on: bool = True
    ) -> Case:
        """Let somebody take part in a role of the type; by the owner or a supervisor."""
        return self._adding.participate(session, caller, case_id, party, on=on)

    def sign(
        self, session: Session, caller: Caller, case_id: int, *, meaning: str, statement: str, method: str
    ) -> Signature:  # fmt: skip
        """Sign; ``method`` (``models.SIGNED_BY``) says how the signer was recognised just now."""
        return self._adding.sign(session, caller, case_id, meaning, statement, method)

    def revise(
        self, session: Session, caller: Caller, case_id: int, values: Mapping[str, Any], reason: str = "", *,
        version: int | None = None,
    ) -> Case:  # fmt: skip
        """Correct ``title``, ``description``, ``priority``, ``position`` or ``tags``; by owner, supervisor or system."""
        return self._adding.revise(session, caller, case_id, values, reason, version)

    def rearm(self, session: Session, caller: Caller, case_id: int, clock: str, reason: str) -> Case:
        """Start the escalation ladder of a running clock from its first rung again (something got worse)."""
        return self._adding.rearm(session, caller, case_id, clock, reason)
