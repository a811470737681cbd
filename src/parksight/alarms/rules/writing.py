"""How a version of a rule comes into force; every way leads through here, into the audit chain and onto the bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from parksight.alarms.events import RulesChanged
from parksight.alarms.models import CONTENT, Rule, RuleVersion
from parksight.alarms.rules.content import kind_of
from parksight.alarms.rules.targets import Settled
from parksight.kernel import audit
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, not_found
from parksight.kernel.permissions import Caller


@dataclass(frozen=True, slots=True)
class Authority:
    """On whose word a version comes into force.

    Attributes:
        how: ``commissioning``, ``approved`` or ``emergency``.
        by_id: who asked for it.
        approved_by: the second person, for ``approved``.
    """

    how: str
    by_id: int | None
    by_name: str
    reason: str = ""
    approved_by_id: int | None = None
    approved_by: str | None = None
    proposal_id: int | None = None

    @classmethod
    def commissioning(cls, caller: Caller) -> Authority:
        return cls("commissioning", caller.id, caller.name)

    @classmethod
    def emergency(cls, caller: Caller, reason: str) -> Authority:
        return cls("emergency", caller.id, caller.name, reason)


def get(session: Session, caller: Caller, rule_id: int) -> Rule:
    """One rule, 404 when it is not the caller's to see."""
    rule: Rule | None = session.scalar(
        caller.scoped(select(Rule).where(Rule.id == rule_id), Rule.enterprise_id)
    )
    if rule is None:
        raise not_found("alarms.rule", rule_id)
    return rule


def in_commissioning(rule: Rule, now: datetime, days: int) -> bool:
    """Whether changes of a rule still take effect without a second person."""
    return not rule.approved and now - rule.created_at <= timedelta(days=days)


def differences(rule: Rule, content: Mapping[str, Any]) -> dict[str, Any]:
    """What of ``content`` is not so yet."""
    return {name: value for name, value in content.items() if getattr(rule, name) != value}


def code_is_free(session: Session, code: str) -> None:
    """Raises 409 when a rule has this code."""
    if session.scalar(select(Rule.id).where(Rule.code == code)) is not None:
        raise conflict("alarms.rule.taken", value=code)


def make(
    session: Session, caller: Caller, code: str, settled: Settled, content: dict[str, Any], now: datetime,
    authority: Authority,
) -> Rule:  # fmt: skip
    """The first version of a rule; its code must be free."""
    rule = Rule(**row_of(code, settled, content, now), approved=authority.how != "commissioning")
    session.add(rule)
    session.flush()
    keep(session, [rule], authority)
    audit.record(
        session, caller, action="alarms.rule.create", subject=("alarm_rule", rule.id),
        after={"code": code, "how": authority.how, "reason": authority.reason, **content},
    )  # fmt: skip
    emit(session, RulesChanged(count=1))
    return rule


def row_of(code: str, settled: Settled, content: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Columns of a new rule, but for ``approved``."""
    return {
        "code": code, "kind": kind_of(content["definition"]), "version": 1, "created_at": now, "updated_at": now,
        "point_id": None if settled.point is None else settled.point.id, "enterprise_id": settled.enterprise_id,
        **content,
    }  # fmt: skip


def change(
    session: Session, caller: Caller, rule: Rule, changed: dict[str, Any], now: datetime, authority: Authority
) -> None:  # fmt: skip
    """The next version of a rule; ``changed`` must not be empty."""
    before = {name: getattr(rule, name) for name in changed}
    apply(rule, changed, now, authority)
    session.flush()
    keep(session, [rule], authority)
    audit.record(
        session, caller, action="alarms.rule.update", subject=("alarm_rule", rule.id), before=before,
        after={"how": authority.how, "reason": authority.reason, **changed},
    )  # fmt: skip
    emit(session, RulesChanged(count=1))


def apply(rule: Rule, changed: dict[str, Any], now: datetime, authority: Authority) -> None:
    """Set the columns of the next version; the caller keeps it (:func:`keep`)."""
    for name, value in changed.items():
        setattr(rule, name, value)
    rule.kind = kind_of(rule.definition)
    rule.version += 1
    rule.updated_at = now
    rule.approved = rule.approved or authority.how != "commissioning"


def keep(session: Session, rules: Iterable[Rule], authority: Authority) -> None:
    """Keep the versions in which rules stand now, for ever."""
    rows = [
        {
            "rule_id": rule.id, "version": rule.version, "at": rule.updated_at, "how": authority.how,
            "reason": authority.reason, "by_id": authority.by_id, "by_name": authority.by_name,
            "approved_by_id": authority.approved_by_id, "approved_by": authority.approved_by,
            "proposal_id": authority.proposal_id, **{name: getattr(rule, name) for name in CONTENT},
        }
        for rule in rules
    ]  # fmt: skip
    if rows:
        session.execute(insert(RuleVersion), rows)
