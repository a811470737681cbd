"""A person's inbox, wishes and browsers; everything here is one's own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.errors import conflict, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import NotificationSettings
from parksight.notifications import words
from parksight.notifications.channels import webpush
from parksight.notifications.channels.base import url_allowed
from parksight.notifications.events import InboxRead
from parksight.notifications.models import (
    Channel,
    Delivery,
    InboxItem,
    NoticeRow,
    Preference,
    PushSubscription,
)
from parksight.notifications.schemas import DeliveryBrief, InboxCount, ItemOut, PreferenceIn, PushIn, ReadIn


def mine(caller: Caller) -> int:
    """The person whose inbox it is; devices and the system have none."""
    if caller.id is None or caller.kind not in ("user", "token"):
        raise not_found("notifications.inbox", "-")
    return caller.id


def items(caller: Caller) -> Select[Any, Any]:
    """One's own items whose enterprise one may still see: rights may have changed since."""
    statement: Select[Any, Any] = (
        select(InboxItem, NoticeRow)
        .join(NoticeRow, NoticeRow.id == InboxItem.notice_id)
        .where(InboxItem.user_id == mine(caller))
    )
    if caller.enterprises is None:
        return statement
    seen = NoticeRow.enterprise_id.in_(caller.enterprises) | NoticeRow.enterprise_id.is_(None)
    return statement.where(seen)


def count(session: Session, caller: Caller) -> InboxCount:
    unread = items(caller).where(InboxItem.read_at.is_(None))
    rows = session.execute(
        unread.with_only_columns(NoticeRow.priority, func.count()).group_by(NoticeRow.priority)
    )
    by = {str(priority): int(number) for priority, number in rows}
    return InboxCount(unread=sum(by.values()), by_priority=by)


def shown(session: Session, rows: Sequence[tuple[InboxItem, NoticeRow]], language: str) -> list[ItemOut]:
    """Items in a language, with how the channels fared."""
    ways: dict[int, list[DeliveryBrief]] = {item.id: [] for item, _ in rows}
    for d in session.scalars(select(Delivery).where(Delivery.item_id.in_(list(ways))).order_by(Delivery.id)):
        brief = DeliveryBrief(kind=d.kind, state=d.state, reason=d.reason, at=d.sent_at or d.created_at)
        ways[d.item_id or 0].append(brief)
    return [
        ItemOut(
            id=item.id, notice_id=notice.id, kind=notice.kind, priority=notice.priority,
            title=words.spoken(notice.title, language),
            body=words.spoken(notice.body, language) if notice.body else "", why=words.spoken(item.why, language),
            subject_kind=notice.subject_kind, subject_id=notice.subject_id, page=notice.page,
            enterprise_id=notice.enterprise_id, times=notice.times, created_at=item.created_at,
            last_at=notice.last_at, read_at=item.read_at, deliveries=ways[item.id],
        )
        for item, notice in rows
    ]  # fmt: skip


class Inbox:
    """
    Args:
        clock: time.
        settings: hosts of browser push and how many browsers a person may have.
        sealer: seals what browsers gave.
    """

    def __init__(self, clock: Clock, settings: NotificationSettings, sealer: Sealer) -> None:
        self._clock, self._settings, self._sealer = clock, settings, sealer

    def read(self, session: Session, caller: Caller, body: ReadIn) -> int:
        """Mark items as read; how many were not yet. No channel is tried for them any more."""
        if not body.ids and body.up_to is None:
            raise invalid("notifications.read_what", "/ids")
        wanted = InboxItem.id.in_(body.ids) if body.ids else InboxItem.id <= body.up_to
        changed = session.execute(
            update(InboxItem)
            .where(InboxItem.user_id == mine(caller), InboxItem.read_at.is_(None), wanted)
            .values(read_at=self._clock.now(), next_channel_at=None)
            .returning(InboxItem.id)
        ).all()
        if changed:
            emit(session, InboxRead(user_id=mine(caller)))
        return len(changed)

    def unread(self, session: Session, caller: Caller, item_id: int) -> None:
        """Put one back among the unread."""
        row = session.scalar(
            select(InboxItem).where(InboxItem.id == item_id, InboxItem.user_id == mine(caller))
        )
        if row is None:
            raise not_found("notifications.item", item_id)
        row.read_at = None
        emit(session, InboxRead(user_id=mine(caller)))

    def prefer(self, session: Session, caller: Caller, body: PreferenceIn) -> Preference:
        """Keep somebody's wishes.

        Raises:
            ProblemError: 409 when they were changed in another window.
        """
        user_id = mine(caller)
        row = session.get(Preference, user_id)
        present = row.version if row is not None else 0
        if present != body.version:
            raise conflict("kernel.stale_version", seen=body.version, present=present)
        values = body.model_dump(exclude={"version"})
        before = {k: getattr(row, k) for k in values} if row is not None else None
        if row is None:
            row = Preference(user_id=user_id, version=0, updated_at=self._clock.now(), **values)
            session.add(row)
        for key, value in values.items():
            setattr(row, key, value)
        row.version = present + 1
        row.updated_at = self._clock.now()
        session.flush()
        audit.record(
            session, caller, action="notifications.preference.update", subject=("user", user_id), before=before,
            after=values,
        )  # fmt: skip
        return row

    def subscribe(self, session: Session, caller: Caller, body: PushIn, agent: str) -> PushSubscription:
        """Keep what a browser gave. A browser that somebody else used before is theirs no more.

        Raises:
            ProblemError: 409 push is off; 422 its host is not listed, or it is no subscription.
        """
        user_id = mine(caller)
        if not self._settings.web_push or vapid(session) is None:
            raise conflict("notifications.push.off")
        host = urlsplit(body.endpoint).hostname or ""
        if not url_allowed(self._settings.hosts, body.endpoint):
            raise invalid("notifications.host_not_allowed", "/endpoint", host=host)
        if not webpush.usable(body.endpoint, body.keys.p256dh, body.keys.auth):
            raise invalid("notifications.push.unusable", "/keys")
        digest = hashlib.sha256(body.endpoint.encode()).hexdigest()
        session.execute(delete(PushSubscription).where(PushSubscription.endpoint_hash == digest))
        old = session.scalars(
            select(PushSubscription.id)
            .where(PushSubscription.user_id == user_id)
            .order_by(PushSubscription.id.desc())
            .offset(self._settings.push_per_user - 1)
        ).all()
        session.execute(delete(PushSubscription).where(PushSubscription.id.in_(old)))
        content = {"endpoint": body.endpoint, "p256dh": body.keys.p256dh, "auth": body.keys.auth}
        row = PushSubscription(
            user_id=user_id, endpoint_hash=digest, host=host, sealed=self._sealer.seal(json.dumps(content)),
            agent=agent[:200], created_at=self._clock.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session, caller, action="notifications.push.subscribe", subject=("user", user_id), after={"host": host}
        )  # fmt: skip
        return row

    def unsubscribe(self, session: Session, caller: Caller, subscription_id: int) -> None:
        row = session.scalar(
            select(PushSubscription).where(
                PushSubscription.id == subscription_id, PushSubscription.user_id == mine(caller)
            )
        )
        if row is None:
            raise not_found("notifications.push", subscription_id)
        session.delete(row)
        audit.record(
            session, caller, action="notifications.push.unsubscribe", subject=("user", row.user_id),
            before={"host": row.host},
        )  # fmt: skip


def vapid(session: Session) -> Channel | None:
    """The channel of browser push that is in use."""
    found: Channel | None = session.scalar(
        select(Channel)
        .where(Channel.kind == "web_push", Channel.enabled)
        .order_by(Channel.rank, Channel.id)
        .limit(1)
    )
    return found
