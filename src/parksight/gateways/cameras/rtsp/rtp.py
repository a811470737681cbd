"""RTP packets (RFC 3550): the header, sequence numbers, and putting datagrams back into order."""

from __future__ import annotations

from typing import NamedTuple

#: Datagrams that arrived too early are held for those before them: this many, or this long.
HELD, HELD_MS = 512, 60.0


class Packet(NamedTuple):
    """Where things are in the bytes of a packet; ``start`` and ``end`` bound the payload."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    start: int
    end: int


def parse(data: bytes, begin: int = 0, end: int | None = None) -> Packet | None:
    """None for what is not a whole RTP packet of version 2."""
    stop = len(data) if end is None else end
    if stop - begin < 12:
        return None
    first = data[begin]
    if first >> 6 != 2:
        return None
    second = data[begin + 1]
    start = begin + 12 + 4 * (first & 15)
    if first & 0x10:
        if start + 4 > stop:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20 and start < stop:
        padding = data[stop - 1]
        if padding == 0 or start + padding > stop:
            return None
        stop -= padding
    if start > stop:
        return None
    return Packet(
        second >= 128, second & 127, int.from_bytes(data[begin + 2 : begin + 4], "big"),
        int.from_bytes(data[begin + 4 : begin + 8], "big"), int.from_bytes(data[begin + 8 : begin + 12], "big"),
        start, stop,
    )  # fmt: skip


def behind(a: int, b: int) -> int:
    """How far sequence number ``a`` is after ``b``, -32768..32767."""
    return ((a - b + 0x8000) & 0xFFFF) - 0x8000


class Reorder:
    """Datagrams in the order of their sequence numbers.

    What is missing is waited for until :data:`HELD` packets or :data:`HELD_MS` are over, then given up; the gap shows in
    the sequence numbers of what comes out. Packets that come after that, or twice, are counted and left out.

    Attributes:
        late: came after they were given up, or twice.
        reordered: came early and were put in their place.
    """

    def __init__(self, held: int = HELD, held_ms: float = HELD_MS) -> None:
        self._limit, self._patience = held, held_ms
        self._next: int | None = None
        self._waiting: dict[int, tuple[bytes, float]] = {}
        self._strays = 0
        self.late = 0
        self.reordered = 0

    def push(self, data: bytes, now_ms: float) -> list[bytes]:
        """Take one datagram; the packets that are due now, in order."""
        if len(data) < 12:
            return []
        sequence = int.from_bytes(data[2:4], "big")
        if self._next is None:
            self._next = sequence
        ahead = behind(sequence, self._next)
        if ahead < 0 or ahead > 4 * self._limit:
            self._strays += 1
            if self._strays <= 16 and ahead < 0:
                self.late += 1
                return []
            # the sender began anew: what waited belongs to its past
            out = [d for d, _ in self._waiting.values()] if ahead > 0 else []
            self._waiting.clear()
            self._next, self._strays = (sequence + 1) & 0xFFFF, 0
            return [*out, data]
        self._strays = 0
        if ahead == 0:
            self._next = (sequence + 1) & 0xFFFF
            return [data, *self._ready(now_ms)] if self._waiting else [data]
        if sequence in self._waiting:
            self.late += 1
            return []
        self._waiting[sequence] = (data, now_ms)
        self.reordered += 1
        return self._ready(now_ms)

    def _ready(self, now_ms: float) -> list[bytes]:
        out: list[bytes] = []
        while self._waiting:
            assert self._next is not None
            found = self._waiting.pop(self._next, None)
            if found is not None:
                out.append(found[0])
                self._next = (self._next + 1) & 0xFFFF
                continue
            oldest = min(at for _, at in self._waiting.values())
            if len(self._waiting) < self._limit and now_ms - oldest < self._patience:
                break
            here = self._next
            self._next = min(self._waiting, key=lambda s: behind(s, here))
        return out
