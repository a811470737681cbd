"""Transitions: who may, what they demand, and what follows from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.cases import access, fields, history, ledger
from parksight.cases import declaration as d
from parksight.cases.declaration import Demand, Transition
from parksight.cases.events import CaseClosed, CaseMoved
from parksight.cases.models import Case, CaseEvent, Evidence, Participant, Signature
from parksight.cases.people import Actor
from parksight.cases.requests import Offer, Owner, Refusal
from parksight.cases.service.clocks import Clocks, Wish
from parksight.cases.service.extensions import Extensions
from parksight.cases.service.opening import assign
from parksight.cases.service.room import Room, notice, participants_of
from parksight.cases.service.telling import Heard, Telling
from parksight.cases.types import Declared
from parksight.kernel.db import clock_of, emit
from parksight.kernel.errors import ProblemError, conflict, invalid
from parksight.kernel.identity.models import Post
from parksight.kernel.permissions import Caller


@dataclass(frozen=True)
class Request:
    """What somebody wants done to a case."""

    transition: str
    fields: Mapping[str, Any]
    evidence_ids: Sequence[int] = ()
    comment: str = ""
    occurred_at: datetime | None = None
    version: int | None = None
    request_id: str | None = None


class Moving:
    """
    Args:
        room: what the parts of the engine share.
        clocks: starts, pauses and stops them.
        extensions: asks for and grants more time.
    """

    def __init__(self, room: Room, clocks: Clocks, extensions: Extensions) -> None:
        self._room = room
        self._clocks = clocks
        self._extensions = extensions

    # --- what may be done -----------------------------------------------------------------------------

    def offers(self, session: Session, actor: Actor, case: Case) -> list[Offer]:
        declared = self._room.types.find(case.type)
        participants = participants_of(session, case.id)
        found: list[Offer] = []
        for transition in declared.out_of(case.state):
            if not self._applies(session, case, transition):
                continue
            principal, refusals = access.judge(session, actor, transition, case, participants)
            missing = [] if refusals else self._missing(session, actor, case, transition)
            for_id = principal.id if principal is not None else None
            found.append(Offer(transition, not refusals, tuple(refusals), tuple(missing), for_id))
        return found

    def _applies(self, session: Session, case: Case, transition: Transition) -> bool:
        """Whether a transition makes sense now: extensions need a request, returning needs a way back."""
        if transition.code in (d.GRANT_EXTENSION, d.REFUSE_EXTENSION):
            return self._extensions.open_of(session, case.id) is not None
        if transition.code == d.ASK_EXTENSION:
            return (
                self._extensions.extendable(session, case)
                and self._extensions.open_of(session, case.id) is None
            )
        return transition.target != d.PREVIOUS or self._previous(session, case) is not None

    def _missing(self, session: Session, actor: Actor, case: Case, transition: Transition) -> list[Refusal]:
        found = [
            Refusal(
                "cases.missing.evidence",
                {
                    "kind": demand.kind,
                    "minimum": demand.minimum,
                    "shown": shown,
                    "positioned": demand.positioned,
                },
            )
            for demand in transition.evidence
            if (shown := self._shown(session, case, demand)) < demand.minimum
        ]
        if transition.signature is not None and not self._signed(session, actor, case, transition.signature):
            found.append(Refusal("cases.missing.signature", {"meaning": transition.signature}))
        return found

    @staticmethod
    def _shown(session: Session, case: Case, demand: Demand) -> int:
        statement = select(func.count(Evidence.id)).where(
            Evidence.case_id == case.id, Evidence.kind == demand.kind
        )
        if demand.fresh:
            statement = statement.where(Evidence.seq > case.entered_seq)
        if demand.positioned:
            statement = statement.where(Evidence.lon.is_not(None))
        return session.scalar(statement) or 0

    @staticmethod
    def _signed(session: Session, actor: Actor, case: Case, meaning: str) -> bool:
        statement = select(Signature.id).where(
            Signature.case_id == case.id, Signature.meaning == meaning, Signature.by_id == actor.id,
            Signature.seq > case.entered_seq,
        )  # fmt: skip
        return actor.id is not None and session.scalar(statement.limit(1)) is not None

    @staticmethod
    def _previous(session: Session, case: Case) -> str | None:
        """The state from which the present one was entered, the way back not counted as a way in."""
        rows = session.execute(
            select(CaseEvent.body).where(
                CaseEvent.case_id == case.id, CaseEvent.what == "moved", CaseEvent.state == case.state
            ).order_by(CaseEvent.seq.desc())
        )  # fmt: skip
        for (body,) in rows:
            entry = history.read(body)
            if entry["source"] != case.state and not entry["detail"].get("returned"):
                return str(entry["source"])
        return None

    # --- doing it -------------------------------------------------------------------------------------

    def act(self, session: Session, caller: Caller, case_id: int, request: Request) -> Case:
        now = clock_of(session).now()
        actor = self._room.people.actor(session, caller, now)
        case = self._room.find(session, actor, case_id, lock=True)
        if request.request_id is not None and done_already(session, case.id, request.request_id):
            return case
        if request.version is not None and request.version != case.version:
            raise changed(session, case)
        declared = self._room.types.find(case.type)
        transition = declared.transitions.get(request.transition)
        if transition is None:
            raise invalid(
                "cases.unknown_transition", "/transition", transition=request.transition, type=case.type
            )
        if case.state not in transition.sources or not self._applies(session, case, transition):
            raise conflict(
                "cases.not_from_here", transition=transition.code, state=case.state, number=case.number
            )
        participants = participants_of(session, case.id)
        principal, refusals = access.judge(session, actor, transition, case, participants)
        if refusals:
            raise ProblemError(refusals[0].code, 403, {**refusals[0].params, "number": case.number})
        values = self._checked(session, actor, case, transition, request)
        occurred, late = self._when(session, case, transition, request.occurred_at, now)
        self._do(
            session,
            actor,
            principal,
            case,
            declared,
            transition,
            request,
            values,
            (occurred, late),
            participants,
            now,
        )
        return case

    def _checked(
        self, session: Session, actor: Actor, case: Case, transition: Transition, request: Request
    ) -> dict[str, Any]:  # fmt: skip
        if transition.comment == "required" and not request.comment.strip():
            raise invalid("cases.comment_required", "/comment")
        if transition.comment == "none" and request.comment.strip():
            raise invalid("cases.no_comment", "/comment")
        values = fields.clean(session, transition.fields, request.fields)
        if transition.assign == "fields" and not fields.owner_from(transition.fields, values):
            raise invalid("cases.assignee_required", "/fields")
        mine = set(session.scalars(select(Evidence.id).where(Evidence.case_id == case.id)))
        strange = sorted(set(request.evidence_ids) - mine)
        if strange:
            raise invalid("cases.evidence.elsewhere", "/evidence_ids", key=strange[0])
        missing = self._missing(session, actor, case, transition)
        if missing:
            raise ProblemError(missing[0].code, 422, dict(missing[0].params), "/evidence_ids")
        return values

    def _when(
        self, session: Session, case: Case, transition: Transition, occurred_at: datetime | None, now: datetime
    ) -> tuple[datetime, bool]:  # fmt: skip
        if occurred_at is None:
            return now, False
        last = session.scalar(
            select(func.max(CaseEvent.occurred_at)).where(
                CaseEvent.case_id == case.id, CaseEvent.what.in_(("opened", "moved"))
            )
        )
        occurred, late = self._room.when(occurred_at, now, last)
        if late and not transition.late:
            raise invalid(
                "cases.late", "/occurred_at", minutes=int(self._room.late_after.total_seconds() // 60)
            )
        return occurred, late

    def _do(
        self, session: Session, actor: Actor, principal: Actor | None, case: Case, declared: Declared,
        transition: Transition, request: Request, values: dict[str, Any], when: tuple[datetime, bool],
        participants: Sequence[Participant], now: datetime,
    ) -> None:  # fmt: skip
        caller, source, before = actor.rights, case.state, history.told(case)
        detail: dict[str, Any] = {}
        if values:
            detail["fields"] = values
        if request.evidence_ids:
            detail["evidence"] = sorted(set(request.evidence_ids))
        if transition.code in (d.ASK_EXTENSION, d.GRANT_EXTENSION, d.REFUSE_EXTENSION):
            detail |= self._extensions.act(
                session, actor, principal, case, declared, transition.code, values, request.comment, now
            )
        elif values and transition.assign != "fields":
            case.fields = {**case.fields, **values}
        elif values:
            parties = {f.code for f in _party_fields(transition)}
            case.fields = {**case.fields, **{k: v for k, v in values.items() if k not in parties}}
        self._go(session, case, declared, transition, now)
        if transition.returned:
            detail["returned"] = True
        owner = self._next_owner(session, actor, principal, case, transition, values)
        if owner is not None:
            assign(session, case, owner)
        ticked = self._clocks.apply(session, caller, case, declared, _wish(transition), now)
        if ticked:
            detail["clocks"] = ticked
        if case.phase == "final":
            self._extensions.withdraw(session, case.id, now)
        holder = ledger.state_holder(session, case, declared.type, participants)
        ledger.hand_over(session, case, holder, now)
        acting_for = (
            (principal.id, principal.rights.name)
            if principal is not None and principal.id is not None
            else None
        )
        entry = history.Entry(
            "moved", transition.code, source, acting_for, when[0], when[1], request.comment.strip() or None,
            request.request_id, detail,
        )  # fmt: skip
        history.add(session, caller, case, before, entry, now)
        if case.state != source:
            case.entered_seq, case.entered_at = case.head_seq, now
        session.flush()
        self._tell(session, actor, case, before, participants, now)
        self._room.outside.moved(session, caller, case, transition.code, source)
        told = notice(case, now)
        emit(
            session,
            CaseMoved(
                case=told, transition=transition.code, source=source, by_id=caller.id, by_name=caller.name
            ),
        )
        if case.phase == "final" and declared.states[source].phase != "final":
            emit(session, CaseClosed(case=told, result=case.result))

    def _go(
        self, session: Session, case: Case, declared: Declared, transition: Transition, now: datetime
    ) -> None:
        target = transition.target
        if target == d.PREVIOUS:
            target = self._previous(session, case) or case.state
        if transition.returned:
            case.returned += 1
        if target == d.SAME:
            return
        was = declared.states[case.state].phase
        state = declared.states[target]
        case.state, case.phase = state.code, state.phase
        if state.phase == "final":
            case.closed_at, case.result = now, transition.result or state.code
        elif was == "final":
            case.closed_at, case.result = None, None
            case.reopened += 1

    @staticmethod
    def _next_owner(
        session: Session, actor: Actor, principal: Actor | None, case: Case, transition: Transition,
        values: Mapping[str, Any],
    ) -> Owner | None:  # fmt: skip
        kind, _, rest = (transition.assign or "").partition(":")
        if kind == "fields":
            return fields.owner_from(transition.fields, values)
        if kind == "actor":
            # The person takes it on within the post, department or enterprise that owns it.
            doer = principal or actor
            keep_post = case.owner_post_id if case.owner_post_id in doer.post_ids else None
            inside = case.owner_department_id if case.owner_department_id in doer.rights.departments else None
            house = case.owner_enterprise_id if doer.of_enterprise(case.owner_enterprise_id) else None
            return Owner(doer.id, keep_post, inside, house)
        if kind == "reporter" and case.reporter_id is not None:
            return Owner(user_id=case.reporter_id)
        if kind == "enterprise" and case.enterprise_id is not None:
            return Owner(enterprise_id=case.enterprise_id)
        if kind == "post":
            post_id = session.scalar(select(Post.id).where(Post.code == rest, Post.active))
            if post_id is not None:
                return Owner(post_id=post_id)
        return None

    def _tell(
        self, session: Session, actor: Actor, case: Case, before: Mapping[str, object],
        participants: Sequence[Participant], now: datetime,
    ) -> None:  # fmt: skip
        telling = Telling(self._room.outside.teller)
        people = self._room.people
        owned = [n for n in before if n.startswith("owner_")]
        if any(before[n] != getattr(case, n) for n in owned):
            heard = Heard(
                case,
                "cases.tell.assigned",
                "cases.why.owner",
                case.priority,
                f"cases:assigned:{case.id}:{case.head_seq}",
            )
            telling.note(people.owners(session, case, now), heard, but=actor.id)
        elif case.returned != before["returned"]:
            heard = Heard(
                case,
                "cases.tell.returned",
                "cases.why.owner",
                case.priority,
                f"cases:returned:{case.id}:{case.head_seq}",
            )
            telling.note(people.owners(session, case, now), heard, but=actor.id)
        if case.phase == "final" and before["phase"] != "final":
            heard = Heard(
                case, "cases.tell.closed", "cases.why.reporter", 4, f"cases:closed:{case.id}:{case.head_seq}"
            )
            watching = [p for p in participants if p.role == "watcher"]
            who = people.participants(session, watching, now)
            if case.reporter_id is not None:
                who = list(dict.fromkeys([case.reporter_id, *who]))
            telling.note(who, heard, but=actor.id)
        telling.send(session)


def _party_fields(transition: Transition) -> list[d.Field]:
    """Fields that say who owns the case next; they are not values of the case."""
    return [f for f in transition.fields if f.kind in ("user", "post", "department", "enterprise")]


def _wish(transition: Transition) -> Wish:
    return Wish(transition.starts, transition.pauses, transition.resumes, transition.stops)


def done_already(session: Session, case_id: int, request_id: str) -> bool:
    """Whether a request of a sender's queue was carried out before."""
    statement = select(CaseEvent.id).where(CaseEvent.case_id == case_id, CaseEvent.request_id == request_id)
    return session.scalar(statement) is not None


def changed(session: Session, case: Case) -> ProblemError:
    """409 saying who changed the case last, so that the sender sees what to merge with."""
    last = session.scalar(
        select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq.desc()).limit(1)
    )
    return conflict(
        "cases.changed", number=case.number, version=case.version, state=case.state,
        by=last.by_name if last else "", at=last.recorded_at.isoformat() if last else "",
    )  # fmt: skip
