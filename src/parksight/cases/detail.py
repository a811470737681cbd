"""A case with all that belongs to it, put together for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from parksight.cases import access, history, ledger, repository, view
from parksight.cases.ledger import Holder
from parksight.cases.models import (
    Case,
    CaseClock,
    CaseEvent,
    ClockPlan,
    Evidence,
    Extension,
    Link,
    Participant,
    Signature,
    Span,
)
from parksight.cases.people import Actor
from parksight.cases.schemas import (
    CaseDetail,
    ClockOut,
    EventOut,
    EvidenceOut,
    ExtensionOut,
    HeldOut,
    LedgerOut,
    LinkOut,
    OfferOut,
    ParticipantOut,
    PlanOut,
    SignatureOut,
    SpanOut,
)
from parksight.cases.service import CaseService
from parksight.cases.service.clocks import pauses_of
from parksight.cases.service.room import participants_of
from parksight.cases.timing import Timing, used_minutes
from parksight.cases.view import Names
from parksight.kernel.errors import not_found
from parksight.kernel.i18n import translate


class Desk:
    """Puts the page of one case together.

    Args:
        service: the engine; the page says what may be done next.
    """

    def __init__(self, service: CaseService) -> None:
        self._service = service
        self._timing = service.room.timing

    def page(
        self, session: Session, actor: Actor, case_id: int, now: datetime, language: str | None
    ) -> CaseDetail:
        """
        Raises:
            ProblemError: 404 not there or not visible.
        """
        statement = repository.cases(actor, self._service.types, repository.Wanted(), now).where(
            Case.id == case_id
        )
        row = next(iter(repository.page(session, statement, 1, 0)), None)
        if row is None:
            raise not_found("cases.case", case_id)
        case = row[0]
        caller = actor.rights
        participants = participants_of(session, case.id)
        declared = self._service.types.get(case.type)
        holder = (
            ledger.state_holder(session, case, declared.type, participants)
            if declared
            else ledger.owner_of(case)
        )
        names = Names(session, [holder, ledger.owner_of(case), *(_party(p) for p in participants)])
        tags = repository.tags_of(session, [case.id]).get(case.id, [])
        hidden = access.hides_reporter(caller, case)
        masks = _Mask(case, translate("cases.anonymous", language)) if hidden else None
        return CaseDetail(
            **view.values(
                caller, self._service.types, row, names, tags, None if case.phase == "final" else holder, language
            ),
            type_version=case.type_version, description=case.description, fields=case.fields,
            origin_kind=case.origin_kind, origin_id=case.origin_id,
            reporter_id=None if hidden else case.reporter_id, anonymous=case.anonymous,
            lag_s=(case.opened_at - case.occurred_at).total_seconds(),
            watching=any(p.role == "watcher" and p.kind == "user" and p.party_id == actor.id for p in participants),
            participants=[
                ParticipantOut(role=p.role, party=names.party(_party(p)), since=p.since) for p in participants
                if not (masks and p.kind == "user" and p.party_id == case.reporter_id)
            ],
            clocks=self._clocks(session, case, holder, names, masks, now),
            history=_history(session, case, masks),
            evidence=_evidence(session, case, masks),
            links=self._links(session, actor, case),
            signatures=_signatures(session, case, masks),
            extensions=_extensions(session, case, masks),
            available=self._available(session, actor, case, language),
            head_hash=case.head_hash,
        )  # fmt: skip

    def _available(self, session: Session, actor: Actor, case: Case, language: str | None) -> list[OfferOut]:
        if self._service.types.get(case.type) is None:
            return []
        offers = self._service.available(session, actor.rights, case)
        names = {a.id: a.rights.name for a in actor.absent}
        return [
            OfferOut(
                transition=o.transition.code, target=o.transition.target, allowed=o.allowed,
                refusals=[view.refusal(r, language) for r in o.refusals],
                missing=[view.refusal(r, language) for r in o.missing], acting_for=names.get(o.acting_for),
            )
            for o in offers
        ]  # fmt: skip

    def _clocks(
        self, session: Session, case: Case, holder: Holder, names: Names, mask: _Mask | None, now: datetime
    ) -> list[ClockOut]:  # fmt: skip
        rows = list(
            session.scalars(select(CaseClock).where(CaseClock.case_id == case.id).order_by(CaseClock.id))
        )
        ids = [c.id for c in rows]
        pauses = pauses_of(session, ids)
        plans: dict[int, list[PlanOut]] = {}
        for p in session.scalars(
            select(ClockPlan).where(ClockPlan.clock_id.in_(ids)).order_by(ClockPlan.clock_id, ClockPlan.plan)
        ):
            plans.setdefault(p.clock_id, []).append(
                PlanOut(
                    plan=p.plan, minutes=p.minutes, working_days=p.working_days, due_at=p.due_at, at=p.at,
                    by=mask.by(p.by_id, p.by_name) if mask else p.by_name, reason=p.reason,
                )
            )  # fmt: skip
        return [
            clock_out(c, self._timing, pauses[c.id], plans.get(c.id, []), now, names.party(holder))
            for c in rows
        ]

    def _links(self, session: Session, actor: Actor, case: Case) -> list[LinkOut]:
        links = session.scalars(
            select(Link).where(or_(Link.case_id == case.id, Link.other_id == case.id)).order_by(Link.id)
        ).all()
        others = {link.other_id if link.case_id == case.id else link.case_id for link in links}
        seen = access.visible(select(Case).where(Case.id.in_(others)), actor, self._service.types)
        found: dict[int, Case] = {c.id: c for c in session.scalars(seen)}
        out: list[LinkOut] = []
        for link in links:
            outgoing = link.case_id == case.id
            other = found.get(link.other_id if outgoing else link.case_id)
            if other is not None:  # what the reader may not see is not even hinted at
                out.append(
                    LinkOut(
                        kind=link.kind, outgoing=outgoing, case_id=other.id, number=other.number, title=other.title,
                        type=other.type, state=other.state, phase=other.phase,
                    )
                )  # fmt: skip
        return out

    def ledger(self, session: Session, case: Case, now: datetime) -> LedgerOut:
        """Who held a case for how long; without working days where the calendar is not published so far."""
        spans = session.scalars(select(Span).where(Span.case_id == case.id).order_by(Span.id)).all()
        return ledger_out(session, self._timing, {case.id: spans}, now, with_spans=True)


class _Mask:
    """Hides the reporter of an anonymous case from its enterprise, wherever they acted."""

    def __init__(self, case: Case, name: str) -> None:
        self._reporter = case.reporter_id
        self.name = name

    def by(self, by_id: int | None, by_name: str) -> str:
        return self.name if by_id is not None and by_id == self._reporter else by_name

    def id(self, by_id: int | None) -> int | None:
        return None if by_id == self._reporter else by_id


def _party(p: Participant) -> Holder:
    return Holder(p.kind, str(p.party_id))


def clock_out(
    c: CaseClock, timing: Timing, pauses: Sequence[tuple[datetime, datetime]], plans: list[PlanOut], now: datetime,
    holder: Any,
) -> ClockOut:  # fmt: skip
    until = c.stopped_at or c.paused_at or now
    shown = "none"
    if c.status != "stopped":
        shown = "red" if until >= c.due_at else "yellow" if until >= c.warn_at else "green"
    days = c.working_days is not None
    return ClockOut(
        id=c.id, code=c.code, run=c.run, status=c.status, light=shown, holder=holder,
        minutes=c.minutes, working_days=c.working_days, started_at=c.started_at, paused_at=c.paused_at,
        stopped_at=c.stopped_at, warn_at=c.warn_at, due_at=c.due_at,
        used_minutes=None if days else used_minutes(c.started_at, until, pauses),
        used_working_days=timing.used_days(c.started_at, until, pauses) if days else None, met=c.met, plans=plans,
    )  # fmt: skip


def _history(session: Session, case: Case, mask: _Mask | None) -> list[EventOut]:
    events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq))
    out: list[EventOut] = []
    for e in events:
        body = history.read(e.body)
        detail = dict(body["detail"])
        changed = {k: v for k, v in body["set"].items() if k not in ("state", "phase", "closed_at")}
        if e.what in ("moved", "changed") and changed:
            detail["set"] = changed
        if mask is not None:
            detail = _without(detail, case.reporter_id)
        principal: Mapping[str, Any] | None = body["for"]
        out.append(
            EventOut(
                seq=e.seq, what=e.what, transition=e.transition, source=body["source"], state=e.state,
                by=mask.by(e.by_id, e.by_name) if mask else e.by_name, by_id=mask.id(e.by_id) if mask else e.by_id,
                acting_for=principal["name"] if principal else None, occurred_at=e.occurred_at,
                recorded_at=e.recorded_at, late=e.late, lag_s=(e.recorded_at - e.occurred_at).total_seconds(),
                comment=e.comment, detail=detail, hash=e.hash,
            )
        )  # fmt: skip
    return out


def _without(detail: dict[str, Any], reporter_id: int | None) -> dict[str, Any]:
    """Detail of an entry with nothing in it that names a person: participants, recipients and devices are left out."""
    left = ("participants", "recipients", "device", "id", "set")
    return {k: v for k, v in detail.items() if k not in left and v != reporter_id}


def _evidence(session: Session, case: Case, mask: _Mask | None) -> list[EvidenceOut]:
    return [
        EvidenceOut(
            id=e.id, kind=e.kind, file_id=e.file_id, sha256=e.sha256, name=e.name, media_type=e.media_type, size=e.size,
            lon=e.lon, lat=e.lat, accuracy_m=e.accuracy_m, taken_at=e.taken_at, device="" if mask else e.device,
            note=e.note, content=e.content, state=e.state, by=mask.by(e.by_id, e.by_name) if mask else e.by_name,
            recorded_at=e.recorded_at,
        )
        for e in session.scalars(select(Evidence).where(Evidence.case_id == case.id).order_by(Evidence.id))
    ]  # fmt: skip


def _signatures(session: Session, case: Case, mask: _Mask | None) -> list[SignatureOut]:
    return [
        SignatureOut(
            meaning=s.meaning, statement=s.statement, statement_hash=s.statement_hash, method=s.method,
            by=mask.by(s.by_id, s.by_name) if mask else s.by_name, acting_for=None, signed_at=s.signed_at,
        )
        for s in session.scalars(select(Signature).where(Signature.case_id == case.id).order_by(Signature.id))
    ]  # fmt: skip


def _extensions(session: Session, case: Case, mask: _Mask | None) -> list[ExtensionOut]:
    rows = session.execute(
        select(Extension, CaseClock.code)
        .join(CaseClock, CaseClock.id == Extension.clock_id)
        .where(Extension.case_id == case.id)
        .order_by(Extension.id)
    ).all()
    names = Names(
        session,
        [Holder("user", str(i)) for e, _ in rows for i in (e.asked_by_id, e.decided_by_id) if i is not None],
    )

    def name(user_id: int | None) -> str:
        shown = names.party(Holder("user", str(user_id))).name if user_id is not None else ""
        return mask.by(user_id, shown) if mask else shown

    return [
        ExtensionOut(
            id=e.id, clock=code, minutes=e.minutes, working_days=e.working_days, reason=e.reason, status=e.status,
            asked_by=name(e.asked_by_id), asked_at=e.asked_at,
            decided_by=name(e.decided_by_id) if e.decided_at is not None else None, decided_at=e.decided_at,
        )
        for e, code in rows
    ]  # fmt: skip


def ledger_out(
    session: Session, timing: Timing, by_case: Mapping[int, Sequence[Span]], now: datetime, *, with_spans: bool,
    start: datetime | None = None, end: datetime | None = None,
) -> LedgerOut:  # fmt: skip
    """Time of one or many cases by holder; ``start`` and ``end`` cut spans off at a time."""
    flat = [s for spans in by_case.values() for s in spans]
    names = Names(session, [Holder(s.holder_kind, s.holder_key) for s in flat])
    sums: dict[Holder, tuple[float, int, set[int]]] = {}
    out: list[SpanOut] = []
    for spans in by_case.values():
        for span, days in zip(spans, ledger.working_days(timing, spans, now), strict=True):
            holder = Holder(span.holder_kind, span.holder_key)
            begin = max(span.since, start) if start else span.since
            until = min(span.until or now, end) if end else span.until or now
            minutes = max(0.0, (until - begin).total_seconds() / 60)
            had = sums.get(holder, (0.0, 0, set()))
            sums[holder] = (had[0] + minutes, had[1] + days, had[2] | {span.case_id})
            if with_spans:
                out.append(
                    SpanOut(
                        holder=names.party(holder), state=span.state, since=span.since, until=span.until,
                        minutes=minutes, working_days=days,
                    )
                )  # fmt: skip
    holders = [
        HeldOut(holder=names.party(h), minutes=m, working_days=d, cases=len(c))
        for h, (m, d, c) in sums.items()
    ]
    holders.sort(key=lambda h: -h.minutes)
    return LedgerOut(
        minutes=sum(h.minutes for h in holders), working_days=sum(h.working_days or 0 for h in holders),
        holders=holders, spans=out,
    )  # fmt: skip
