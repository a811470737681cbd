"""Keeps texts durable before they are acknowledged: gathered, written in a worker thread, bounded per device."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from parksight.gateways.hj212.delivery import Durable, Text
from parksight.gateways.hj212.models import Hj212Information
from parksight.gateways.models import Device
from parksight.kernel.db import Database

log = structlog.get_logger(__name__)

#: Texts kept per device; older ones give way.
KEEP_PER_DEVICE = 2_000
#: Texts that may wait to be written; beyond that the devices get no answer and send them again.
MAX_WAITING = 20_000
_TRIM_EVERY = 200


class InformationKeeper:
    """Implements :class:`parksight.gateways.hj212.delivery.TextKeeper` over the records.

    Args:
        db: the records.
        counters: shared counters of the gateway.
    """

    def __init__(self, db: Database, counters: Counter[str]) -> None:
        self._db = db
        self._counters = counters
        self._waiting: list[tuple[Sequence[Text], Durable]] = []
        self._number = 0
        self._task: asyncio.Task[None] | None = None
        self._since_trim: Counter[int] = Counter()

    def add(self, texts: Sequence[Text], done: Durable) -> None:
        if self._number + len(texts) > MAX_WAITING:
            self._counters["texts_refused"] += len(texts)
            done(False)
            return
        self._number += len(texts)
        self._waiting.append((texts, done))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_all())

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                portion, self._waiting = self._waiting, []
                texts = [t for group, _ in portion for t in group]
                try:
                    await asyncio.to_thread(self._write, texts)
                    ok = True
                    self._counters["texts"] += len(texts)
                except Exception:
                    log.exception("hj212_texts_not_written", number=len(texts))
                    ok = False
                self._number -= len(texts)
                for _, done in portion:
                    done(ok)
        finally:
            self._task = None

    def _write(self, texts: list[Text]) -> None:
        with self._db.session() as session:
            ids = {t.device_id for t in texts}
            known = set(session.scalars(select(Device.id).where(Device.id.in_(ids))))
            session.add_all(
                Hj212Information(
                    device_id=t.device_id,
                    cn=t.cn,
                    observed_at=None if t.observed_at is None else _instant(t.observed_at),
                    received_at=_instant(t.received_at),
                    name=t.name,
                    text=t.text,
                )
                for t in texts
                if t.device_id in known
            )
            for text in texts:
                self._since_trim[text.device_id] += 1
            for device_id in [d for d, n in self._since_trim.items() if n >= _TRIM_EVERY]:
                session.flush()
                _trim(session, device_id)
                del self._since_trim[device_id]

    async def drain(self) -> None:
        """Wait until everything is written."""
        task = self._task
        if task is not None:
            await asyncio.gather(task, return_exceptions=True)


def _trim(session: Session, device_id: int) -> None:
    oldest = session.scalar(
        select(Hj212Information.id)
        .where(Hj212Information.device_id == device_id)
        .order_by(Hj212Information.id.desc())
        .offset(KEEP_PER_DEVICE)
        .limit(1)
    )
    if oldest is not None:
        session.execute(
            delete(Hj212Information).where(
                Hj212Information.device_id == device_id, Hj212Information.id <= oldest
            )
        )


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
