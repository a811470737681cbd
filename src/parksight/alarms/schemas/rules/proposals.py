"""Changes of rules that a second person has to approve."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from parksight.alarms.schemas.common import Reason, RecordId, Remark
from parksight.alarms.schemas.rules.rule import RuleIn

__all__ = ["BatchOut", "DecisionIn", "ProposalIn", "ProposalState", "RuleProposalOut"]

ProposalState = Literal["open", "approved", "rejected", "withdrawn", "outdated"]


class ProposalIn(BaseModel):
    """A rule as it shall be: a new one, or the next version of ``rule_id`` as seen at ``base_version``."""

    model_config = ConfigDict(extra="forbid")

    rule_id: RecordId | None = None
    base_version: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    rule: RuleIn
    reason: Reason
    tuning_id: Annotated[str | None, Field(max_length=40)] = Field(
        None, description="replay that shows what the change brings"
    )


class DecisionIn(BaseModel):
    """A person's word on a proposal; a rejection needs a comment."""

    model_config = ConfigDict(extra="forbid")

    comment: Remark = ""


class RuleProposalOut(BaseModel):
    """A proposal and what became of it.

    Attributes:
        content: the rule as it shall be.
        before: the version in force when it was made, None for a new rule.
        changed: names of what differs.
        batch_id: proposals of one import share it.
        tuning: summary of the replay it rests on.
        state: ``outdated``: the rule was changed otherwise meanwhile.
        may_decide: whether the caller may approve or reject it.
    """

    id: int
    rule_id: int | None
    code: str
    base_version: int | None
    content: dict[str, Any]
    before: dict[str, Any] | None
    changed: list[str]
    reason: str
    state: ProposalState
    enterprise_id: int | None
    batch_id: str | None
    tuning: dict[str, Any] | None
    proposed_by: str
    proposed_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    comment: str
    may_decide: bool


class BatchOut(BaseModel):
    """What became of a batch: rows decided, and those that were outdated meanwhile."""

    batch_id: str
    decided: int
    outdated: int
