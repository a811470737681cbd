"""Proposals of rule changes: made by one person, decided by another."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms import repository
from parksight.alarms.api.rules import Reading, Service, Writing
from parksight.alarms.models import Proposal, Rule, RuleVersion
from parksight.alarms.rules import view as shown
from parksight.alarms.schemas import (
    BatchOut,
    DecisionIn,
    ProposalIn,
    ProposalState,
    RecordId,
    RuleProposalOut,
    TuningResult,
)
from parksight.alarms.tuning.result import sentence
from parksight.alarms.tuning.service import TuningService, points_of
from parksight.alarms.view import point_ref
from parksight.kernel.i18n import language_of
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, Paging, ReadSession, WriteSession, paging, requires, service

router = APIRouter(prefix="/alarm-rules/proposals", tags=["alarms"])
Approving = Annotated[Caller, requires("alarms.rule.approve")]
Tuning = Annotated[TuningService, Depends(service("alarm_tuning"))]
BatchId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


def _out(
    session: Session, caller: Caller, proposal: Proposal, language: str | None = None
) -> RuleProposalOut:
    """A proposal; only its own page, in the reader's language, tells the replay in full."""
    before: Rule | RuleVersion | None = None
    if proposal.base_version is not None:
        before = session.scalar(
            select(RuleVersion).where(
                RuleVersion.rule_id == proposal.rule_id, RuleVersion.version == proposal.base_version
            )
        )
    out = shown.proposal(proposal, caller, before)
    if out.tuning is None:
        return out
    if language is None:
        return out.model_copy(update={"tuning": {k: v for k, v in out.tuning.items() if k != "differences"}})
    result = TuningResult.model_validate({"differences": [], **out.tuning, "text": ""})
    refs = [
        point_ref(p) for p in points_of(session, caller, sorted({d.point_id for d in result.differences}))
    ]
    told = {
        "text": sentence(result, language), "differences": [d.model_dump() for d in result.differences],
        "points": [r.model_dump() for r in refs if r is not None],
    }  # fmt: skip
    return out.model_copy(update={"tuning": {**out.tuning, **told}})


@router.get("", operation_id="list_alarm_rule_proposals")
def listing(
    caller: Reading,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    state: Annotated[ProposalState | None, Query()] = None,
    rule_id: Annotated[RecordId | None, Query()] = None,
    batch_id: Annotated[str | None, Query(pattern="^[0-9a-f]{16}$")] = None,
) -> Page[RuleProposalOut]:
    """Proposals, newest first."""
    statement = caller.scoped(select(Proposal), Proposal.enterprise_id)
    for column, value in (
        (Proposal.state, state),
        (Proposal.rule_id, rule_id),
        (Proposal.batch_id, batch_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    ordered = statement.order_by(Proposal.id.desc()).limit(page.limit).offset(page.offset)
    items = [_out(session, caller, proposal) for proposal in session.scalars(ordered)]
    total = repository.total(session, statement, Proposal.id)
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=201, operation_id="propose_alarm_rule")
def propose(
    caller: Writing, session: WriteSession, service: Service, tuning: Tuning, data: ProposalIn
) -> RuleProposalOut:  # fmt: skip
    """Ask for a new rule or the next version of one; in force only once another person has approved it."""
    summary = None if data.tuning_id is None else tuning.summary(caller, data.tuning_id)
    return _out(session, caller, service.proposals.propose(session, caller, data, summary))


@router.post("/batches/{batch_id}/approve", operation_id="approve_alarm_rule_batch")
def approve_batch(
    caller: Approving, session: WriteSession, service: Service, batch_id: BatchId, data: DecisionIn
) -> BatchOut:
    """Approve all open proposals of one import; those whose rule has changed meanwhile are marked outdated."""
    decided, outdated = service.proposals.decide_batch(session, caller, batch_id, data.comment, approve=True)
    return BatchOut(batch_id=batch_id, decided=decided, outdated=outdated)


@router.post("/batches/{batch_id}/reject", operation_id="reject_alarm_rule_batch")
def reject_batch(
    caller: Approving, session: WriteSession, service: Service, batch_id: BatchId, data: DecisionIn
) -> BatchOut:
    """Reject all open proposals of one import; the comment says why."""
    decided, outdated = service.proposals.decide_batch(session, caller, batch_id, data.comment, approve=False)
    return BatchOut(batch_id=batch_id, decided=decided, outdated=outdated)


@router.get("/{proposal_id}", operation_id="get_alarm_rule_proposal")
def one(
    caller: Reading, session: ReadSession, service: Service, proposal_id: RecordId, request: Request
) -> RuleProposalOut:
    """A proposal with the replay it rests on: the sentence and the newest differences."""
    found = service.proposals.get(session, caller, proposal_id)
    return _out(session, caller, found, language_of(request))


@router.post("/{proposal_id}/approve", operation_id="approve_alarm_rule_proposal")
def approve(
    caller: Approving, session: WriteSession, service: Service, proposal_id: RecordId, data: DecisionIn
) -> RuleProposalOut:
    """Bring a proposal into force as a new version. Nobody approves their own."""
    return _out(session, caller, service.proposals.approve(session, caller, proposal_id, data.comment))


@router.post("/{proposal_id}/reject", operation_id="reject_alarm_rule_proposal")
def reject(
    caller: Approving, session: WriteSession, service: Service, proposal_id: RecordId, data: DecisionIn
) -> RuleProposalOut:
    """Reject a proposal; the comment says why."""
    return _out(session, caller, service.proposals.reject(session, caller, proposal_id, data.comment))


@router.post("/{proposal_id}/withdraw", operation_id="withdraw_alarm_rule_proposal")
def withdraw(
    caller: Writing, session: WriteSession, service: Service, proposal_id: RecordId, data: DecisionIn
) -> RuleProposalOut:
    """Take back one's own proposal."""
    return _out(session, caller, service.proposals.withdraw(session, caller, proposal_id, data.comment))
