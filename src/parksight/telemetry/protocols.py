"""The contract between gateways, the ingest pipeline and the store: small Protocols, one file.

Columns, not objects: every structure here is a set of equally long NumPy arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]

#: Point id of a reading whose address maps to no point; such rows are rejected and kept, never dropped.
UNMAPPED = -1


@dataclass(slots=True)
class ReadingBatch:
    """Readings as a gateway hands them over, already mapped to point ids by the gateway's mapping table.

    Attributes:
        point: point ids, int32; :data:`UNMAPPED` where none.
        observed_at: ms since the epoch, UTC, as the source says it.
        value: in the *source* unit; NaN means "no value".
        quality: see :mod:`parksight.telemetry.quality`.
        received_at: ms since the epoch when the bytes arrived (one for the batch).
        source: gateway device id (``gateways.devices`` row) for counters and the rate guard.
        backfill: history that the source sends on purpose; not judged for lateness or clock skew.
        raw: the frame (or its log reference), kept with rows that are rejected.
    """

    point: I32
    observed_at: I64
    value: F64
    quality: U8
    received_at: int
    source: int
    backfill: bool = False
    raw: bytes | None = None

    def __len__(self) -> int:
        return len(self.point)


@dataclass(slots=True, frozen=True)
class Receipt:
    """What became of a batch; returned only once every accepted row is durable."""

    stored: int
    rejected: dict[str, int] = field(default_factory=dict)


class IngestPort(Protocol):
    """The one door of telemetry, used by every gateway."""

    async def submit(self, batch: ReadingBatch) -> Receipt:
        """Check, store durably, evaluate and publish; returns when durable (then acknowledge the device).

        Waits when the pipeline is full (back-pressure); raises ``IngestClosed`` at shutdown.
        Rows are counted as rejected with a reason, never silently dropped.
        """
        ...

    def submit_nowait(self, batches: Sequence[ReadingBatch], done: Callback) -> bool:
        """Hot path without a task per batch: ``done(receipts, error)`` runs on the event loop once durable.

        Returns False, taking nothing, when the pipeline is full: the caller pauses reading and calls again
        after :meth:`room`.
        """
        ...

    async def room(self) -> None:
        """Wait until the pipeline takes batches again."""
        ...

    def reject(self, source: int, reason: str, count: int = 1, raw: bytes | None = None) -> None:
        """Count readings (or frames) that never became a batch: bad CRC, unknown device, garbage."""
        ...


class Callback(Protocol):
    """Told once about a group of submitted batches."""

    def __call__(self, receipts: Sequence[Receipt], error: BaseException | None) -> None: ...


class PointDirectory(Protocol):
    """How a gateway finds point ids and unit conversion for its addresses."""

    def resolve(self, device_id: int, address: str) -> int:
        """Point id for a device's address (``a21026-Rtd``, ``40001``, ``tags/level``), or UNMAPPED."""
        ...

    @property
    def version(self) -> int:
        """Grows whenever any mapping changes; gateways drop their caches when it does."""
        ...


@dataclass(slots=True)
class Columns:
    """Observations as the store keeps them: equally long arrays, values in the *point's* unit."""

    point: I32
    observed_at: I64
    value: F64
    quality: U8
    received_at: I64

    def __len__(self) -> int:
        return len(self.point)


@dataclass(slots=True)
class Buckets:
    """Aggregates per point and time bucket, ordered by point then start.

    ``count`` counts all rows, ``usable`` those that quality allows in a mean; min/max/mean/last are over the
    usable rows, NaN where there is none. ``quality`` is the or of the flags and the worst code.
    """

    point: I32
    start: I64
    count: I64
    usable: I64
    minimum: F64
    maximum: F64
    mean: F64
    last: F64
    quality: U8


class TickListener(Protocol):
    """Told about each durable tick, whole columns at once, in the ingest thread; must not block."""

    def on_tick(self, rows: Columns, now_ms: int) -> None: ...


class Store(Protocol):
    """Where observations live. One owner process; reads never block writes."""

    def append(self, rows: Columns) -> None:
        """Add rows; durable when it returns. Called by the ingest thread only."""
        ...

    def last(self) -> Columns:
        """The newest row of every point, to fill the live table at start."""
        ...

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns:
        """Rows with ``start <= observed_at < end``, ordered by point then time, duplicates resolved."""
        ...

    def buckets(self, points: Sequence[int], start: int, end: int, width_ms: int) -> Buckets:
        """Aggregates aligned to ``width_ms`` since the epoch (day-wide ones to the zone's midnight)."""
        ...

    def mark(self, point: int, start: int, end: int, code: int) -> int:
        """Give the rows of a span another quality code (forensics, review); returns how many changed."""
        ...

    def compact(self, now_ms: int) -> dict[str, float]:
        """Sort what is complete into day partitions, roll up, apply retention; returns figures."""
        ...

    def stats(self) -> dict[str, float]:
        """Rows, bytes, bytes per row, partitions, hot rows: for the health page and the bench."""
        ...

    def close(self) -> None: ...
