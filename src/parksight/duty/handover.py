"""Handover (交接班): a draft from what is open and what changed, two signatures, and only then the shift is handed over.

The draft is frozen the moment it is made; remarks may be added until the leaving person signs. Both sign the same hash
over snapshot and remarks. A draft that has grown old must be made anew, so that nobody takes over yesterday's picture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty import presence, repository, standing
from parksight.duty.contributors import HandoverContributor, Item, Section
from parksight.duty.events import ShiftHandedOver
from parksight.duty.hooks import Hooks
from parksight.duty.models import Handover, Remark, Shift, Snapshot
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError, conflict, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import DutySettings

log = structlog.get_logger(__name__)
#: Section that stands for a contributor that failed: the gap must be seen, not hidden.
FAILED = "duty.handover.section_failed"
WHOLE = "*"
Act = Literal["remark", "sign", "accept", "refuse"]


def canonical(content: object) -> str:
    """JSON with one spelling: sorted keys, no spaces, UTF-8."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def full_hash(snapshot: Snapshot, remarks: Sequence[Remark]) -> str:
    """What is signed: the snapshot's hash and every remark in order."""
    said = [[r.item, r.text, r.author, r.at.isoformat()] for r in remarks]
    return digest(canonical({"snapshot": snapshot.hash, "remarks": said}))


def remarks_of(session: Session, handover_id: int) -> list[Remark]:
    return list(session.scalars(select(Remark).where(Remark.handover_id == handover_id).order_by(Remark.id)))


class Handovers:
    """
    Args:
        clock: time.
        settings: grace and age of drafts.
        hooks: told when a handover is signed, refused or done.
    """

    def __init__(self, clock: Clock, settings: DutySettings, hooks: Hooks) -> None:
        self._clock, self._settings, self._hooks = clock, settings, hooks
        self._contributors: list[HandoverContributor] = []

    def register(self, contributor: HandoverContributor) -> None:
        """Let a room speak at every handover, in the order of registration."""
        self._contributors.append(contributor)

    def draft(self, session: Session, caller: Caller, desk_id: int, shift_id: int | None) -> Handover:
        """Make the draft out of a shift; an earlier draft of it is replaced, its remarks are carried over.

        Raises:
            ProblemError: 404; 409 ``duty.handover.no_shift`` when none runs or waits, ``nobody_after`` when no shift
                follows, ``signed_already``, ``done_already``, ``not_on_shift`` for a shift that is not the caller's.
        """
        repository.desk(session, caller, desk_id)
        now = self._clock.now()
        shift = self._leaving(session, caller, desk_id, shift_id, now)
        self._on_shift(session, caller, shift)
        after = standing.successor(session, shift)
        if after is None:
            raise conflict("duty.handover.nobody_after", shift=shift.id)
        old = self._moving(session, shift.id)
        if old is not None and old.state == "signed":
            raise conflict("duty.handover.signed_already", handover=old.id)
        sections = self._gather(session, caller, shift.starts_at, now)
        body = canonical(
            {"since": shift.starts_at.isoformat(), "until": now.isoformat(), "sections": sections}
        )
        row = Handover(
            desk_id=desk_id, from_shift_id=shift.id, to_shift_id=after.id, state="draft", drafted_by=caller.id,
            drafted_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        session.add(Snapshot(handover_id=row.id, body=body, hash=digest(body)))
        if old is not None:
            old.state = "replaced"
            self._carry_over(session, old.id, row.id, sections)
        session.flush()
        audit.record(
            session, caller, action="duty.handover.draft", subject=("duty_handover", row.id),
            after={"from": shift.id, "to": after.id, "hash": digest(body)},
        )  # fmt: skip
        return row

    def remark(self, session: Session, caller: Caller, handover_id: int, item: str, text: str) -> Handover:
        """Say something about an item (``section/key``) or the whole (``*``) of a draft."""
        row = self.get(session, caller, handover_id, lock=True)
        if row.state != "draft":
            raise conflict("duty.handover.not_draft", state=row.state)
        self._on_shift(session, caller, self._shift(session, row.from_shift_id))
        snapshot = self.snapshot(session, row.id)
        known = {f"{s['code']}/{i['key']}" for s in json.loads(snapshot.body)["sections"] for i in s["items"]}
        if item != WHOLE and item not in known:
            raise not_found("duty.handover.item", item)
        session.add(
            Remark(handover_id=row.id, item=item, text=text, author_id=caller.id, author=caller.name, at=self._clock.now())
        )  # fmt: skip
        session.flush()
        audit.record(
            session, caller, action="duty.handover.remark", subject=("duty_handover", row.id),
            after={"item": item, "text": text},
        )  # fmt: skip
        return row

    def sign(
        self, session: Session, caller: Caller, handover_id: int, seen: str | None, method: str
    ) -> Handover:
        """The leaving person signs; from now on nothing of it changes.

        Args:
            seen: hash the person was shown; refused when it is not what is there.
            method: how they proved who they are.

        Raises:
            ProblemError: 404; 409 ``not_draft``, ``not_on_shift``, ``stale``, ``changed``.
        """
        row = self.get(session, caller, handover_id, lock=True)
        if row.state != "draft":
            raise conflict("duty.handover.not_draft", state=row.state)
        self._on_shift(session, caller, self._shift(session, row.from_shift_id))
        now = self._clock.now()
        if now - row.drafted_at > timedelta(minutes=self._settings.draft_minutes):
            raise conflict("duty.handover.stale", minutes=self._settings.draft_minutes)
        found = full_hash(self.snapshot(session, row.id), remarks_of(session, row.id))
        if seen is not None and seen != found:
            raise conflict("duty.handover.changed")
        row.left_method = method
        row.state, row.signed_hash, row.left_by, row.left_at = "signed", found, caller.id, now
        self._note(session, caller, row, "sign", None)
        return row

    def accept(
        self, session: Session, caller: Caller, handover_id: int, seen: str | None, method: str
    ) -> Handover:
        """The person taking over signs the same hash; now the shift is handed over. Arguments as of :meth:`sign`.

        Raises:
            ProblemError: 404; 409 ``not_signed``, ``same_person``, ``not_on_shift``, ``changed``.
        """
        row, found = self._to_answer(session, caller, handover_id)
        if seen is not None and seen != found:
            raise conflict("duty.handover.changed")
        row.taken_method = method
        row.state, row.taken_by, row.taken_at = "handed_over", caller.id, self._clock.now()
        self._shift(session, row.from_shift_id).state = "handed_over"
        self._note(session, caller, row, "accept", None)
        emit(session, ShiftHandedOver(handover_id=row.id, desk_id=row.desk_id, to_shift_id=row.to_shift_id))
        return row

    def refuse(self, session: Session, caller: Caller, handover_id: int, reason: str) -> Handover:
        """The person taking over does not accept it, with the reason; the leaving shift makes a new draft."""
        row, _found = self._to_answer(session, caller, handover_id)
        row.state, row.refused_by, row.refused_at, row.refusal = (
            "refused",
            caller.id,
            self._clock.now(),
            reason,
        )
        self._note(session, caller, row, "refuse", reason)
        return row

    def may(self, session: Session, caller: Caller, row: Handover) -> list[Act]:
        """What the caller may do with it as it stands: what the page offers, by the rules that judge the doing."""
        if not caller.may("duty.handover.sign"):
            return []
        if row.state == "draft" and self._is_on(session, caller, self._shift(session, row.from_shift_id)):
            old = self._clock.now() - row.drafted_at > timedelta(minutes=self._settings.draft_minutes)
            return ["remark"] if old else ["remark", "sign"]
        if row.state != "signed" or row.left_by == caller.id:
            return []
        return (
            ["accept", "refuse"]
            if self._is_on(session, caller, self._shift(session, row.to_shift_id))
            else []
        )

    def get(self, session: Session, caller: Caller, handover_id: int, *, lock: bool = False) -> Handover:
        """Raises a 404 problem; ``lock``: of two who answer at the same moment the second sees the first's answer."""
        statement = repository.handovers(caller).where(Handover.id == handover_id)
        row: Handover | None = session.scalar(statement.with_for_update(of=Handover) if lock else statement)
        if row is None:
            raise not_found("duty.handover", handover_id)
        return row

    def snapshot(self, session: Session, handover_id: int) -> Snapshot:
        """The frozen draft; raises when it is not what was hashed, which only a forged database can bring about."""
        found = session.get(Snapshot, handover_id)
        if found is None or digest(found.body) != found.hash:
            raise ProblemError(
                "duty.handover.forged", HTTPStatus.INTERNAL_SERVER_ERROR, {"handover": handover_id}
            )
        return found

    def _to_answer(self, session: Session, caller: Caller, handover_id: int) -> tuple[Handover, str]:
        row = self.get(session, caller, handover_id, lock=True)
        if row.state != "signed":
            raise conflict("duty.handover.not_signed", state=row.state)
        if row.left_by == caller.id:
            raise conflict("duty.handover.same_person")
        self._on_shift(session, caller, self._shift(session, row.to_shift_id))
        found = full_hash(self.snapshot(session, row.id), remarks_of(session, row.id))
        if found != row.signed_hash:
            raise ProblemError("duty.handover.forged", HTTPStatus.INTERNAL_SERVER_ERROR, {"handover": row.id})
        return row, found

    def _leaving(
        self, session: Session, caller: Caller, desk_id: int, shift_id: int | None, now: datetime
    ) -> Shift:
        if shift_id is not None:
            shift = repository.shift(session, caller, shift_id)
            if shift.desk_id != desk_id:
                raise not_found("duty.shift", shift_id)
            if shift.state == "handed_over":
                raise conflict("duty.handover.done_already", shift=shift.id)
            if shift.state == "cancelled" or shift.starts_at > now:
                raise conflict("duty.handover.no_shift")
            return shift
        waiting = standing.waiting(session, desk_id, now, self._settings)
        begun = session.scalars(
            select(Shift)
            .where(Shift.desk_id == desk_id, Shift.state == "planned", Shift.starts_at <= now)
            .order_by(Shift.starts_at.desc(), Shift.id.desc())
            .limit(2)
        ).all()
        # The one I leave comes first: at the change of shifts two are begun and not handed over.
        mine = [s for s in begun if caller.id in self._present(session, s)]
        if waiting is not None and waiting in mine:
            return waiting
        candidates: list[Shift] = [*mine, *([waiting] if waiting else ()), *begun]
        if not candidates:
            raise conflict("duty.handover.no_shift")
        return candidates[0]

    def _present(self, session: Session, shift: Shift) -> set[int]:
        """Who may sign for a shift: its people, and the deputies of those away when it ends or now."""
        crew = repository.crew(session, shift.id)
        at = min(max(self._clock.now(), shift.starts_at), shift.ends_at)
        return {presence.deputy_of(session, user_id, at) or user_id for user_id in crew}

    def _is_on(self, session: Session, caller: Caller, shift: Shift) -> bool:
        return caller.id is not None and caller.kind == "user" and caller.id in self._present(session, shift)

    def _on_shift(self, session: Session, caller: Caller, shift: Shift) -> None:
        if not self._is_on(session, caller, shift):
            raise conflict("duty.handover.not_on_shift", shift=shift.id)

    @staticmethod
    def _shift(session: Session, shift_id: int) -> Shift:
        found: Shift | None = session.get(Shift, shift_id)
        assert found is not None  # a foreign key
        return found

    @staticmethod
    def _moving(session: Session, shift_id: int) -> Handover | None:
        found: Handover | None = session.scalar(
            select(Handover)
            .where(Handover.from_shift_id == shift_id, Handover.state.in_(("draft", "signed")))
            .order_by(Handover.id.desc())
            .limit(1)
            .with_for_update()
        )
        return found

    def _gather(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        for contributor in self._contributors:
            try:
                with session.begin_nested():
                    sections = contributor.contribute(session, caller, since, until)
                    out += [_section(s) for s in sections]
            except Exception:
                log.exception("handover_contributor_failed", contributor=contributor.name)
                missing = Item("failed", FAILED, {"name": contributor.name}, severity="warning")
                out.append(_section(Section(f"failed-{contributor.name}", FAILED, [missing])))
        return out

    def _carry_over(self, session: Session, old: int, new: int, sections: Sequence[dict[str, Any]]) -> None:
        known = {f"{s['code']}/{i['key']}" for s in sections for i in s["items"]} | {WHOLE}
        for remark in remarks_of(session, old):
            if remark.item in known:
                session.add(
                    Remark(
                        handover_id=new, item=remark.item, text=remark.text, author_id=remark.author_id,
                        author=remark.author, at=remark.at,
                    )
                )  # fmt: skip

    def _note(self, session: Session, caller: Caller, row: Handover, verb: str, reason: str | None) -> None:
        audit.record(
            session, caller, action=f"duty.handover.{verb}", subject=("duty_handover", row.id),
            after={"state": row.state, "hash": row.signed_hash}, reason=reason,
        )  # fmt: skip
        self._hooks.handover(session, row)


def _section(section: Section) -> dict[str, Any]:
    """A section as it is frozen: keys and parameters, so that it reads in either language."""
    return {
        "code": section.code, "title": section.title,
        "total": section.total if section.total is not None else len(section.items),
        "items": [
            {
                "key": i.key, "text": i.text, "params": {k: _plain(v) for k, v in i.params.items()},
                "subject": list(i.subject) if i.subject else None, "page": i.page, "severity": i.severity,
                "since": i.since.isoformat() if i.since else None, "open": i.open,
            }
            for i in section.items
        ],
    }  # fmt: skip


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
