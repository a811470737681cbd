"""The rejects log: what was turned away, with its reason and raw bytes, in a ring of files.

Counting is exact elsewhere (:mod:`.counters`); this keeps *specimens* for diagnosis, within stated limits:
``max_mb`` on disk in eight segments (the oldest is deleted), ``per_second`` entries, 64 kB of raw bytes and
64 rows an entry. What the limits leave out is counted in ``skipped``. Entries are framed with length and
CRC-32, so a file cut off by a crash is read up to the cut.
"""

from __future__ import annotations

import threading
import zlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger(__name__)

SEGMENTS = 8
MAX_RAW = 64 * 1024
MAX_ROWS = 64
_BUFFER_BYTES = 16 * 1024 * 1024


class Reject(msgspec.Struct, array_like=True, frozen=True):
    """One entry.

    Attributes:
        at: ms since the epoch.
        source: gateway device id; 0 when the device is not known.
        count: readings (or frames) this entry stands for.
        raw: the bytes as received, cut at 64 kB.
        rows: (point, observed_at, value, quality) of rejected rows, at most 64.
    """

    at: int
    source: int
    reason: str
    count: int
    raw: bytes | None = None
    rows: tuple[tuple[int, int, float | None, int], ...] = ()


class RejectsLog:
    """Bounded, written by its own thread so that neither the event loop nor the ingest thread waits on it.

    Args:
        folder: created when missing.
        max_mb: disk limit of all segments together.
        per_second: entries kept per second of ``at``.
    """

    def __init__(self, folder: Path, max_mb: int = 64, per_second: int = 500) -> None:
        self.folder = folder
        self.max_bytes = max_mb * 1_000_000
        self.per_second = per_second
        self.kept = 0
        self.skipped = 0
        self.failed = 0
        self._second = -1
        self._in_second = 0
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Reject)
        self._buffer: deque[bytes] = deque()
        self._buffered = 0
        self._wake = threading.Condition()
        self._disk = threading.Lock()
        self._closing = False
        self._current: Path | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, name="telemetry-rejects", daemon=True)
        self._thread.start()

    def wants(self, at: int) -> bool:
        """Whether an entry of this instant would be kept; one that would not is counted as skipped."""
        with self._wake:
            full = at // 1000 == self._second and self._in_second >= self.per_second
            self.skipped += full
            return not full

    def add(self, entry: Reject) -> bool:
        """Keep an entry; False when a limit left it out. Any thread, never blocks on the disk."""
        if entry.raw is not None and len(entry.raw) > MAX_RAW:
            entry = msgspec.structs.replace(entry, raw=bytes(entry.raw[:MAX_RAW]))
        with self._wake:
            second = entry.at // 1000
            if second != self._second:
                self._second, self._in_second = second, 0
            if self._in_second >= self.per_second or self._buffered >= _BUFFER_BYTES or self._closing:
                self.skipped += 1
                return False
            self._in_second += 1
            body = self._encoder.encode(entry)
            self._buffer.append(len(body).to_bytes(4, "big") + zlib.crc32(body).to_bytes(4, "big") + body)
            self._buffered += len(body) + 8
            self.kept += 1
            self._wake.notify()
        return True

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._buffer or self._closing)
                closing = self._closing
            self.flush()
            if closing:
                return

    def _segments(self) -> list[Path]:
        return sorted(self.folder.glob("rejects-*.bin"))

    def flush(self) -> None:
        """Write what is buffered now; a full disk is logged and counted, never raised."""
        with self._disk:
            with self._wake:
                chunk = b"".join(self._buffer)
                self._buffer.clear()
                self._buffered = 0
            if not chunk:
                return
            try:
                self._write(chunk)
            except OSError as error:
                self.failed += 1
                log.warning("rejects_log_write_failed", error=str(error), folder=str(self.folder))

    def _write(self, chunk: bytes) -> None:
        current = self._current
        if current is None or current.stat().st_size + len(chunk) > self.max_bytes // SEGMENTS:
            # A new segment at each start: the last one may end in a torn entry.
            segments = self._segments()
            number = int(segments[-1].stem.split("-")[1]) + 1 if segments else 1
            current = self._current = self.folder / f"rejects-{number:09d}.bin"
            for old in segments[: max(0, len(segments) - SEGMENTS + 1)]:
                old.unlink(missing_ok=True)
        with current.open("ab") as file:
            file.write(chunk)

    def recent(
        self,
        limit: int = 100,
        source: int | None = None,
        reason: str | None = None,
        before: int | None = None,
    ) -> list[Reject]:
        """The newest entries first.

        Args:
            limit: at most this many.
            before: only entries older than this instant, ms (for paging).
        """
        self.flush()
        out: list[Reject] = []
        for path in reversed(self._segments()):
            found = [
                e
                for e in self._read(path)
                if (source is None or e.source == source)
                and (reason is None or e.reason == reason)
                and (before is None or e.at < before)
            ]
            out.extend(reversed(found))
            if len(out) >= limit:
                break
        return out[:limit]

    def _read(self, path: Path) -> Iterator[Reject]:
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # the ring moved on meanwhile
            return
        at = 0
        while at + 8 <= len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            body = data[at + 8 : at + 8 + size]
            if len(body) < size or zlib.crc32(body).to_bytes(4, "big") != data[at + 4 : at + 8]:
                log.warning("rejects_log_damaged", file=path.name, offset=at)
                return
            yield self._decoder.decode(body)
            at += 8 + size

    def figures(self) -> dict[str, int]:
        size = sum(p.stat().st_size for p in self._segments())
        return {
            "kept": self.kept,
            "skipped": self.skipped,
            "failed": self.failed,
            "bytes": size,
            "limit_bytes": self.max_bytes,
        }

    def close(self) -> None:
        """Write out and stop. Idempotent."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        self._thread.join(timeout=10)
