"""The compiled decoder behind a plain interface, and the same placing of rows for leniently parsed frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parksight.gateways.hj212.batch import kernel
from parksight.gateways.hj212.batch.answers import ANSWER_BYTES
from parksight.gateways.hj212.batch.arrays import (
    F64,
    I32,
    I64,
    U8,
    Constants,
    FrameArrays,
    RowArrays,
    StreamArrays,
)
from parksight.gateways.hj212.batch.tables import SKIP, Tables
from parksight.gateways.hj212.codec.commands import PERIODS_MS
from parksight.gateways.hj212.codec.crc import SLICES, TABLE16
from parksight.gateways.hj212.codec.frame import MAX_SEGMENT
from parksight.gateways.hj212.codec.readings import Content
from parksight.gateways.hj212.codec.reasons import Deviation
from parksight.gateways.hj212.codec.segment import Segment
from parksight.gateways.hj212.codec.times import ZoneTable, calendar
from parksight.telemetry.protocols import UNMAPPED
from parksight.telemetry.quality import QualityFlag

#: Bit of ``Decoded.notes`` -> deviation.
NOTES: tuple[tuple[int, Deviation], ...] = (
    (kernel.D_LOWER_CRC, Deviation.LOWER_CRC),
    (kernel.D_LONG, Deviation.LONG_SEGMENT),
    (kernel.D_NO_QN, Deviation.MISSING_QN),
    (kernel.D_NO_FLAG, Deviation.MISSING_FLAG),
    (kernel.D_PW, Deviation.PW_LENGTH),
    (kernel.D_MN, Deviation.MN_LENGTH),
)

#: No reading and no frame is shorter than this.
_ROW_BYTES, _FRAME_BYTES = 6, 70


def deviations_of(bits: int) -> list[Deviation]:
    """The deviations of a bit set, as the lenient codec names them."""
    return [deviation for bit, deviation in NOTES if bits & bit]


@dataclass(slots=True)
class Decoded:
    """One call's result; arrays of their own, safe to keep.

    Attributes:
        point: rows, in order of frames.
        observed: as the rows; UTC ms.
        value: in the source unit of the point.
        quality: quality bytes.
        stream: of each frame: index of the stream it came by.
        device: of each frame: row of :class:`Tables`.
        cn: of each frame.
        row: of each frame: end of its rows.
        start: of each frame: its span in the data, without CR LF.
        end: see ``start``.
        history: of each frame: 1 for period data and re-sent frames.
        notes: of each frame: deviation bits.
        answer: of each frame: end of its answer in ``answers``.
        answers: all 9014 frames to send once the rows are durable.
        consumed: of each stream: where it was left.
        expect: of each stream: whether a CR LF is still due.
        irregular: of each stream: 1 when the lenient codec must go on.
    """

    point: I32
    observed: I64
    value: F64
    quality: U8
    stream: I32
    device: I32
    cn: I32
    row: I64
    start: I64
    end: I64
    history: U8
    notes: U8
    answer: I64
    answers: bytes
    consumed: I64
    expect: U8
    irregular: U8


class Decoder:
    """Holds the scratch arrays of the kernel; used by one thread.

    Args:
        zone: where the devices' clocks live.
        max_segment: longer frames are left to the lenient codec, which refuses them.

    Attributes:
        ready: compiled; until then the lenient codec reads everything.
    """

    def __init__(self, zone: ZoneTable, max_segment: int = MAX_SEGMENT) -> None:
        self.zone = zone
        self.max_segment = min(max_segment, MAX_SEGMENT)
        self._fixed = Constants(zone.starts, zone.offsets, *calendar(), SLICES, TABLE16)
        self.ready = False
        self._capacity = 0
        self._reserve(65_536)

    def _reserve(self, size: int) -> None:
        if size <= self._capacity:
            return
        self._capacity = size
        rows, frames = size // _ROW_BYTES + 1, size // _FRAME_BYTES + 1
        self._rows = RowArrays(
            np.empty(rows, np.int32), np.empty(rows, np.int64), np.empty(rows), np.empty(rows, np.uint8),
            np.empty(rows, np.int32),
        )  # fmt: skip
        self._frames = FrameArrays(
            np.empty(frames, np.int32), np.empty(frames, np.int32), np.empty(frames, np.int32),
            np.empty(frames, np.int64), np.empty(frames, np.int64), np.empty(frames, np.int64),
            np.empty(frames, np.uint8), np.empty(frames, np.uint8), np.empty(frames, np.int64),
        )  # fmt: skip
        self._answers = np.empty(frames * ANSWER_BYTES, np.uint8)

    def warm(self) -> None:
        """Compile (seconds the first time, then from the cache on disk); any thread, before first use."""
        nothing = np.zeros(0, np.int64)
        Decoder(self.zone, self.max_segment).decode(
            Tables(()), b"#", nothing, nothing, np.zeros(0, np.uint8), 0
        )
        self.ready = True

    def decode(
        self, tables: Tables, data: bytes, starts: I64, ends: I64, expect: U8, received: int
    ) -> Decoded:
        """Decode the streams ``data[starts[i]:ends[i]]``, which arrived at ``received`` (UTC ms)."""
        self._reserve(len(data))
        streams = StreamArrays(
            starts, ends, expect.copy(), np.empty(len(starts), np.int64), np.empty(len(starts), np.uint8)
        )
        n, count, answers = kernel.decode(
            np.frombuffer(data, np.uint8), self.max_segment, received, tables.seed, streams,
            tables.device_arrays(), tables.name_arrays(), self._fixed, self._rows, self._frames,
            self._answers,
        )  # fmt: skip
        rows, frames = self._rows, self._frames
        return Decoded(
            point=rows.point[:n].copy(),
            observed=rows.observed[:n].copy(),
            value=rows.value[:n].copy(),
            quality=rows.quality[:n].copy(),
            stream=frames.stream[:count].copy(),
            device=frames.device[:count].copy(),
            cn=frames.cn[:count].copy(),
            row=frames.row[:count].copy(),
            start=frames.start[:count].copy(),
            end=frames.end[:count].copy(),
            history=frames.history[:count].copy(),
            notes=frames.notes[:count].copy(),
            answer=frames.answer[:count].copy(),
            answers=self._answers[:answers].tobytes(),
            consumed=streams.consumed,
            expect=streams.expect,
            irregular=streams.irregular,
        )


@dataclass(slots=True)
class Rows:
    """Rows of one leniently parsed frame."""

    point: I32
    value: F64
    quality: U8
    history: bool


def rows_from(points: list[int], values: list[float], quality: list[int], history: bool) -> Rows:
    """Rows from lists of equal length."""
    return Rows(
        np.array(points, np.int32), np.array(values, np.float64), np.array(quality, np.uint8), history
    )


def is_history(segment: Segment) -> bool:
    """Period data and re-sent frames: sent late on purpose."""
    return segment.cn in PERIODS_MS or segment.resent


def place(tables: Tables, device: int, segment: Segment, content: Content, received: int) -> Rows:
    """Map the readings of a frame to points, exactly as the compiled path does.

    Args:
        device: row of the device in ``tables``.
        received: UTC ms of arrival.
    """
    points: list[int] = []
    values: list[float] = []
    quality: list[int] = []
    flags = int(tables.or_quality[device])
    period = segment.cn in PERIODS_MS and not segment.resent
    age = received - (content.observed_at or received)
    for name, value, code in zip(content.names, content.values, content.quality, strict=True):
        target = tables.target(device, segment.cn, name)
        if target.point == SKIP:
            continue
        if target.point == UNMAPPED and target.row >= 0:
            tables.hits[target.row] += 1
        points.append(target.point)
        values.append(value * target.factor + target.shift)
        quality.append(code | flags | (QualityFlag.LATE if period and age > target.late_ms else 0))
    for name in content.fields:
        if name.endswith(("-EFlag", "-SampleTime")):
            tables.pass_over(device, segment.cn, name)
    return rows_from(points, values, quality, is_history(segment))


def spans(parts: Sequence[bytes]) -> tuple[bytes, I64, I64]:
    """Several streams' bytes as one buffer with the span of each."""
    sizes = np.fromiter((len(p) for p in parts), np.int64, len(parts))
    ends = np.cumsum(sizes)
    return b"".join(parts), ends - sizes, ends
