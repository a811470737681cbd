"""RTP payloads to NAL units: H.264 (RFC 6184: single, STAP-A, FU-A) and H.265 (RFC 7798: single, AP, FU)."""

from __future__ import annotations

from parksight.gateways.cameras.protocols import Codec
from parksight.gateways.cameras.video.nal import classify

#: Largest NAL unit put together, bytes: a key picture of 8K stays below.
MAX_NAL = 8 * 2**20
MAX_NALS = 1024


class Depacketiser:
    """Collects the NAL units of one picture; :meth:`take` hands them over.

    Attributes:
        broken: a piece was missing, malformed or too large since the last :meth:`take`.
    """

    def __init__(self, codec: Codec) -> None:
        self._codec: Codec = codec
        self._h264 = codec == "h264"
        self._nals: list[bytes] = []
        self._pieces: list[bytes] | None = None
        self._size = 0
        self.broken = False

    def __bool__(self) -> bool:
        return bool(self._nals) or self._pieces is not None

    def has_picture(self) -> bool:
        """Whether a slice is among the NAL units so far."""
        return classify(self._codec, self._nals)[0]

    def take(self) -> tuple[list[bytes], bool]:
        """The NAL units so far and whether they are whole; begins the next picture."""
        whole = not self.broken and self._pieces is None
        nals = self._nals
        self._nals, self._pieces, self.broken = [], None, False
        return nals, whole

    def gap(self) -> None:
        """Packets are missing here."""
        self._pieces = None
        self.broken = True

    def push(self, data: bytes, start: int, end: int) -> None:
        """Payload of one packet, in order."""
        if end - start < 2:
            self.broken = True
            return
        if self._h264:
            kind = data[start] & 31
            if kind == 28:
                self._fragment(data, start + 1, end, bytes(((data[start] & 0xE0) | (data[start + 1] & 31),)))
            elif kind == 24:
                self._aggregate(data, start + 1, end, 1)
            elif 0 < kind < 24:
                self._add(data[start:end])
            else:
                self.broken = True  # STAP-B, MTAP, FU-B: interleaved mode, which we never ask for
            return
        kind = data[start] >> 1 & 63
        if kind == 49:
            if end - start < 4:
                self.broken = True
                return
            head = bytes(((data[start] & 0x81) | (data[start + 2] & 63) << 1, data[start + 1]))
            self._fragment(data, start + 2, end, head)
        elif kind == 48:
            self._aggregate(data, start + 2, end, 2)
        elif kind < 48:
            self._add(data[start:end])
        else:
            self.broken = True

    def _fragment(self, data: bytes, at: int, end: int, head: bytes) -> None:
        flags = data[at]
        if flags & 0x80:
            if self._pieces is not None:
                self.broken = True  # the end of the one before never came
            self._pieces, self._size = [head], 0
        elif self._pieces is None:
            self.broken = True
            return
        self._size += end - at
        if self._size > MAX_NAL:
            self.gap()
            return
        self._pieces.append(data[at + 1 : end])
        if flags & 0x40:
            nal = b"".join(self._pieces)
            self._pieces = None
            self._add(nal)

    def _aggregate(self, data: bytes, at: int, end: int, least: int) -> None:
        while at + 2 <= end:
            size = data[at] << 8 | data[at + 1]
            at += 2
            if size < least or at + size > end:
                self.broken = True
                return
            self._add(data[at : at + size])
            at += size
        if at != end:
            self.broken = True

    def _add(self, nal: bytes) -> None:
        if self._pieces is not None:
            self._pieces = None
            self.broken = True
        if len(self._nals) >= MAX_NALS:
            self.broken = True
            return
        self._nals.append(nal)
