"""Changes that need a second person: proposed, decided, and in force only then."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.orm import Session

from parksight.alarms.events import ProposalsChanged
from parksight.alarms.models import Proposal, Rule
from parksight.alarms.rules import writing
from parksight.alarms.rules.targets import Settled
from parksight.alarms.rules.writing import Authority
from parksight.alarms.schemas import ProposalIn, RuleIn
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point

Settle = Callable[[Session, Caller, RuleIn], tuple[str, Settled, dict[str, Any]]]


class Proposals:
    """Use cases of proposals.

    Args:
        clock: stamps.
        settle: a rule as the tables would keep it.
    """

    def __init__(self, clock: Clock, settle: Settle) -> None:
        self.clock = clock
        self._settle = settle

    def propose(
        self, session: Session, caller: Caller, data: ProposalIn, tuning: dict[str, Any] | None = None
    ) -> Proposal:  # fmt: skip
        """Ask for a new rule or the next version of one.

        Args:
            tuning: summary of the replay the proposal rests on.

        Raises:
            ProblemError: 404 no such rule; 409 it was changed meanwhile, or the code is taken; 422 nothing new.
        """
        code, settled, content = self._settle(session, caller, data.rule)
        rule = None
        if data.rule_id is None:
            writing.code_is_free(session, code)
        else:
            rule = writing.get(session, caller, data.rule_id)
            if data.base_version is not None and rule.version != data.base_version:
                raise conflict("alarms.rule.changed_meanwhile", seen=data.base_version, current=rule.version)
            if rule.target["kind"] == "point" and rule.target != settled.target:
                raise invalid("alarms.rule.other_point", "/rule/target", value=rule.code)
            code = rule.code
            if not writing.differences(rule, content):
                raise invalid("alarms.proposal.nothing_new", "/rule")
        made = self.add(
            session, caller, rule, code, settled.enterprise_id, content, data.reason, tuning=tuning
        )
        session.flush()
        audit.record(
            session, caller, action="alarms.proposal.create", subject=("alarm_rule_proposal", made.id),
            after={"rule_id": made.rule_id, "code": code, "reason": data.reason, **content},
        )  # fmt: skip
        emit(session, ProposalsChanged(count=1))
        return made

    def add(
        self, session: Session, caller: Caller, rule: Rule | None, code: str, enterprise_id: int | None,
        content: dict[str, Any], reason: str, *, batch_id: str | None = None, tuning: dict[str, Any] | None = None,
    ) -> Proposal:  # fmt: skip
        """Put a checked proposal on the list; the caller writes the audit entry."""
        made = Proposal(
            rule_id=None if rule is None else rule.id, code=code, content=content, reason=reason, batch_id=batch_id,
            base_version=None if rule is None else rule.version, enterprise_id=enterprise_id, tuning=tuning,
            proposed_by_id=caller.id, proposed_by=caller.name, proposed_at=self.clock.now(),
        )  # fmt: skip
        session.add(made)
        return made

    def get(self, session: Session, caller: Caller, proposal_id: int) -> Proposal:
        """One proposal, 404 when it is not the caller's to see."""
        statement = caller.scoped(select(Proposal).where(Proposal.id == proposal_id), Proposal.enterprise_id)
        found: Proposal | None = session.scalar(statement)
        if found is None:
            raise not_found("alarms.proposal", proposal_id)
        return found

    @staticmethod
    def may_decide(caller: Caller, proposal: Proposal) -> bool:
        """A second person: with the permission, and not the one who proposed it."""
        same = caller.id == proposal.proposed_by_id
        return proposal.state == "open" and not same and caller.may("alarms.rule.approve")

    def approve(self, session: Session, caller: Caller, proposal_id: int, comment: str) -> Proposal:
        """Bring a proposal into force as the next version.

        Raises:
            ProblemError: 409 decided already, outdated, or proposed by the caller.
        """
        proposal = self.get(session, caller, proposal_id)
        self._decide(session, caller, proposal, "approved", comment)
        if not self._enact(session, caller, proposal):
            raise conflict("alarms.proposal.outdated", value=proposal.code)
        return proposal

    def reject(self, session: Session, caller: Caller, proposal_id: int, comment: str) -> Proposal:
        """Refuse a proposal; the comment says why."""
        if not comment:
            raise invalid("alarms.proposal.comment_missing", "/comment")
        proposal = self.get(session, caller, proposal_id)
        self._decide(session, caller, proposal, "rejected", comment)
        return proposal

    def withdraw(self, session: Session, caller: Caller, proposal_id: int, comment: str) -> Proposal:
        """Take one's own proposal back."""
        proposal = self.get(session, caller, proposal_id)
        if caller.id != proposal.proposed_by_id:
            raise conflict("alarms.proposal.not_yours", by=proposal.proposed_by)
        self._decide(session, caller, proposal, "withdrawn", comment)
        return proposal

    def decide_batch(
        self, session: Session, caller: Caller, batch_id: str, comment: str, *, approve: bool
    ) -> tuple[int, int]:  # fmt: skip
        """Decide all open proposals of one import; returns how many were decided and how many were outdated.

        Raises:
            ProblemError: 404 no open proposal of that batch; 409 proposed by the caller; 422 rejected without a comment.
        """
        if not approve and not comment:
            raise invalid("alarms.proposal.comment_missing", "/comment")
        statement = select(Proposal).where(Proposal.batch_id == batch_id, Proposal.state == "open")
        rows = list(session.scalars(caller.scoped(statement, Proposal.enterprise_id).order_by(Proposal.id)))
        if not rows:
            raise not_found("alarms.proposal", batch_id)
        outdated = 0
        for proposal in rows:
            self._decide(session, caller, proposal, "approved" if approve else "rejected", comment)
            if approve and not self._enact(session, caller, proposal):
                proposal.state = "outdated"
                outdated += 1
        return len(rows) - outdated, outdated

    def _decide(self, session: Session, caller: Caller, proposal: Proposal, state: str, comment: str) -> None:
        if state in ("approved", "rejected"):
            caller.require("alarms.rule.approve")
            if caller.id == proposal.proposed_by_id:
                raise conflict("alarms.proposal.same_person", by=proposal.proposed_by)
        change = {
            "state": state, "decided_by_id": caller.id, "decided_by": caller.name, "decided_at": self.clock.now(),
            "comment": comment,
        }  # fmt: skip
        # Conditional on the row as it is: of two people who decide at once, one is the first.
        done = session.execute(
            update(Proposal).where(Proposal.id == proposal.id, Proposal.state == "open").values(**change)
        )
        if not isinstance(done, CursorResult) or done.rowcount != 1:
            session.refresh(proposal)
            raise conflict("alarms.proposal.decided", state=proposal.state, by=proposal.decided_by)
        session.refresh(proposal)
        audit.record(
            session, caller, action=f"alarms.proposal.{state}", subject=("alarm_rule_proposal", proposal.id),
            before={"state": "open"}, after={"state": state, "comment": comment},
        )  # fmt: skip
        emit(session, ProposalsChanged(count=1))

    def _enact(self, session: Session, caller: Caller, proposal: Proposal) -> bool:
        """False when the rule has moved on since, or the code was taken."""
        authority = Authority(
            "approved", proposal.proposed_by_id, proposal.proposed_by, proposal.reason, caller.id, caller.name, proposal.id,
        )  # fmt: skip
        now = self.clock.now()
        if proposal.rule_id is None:
            if session.scalar(select(Rule.id).where(Rule.code == proposal.code)) is not None:
                return False
            settled = _settled(session, proposal)
            rule = writing.make(session, caller, proposal.code, settled, proposal.content, now, authority)
            proposal.rule_id = rule.id
            return True
        rule_now = session.get(Rule, proposal.rule_id)
        if rule_now is None or rule_now.version != proposal.base_version:
            return False
        changed = writing.differences(rule_now, proposal.content)
        if changed:
            writing.change(session, caller, rule_now, changed, now, authority)
        return True


def _settled(session: Session, proposal: Proposal) -> Settled:
    target = proposal.content["target"]
    point = session.get(Point, target["point_id"]) if target["kind"] == "point" else None
    return Settled(target, point, proposal.enterprise_id, "")


def open_counts(session: Session, rule_ids: Iterable[int]) -> dict[int, int]:
    """Open proposals by rule."""
    statement = select(Proposal.rule_id, func.count()).where(
        Proposal.state == "open", Proposal.rule_id.in_(list(rule_ids))
    )
    rows = session.execute(statement.group_by(Proposal.rule_id))
    return {rule_id: count for rule_id, count in rows if rule_id is not None}
