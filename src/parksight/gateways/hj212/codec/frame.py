"""Frames out of a byte stream: ``##``, four digits of length, data segment, four CRC characters, CR LF.

Framing is by length alone (2025 ciphertext may hold CR LF and ``##``). What does not fit is refused with a
reason and the search goes on at the next ``##``; the result does not depend on how the stream was cut.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from parksight.gateways.hj212.codec.crc import crc, crc_modbus
from parksight.gateways.hj212.codec.reasons import Deviation, FrameError

_HEX = frozenset(b"0123456789abcdefABCDEF")
_HEAD = 6
_CRC = 4
#: The longest data segment that four digits can announce.
MAX_SEGMENT = 9_999
#: Bytes of a refused stretch kept as a specimen.
_SPECIMEN = 1_100


@dataclass(frozen=True, slots=True)
class Framed:
    """A stretch of the stream.

    Attributes:
        raw: its bytes from ``##`` to the CRC (a specimen where ``error`` is set).
        segment: data segment as sent (2025: perhaps with an encrypted CP), empty on error.
        crc: the four CRC characters as sent.
        error: why it is no frame, None for a frame whose CRC is yet to be judged.
    """

    raw: bytes
    segment: bytes = b""
    crc: bytes = b""
    error: FrameError | None = None


def crc_error(segment: bytes, sent: bytes) -> FrameError | None:
    """None when the CRC of a clear segment is right, else which way it is wrong."""
    try:
        value = int(sent, 16)
    except ValueError:
        return FrameError.BAD_CRC
    if value == crc(segment):
        return None
    # Senders of the Modbus value print it in either byte order.
    wrong = crc_modbus(segment)
    if value in (wrong, (wrong & 0xFF) << 8 | wrong >> 8):
        return FrameError.MODBUS_CRC
    return FrameError.BAD_CRC


class Framer:
    """One stream's framer; memory is bounded by one frame plus what is fed at once.

    Args:
        max_segment: longer announced lengths are refused.

    Attributes:
        deviations: what the stream did between frames, counted; the owner drains it.
        junk_bytes: bytes skipped outside frames.
        expect_crlf: a frame ended and its CR LF has not come yet.
        in_junk: bytes are being skipped up to the next ``##``.
    """

    __slots__ = ("_buffer", "deviations", "expect_crlf", "in_junk", "junk_bytes", "max_segment")

    def __init__(self, max_segment: int = MAX_SEGMENT) -> None:
        self.max_segment = min(max_segment, MAX_SEGMENT)
        self._buffer = b""
        self.deviations: Counter[Deviation] = Counter()
        self.junk_bytes = 0
        self.expect_crlf = False
        self.in_junk = False

    @property
    def pending(self) -> bytes:
        """Bytes of a frame that is not complete yet."""
        return self._buffer

    def restore(self, pending: bytes, expect_crlf: bool) -> None:
        """Take over from the compiled framer, which stopped before ``pending``."""
        self._buffer = pending
        self.expect_crlf = expect_crlf

    def feed(self, data: bytes) -> list[Framed]:
        """All frames and refused stretches that end within the bytes so far."""
        buffer = self._buffer + data if self._buffer else data
        out: list[Framed] = []
        pos, size = 0, len(buffer)
        while pos < size:
            if self.expect_crlf:
                step = self._line_end(buffer, pos, size)
                if step < 0:
                    break
                pos += step
                continue
            if not buffer.startswith(b"##", pos):
                found = buffer.find(b"##", pos)
                stop = found if found >= 0 else size - (buffer[size - 1] == 0x23)
                if stop > pos:
                    self._skip(stop - pos)
                if found < 0:
                    pos = stop
                    break
                pos = found
            if size - pos < _HEAD:
                break
            pos, framed = self._frame(buffer, pos, size)
            if framed is None:
                break
            if framed.error is not FrameError.BAD_HEADER or framed.raw:
                out.append(framed)
        self._buffer = bytes(buffer[pos:]) if pos < size else b""
        return out

    def give_up(self) -> list[Framed]:
        """The pending frame did not complete in time: refuse its head and look for frames behind it."""
        if len(self._buffer) < 2:
            self._buffer = b""
            return []
        head, rest = self._buffer, self._buffer[1:]
        self._buffer = b""
        self.expect_crlf = False
        self._skip(1, deviation=False)
        return [Framed(head[:_SPECIMEN], error=FrameError.BAD_LENGTH), *self.feed(rest)]

    def _line_end(self, buffer: bytes, pos: int, size: int) -> int:
        """Bytes of the CR LF at ``pos``; -1 when its second half has not come."""
        first = buffer[pos]
        if first == 0x0D:
            if pos + 1 == size:
                return -1
            self.expect_crlf = False
            if buffer[pos + 1] == 0x0A:
                return 2
            self.deviations[Deviation.MISSING_CRLF] += 1
            return 1
        self.expect_crlf = False
        self.deviations[Deviation.MISSING_CRLF] += 1
        return 1 if first == 0x0A else 0

    def _skip(self, count: int, *, deviation: bool = True) -> None:
        if not self.in_junk and deviation:
            self.deviations[Deviation.JUNK] += 1
        self.in_junk = True
        self.junk_bytes += count

    def _frame(self, buffer: bytes, pos: int, size: int) -> tuple[int, Framed | None]:
        """The stretch at a ``##``: where to go on, and what it was (None: wait for more)."""
        digits = buffer[pos + 2 : pos + _HEAD]
        if not digits.isdigit():
            # Within junk a false head is just more junk.
            specimen = b"" if self.in_junk else buffer[pos : pos + _SPECIMEN]
            self._skip(1, deviation=False)
            return pos + 1, Framed(specimen[:_HEAD], error=FrameError.BAD_HEADER)
        length = int(digits)
        if length > self.max_segment:
            self._skip(1, deviation=False)
            return pos + 1, Framed(buffer[pos : pos + _HEAD], error=FrameError.TOO_LONG)
        end = pos + _HEAD + length
        if size < end + _CRC:
            return pos, None
        segment, sent = buffer[pos + _HEAD : end], buffer[end : end + _CRC]
        if not _HEX.issuperset(sent) or not (
            segment.endswith(b"&&") or (length and crc_error(segment, sent) is None)
        ):
            self._skip(1, deviation=False)
            specimen = buffer[pos : min(end + _CRC, pos + _SPECIMEN)]
            return pos + 1, Framed(specimen, error=FrameError.BAD_LENGTH)
        self.in_junk = False
        self.expect_crlf = True
        return end + _CRC, Framed(buffer[pos : end + _CRC], segment, sent)
