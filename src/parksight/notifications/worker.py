"""Sends what is queued, tries again, falls back, and forgets what is old. One thread and a few senders.

A delivery is claimed in a unit of work of its own before it is tried, and what came of it is recorded in another. So
what is recorded as sent is never sent again, whatever happens; what was on its way when the process died is tried again
after its lease with the same idempotency key (at least once).
"""

from __future__ import annotations

import json
import secrets
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import structlog
from sqlalchemy import delete, select, true, update
from sqlalchemy.orm import Session

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.i18n import LANGUAGES
from parksight.kernel.settings import NotificationSettings
from parksight.notifications import words
from parksight.notifications.chains import Chains
from parksight.notifications.channels.base import Message, Outcome, Setup
from parksight.notifications.channels.dispatch import send
from parksight.notifications.models import (
    FAILED,
    QUEUED,
    SENDING,
    SENT,
    SUPPRESSED,
    Attempt,
    Channel,
    Delivery,
    InboxItem,
    NoticeRow,
    PushSubscription,
)
from parksight.notifications.opening import Opener

log = structlog.get_logger(__name__)
_LONGEST_WAIT_S = 3600
_BATCH = 200
_TIDY_EVERY_S = 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed delivery, ready to be tried."""

    delivery_id: int
    claim: str
    setup: Setup
    message: Message


class Worker:
    """
    Args:
        db: records.
        clock: time.
        settings: limits.
        chains: fallbacks.
        opener: opens channels and addresses.
    """

    def __init__(
        self, db: Database, clock: Clock, settings: NotificationSettings, chains: Chains, opener: Opener
    ) -> None:
        self._db, self._clock, self._settings = db, clock, settings
        self._chains, self._opener = chains, opener
        self.counters: Counter[tuple[str, str]] = Counter()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._tidied = -_TIDY_EVERY_S
        self._under_way: set[Future[None]] = set()

    def wake(self) -> None:
        """There may be something to send; any thread."""
        self._wake.set()

    def start(self) -> None:
        """Begin sending."""
        if self._thread is None:
            self._stopping = False
            if self._db.url.startswith("sqlite"):  # one process owns the file: whoever had a claim is dead
                with self._db.session() as session:
                    self._free_lost(session, everybody=True)
            self._pool = ThreadPoolExecutor(self._settings.senders, thread_name_prefix="notify-send")
            self._thread = threading.Thread(target=self._run, name="notify", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Finish what is on its way, then stop. Idempotent."""
        thread, self._thread = self._thread, None
        self._stopping = True
        self._wake.set()
        if thread is not None:
            thread.join(timeout=60)
        if self._pool is not None:
            self._pool.shutdown(wait=True)
            self._pool = None

    def _run(self) -> None:
        while not self._stopping:
            try:
                busy = self._due() and self._turn()
                self._tidy_sometimes()
            except Exception:
                log.exception("notify_worker_failed")
                busy = False
            if not busy:
                self._wake.wait(self._settings.poll_s)
            self._wake.clear()

    def _due(self) -> bool:
        """Whether there is anything to do; a look that takes no lock, for it happens every second."""
        now = self._clock.now()
        lease = now - timedelta(seconds=self._settings.lease_s)
        with self._db.read() as session:
            for question in (
                select(Delivery.id).where(Delivery.state == QUEUED, Delivery.next_at <= now),
                select(InboxItem.id).where(InboxItem.next_channel_at <= now),
                select(Delivery.id).where(Delivery.state == SENDING, Delivery.claimed_at < lease),
            ):
                if session.scalar(question.limit(1)) is not None:
                    return True
        return False

    def _turn(self) -> bool:
        self.fall_back()
        return self._hand_out()

    def _hand_out(self) -> bool:
        """Fill the free senders; whether there may be more to do at once."""
        assert self._pool is not None
        self._under_way = {f for f in self._under_way if not f.done()}
        free = self._settings.senders - len(self._under_way)
        if free <= 0:
            wait(self._under_way, timeout=self._settings.poll_s, return_when="FIRST_COMPLETED")
            return True
        jobs = self.claim(free)
        for job in jobs:
            self._under_way.add(self._pool.submit(self.work, job))
        return bool(jobs)

    def run_once(self) -> int:
        """Fall back and send everything that is due, in this thread; how many were tried."""
        tried = 0
        self.fall_back()
        while jobs := self.claim(self._settings.senders):
            for job in jobs:
                self.work(job)
            tried += len(jobs)
        return tried

    def claim(self, most: int) -> list[Job]:
        """Take deliveries that are due, the most urgent first; what needs no sending any more is closed on the way."""
        now, jobs = self._clock.now(), list[Job]()
        with self._db.session() as session:
            self._free_lost(session)
            # What is closed on the way may begin the next channel of its chain: look again until there is work.
            while not jobs and (due := self._due_now(session, most)):
                for row in due:
                    job = self._prepare(session, row)
                    if job is not None:
                        row.state, row.claimed_by, row.claimed_at = SENDING, job.claim, now
                        row.attempts += 1
                        jobs.append(job)
                session.flush()
        return jobs

    def _due_now(self, session: Session, most: int) -> Sequence[Delivery]:
        return session.scalars(
            select(Delivery)
            .where(Delivery.state == QUEUED, Delivery.next_at <= self._clock.now())
            .order_by(Delivery.priority, Delivery.id)
            .limit(most)
            .with_for_update(skip_locked=True)
        ).all()

    def _free_lost(self, session: Session, *, everybody: bool = False) -> None:
        """Whose sender has been silent for longer than its lease is due again; so is a claim from the future, which
        a clock that was set back leaves behind."""
        now, lease = self._clock.now(), timedelta(seconds=self._settings.lease_s)
        over = (Delivery.claimed_at <= now - lease) | (Delivery.claimed_at > now + lease)
        lost = session.execute(
            update(Delivery)
            .where(Delivery.state == SENDING, true() if everybody else over)
            .values(state=QUEUED, reason="sender_lost", next_at=now, claimed_by=None)
            .returning(Delivery.id)
        )
        number = len(lost.all())
        if number:
            self.counters["lost", "sender_lost"] += number

    def _prepare(self, session: Session, row: Delivery) -> Job | None:
        notice = session.get(NoticeRow, row.notice_id)
        channel = session.get(Channel, row.channel_id) if row.channel_id is not None else None
        item = session.get(InboxItem, row.item_id) if row.item_id is not None else None
        assert notice is not None  # a foreign key
        now = self._clock.now()
        over = notice.expires_at is not None and notice.expires_at <= now
        if over or (item is not None and item.read_at is not None):
            self._close(session, row, SUPPRESSED, "expired" if over else "read_already", go_on=False)
            return None
        opened = self._open(session, row, channel)
        if isinstance(opened, str):
            self._close(session, row, SUPPRESSED, opened)
            return None
        setup, to = opened
        if row.user_id is not None:
            language = self._opener.language(session, row.user_id)
        else:
            language = channel.language if channel is not None else LANGUAGES[0]
        body = words.spoken(notice.body, language) if notice.body is not None else ""
        if item is not None:
            body = "\n".join(part for part in (body, words.spoken(item.why, language)) if part)
        left = (notice.expires_at - now).total_seconds() if notice.expires_at is not None else 86_400
        message = Message(
            title=words.spoken(notice.title, language), body=body, key=row.idempotency_key, to=to,
            link=self._opener.link(notice.page), page=notice.page or "/", priority=notice.priority,
            ttl_s=max(1, int(left)),
        )  # fmt: skip
        return Job(row.id, secrets.token_hex(16), setup, message)

    def _open(
        self, session: Session, row: Delivery, channel: Channel | None
    ) -> tuple[Setup, tuple[str, ...]] | str:
        """The channel and where to, or the code of why it cannot be used."""
        if channel is None or not channel.enabled:
            return "channel_off"
        try:
            setup = self._opener.setup(channel)
            to = self._opener.addresses(session, row.kind, row.user_id) if row.user_id is not None else ()
        except ProblemError:
            return "sealed_with_another_key"
        return "no_address" if row.user_id is not None and not to else (setup, to)

    def work(self, job: Job) -> None:
        """Try a claimed delivery and record what came of it."""
        begun = self._clock.monotonic()
        outcome = send(job.setup, job.message)
        took_ms = int((self._clock.monotonic() - begun) * 1000)
        try:
            with self._db.session() as session:
                self._record(session, job, outcome, took_ms)
        except Exception:
            # Not recorded, so its lease will run out and it is tried again with the same key.
            log.exception("notify_outcome_not_recorded", delivery=job.delivery_id)

    def _record(self, session: Session, job: Job, outcome: Outcome, took_ms: int) -> None:
        now = self._clock.now()
        row = session.get(Delivery, job.delivery_id, with_for_update=True)
        if row is None or row.claimed_by != job.claim:
            return  # another sender has it since the lease ran out
        session.add(
            Attempt(
                delivery_id=row.id, at=now, outcome=SENT if outcome.ok else FAILED, reason=outcome.reason,
                detail=outcome.detail[:400], ms=took_ms,
            )
        )  # fmt: skip
        for text in outcome.gone:
            endpoint = sha256(json.loads(text)["endpoint"].encode()).hexdigest()
            session.execute(delete(PushSubscription).where(PushSubscription.endpoint_hash == endpoint))
        row.claimed_by = None
        if outcome.ok:
            row.state, row.reason, row.sent_at, row.next_at = SENT, None, now, None
            self.counters[row.kind, SENT] += 1
        elif outcome.again and row.attempts < self._settings.attempts:
            pause = min(_LONGEST_WAIT_S, self._settings.backoff_s * 2 ** (row.attempts - 1))
            row.state, row.reason, row.next_at = QUEUED, outcome.reason, now + timedelta(seconds=pause)
            self.counters[row.kind, "retry"] += 1
        else:
            self._close(session, row, FAILED, outcome.reason or "error")

    def _close(self, session: Session, row: Delivery, state: str, reason: str, *, go_on: bool = True) -> None:
        """End a delivery that was not sent; the next channel of its chain is begun at once."""
        row.state, row.reason, row.next_at = state, reason, None
        self.counters[row.kind, state] += 1
        item = session.get(InboxItem, row.item_id) if row.item_id is not None else None
        if item is None:
            return
        if not go_on:
            item.next_channel_at = None
            return
        notice = session.get(NoticeRow, row.notice_id)
        assert notice is not None  # a foreign key
        # The fallback may have begun the next one already while this one was being retried.
        newest = session.scalar(
            select(Delivery.id).where(Delivery.item_id == item.id).order_by(Delivery.id.desc()).limit(1)
        )
        if item.read_at is None and newest == row.id:
            self._chains.advance(session, item, notice, self._clock.now())

    def fall_back(self) -> int:
        """Begin the next channel for what is still unread after its time; how many."""
        now, begun = self._clock.now(), 0
        with self._db.session() as session:
            rows = session.scalars(
                select(InboxItem)
                .where(InboxItem.next_channel_at <= now)
                .order_by(InboxItem.next_channel_at)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            for item in rows:
                notice = session.get(NoticeRow, item.notice_id)
                assert notice is not None  # a foreign key
                item.next_channel_at = None
                over = notice.expires_at is not None and notice.expires_at <= now
                if item.read_at is None and not over:
                    begun += self._chains.advance(session, item, notice, now) is not None
        return begun

    def _tidy_sometimes(self) -> None:
        if self._clock.monotonic() - self._tidied >= _TIDY_EVERY_S:
            self._tidied = self._clock.monotonic()
            self.tidy()

    def tidy(self) -> int:
        """Remove notices older than ``keep_days`` that everybody has read, with their deliveries; how many."""
        before = self._clock.now() - timedelta(days=self._settings.keep_days)
        unread = select(InboxItem.notice_id).where(InboxItem.read_at.is_(None))
        waiting = select(Delivery.notice_id).where(Delivery.state.in_((QUEUED, SENDING)))
        with self._db.session() as session:
            ids = session.scalars(
                select(NoticeRow.id)
                .where(
                    NoticeRow.created_at < before, NoticeRow.id.not_in(unread), NoticeRow.id.not_in(waiting)
                )
                .order_by(NoticeRow.id)
                .limit(500)
            ).all()
            session.execute(delete(Delivery).where(Delivery.notice_id.in_(ids)))
            session.execute(delete(InboxItem).where(InboxItem.notice_id.in_(ids)))
            session.execute(delete(NoticeRow).where(NoticeRow.id.in_(ids)))
        return len(ids)
