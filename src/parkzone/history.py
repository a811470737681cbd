"""Back-history: minute values of the last days through the same door as everything else, newest first.

What the platform already has is not sent again: it is asked which minutes it knows of one reference point. So a
second start, or a start after a pause, sends what is missing and little more.
"""

from __future__ import annotations

import asyncio
import io
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import httpx
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from parkzone.api import Api, ApiError
from parkzone.behaviour.model import Model
from parkzone.engine import Engine
from parkzone.setup import HISTORY_DEVICES

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
#: A point of the weather station: not part of any scenario, always there.
REFERENCE = "ZONE.WS01.TA"
#: Missing minutes that an hour may have, for restarts of a few seconds leave no hole worth filling.
TOLERATED = 2
DAY_MS = 24 * HOUR_MS
#: Requests under way at once.
PARALLEL = 2
#: Devices that are dead today died so long ago, so that they show the age of their last word.
DIED_BEFORE_MS = 52 * HOUR_MS


@dataclass
class HistoryProgress:
    """How far it is; ``total`` and ``sent`` count rows."""

    phase: str = "waiting"
    sent: int = 0
    stored: int = 0
    rejected: int = 0
    total: int = 0
    rows_per_s: float | None = None
    error: str | None = None


def stream(codes: pa.Array, values: npt.NDArray[np.float64], quality: npt.NDArray[np.uint8], at_ms: npt.NDArray[np.int64]) -> bytes:  # fmt: skip
    """Arrow IPC stream of point x time arrays, point by point.

    Args:
        codes: dictionary of point codes, in the order of the rows of ``values``.
    """
    n, t = values.shape
    index = pa.array(np.repeat(np.arange(n, dtype=np.int32), t))
    batch = pa.record_batch(
        {
            "point_code": pa.DictionaryArray.from_arrays(index, codes),
            "observed_at": pa.array(np.tile(at_ms, n)),
            "value": pa.array(values.ravel()),
            "quality": pa.array(quality.ravel()),
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


class History:
    """Sends the back-history in the background.

    Args:
        days: how far back.
        report: called after every portion.
    """

    def __init__(
        self, engine: Engine, api: Api, days: float, report: Callable[[HistoryProgress], None]
    ) -> None:
        self.engine = engine
        self.api = api
        self.days = days
        self.report = report
        self.progress = HistoryProgress()
        alive = [i for i in range(len(engine.points)) if not engine.missing[i]]
        self._reference: int | None = None
        self._died_ms = engine.at_ms - DIED_BEFORE_MS
        self._alive = self._columns(alive)
        self._all = self._columns(list(range(len(engine.points))))
        self._recent: deque[tuple[float, int]] = deque(maxlen=20)

    def _columns(self, rows: list[int]) -> tuple[Model, pa.Array]:
        return self.engine.model.part(rows), pa.array([self.engine.points[i].code for i in rows])

    def _of(self, end_ms: int) -> tuple[Model, pa.Array]:
        """Points (model and codes) that spoke in an hour that ends then."""
        return self._all if end_ms <= self._died_ms else self._alive

    async def run(self) -> None:
        """Until everything is there; errors end it and are shown."""
        try:
            end = self.engine.at_ms // MINUTE_MS * MINUTE_MS
            hours = await self.missing(end)
            self.progress.phase = "sending"
            self.progress.total = sum((b - a) // MINUTE_MS * self._of(b)[0].size for a, b in hours)
            self.report(self.progress)
            await self._send(hours)
            self.progress.phase = "done"
        except (ApiError, httpx.HTTPError, OSError, TimeoutError) as error:
            self.progress.phase = "failed"
            self.progress.error = str(error)
        finally:
            self.report(self.progress)

    async def missing(self, end_ms: int) -> list[tuple[int, int]]:
        """Spans that the platform does not have, newest first, none longer than an hour."""
        start = (end_ms - round(self.days * 24) * HOUR_MS) // HOUR_MS * HOUR_MS
        known: set[int] = set()
        for day in range(start, end_ms, DAY_MS):
            known |= await self._known(day, min(day + DAY_MS, end_ms))
        out = []
        for at in range(end_ms // HOUR_MS * HOUR_MS, start - 1, -HOUR_MS):
            holes = [m for m in range(at, min(at + HOUR_MS, end_ms), MINUTE_MS) if m not in known]
            if len(holes) > TOLERATED:
                out.append((holes[0], holes[-1] + MINUTE_MS))
        return out

    async def _known(self, start_ms: int, end_ms: int) -> set[int]:
        """Minutes in which the reference point has rows."""
        if self._reference is None:
            self._reference = int((await self.api.get(f"/points/by-code/{REFERENCE}"))["id"])
        answer = await self.api.get(
            "/observations/buckets", points=self._reference, start=start_ms, end=end_ms, width_ms=MINUTE_MS
        )
        return {int(m) for m in answer["series"][0]["start"]}

    async def _send(self, hours: list[tuple[int, int]]) -> None:
        queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(maxsize=PARALLEL)
        senders = [asyncio.create_task(self._sender(queue, HISTORY_DEVICES[i])) for i in range(PARALLEL)]
        try:
            for start, end in hours:
                item = await asyncio.to_thread(self._portion, start, end)
                await _put(queue, item, senders)
            for _ in senders:
                await _put(queue, None, senders)
            await asyncio.gather(*senders)
        finally:
            for task in senders:
                task.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    def _portion(self, start_ms: int, end_ms: int) -> tuple[int, bytes]:
        at = np.arange(start_ms, end_ms, MINUTE_MS, dtype=np.int64)
        model, codes = self._of(end_ms)
        values = model.values(at)
        return values.size, stream(codes, values, model.quality(at), at)

    async def _sender(self, queue: asyncio.Queue[tuple[int, bytes] | None], device: str) -> None:
        while (item := await queue.get()) is not None:
            rows, body = item
            answer = await self.api.push_arrow(device, body, backfill=True)
            self.progress.sent += rows
            self.progress.stored += int(answer["stored"])
            self.progress.rejected += sum(answer["rejected"].values())
            now = time.monotonic()
            self._recent.append((now, self.progress.sent))
            first, before = self._recent[0]
            if now > first:
                self.progress.rows_per_s = (self.progress.sent - before) / (now - first)
            self.report(self.progress)


async def _put(queue: asyncio.Queue[tuple[int, bytes] | None], item: tuple[int, bytes] | None, senders: list[asyncio.Task[None]]) -> None:  # fmt: skip
    """Queue an item unless a sender has failed, whose error is then raised here."""
    put = asyncio.create_task(queue.put(item))
    await asyncio.wait([put, *senders], return_when=asyncio.FIRST_COMPLETED)
    for task in senders:
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            put.cancel()
            raise error
    await put
