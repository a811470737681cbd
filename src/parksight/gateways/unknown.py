"""Who speaks to us without being a device on record: counted in memory, kept in the records, bounded."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from parksight.gateways.models import UnknownDevice
from parksight.kernel.db import Database

_SAMPLE_BYTES = 4_096
_MAX_FIELDS = 500
_MAX_VALUE = 80


@dataclass(slots=True)
class _Seen:
    first_ms: int
    last_ms: int
    peer: str
    count: int = 0
    sample: bytes = b""
    fields: dict[str, str] = field(default_factory=dict)


class UnknownDevices:
    """Collects sightings; :meth:`flush` writes them (call it off the event loop).

    Args:
        db: the records.
        limit: rows kept per protocol; beyond it the longest unseen give way, so that a scanner on the
            network cannot grow the table.
    """

    def __init__(self, db: Database, limit: int = 1_000) -> None:
        self._db = db
        self._limit = limit
        self._lock = threading.Lock()
        self._pending: dict[tuple[str, str], _Seen] = {}
        self.counters: Counter[str] = Counter()

    def seen(
        self,
        protocol: str,
        address: str,
        at_ms: int,
        *,
        peer: str = "",
        frame: bytes = b"",
        fields: Mapping[str, str] | None = None,
    ) -> None:
        """One frame of an unknown device; ``fields`` are mapping addresses with their values as text."""
        key = (protocol, address[:200])
        with self._lock:
            row = self._pending.get(key)
            if row is None:
                if len(self._pending) >= self._limit:
                    self.counters["overflow"] += 1
                    return
                row = self._pending[key] = _Seen(at_ms, at_ms, peer[:200])
            row.last_ms = at_ms
            row.peer = peer[:200]
            row.count += 1
            row.sample = frame[:_SAMPLE_BYTES]
            for name, value in (fields or {}).items():
                if name in row.fields or len(row.fields) < _MAX_FIELDS:
                    row.fields[name[:200]] = value[:_MAX_VALUE]
        self.counters["frames"] += 1

    def flush(self) -> int:
        """Write the sightings; returns how many devices were touched."""
        with self._lock:
            pending, self._pending = self._pending, {}
        if not pending:
            return 0
        with self._db.session() as session:
            for (protocol, address), row in pending.items():
                known = session.scalar(
                    select(UnknownDevice).where(
                        UnknownDevice.protocol == protocol, UnknownDevice.address == address
                    )
                )
                if known is None:
                    known = UnknownDevice(
                        protocol=protocol,
                        address=address,
                        first_seen=_instant(row.first_ms),
                        count=0,
                        fields={},
                    )
                    session.add(known)
                known.last_seen = _instant(row.last_ms)
                known.peer = row.peer
                known.count += row.count
                known.sample = row.sample
                merged = {**known.fields, **row.fields}
                known.fields = dict(list(merged.items())[-_MAX_FIELDS:])
            session.flush()
            for protocol in {p for p, _ in pending}:
                self._trim(session, protocol)
        return len(pending)

    def _trim(self, session: Session, protocol: str) -> None:
        total = session.scalar(select(func.count()).where(UnknownDevice.protocol == protocol)) or 0
        if total <= self._limit:
            return
        oldest = (
            select(UnknownDevice.id)
            .where(UnknownDevice.protocol == protocol)
            .order_by(UnknownDevice.last_seen)
            .limit(total - self._limit)
        )
        session.execute(delete(UnknownDevice).where(UnknownDevice.id.in_(oldest.scalar_subquery())))
        self.counters["evicted"] += total - self._limit


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
