"""The case engine as others use it; on ``app.state.cases``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from parksight.cases.models import Case, Evidence, Signature
from parksight.cases.requests import LinkTo, NewCase, NewEvidence, Offer, Origin, Owner, Party, Subject
from parksight.kernel.permissions import Caller


class CaseService:
    """Opens and moves cases. Every method belongs to the caller's unit of work."""

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
            ProblemError: 403 not theirs to open; 404 unknown type, 422 a field or a position that is wrong.
        """
        raise NotImplementedError

    def open_many(self, session: Session, caller: Caller, cases: Sequence[NewCase]) -> list[Case]:
        """Open a burst in one unit of work, in order; those whose key is known already are returned as they are."""
        raise NotImplementedError

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
        raise NotImplementedError

    def available(self, session: Session, caller: Caller, case: Case) -> list[Offer]:
        """All transitions out of the present state: whether the caller may, why not, and what is still missing."""
        raise NotImplementedError

    def comment(
        self, session: Session, caller: Caller, case_id: int, text: str, *, request_id: str | None = None
    ) -> Case:
        raise NotImplementedError

    def add_evidence(self, session: Session, caller: Caller, case_id: int, new: NewEvidence) -> Evidence:
        raise NotImplementedError

    def link(self, session: Session, caller: Caller, case_id: int, to: LinkTo) -> Case:
        raise NotImplementedError

    def watch(self, session: Session, caller: Caller, case_id: int, on: bool = True) -> Case:
        raise NotImplementedError

    def participate(
        self, session: Session, caller: Caller, case_id: int, party: Party, on: bool = True
    ) -> Case:
        raise NotImplementedError

    def sign(
        self, session: Session, caller: Caller, case_id: int, *, meaning: str, statement: str, method: str
    ) -> Signature:
        """Sign; ``method`` says how the signer was recognised just now."""
        raise NotImplementedError

    def rearm(self, session: Session, caller: Caller, case_id: int, clock: str, reason: str) -> Case:
        """Start the escalation ladder of a running clock from its first rung again (something got worse)."""
        raise NotImplementedError
