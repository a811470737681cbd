"""What goes to the ingest, and what the device is told once it is durable."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import structlog

from parksight.gateways.context import GatewayContext
from parksight.telemetry.ingest import IngestClosed
from parksight.telemetry.protocols import ReadingBatch, Receipt

if TYPE_CHECKING:
    from parksight.gateways.hj212.devices import DeviceState
    from parksight.gateways.hj212.hub import Hub
    from parksight.gateways.hj212.session import Session

log = structlog.get_logger(__name__)

#: Rows handed to the pipeline as one group.
_GROUP_ROWS = 50_000
#: A batch with this reason was not taken: the device must send it again.
_RATE_LIMITED = "rate_limited"


@dataclass(frozen=True, slots=True)
class Text:
    """Something a device said that is no number: log lines, instrument ids, boot times.

    Attributes:
        observed_at: UTC ms of its DataTime, None when it bore none.
        received_at: UTC ms.
        name: field, or ``cp`` for the whole content of a frame that has no fields we know.
    """

    device_id: int
    cn: int
    observed_at: int | None
    received_at: int
    name: str
    text: str


@dataclass(slots=True)
class Delivery:
    """One or more frames of one device, from one connection.

    Attributes:
        batch: their readings, None when they bear none.
        answer: frames to send back once everything is durable.
        texts: to be kept in the records before the answer.
    """

    session: Session
    state: DeviceState
    batch: ReadingBatch | None = None
    answer: bytes = b""
    texts: list[Text] = field(default_factory=list)


class TextKeeper(Protocol):
    """Where texts become durable."""

    def add(self, texts: Sequence[Text], done: Durable) -> None:
        """Keep them; ``done(ok)`` runs on the event loop. Calls it with False at once when full."""
        ...


class Durable(Protocol):
    def __call__(self, ok: bool) -> None: ...


class Courier:
    """Hands batches to the ingest, holds them under back-pressure, answers when they are durable.

    Args:
        context: shared parts.
        hub: connections, throttled while the pipeline is full.
        texts: keeps what is no number.
        counters: shared counters of the gateway.
    """

    def __init__(self, context: GatewayContext, hub: Hub, texts: TextKeeper, counters: Counter[str]) -> None:
        self._context = context
        self._hub = hub
        self._texts = texts
        self._counters = counters
        self._held: deque[list[Delivery]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._in_flight = 0
        self._closed = False

    @property
    def holding(self) -> bool:
        """Whether batches wait for room in the pipeline."""
        return bool(self._held)

    @property
    def in_flight(self) -> int:
        """Deliveries handed over whose fate is not known yet."""
        return self._in_flight

    def send(self, deliveries: Sequence[Delivery]) -> None:
        """Hand over, in order; what bears no readings is answered as soon as its texts are kept."""
        group: list[Delivery] = []
        rows = 0
        for delivery in deliveries:
            if delivery.batch is None:
                self._settle(delivery)
                continue
            group.append(delivery)
            rows += len(delivery.batch)
            if rows >= _GROUP_ROWS:
                self._submit(group)
                group, rows = [], 0
        if group:
            self._submit(group)

    def _submit(self, group: list[Delivery]) -> None:
        self._in_flight += len(group)
        if self._held or not self._offer(group):
            self._held.append(group)
            self._hub.throttle(True)
            if self._task is None:
                self._task = asyncio.get_running_loop().create_task(self._wait())

    def _offer(self, group: list[Delivery]) -> bool:
        def done(receipts: Sequence[Receipt], error: BaseException | None) -> None:
            self._finished(group, receipts, error)

        try:
            return self._context.ingest.submit_nowait([d.batch for d in group if d.batch is not None], done)
        except IngestClosed:
            self._dropped(group)
            return True

    async def _wait(self) -> None:
        try:
            while self._held and not self._closed:
                await self._context.ingest.room()
                while self._held and self._offer(self._held[0]):
                    self._held.popleft()
        except IngestClosed:
            pass
        finally:
            self._task = None
            if self._closed or self._held:
                while self._held:
                    self._dropped(self._held.popleft())
            self._hub.throttle(False)
            if self._hub.intake is not None and not self._closed:
                self._hub.intake.schedule()

    def _dropped(self, group: list[Delivery]) -> None:
        # Not stored and not answered: the devices will send it again.
        self._in_flight -= len(group)
        self._counters["dropped_at_shutdown"] += len(group)

    def _finished(
        self, group: list[Delivery], receipts: Sequence[Receipt], error: BaseException | None
    ) -> None:
        self._in_flight -= len(group)
        if error is not None:
            self._counters["not_durable"] += len(group)
            log.warning("hj212_not_durable", deliveries=len(group), error=str(error)[:200])
            return
        activity = self._context.activity
        answers: dict[Session, list[bytes]] = {}
        for delivery, receipt in zip(group, receipts, strict=True):
            line = activity.of(delivery.state.id)
            line.stored += receipt.stored
            self._counters["stored"] += receipt.stored
            if receipt.rejected:
                for reason, number in receipt.rejected.items():
                    line.rejected[reason] += number
                if _RATE_LIMITED in receipt.rejected:
                    line.throttled += 1
                    self._counters["throttled"] += 1
                    continue
            if delivery.texts:
                self._settle(delivery)
            elif delivery.answer:
                answers.setdefault(delivery.session, []).append(delivery.answer)
        for session, parts in answers.items():
            self._answer(session, parts[0] if len(parts) == 1 else b"".join(parts))

    def _settle(self, delivery: Delivery) -> None:
        if not delivery.texts:
            self._answer(delivery.session, delivery.answer)
            return

        def kept(ok: bool) -> None:
            if ok:
                self._answer(delivery.session, delivery.answer)
            else:
                self._counters["texts_not_kept"] += len(delivery.texts)

        self._texts.add(delivery.texts, kept)

    def _answer(self, session: Session, answer: bytes) -> None:
        if not answer:
            return
        sent = session.write(answer)
        self._counters["answers" if sent else "answers_too_late"] += answer.count(b"\n")

    async def drain(self, timeout_s: float) -> None:
        """Wait until everything handed over has its fate, at most so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout_s
        while self._in_flight and loop.time() < end:
            await asyncio.sleep(0.005)

    def reopen(self) -> None:
        """Take deliveries (again)."""
        self._closed = False

    async def close(self) -> None:
        """Give up what is held. Idempotent."""
        self._closed = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
