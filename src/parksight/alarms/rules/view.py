"""Rules, versions and proposals as the API shows them."""

from __future__ import annotations

from typing import Any, cast

from parksight.alarms.models import CONTENT, Proposal, Rule, RuleVersion
from parksight.alarms.rules.proposals import Proposals
from parksight.alarms.schemas import How, ProposalState, RuleOut, RuleProposalOut, RuleVersionOut
from parksight.alarms.view import point_ref
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point


def content(record: Rule | RuleVersion) -> dict[str, Any]:
    """The content of a version, but for its target."""
    fields = {name: getattr(record, name) for name in CONTENT if name != "target"}
    fields["suppression"] = fields["suppression"] or None
    return fields


def rule(record: Rule, point: Point | None, *, commissioning: bool, open_proposals: int = 0) -> RuleOut:
    fields = {
        **content(record), "id": record.id, "code": record.code, "point": point_ref(point), "target": record.target,
        "kind": record.kind, "enterprise_id": record.enterprise_id, "version": record.version,
        "commissioning": commissioning, "open_proposals": open_proposals, "created_at": record.created_at,
        "updated_at": record.updated_at,
    }  # fmt: skip
    return RuleOut.model_validate(fields)


def version(record: RuleVersion) -> RuleVersionOut:
    fields = {
        **content(record), "version": record.version, "how": cast(How, record.how), "reason": record.reason,
        "at": record.at, "by_name": record.by_name, "approved_by": record.approved_by,
        "proposal_id": record.proposal_id,
    }  # fmt: skip
    return RuleVersionOut.model_validate(fields)


def proposal(record: Proposal, caller: Caller, before: Rule | RuleVersion | None) -> RuleProposalOut:
    """A proposal beside the version it was made against."""
    was = None if before is None else {name: getattr(before, name) for name in CONTENT}
    changed = [n for n in CONTENT if was is None or record.content.get(n) != was[n]]
    return RuleProposalOut(
        id=record.id, rule_id=record.rule_id, code=record.code, base_version=record.base_version, content=record.content,
        before=was, changed=changed, reason=record.reason, state=cast(ProposalState, record.state),
        enterprise_id=record.enterprise_id, batch_id=record.batch_id, tuning=record.tuning,
        proposed_by=record.proposed_by, proposed_at=record.proposed_at, decided_by=record.decided_by,
        decided_at=record.decided_at, comment=record.comment, may_decide=Proposals.may_decide(caller, record),
    )  # fmt: skip
