"""From an inbox item to its deliveries: which channel is next, and whether it may be used now.

The inbox itself is always served. The other channels a person chose for a priority are tried one after another: the
next one when the one before failed, or when the notice is still unread after ``fallback_s``.
"""

from __future__ import annotations

import secrets
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.kernel.settings import NotificationSettings
from parksight.notifications.models import (
    QUEUED,
    SENDING,
    SENT,
    SUPPRESSED,
    Channel,
    Delivery,
    InboxItem,
    NoticeRow,
    Preference,
)
from parksight.notifications.quiet import quiet_until

#: What somebody who chose nothing gets: urgent matters leave the house, the rest waits in the inbox.
DEFAULT_CHAINS: dict[str, list[str]] = {
    "1": ["web_push", "sms", "email"], "2": ["web_push", "email"], "3": ["web_push"], "4": []
}  # fmt: skip


def new_key() -> str:
    """An idempotency key."""
    return secrets.token_urlsafe(24)


class Chains:
    """
    Args:
        settings: limits.
        zone: civil time zone of quiet hours.
    """

    def __init__(self, settings: NotificationSettings, zone: ZoneInfo) -> None:
        self._settings, self._zone = settings, zone

    def chain_for(self, preference: Preference | None, priority: int) -> list[str]:
        chosen = preference.channels.get(str(priority)) if preference is not None else None
        return list(chosen if chosen is not None else DEFAULT_CHAINS[str(priority)])

    def advance(self, session: Session, item: InboxItem, notice: NoticeRow, now: datetime) -> Delivery | None:
        """Begin the next channel of an item; the queued delivery, or None when the chain is at its end.

        A channel that cannot be used is written down as suppressed with the reason, and the one after it is begun.
        """
        while item.step < len(item.chain):
            kind = item.chain[item.step]
            item.step += 1
            channel = self.channel(session, kind, notice.priority)
            if channel is None:  # nothing of the kind is set up: no news for anybody
                continue
            delivery = Delivery(
                notice_id=notice.id, item_id=item.id, user_id=item.user_id, channel_id=channel.id, kind=kind,
                enterprise_id=notice.enterprise_id, priority=notice.priority, state=QUEUED,
                idempotency_key=new_key(), created_at=now, next_at=now,
            )  # fmt: skip
            reason = self._obstacle(session, item, notice, kind, now)
            session.add(delivery)
            if reason is not None:
                delivery.state, delivery.reason, delivery.next_at = SUPPRESSED, reason, None
                continue
            until = self._quiet(session, item, notice.priority, now)
            if until is not None:
                if notice.expires_at is not None and notice.expires_at <= until:
                    delivery.state, delivery.reason, delivery.next_at = SUPPRESSED, "quiet_hours", None
                    item.next_channel_at = None
                    return None
                delivery.reason, delivery.next_at = "quiet_hours", until
            patience = self._settings.fallback_s[notice.priority - 1]
            more = item.step < len(item.chain) and patience > 0
            item.next_channel_at = (until or now) + timedelta(seconds=patience) if more else None
            return delivery
        item.next_channel_at = None
        return None

    @staticmethod
    def channel(session: Session, kind: str, priority: int) -> Channel | None:
        """The first usable channel of a kind."""
        found: Channel | None = session.scalar(
            select(Channel)
            .where(Channel.kind == kind, Channel.enabled, Channel.max_priority >= priority)
            .order_by(Channel.rank, Channel.id)
            .limit(1)
        )
        return found

    def full(self, session: Session, priority: int) -> bool:
        """Whether the queue takes no more; priority 1 always has room."""
        if priority == 1:
            return False
        waiting = session.scalar(select(func.count()).where(Delivery.state == QUEUED)) or 0
        return waiting >= self._settings.max_queued

    def _obstacle(
        self, session: Session, item: InboxItem, notice: NoticeRow, kind: str, now: datetime
    ) -> str | None:
        if self.full(session, notice.priority):
            return "queue_full"
        limit = self._settings.rate_per_hour * (3 if notice.priority == 1 else 1)
        recent = session.scalar(
            select(func.count()).where(
                Delivery.user_id == item.user_id, Delivery.kind == kind,
                Delivery.created_at > now - timedelta(hours=1), Delivery.state.in_((QUEUED, SENDING, SENT)),
            )
        )  # fmt: skip
        return "rate_limited" if (recent or 0) >= limit else None

    def _quiet(self, session: Session, item: InboxItem, priority: int, now: datetime) -> datetime | None:
        """When the person's quiet hours end; None when they do not hold: priority 1, on duty, or not set."""
        if priority == 1 or item.urgent:
            return None
        preference = session.get(Preference, item.user_id)
        if preference is None or not preference.quiet_from or not preference.quiet_until:
            return None
        start, end = time.fromisoformat(preference.quiet_from), time.fromisoformat(preference.quiet_until)
        return quiet_until(now, start, end, self._zone)
