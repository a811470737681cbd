"""Leniently, frame by frame: everything the compiled path leaves, and every way in which a frame is refused."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np

from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212.batch.decoder import Rows, place, rows_from
from parksight.gateways.hj212.codec import builder
from parksight.gateways.hj212.codec.commands import (
    HISTORY,
    NOTIFICATIONS,
    Cn,
    address_of,
    encrypted_command,
)
from parksight.gateways.hj212.codec.flags import flag_table
from parksight.gateways.hj212.codec.frame import Framed, crc_error
from parksight.gateways.hj212.codec.readings import Content, read
from parksight.gateways.hj212.codec.reasons import Deviation, FrameError
from parksight.gateways.hj212.codec.segment import Segment, SegmentError, is_answer, parse_segment
from parksight.gateways.hj212.codec.times import ZoneTable
from parksight.gateways.hj212.delivery import Delivery, Text
from parksight.gateways.hj212.devices import PROTOCOL, DeviceBook, DeviceState
from parksight.gateways.hj212.presence import Presence
from parksight.gateways.hj212.requester import Requester
from parksight.gateways.hj212.session import Session
from parksight.kernel.settings import Hj212Settings
from parksight.telemetry.protocols import UNMAPPED, ReadingBatch
from parksight.telemetry.quality import QualityFlag

#: Source of rejections that belong to nobody.
NOBODY = 0
_MN = re.compile(rb"(?:^|[;,])MN=([^;,]*)")
_CN = re.compile(rb"(?:^|[;,])CN=(\d{4})")
_CLEAR = re.compile(rb"[\x20-\x7e\x80-\xff\r\n\t]*")
#: Commands that a platform knows how to take from a device; others are kept whole, and noted.
_KNOWN = frozenset(
    {1001, 1002, 1011, 1013, 1014, 1061, 1063, 2011, 2013, 2021, 2031, 2041, 2051, 2052, 2061, 2062, 2081,
     2111, 3015, 3017, 3018, 3019, 3020, 3021, 9011, 9012, 9013, 9014, 9015, 2012, 2022}
)  # fmt: skip


class Reader:
    """Takes one framed stretch and says what is to be delivered.

    Args:
        context: shared parts.
        book: devices.
        presence: ties devices to connections.
        requester: hears the answers to our requests.
        zone: where the devices' clocks live.
        settings: limits.
        counters: shared counters of the gateway.
        rejected: frames refused, by reason.
    """

    def __init__(
        self,
        context: GatewayContext,
        book: DeviceBook,
        presence: Presence,
        requester: Requester,
        zone: ZoneTable,
        settings: Hj212Settings,
        counters: Counter[str],
        rejected: Counter[str],
    ) -> None:
        self._context = context
        self._book = book
        self.presence = presence
        self.requester = requester
        self._zone = zone
        self._settings = settings
        self._counters = counters
        self._rejected = rejected
        self._plain_flags = flag_table()

    def take(self, session: Session, framed: Framed, received: int) -> Delivery | None:
        """Judge and read one frame; None when nothing is to be handed over."""
        if framed.error is not None:
            self._refuse(session, framed.error, framed.raw, received)
            return None
        opened = self._open(framed)
        if isinstance(opened, FrameError):
            self._refuse(session, opened, framed.raw, received)
            return None
        clear, noted = opened
        try:
            segment = parse_segment(clear)
        except SegmentError as problem:
            self._refuse(session, problem.reason, framed.raw, received)
            return None
        for deviation in noted:
            segment.note(deviation)
        session.bad_in_row = 0
        session.frames += 1
        session.last_frame_at = received
        self._counters["frames"] += 1
        if segment.mn is None:
            self._refuse(session, FrameError.NO_MN, framed.raw, received, readable=True)
            return None
        state = self._book.by_mn.get(segment.mn)
        if state is None:
            self._unknown(session, segment, framed.raw, received)
            return None
        refusal = self._not_allowed(session, state)
        if refusal is not None:
            self._refuse(session, refusal, framed.raw, received, device_id=state.id, readable=True)
            return None
        return self._known(session, state, segment, framed.raw, received)

    # -- opening ---------------------------------------------------------------------------------------

    def _open(self, framed: Framed) -> tuple[bytes, list[Deviation]] | FrameError:
        """The clear segment with the CRC judged over it, and what was noted on the way."""
        noted = [] if framed.crc == framed.crc.upper() else [Deviation.LOWER_CRC]
        head = framed.segment.partition(b"CP=")[0]
        found = _MN.search(head)
        state = self._book.by_mn.get(found.group(1).decode("latin-1")) if found else None
        wrong = crc_error(framed.segment, framed.crc)
        if state is None or state.key is None:
            return wrong if wrong is not None else (framed.segment, noted)
        clear = state.key.decrypt_segment(framed.segment)
        if crc_error(clear, framed.crc) is None and (wrong is not None or _is_text(clear)):
            return clear, noted
        if wrong is None:
            command = _CN.search(head)
            if command and encrypted_command(int(command.group(1))) and len(framed.segment) > len(head) + 23:
                noted.append(Deviation.CLEAR_TEXT)
            return framed.segment, noted
        return wrong if _is_text(framed.segment) else FrameError.UNDECRYPTABLE

    def _not_allowed(self, session: Session, state: DeviceState) -> FrameError | None:
        if not state.record.enabled:
            return FrameError.DISABLED_MN
        if not state.may_call_from(session.host):
            return FrameError.WRONG_ADDRESS
        if state.id not in session.devices and len(session.devices) >= self._settings.devices_per_connection:
            return FrameError.WRONG_ADDRESS
        return None

    # -- refusing --------------------------------------------------------------------------------------

    def _refuse(
        self,
        session: Session,
        error: FrameError,
        raw: bytes,
        received: int,
        *,
        device_id: int | None = None,
        readable: bool = False,
        number: int = 1,
    ) -> None:
        """Count, keep a specimen, and hang up after too many in a row."""
        if device_id is None:
            device_id = self._guess(session, raw)
        self._rejected[error.value] += number
        self._context.ingest.reject(device_id, f"hj212_{error.value}", number, raw)
        if device_id != NOBODY:
            self._context.activity.of(device_id).error(error.value)
        session.deviations[error.value] += 1
        self.presence.log(device_id, received, raw, session.peer, [error.value])
        if readable:
            return
        session.bad_in_row += 1
        state = self._book.states.get(device_id)
        limit = state.policy.bad_frames_in_a_row if state is not None else None
        if session.bad_in_row >= (limit or self._settings.bad_frames_limit):
            session.close("bad_frames")

    def _guess(self, session: Session, raw: bytes) -> int:
        """Whose unreadable frame it is: by the MN in it, else by the only device of the connection."""
        found = _MN.search(raw)
        state = self._book.by_mn.get(found.group(1).decode("latin-1")) if found else None
        if state is not None:
            return state.id
        return next(iter(session.devices)) if len(session.devices) == 1 else NOBODY

    def _unknown(self, session: Session, segment: Segment, raw: bytes, received: int) -> None:
        """A readable frame of nobody we know: kept for onboarding, never answered."""
        content = read(segment, self._zone, self._plain_flags)
        fields = {
            address_of(segment.cn, name): f"{value:g}"
            for name, value in zip(content.names, content.values, strict=True)
        }
        assert segment.mn is not None
        self._context.unknown.seen(
            PROTOCOL, segment.mn, received, peer=session.peer, frame=raw, fields=fields
        )
        self._refuse(
            session, FrameError.UNKNOWN_MN, raw, received, device_id=NOBODY, readable=True,
            number=max(1, len(fields)),
        )  # fmt: skip
        if self._settings.unknown_mn == "close":
            session.close("unknown_mn")

    # -- reading ---------------------------------------------------------------------------------------

    def _known(
        self, session: Session, state: DeviceState, segment: Segment, raw: bytes, received: int
    ) -> Delivery | None:
        if state.owner is not session:
            self.presence.arrived(session, state, b"", received)
        self.presence.spoke(state, segment)
        line = self._context.activity.of(state.id)
        line.frame(received)
        if segment.cn not in _KNOWN:
            segment.note(Deviation.UNKNOWN_COMMAND)
        delivery = self._dispatch(session, state, segment, raw, received)
        for deviation in segment.deviations:
            self.presence.deviate(session, state.id, deviation)
        self.presence.log(state.id, received, raw, session.peer, [d.value for d in segment.deviations])
        return delivery

    def _dispatch(
        self, session: Session, state: DeviceState, segment: Segment, raw: bytes, received: int
    ) -> Delivery | None:
        if segment.cn == Cn.HEARTBEAT or (segment.cn in NOTIFICATIONS and not is_answer(segment)):
            self._counters["notifications"] += 1
            if segment.wants_answer and state.policy.answer:
                session.write(builder.notify_answer(segment))
                self._counters["answers"] += 1
            if segment.cn == Cn.ASK_TIME:
                self.requester.time_wanted(state, segment.get("PolId"))
            return None
        if self.requester.heard(state, segment) or is_answer(segment):
            return None
        return self._upload(session, state, segment, raw, received)

    def _upload(
        self, session: Session, state: DeviceState, segment: Segment, raw: bytes, received: int
    ) -> Delivery | None:
        tables = self._book.tables
        device = tables.row_of[state.record.address]
        content = read(segment, self._zone, tables.flag_tables[tables.flag_table_of[device]])
        if content.names and content.error is not None:
            number = len(content.names)
            self._refuse(
                session, content.error, raw, received, device_id=state.id, readable=True, number=number
            )
            return None
        rows = self._rows(state, device, segment, content, received)
        delivery = Delivery(session, state)
        if len(rows.point) and content.observed_at is not None:
            observed = np.full(len(rows.point), content.observed_at, np.int64)
            delivery.batch = ReadingBatch(
                rows.point, observed, rows.value, rows.quality, received, state.id, rows.history, raw
            )
            session.readings += len(rows.point)
            self._counters["readings"] += len(rows.point)
            line = self._context.activity.of(state.id)
            line.readings += len(rows.point)
            line.last_reading_at = received
        if content.observed_at is not None and segment.cn == Cn.REALTIME and not segment.resent:
            self.presence.real_time(state, [content.observed_at], received)
        if segment.cn in HISTORY:
            self.requester.history_frames(state.id, segment.cn, 1)
        delivery.texts = self._texts(state, segment, content, received, delivery.batch is None)
        if segment.wants_answer and state.policy.answer:
            delivery.answer = builder.data_answer(segment)
        return delivery

    def _rows(
        self, state: DeviceState, device: int, segment: Segment, content: Content, received: int
    ) -> Rows:
        moment = content.observed_at
        if (
            segment.cn != Cn.MINUTE
            or not state.policy.fill_gaps
            or moment is None
            or not state.gaps.covers(moment)
        ):
            return place(self._book.tables, device, segment, content, received)
        return self._fill(device, segment, content)

    def _fill(self, device: int, segment: Segment, content: Content) -> Rows:
        """Minute means within a gap of the real-time data stand in for it.

        What has a mapping of its own goes there; the other statistics of a mean that fills are passed over.
        """
        tables = self._book.tables
        points: list[int] = []
        values: list[float] = []
        quality: list[int] = []
        flags = int(tables.or_quality[device])
        filled: set[str] = set()
        rest: list[int] = []
        for i, name in enumerate(content.names):
            factor, _, kind = name.rpartition("-")
            target = tables.known(device, segment.cn, name)
            code = content.quality[i] | flags
            if target is None and kind == "Avg":
                target = tables.known(device, Cn.REALTIME, f"{factor}-Rtd")
                if target is not None:
                    filled.add(factor)
                    code |= QualityFlag.RESENT
            if target is None:
                rest.append(i)
                continue
            points.append(target.point)
            values.append(content.values[i] * target.factor + target.shift)
            quality.append(code)
        for i in rest:
            name = content.names[i]
            if name.rpartition("-")[0] in filled:
                self._counters["passed_over"] += 1
                continue
            tables.target(device, segment.cn, name)
            points.append(UNMAPPED)
            values.append(content.values[i])
            quality.append(content.quality[i] | flags)
        self._counters["filled"] += len(filled)
        return rows_from(points, values, quality, True)

    def _texts(
        self, state: DeviceState, segment: Segment, content: Content, received: int, empty: bool
    ) -> list[Text]:
        """What is no number but must be kept before it is acknowledged."""
        found = list(content.texts)
        if empty:
            found += [(n, v) for n, v in content.fields.items() if not n.endswith(("-EFlag", "-SampleTime"))]
            if not found and segment.items:
                found = [("cp", builder.cp_text(segment.items))]
        return [
            Text(state.id, segment.cn, content.observed_at, received, name[:200], text)
            for name, text in found
        ]


def _is_text(segment: bytes) -> bool:
    """Whether a segment's CP looks like clear text rather than ciphertext."""
    body = segment.partition(b"CP=&&")[2]
    if _CLEAR.fullmatch(body) is None:
        return False
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
