"""From the connections' bytes to deliveries: gather, decode whole reads, group by device."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence

import numpy as np

from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212.batch.arrays import U8
from parksight.gateways.hj212.batch.decoder import NOTES, Decoded, Decoder, deviations_of, spans
from parksight.gateways.hj212.codec.commands import Cn
from parksight.gateways.hj212.codec.frame import Framed
from parksight.gateways.hj212.delivery import Courier, Delivery
from parksight.gateways.hj212.devices import DeviceBook
from parksight.gateways.hj212.hub import Hub
from parksight.gateways.hj212.reader import Reader
from parksight.gateways.hj212.session import Session
from parksight.telemetry.protocols import ReadingBatch

#: Bytes decoded in one call, so that the event loop breathes: some 1,200 frames, 10 to 20 ms.
_PORTION = 2**20
#: Reading was stopped because decoding is behind: it resumes below this share of the limit.
_RESUME = 0.5
#: Frames of a batch are kept with its rejected rows up to this size.
_RAW_BYTES = 16_384
#: Ordinary frames taken into the raw-frame log per call; whose turn was missed is due the next time.
_LOGGED = 16


class Intake:
    """Gathers what arrived for ``flush_ms`` and decodes it at once.

    Args:
        hub: connections.
        context: shared parts.
        book: devices.
        decoder: compiled decoder.
        reader: lenient reader for everything the decoder leaves.
        courier: takes the deliveries.
        counters: shared counters of the gateway.
    """

    def __init__(
        self,
        hub: Hub,
        context: GatewayContext,
        book: DeviceBook,
        decoder: Decoder,
        reader: Reader,
        courier: Courier,
        counters: Counter[str],
    ) -> None:
        self._hub = hub
        self._context = context
        self._book = book
        self._decoder = decoder
        self._reader = reader
        self._courier = courier
        self._counters = counters
        self._queue: list[Session] = []
        self._bytes = 0
        self._limit = hub.settings.max_inbox_mb * 2**20
        self._delay = hub.settings.flush_ms / 1000
        self._timer: asyncio.Handle | None = None
        self._full = False

    @property
    def waiting_bytes(self) -> int:
        """Bytes that arrived and are not decoded yet."""
        return self._bytes

    def arrived(self, session: Session, size: int) -> None:
        """Bytes were put into ``session.chunks``."""
        self._bytes += size
        if not session.queued:
            session.queued = True
            self._queue.append(session)
        if self._bytes >= self._limit:
            # Decoding is behind: the senders have to wait, not the event loop and all the others on it.
            self._full = True
            self._hub.throttle(True)
        if self._timer is None:
            self.schedule()

    def schedule(self) -> None:
        """Decode soon."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._delay, self._due)

    def _due(self) -> None:
        """Decode a portion and come back for the rest; the courier calls again when the pipeline has room."""
        self._timer = None
        if self._queue and not self._courier.holding:
            self._take()
        if self._courier.holding:
            return
        if self._full and self._bytes <= _RESUME * self._limit:
            self._full = False
            self._hub.throttle(False)
        if self._queue:
            self._timer = asyncio.get_running_loop().call_soon(self._due)

    def flush(self) -> None:
        """Decode all that arrived, as far as the pipeline has room (at shutdown)."""
        self._full = False
        while self._queue and not self._courier.holding:
            self._take()

    def _take(self) -> None:
        sessions, size = [], 0
        for session in self._queue:
            sessions.append(session)
            size += sum(map(len, session.chunks))
            if size >= _PORTION:
                break
        self._queue = self._queue[len(sessions) :]
        self._bytes -= size
        self._portion(sessions)

    def give_up(self, session: Session) -> None:
        """The connection's pending frame is overdue: look for frames behind its head."""
        out: list[Delivery] = []
        self._lenient(session, session.framer.give_up(), self._hub.clock.now_ms(), out)
        session.partial_since = self._hub.monotonic() if session.framer.pending else None
        self._courier.send(out)

    def left(self, session: Session) -> None:
        """A connection is gone."""
        self._reader.presence.left(session, self._hub.clock.now_ms())

    # -- decoding --------------------------------------------------------------------------------------

    def _portion(self, sessions: Sequence[Session]) -> None:
        received = self._hub.clock.now_ms()
        out: list[Delivery] = []
        fast: list[Session] = []
        parts: list[bytes] = []
        for session in sessions:
            session.queued = False
            chunks, session.chunks = session.chunks, []
            data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            before = session.frames
            if session.framer.in_junk or not self._decoder.ready:
                self._lenient(session, session.framer.feed(data), received, out)
                self._mark_partial(session, before)
            else:
                fast.append(session)
                parts.append(session.framer.pending + data)
        if fast:
            self._decode(fast, parts, received, out)
        self._courier.send(out)

    def _decode(
        self, sessions: list[Session], parts: list[bytes], received: int, out: list[Delivery]
    ) -> None:
        data, starts, ends = spans(parts)
        expect = np.fromiter((s.framer.expect_crlf for s in sessions), np.uint8, len(sessions))
        decoded = self._decoder.decode(self._book.tables, data, starts, ends, expect, received)
        counts = [s.frames for s in sessions]
        if len(decoded.cn):
            self._runs(decoded, sessions, data, received, out)
        for session, before, at, end, due, odd in zip(
            sessions, counts, decoded.consumed.tolist(), ends.tolist(), decoded.expect.tolist(),
            decoded.irregular.tolist(), strict=True,
        ):  # fmt: skip
            if odd:
                session.framer.restore(b"", bool(due))
                self._lenient(session, session.framer.feed(data[at:end]), received, out)
            else:
                session.framer.restore(data[at:end], bool(due))
            self._mark_partial(session, before)

    def _mark_partial(self, session: Session, frames_before: int) -> None:
        if not session.framer.pending:
            session.partial_since = None
            session.overdue = False
        elif session.partial_since is None or session.frames != frames_before:
            session.partial_since = self._hub.monotonic()
            session.overdue = False

    def _lenient(
        self, session: Session, framed: Sequence[Framed], received: int, out: list[Delivery]
    ) -> None:
        for item in framed:
            self._counters["lenient_frames"] += 1
            delivery = self._reader.take(session, item, received)
            if delivery is not None:
                out.append(delivery)
        if session.framer.deviations:
            for deviation, number in session.framer.deviations.items():
                self._reader.presence.deviate(session, None, deviation, number)
            session.framer.deviations.clear()

    def _runs(
        self, d: Decoded, sessions: list[Session], data: bytes, received: int, out: list[Delivery]
    ) -> None:
        """One delivery per stretch of frames of the same connection, device and command.

        Lists of plain numbers: with one frame per stretch this loop is the gateway's hottest Python.
        """
        changes = (d.stream[1:] != d.stream[:-1]) | (d.device[1:] != d.device[:-1])
        changes |= (d.cn[1:] != d.cn[:-1]) | (d.history[1:] != d.history[:-1])
        first = np.concatenate([[0], np.flatnonzero(changes) + 1])
        last = np.append(first[1:], len(d.cn)) - 1
        row_ends = d.row[last]
        row_starts = np.concatenate([[0], row_ends[:-1]])
        # A stretch whose fields are all ignored has no rows; what stands here for it is not used.
        moments_of = (
            d.observed[np.minimum(row_starts, len(d.observed) - 1)] if len(d.observed) else row_starts
        )
        book, presence, activity = self._book.rows, self._reader.presence, self._context.activity
        due = self._context.frames.due
        row = answer = logged = 0
        for f, to, row_end, answer_end, stream, device, cn, history, start, end, final, notes, moment in zip(
            first.tolist(), last.tolist(), row_ends.tolist(), d.answer[last].tolist(),
            d.stream[first].tolist(), d.device[first].tolist(), d.cn[first].tolist(),
            d.history[first].tolist(), d.start[first].tolist(), d.end[last].tolist(),
            d.start[last].tolist(), np.bitwise_or.reduceat(d.notes, first).tolist(),
            moments_of.tolist(), strict=True,
        ):  # fmt: skip
            session, state = sessions[stream], book[device]
            device_id = state.record.id
            if state.owner is not session:
                presence.arrived(session, state, data[start : int(d.end[f])], received)
            batch = ReadingBatch(
                d.point[row:row_end], d.observed[row:row_end], d.value[row:row_end], d.quality[row:row_end],
                received, device_id, history != 0, data[start:end] if end - start <= _RAW_BYTES else None,
            )  # fmt: skip
            frames, rows = to - f + 1, row_end - row
            out.append(Delivery(session, state, batch if rows else None, d.answers[answer:answer_end]))
            session.frames += frames
            session.readings += rows
            session.bad_in_row = 0
            session.last_frame_at = received
            line = activity.of(device_id)
            line.frames += frames
            line.readings += rows
            line.last_frame_at = line.last_reading_at = received
            if notes:
                self._deviations(session, device_id, d.notes[f : to + 1])
            if logged < _LOGGED and due(device_id, received):
                logged += 1
                kinds = [k.value for k in deviations_of(int(d.notes[to]))]
                presence.log(device_id, received, data[final:end], session.peer, kinds)
            if cn == Cn.REALTIME and not history and rows:
                moments = [moment] if f == to else np.unique(d.observed[row:row_end]).tolist()
                presence.real_time(state, moments, received)
            elif history:
                self._reader.requester.history_frames(device_id, cn, frames)
            row, answer = row_end, answer_end
        self._counters["frames"] += len(d.cn)
        self._counters["readings"] += row

    def _deviations(self, session: Session, device_id: int, notes: U8) -> None:
        for bit, deviation in NOTES:
            number = int(np.count_nonzero(notes & bit))
            if number:
                self._reader.presence.deviate(session, device_id, deviation, number)
