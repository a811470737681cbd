"""The one way to tell people something; on ``app.state.notifier``."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.settings import NotificationSettings
from parksight.notifications import words
from parksight.notifications.chains import Chains, new_key
from parksight.notifications.channels.base import GROUP
from parksight.notifications.events import DeliveriesQueued, NoticePosted
from parksight.notifications.models import (
    QUEUED,
    SUPPRESSED,
    Channel,
    Delivery,
    InboxItem,
    NoticeRow,
    Preference,
)
from parksight.notifications.notice import Notice
from parksight.notifications.recipients import Told, resolve

#: First number of the PostgreSQL advisory locks that order notices with the same key ("note" in ASCII).
_LOCK = 0x6E6F7465


class Notifier:
    """Writes notices, inbox items and queued deliveries in the caller's unit of work.

    Args:
        clock: time.
        settings: limits.
        chains: which channel is next.
    """

    def __init__(self, clock: Clock, settings: NotificationSettings, chains: Chains) -> None:
        self._clock, self._settings, self._chains = clock, settings, chains

    def notify(self, session: Session, notice: Notice) -> int:
        """Tell people. What is rolled back tells nobody.

        Returns:
            Key of the notice; that of the earlier one when this repeats it within ``dedupe_s``.
        """
        now = self._clock.now()
        told = resolve(session, notice, now)
        row = self._repeated(session, notice, now)
        again = row is not None
        if row is None:
            row = self._write(session, notice, now)
        else:
            row.times += 1
            row.last_at = now
        queued = self._inbox(session, row, told, now)
        if not again:
            queued += self._groups(session, row, notice, now)
        session.flush()
        if told:
            emit(
                session,
                NoticePosted(
                    notice_id=row.id, kind=row.kind, priority=row.priority, users=tuple(t.user.id for t in told),
                    titles=words.in_all(row.title), page=row.page, again=again,
                ),
            )  # fmt: skip
        if queued:
            emit(session, DeliveriesQueued())
        return row.id

    def _repeated(self, session: Session, notice: Notice, now: datetime) -> NoticeRow | None:
        if notice.dedupe_key is None or not self._settings.dedupe_s:
            return None
        if session.get_bind().dialect.name == "postgresql":
            number = zlib.crc32(notice.dedupe_key.encode()) - 2**31
            session.execute(text("SELECT pg_advisory_xact_lock(:a, :b)"), {"a": _LOCK, "b": number})
        found: NoticeRow | None = session.scalar(
            select(NoticeRow)
            .where(
                NoticeRow.dedupe_key == notice.dedupe_key[:200], NoticeRow.kind == notice.kind,
                NoticeRow.created_at > now - timedelta(seconds=self._settings.dedupe_s),
                # A repetition that is more urgent than what was sent is news.
                NoticeRow.priority <= notice.priority,
            )
            .order_by(NoticeRow.id.desc())
            .limit(1)
        )  # fmt: skip
        return found

    @staticmethod
    def _write(session: Session, notice: Notice, now: datetime) -> NoticeRow:
        subject = notice.subject or (None, None)
        row = NoticeRow(
            kind=notice.kind, priority=notice.priority, title=words.frozen(notice.title),
            body=words.frozen(notice.body) if notice.body is not None else None, subject_kind=subject[0],
            subject_id=subject[1], page=notice.page, enterprise_id=notice.enterprise_id,
            dedupe_key=notice.dedupe_key[:200] if notice.dedupe_key else None, created_at=now, last_at=now,
            expires_at=notice.expires_at,
        )  # fmt: skip
        session.add(row)
        session.flush()
        return row

    def _inbox(self, session: Session, row: NoticeRow, told: list[Told], now: datetime) -> int:
        """Items for everybody who has none yet, with their first channel; a repetition makes a read one unread."""
        there = {
            i.user_id: i for i in session.scalars(select(InboxItem).where(InboxItem.notice_id == row.id))
        }
        ids = [t.user.id for t in told]
        wishes: dict[int, Preference] = {}
        for start in range(0, len(ids), 500):
            part = select(Preference).where(Preference.user_id.in_(ids[start : start + 500]))
            wishes.update({p.user_id: p for p in session.scalars(part)})
        queued = 0
        for person in told:
            known = there.get(person.user.id)
            if known is not None:
                known.read_at = None
                continue
            item = InboxItem(
                notice_id=row.id, user_id=person.user.id, why=words.frozen(person.why), urgent=person.on_duty,
                chain=self._chains.chain_for(wishes.get(person.user.id), row.priority), step=0, created_at=now,
            )  # fmt: skip
            session.add(item)
            session.flush()
            queued += self._chains.advance(session, item, row, now) is not None
        return queued

    def _groups(self, session: Session, row: NoticeRow, notice: Notice, now: datetime) -> int:
        """One message to each group whose posts are addressed. Groups are the zone's: enterprise matters stay out
        unless the group names the post, and what is meant for persons by name stays with them."""
        if all(r.kind == "user" for r in notice.recipients):
            return 0
        posts = {str(r.value) for r in notice.recipients if r.kind == "post"}
        channels = session.scalars(
            select(Channel).where(
                Channel.kind.in_(GROUP), Channel.enabled, Channel.max_priority >= row.priority
            )
        ).all()
        queued = 0
        for channel in channels:
            if not (posts & set(channel.posts) if channel.posts else row.enterprise_id is None):
                continue
            full = self._chains.full(session, row.priority)
            session.add(
                Delivery(
                    notice_id=row.id, channel_id=channel.id, kind=channel.kind, enterprise_id=row.enterprise_id,
                    priority=row.priority, state=SUPPRESSED if full else QUEUED,
                    reason="queue_full" if full else None, idempotency_key=new_key(), created_at=now,
                    next_at=None if full else now,
                )
            )  # fmt: skip
            queued += not full
        return queued
