"""Tables of notifications: what was said, who has it in the inbox, and every try to reach them.

A notice and its deliveries are written in the unit of work of whoever notifies, so they exist exactly when the change
they tell of does. The worker sends what is committed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from parksight.kernel.append_only import append_only
from parksight.kernel.db import Base

QUEUED, SENDING, SENT, FAILED, SUPPRESSED = "queued", "sending", "sent", "failed", "suppressed"


class NoticeRow(Base):
    """A notice; ``times`` counts repetitions with the same ``dedupe_key`` until ``last_at``."""

    __tablename__ = "notifications_notice"
    __table_args__ = (Index("ix_notifications_notice_key", "dedupe_key", "created_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), index=True)
    priority: Mapped[int] = mapped_column(Integer)
    title: Mapped[dict[str, Any]]
    body: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    subject_kind: Mapped[str | None] = mapped_column(String(40), default=None)
    subject_id: Mapped[str | None] = mapped_column(String(80), default=None)
    page: Mapped[str | None] = mapped_column(String(400), default=None)
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    dedupe_key: Mapped[str | None] = mapped_column(String(200), default=None)
    times: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(index=True)
    last_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)


class InboxItem(Base):
    """A notice in somebody's inbox.

    Attributes:
        why: text (key and params) that tells them why they were notified.
        chain: channel kinds to try one after another; ``step`` is how many were begun.
        next_channel_at: when the next one is due unless it is read by then; None: none is.
    """

    __tablename__ = "notifications_item"
    __table_args__ = (
        UniqueConstraint("notice_id", "user_id"),
        Index("ix_notifications_item_inbox", "user_id", "read_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(ForeignKey("notifications_notice.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"))
    why: Mapped[dict[str, Any]]
    urgent: Mapped[bool] = mapped_column(Boolean, default=False)
    chain: Mapped[list[str]] = mapped_column(default=list)
    step: Mapped[int] = mapped_column(Integer, default=0)
    next_channel_at: Mapped[datetime | None] = mapped_column(index=True, default=None)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None] = mapped_column(default=None)


class Channel(Base):
    """A way out of the house, set up by administrators; secrets are sealed.

    Attributes:
        kind: ``email``, ``sms``, ``web_push``, ``wecom``, ``dingtalk``, ``feishu`` or ``relay``.
        posts: group channels only: posts whose notices go there; empty: all.
        max_priority: least urgent priority that is sent here.
        rank: of several of one kind the lowest is used first.
    """

    __tablename__ = "notifications_channel"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(120), default="")
    kind: Mapped[str] = mapped_column(String(16), index=True)
    config: Mapped[dict[str, Any]]
    secret: Mapped[str | None] = mapped_column(Text, default=None)
    posts: Mapped[list[str]] = mapped_column(default=list)
    language: Mapped[str] = mapped_column(String(16), default="zh-CN")
    max_priority: Mapped[int] = mapped_column(Integer, default=4)
    rank: Mapped[int] = mapped_column(Integer, default=100)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Delivery(Base):
    """One message by one channel to one person or (``item_id`` None) group.

    Attributes:
        state: ``queued``, ``sending`` (claimed), ``sent`` (the channel took it), ``failed`` or ``suppressed``.
        reason: code of why it failed, waits or was not sent.
        idempotency_key: the same at every try; the channel can tell a repetition by it.
        claimed_by: random mark of the sender that has it; its lease ends some time after ``claimed_at``.
    """

    __tablename__ = "notifications_delivery"
    __table_args__ = (
        Index("ix_notifications_delivery_due", "state", "next_at"),
        Index("ix_notifications_delivery_rate", "user_id", "kind", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    notice_id: Mapped[int] = mapped_column(
        ForeignKey("notifications_notice.id", ondelete="CASCADE"), index=True
    )
    item_id: Mapped[int | None] = mapped_column(
        ForeignKey("notifications_item.id", ondelete="CASCADE"), index=True, default=None
    )
    user_id: Mapped[int | None] = mapped_column(default=None)
    channel_id: Mapped[int | None] = mapped_column(
        ForeignKey("notifications_channel.id"), index=True, default=None
    )
    kind: Mapped[str] = mapped_column(String(16))
    enterprise_id: Mapped[int | None] = mapped_column(index=True, default=None)
    priority: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16), default=QUEUED)
    reason: Mapped[str | None] = mapped_column(String(64), default=None)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime]
    next_at: Mapped[datetime | None] = mapped_column(default=None)
    claimed_by: Mapped[str | None] = mapped_column(String(32), default=None)
    claimed_at: Mapped[datetime | None] = mapped_column(default=None)
    sent_at: Mapped[datetime | None] = mapped_column(default=None)


class Attempt(Base):
    """One try of a delivery and what came of it."""

    __tablename__ = "notifications_attempt"

    id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(index=True)
    at: Mapped[datetime]
    outcome: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(64), default=None)
    detail: Mapped[str] = mapped_column(String(400), default="")
    ms: Mapped[int] = mapped_column(Integer, default=0)


class Preference(Base):
    """What a person wants.

    Attributes:
        channels: priority (``"1"`` to ``"4"``) to channel kinds in order of trial; the inbox is always served.
        quiet_from, quiet_until: civil times ``HH:MM`` of the zone between which only priority 1 leaves the house.
    """

    __tablename__ = "notifications_preference"

    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"), primary_key=True)
    language: Mapped[str | None] = mapped_column(String(16), default=None)
    channels: Mapped[dict[str, Any]]
    quiet_from: Mapped[str | None] = mapped_column(String(5), default=None)
    quiet_until: Mapped[str | None] = mapped_column(String(5), default=None)
    version: Mapped[int] = mapped_column(Integer, default=1)
    updated_at: Mapped[datetime]


class PushSubscription(Base):
    """A browser that agreed to push; what the browser gave is sealed, for whoever has it can write to the person."""

    __tablename__ = "notifications_push_subscription"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("kernel_user.id", ondelete="CASCADE"), index=True)
    endpoint_hash: Mapped[str] = mapped_column(String(64), unique=True)
    host: Mapped[str] = mapped_column(String(255))
    sealed: Mapped[str] = mapped_column(Text)
    agent: Mapped[str] = mapped_column(String(200), default="")
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None] = mapped_column(default=None)


_attempts = Attempt.__table__
assert isinstance(_attempts, Table)
append_only(_attempts)
