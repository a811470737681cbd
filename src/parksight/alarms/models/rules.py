"""Tables of rules: what is demanded now, every version it ever had, and what waits for approval."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.alarms.models.alarms import one_of
from parksight.alarms.models.words import HOWS, PROPOSAL_STATES
from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base


class Content:
    """What every version keeps; :data:`CONTENT` names the columns.

    Attributes:
        target: what is watched, points by id (see ``schemas/rules/target.py``).
        definition: ``signal`` (none: the value itself) and steps ``hh``, ``h``, ``l``, ``ll``, ``on``, ``stale``,
            each with its priority worked out; limits in the signal's unit.
        rationale: consequence, causes, response, who decided (ISA-18.2 rationalisation).
        basis: law, standard and clause, or the plant document the limits come from, as free text.
        never_delay: ``gas`` or ``trip``: takes no on-delay.
        suppression: condition of suppression by design, empty for none.
        post: code of the post that has to act.
        in_service: False: evaluated, but out of service (``service_reason``).
        latching: stays until a person resets it.
    """

    name: Mapped[str] = mapped_column(String(300), default="")
    name_en: Mapped[str] = mapped_column(String(300), default="")
    target: Mapped[dict[str, Any]]
    definition: Mapped[dict[str, Any]]
    rationale: Mapped[dict[str, Any]] = mapped_column(default=dict)
    basis: Mapped[str] = mapped_column(String(300), default="")
    standard: Mapped[str] = mapped_column(String(80), default="")
    clause: Mapped[str] = mapped_column(String(80), default="")
    never_delay: Mapped[str | None] = mapped_column(String(8), default=None)
    suppression: Mapped[str] = mapped_column(Text, default="")
    post: Mapped[str] = mapped_column(String(64), default="")
    in_service: Mapped[bool] = mapped_column(default=True)
    service_reason: Mapped[str] = mapped_column(String(300), default="")
    latching: Mapped[bool] = mapped_column(default=False)
    enabled: Mapped[bool] = mapped_column(default=True)


CONTENT = (
    "name", "name_en", "target", "definition", "rationale", "basis", "standard", "clause", "never_delay", "suppression",
    "post", "in_service", "service_reason", "latching", "enabled",
)  # fmt: skip


class Rule(Content, Base):
    """What is demanded, as it stands now; older versions are in :class:`RuleVersion`.

    Attributes:
        kind: of its signal, ``limit`` for the value itself, ``stale`` where it has no other step.
        point_id: the point, where the target is one; None for classes and places.
        enterprise_id: whose rule it is: the point's or place's owner; None for rules of the zone.
        approved: a version has come into force by approval or in an emergency: commissioning is over.
    """

    __tablename__ = "alarms_rule"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(128), unique=True)
    kind: Mapped[str] = mapped_column(String(12), index=True, default="limit")
    point_id: Mapped[int | None] = mapped_column(Integer, index=True, default=None)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    approved: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class RuleVersion(Content, Base):
    """A rule as it was from ``at`` on, until the next version.

    Attributes:
        how: ``commissioning``, ``approved`` or ``emergency``.
        by_name: who asked for it; ``approved_by`` the second person, None outside of ``approved``.
    """

    __tablename__ = "alarms_rule_version"
    __table_args__ = (
        UniqueConstraint("rule_id", "version"),
        CheckConstraint(one_of("how", HOWS), name="how_known"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int] = mapped_column(ForeignKey("alarms_rule.id"))
    version: Mapped[int] = mapped_column(Integer)
    how: Mapped[str] = mapped_column(String(16), default="commissioning")
    reason: Mapped[str] = mapped_column(Text, default="")
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(default=None)
    by_name: Mapped[str] = mapped_column(String(120))
    approved_by_id: Mapped[int | None] = mapped_column(default=None)
    approved_by: Mapped[str | None] = mapped_column(String(120), default=None)
    proposal_id: Mapped[int | None] = mapped_column(default=None)


append_only(cast(Table, RuleVersion.__table__))


class Proposal(Base):
    """A rule as somebody wants it: a new one (``rule_id`` None) or the next version of one.

    Attributes:
        content: the :data:`CONTENT` it shall have, in the form it would take in the tables.
        base_version: version it was made against; a later one makes it ``outdated``.
        batch_id: proposals of one import, decided together.
        tuning: summary of the replay that came with it.
    """

    __tablename__ = "alarms_rule_proposal"
    __table_args__ = (
        CheckConstraint(one_of("state", PROPOSAL_STATES), name="state_known"),
        Index("ix_alarms_rule_proposal_open", "state", "proposed_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("alarms_rule.id"), index=True, default=None)
    code: Mapped[str] = mapped_column(String(128), index=True)
    base_version: Mapped[int | None] = mapped_column(Integer, default=None)
    content: Mapped[dict[str, Any]]
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    reason: Mapped[str] = mapped_column(Text)
    batch_id: Mapped[str | None] = mapped_column(String(40), index=True, default=None)
    tuning: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    state: Mapped[str] = mapped_column(String(12), default="open")
    proposed_by_id: Mapped[int | None] = mapped_column(default=None)
    proposed_by: Mapped[str] = mapped_column(String(120))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(default=None)
    decided_by: Mapped[str | None] = mapped_column(String(120), default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    comment: Mapped[str] = mapped_column(Text, default="")
