"""What travels between the event loop and the ingest thread, and the errors of the door."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
import structlog

from parksight.telemetry.protocols import Callback, ReadingBatch, Receipt

log = structlog.get_logger(__name__)

_I32, _I64, _F64, _U8 = np.dtype(np.int32), np.dtype(np.int64), np.dtype(np.float64), np.dtype(np.uint8)


class IngestClosed(Exception):  # noqa: N818 - the name the contract gives
    """The pipeline is shutting down or was never started; nothing was taken."""


class IngestFailed(Exception):  # noqa: N818 - sibling of the above
    """The rows could not be made durable; do not acknowledge, send again later."""


class Group:
    """Batches handed in together and who is to be told."""

    __slots__ = ("batches", "cost", "done", "loop", "places", "receipts", "rows")

    def __init__(self, loop: asyncio.AbstractEventLoop, done: Callback, size: int) -> None:
        self.loop = loop
        self.done = done
        self.receipts: list[Receipt | None] = [None] * size
        self.batches: list[ReadingBatch] = []
        self.places: list[int] = []
        self.rows = 0
        self.cost = 0


def tell(finished: Sequence[tuple[Callback, Sequence[Receipt], BaseException | None]]) -> None:
    for done, receipts, error in finished:
        try:
            done(receipts, error)
        except Exception:
            log.exception("ingest_callback_failed", callback=getattr(done, "__qualname__", "?"))


def wake(waiters: Sequence[asyncio.Future[None]]) -> None:
    for future in waiters:
        if not future.done():
            future.set_result(None)


def check_shape(batch: ReadingBatch, n: int) -> None:
    """Refuse a batch whose columns would break the tick it travels in."""
    if (
        # The usual case first: native dtypes are singletons, and this runs for every frame.
        batch.point.dtype is _I32
        and batch.observed_at.dtype is _I64
        and batch.value.dtype is _F64
        and batch.quality.dtype is _U8
        and len(batch.observed_at) == len(batch.value) == len(batch.quality) == n
    ):
        return
    if (
        batch.point.dtype != _I32
        or batch.observed_at.dtype != _I64
        or batch.value.dtype != _F64
        or batch.quality.dtype != _U8
        or len(batch.observed_at) != n
        or len(batch.value) != n
        or len(batch.quality) != n
    ):
        got = ", ".join(
            f"{c.dtype}[{len(c)}]" for c in (batch.point, batch.observed_at, batch.value, batch.quality)
        )
        raise ValueError(
            "a ReadingBatch needs equally long columns point int32, observed_at int64, value float64, "
            f"quality uint8; got {got}"
        )
