"""The raw-frame log: the last frames of every device, deviations preferred, in one bounded file.

A ring per device (``device``, ``slot``) in an SQLite file of its own, so that a chatty device never pushes out
what a silent one said last. It is an aid for people, not a record of account: rejected readings are kept by
the ingest, and the file may be lost without losing an observation (hence ``synchronous=OFF``).
"""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

#: Device id under which frames of nobody are kept: garbage and unknown senders.
NOBODY = 0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS frame (
  device INTEGER NOT NULL, slot INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  direction TEXT NOT NULL, peer TEXT NOT NULL, length INTEGER NOT NULL, deviations TEXT NOT NULL,
  data BLOB NOT NULL, PRIMARY KEY (device, slot)
) WITHOUT ROWID
"""

_COLUMNS = "SELECT seq, at_ms, direction, peer, length, deviations, data FROM frame WHERE device = ?"
_NEWEST = _COLUMNS + " ORDER BY seq DESC LIMIT ?"
#: Rows of one statement: for each statement the interpreter's lock changes hands, and everything else waits for it.
_ROWS = 100
_INSERT = "INSERT OR REPLACE INTO frame VALUES (?,?,?,?,?,?,?,?,?)"
_INSERT_MANY = _INSERT + ",(?,?,?,?,?,?,?,?,?)" * (_ROWS - 1)
_NEWEST_DEVIATING = _COLUMNS + " AND deviations <> '' ORDER BY seq DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class RawFrame:
    """One logged frame.

    Attributes:
        seq: running number within the device.
        at_ms: ms since the epoch when it arrived or left.
        direction: ``in`` or ``out``.
        peer: who it came from or went to.
        length: bytes of the whole frame; ``data`` may be cut.
        deviations: what was wrong or unusual about it.
    """

    seq: int
    at_ms: int
    direction: str
    peer: str
    length: int
    deviations: tuple[str, ...]
    data: bytes


class FrameLog:
    """Bounded log; :meth:`add` only touches memory, :meth:`flush` writes (call it off the event loop).

    Args:
        path: file of the ring.
        per_device: frames kept per device on disk.
        max_frame_bytes: longer frames are cut, their true length kept.
        spacing_ms: ordinary frames of a device closer together than this are skipped (and counted); frames
            with a deviation and outgoing ones are always taken, up to ``pending``.
        pending: frames held in memory per device between two flushes; the oldest give way (counted).
        max_devices: devices with a ring; further ones are skipped (counted).
    """

    def __init__(
        self,
        path: Path,
        *,
        per_device: int = 200,
        max_frame_bytes: int = 16_384,
        spacing_ms: int = 1_000,
        pending: int = 16,
        max_devices: int = 20_000,
    ) -> None:
        self.per_device = per_device
        self._max_bytes = max_frame_bytes
        self._spacing = spacing_ms
        self._pending_limit = pending
        self._max_devices = max_devices
        self._pending: dict[int, deque[RawFrame]] = {}
        self._last: dict[int, int] = {}
        self._lock = threading.Lock()
        self._io = threading.Lock()
        self.counters: Counter[str] = Counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute(_SCHEMA)
        self._seq: dict[int, int] = dict(
            self._db.execute("SELECT device, max(seq) FROM frame GROUP BY device")
        )

    def due(self, device_id: int, at_ms: int) -> bool:
        """Whether an ordinary frame of this device would be taken now; lets a hot path skip making it."""
        return at_ms - self._last.get(device_id, -self._spacing) >= self._spacing

    def add(
        self,
        device_id: int,
        at_ms: int,
        data: bytes,
        *,
        peer: str = "",
        deviations: Sequence[str] = (),
        direction: str = "in",
    ) -> bool:
        """Log a frame; returns whether it was taken."""
        if not deviations and direction == "in":
            if not self.due(device_id, at_ms):
                self.counters["skipped_spacing"] += 1
                return False
            self._last[device_id] = at_ms
        with self._lock:
            seq = self._seq.get(device_id, 0) + 1
            if seq == 1 and len(self._seq) >= self._max_devices:
                self.counters["skipped_devices"] += 1
                return False
            self._seq[device_id] = seq
            queue = self._pending.get(device_id)
            if queue is None:
                queue = self._pending[device_id] = deque(maxlen=self._pending_limit)
            if len(queue) == self._pending_limit:
                self.counters["skipped_pending"] += 1
            if len(data) > self._max_bytes:
                self.counters["cut"] += 1
            queue.append(
                RawFrame(
                    seq, at_ms, direction, peer[:200], len(data), tuple(deviations), data[: self._max_bytes]
                )
            )
        self.counters["taken"] += 1
        return True

    def flush(self) -> int:
        """Write what is pending; returns the number of frames written. Thread-safe."""
        with self._io:
            with self._lock:
                pending, self._pending = self._pending, {}
            rows = [
                (device, f.seq % self.per_device, f.seq, f.at_ms, f.direction, f.peer, f.length,
                 "\n".join(f.deviations), f.data)
                for device, frames in pending.items()
                for f in frames
            ]  # fmt: skip
            if rows:
                self._db.execute("BEGIN")
                whole = len(rows) - len(rows) % _ROWS
                for first in range(0, whole, _ROWS):
                    values = [value for row in rows[first : first + _ROWS] for value in row]
                    self._db.execute(_INSERT_MANY, values)
                self._db.executemany(_INSERT, rows[whole:])
                self._db.execute("COMMIT")
            return len(rows)

    def read(self, device_id: int, limit: int = 50, *, deviating: bool = False) -> list[RawFrame]:
        """The newest frames of a device, newest first, written or still pending."""
        self.flush()
        statement = _NEWEST_DEVIATING if deviating else _NEWEST
        with self._io:
            rows = self._db.execute(statement, (device_id, limit)).fetchall()
        return [
            RawFrame(seq, at, direction, peer, length, tuple(kinds.split("\n")) if kinds else (), bytes(data))
            for seq, at, direction, peer, length, kinds, data in rows
        ]

    def total(self, device_id: int) -> int:
        """Frames ever taken for a device, kept or overwritten since."""
        return self._seq.get(device_id, 0)

    def forget(self, device_id: int) -> None:
        """Remove a device's ring."""
        with self._io:
            with self._lock:
                self._pending.pop(device_id, None)
                self._seq.pop(device_id, None)
                self._last.pop(device_id, None)
            self._db.execute("DELETE FROM frame WHERE device = ?", (device_id,))

    def close(self) -> None:
        self.flush()
        with self._io:
            self._db.close()
