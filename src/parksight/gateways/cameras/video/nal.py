"""NAL units of H.264 and H.265: what they are, which parameter sets go before a key picture, byte streams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from parksight.gateways.cameras.protocols import Codec

_START = b"\x00\x00\x00\x01"
_SETS: dict[Codec, tuple[int, ...]] = {"h264": (7, 8), "h265": (32, 33, 34)}
#: Access unit delimiter and filler: of no use to a player.
_USELESS: dict[Codec, frozenset[int]] = {"h264": frozenset((9, 12)), "h265": frozenset((35, 38))}
#: Parameter sets of one kind kept; a camera uses one or two.
_KEPT = 8


def kind(codec: Codec, first: int) -> int:
    """Type of a NAL unit by its first byte."""
    return first & 31 if codec == "h264" else first >> 1 & 63


def classify(codec: Codec, nals: Iterable[bytes]) -> tuple[bool, bool]:
    """(holds picture data, is a key picture)."""
    picture = key = False
    if codec == "h264":
        for unit in nals:
            what = unit[0] & 31
            picture |= 1 <= what <= 5
            key |= what == 5
    else:
        for unit in nals:
            what = unit[0] >> 1 & 63
            picture |= what < 32
            key |= 16 <= what <= 21
    return picture, key


def begins_picture(codec: Codec, data: bytes, start: int, end: int) -> bool:
    """Whether an RTP payload is visibly the first of a picture: delimiter or parameter sets, alone or aggregated."""
    if end - start < 6:
        return False
    what = kind(codec, data[start])
    if codec == "h264":
        if what == 24:
            what = data[start + 3] & 31
        return what in (7, 9)
    if what == 48:
        what = data[start + 4] >> 1 & 63
    return what in (32, 35)


def annex_b(nals: Iterable[bytes]) -> bytes:
    """With start codes."""
    return b"".join(part for unit in nals for part in (_START, unit))


def split_annex_b(data: bytes) -> list[bytes]:
    """NAL units between start codes; trailing zero bytes belong to the next start code."""
    out: list[bytes] = []
    at = data.find(b"\x00\x00\x01")
    while at >= 0:
        begin = at + 3
        at = data.find(b"\x00\x00\x01", begin)
        unit = data[begin : at if at >= 0 else len(data)].rstrip(b"\x00")
        if unit:
            out.append(unit)
    return out


def length_prefixed(codec: Codec, nals: Sequence[bytes], *, sets: bool) -> bytes:
    """Each NAL unit after its length (u32), as MP4 and WebCodecs take them; parameter sets only where asked for."""
    leave = _USELESS[codec] if sets else _USELESS[codec] | set(_SETS[codec])
    parts: list[bytes] = []
    for unit in nals:
        if kind(codec, unit[0]) not in leave:
            parts.append(len(unit).to_bytes(4, "big"))
            parts.append(unit)
    return b"".join(parts)


def split_lengths(data: bytes) -> list[bytes]:
    """The reverse of :func:`length_prefixed`; ValueError where lengths do not add up."""
    out: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if at + 4 + size > len(data) or size == 0:
            raise ValueError(f"NAL unit of {size} bytes at {at} in {len(data)}")
        out.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return out


class ParameterSets:
    """The newest parameter sets of a stream, by kind."""

    def __init__(self, codec: Codec, known: Iterable[bytes] = ()) -> None:
        self._codec = codec
        self._kinds = _SETS[codec]
        self._held: dict[int, dict[bytes, bytes]] = {k: {} for k in self._kinds}
        self.note(known)

    @property
    def complete(self) -> bool:
        return all(self._held.values())

    def of(self, which: int) -> list[bytes]:
        return list(self._held.get(which, {}).values())

    def all(self) -> tuple[bytes, ...]:
        """In the order in which a decoder wants them."""
        return tuple(unit for which in self._kinds for unit in self._held[which].values())

    def note(self, nals: Iterable[bytes]) -> None:
        fresh: set[int] = set()
        for unit in nals:
            which = kind(self._codec, unit[0]) if unit else -1
            if which not in self._held or len(unit) < 3:
                continue
            held = self._held[which]
            if unit in held.values():
                continue
            if which == self._kinds[-1]:
                # several PPS may live side by side, by their id (which begins their second byte)
                held.pop(unit[1:3], None)
                while len(held) >= _KEPT:
                    del held[next(iter(held))]
                held[unit[1:3]] = unit
            else:
                # a new SPS or VPS ends what was: its PPS come with it
                held.clear()
                held[b""] = unit
                fresh.add(which)
        if fresh:
            last = self._kinds[-1]
            arrived = [u for u in nals if u and kind(self._codec, u[0]) == last]
            if arrived:
                self._held[last] = {u[1:3]: u for u in arrived[:_KEPT]}

    def lead(self, nals: Sequence[bytes]) -> tuple[bytes, ...]:
        """A key picture with its parameter sets before it."""
        there = {kind(self._codec, unit[0]) for unit in nals}
        if all(which in there for which in self._kinds):
            return tuple(nals)
        rest = [unit for unit in nals if kind(self._codec, unit[0]) not in self._kinds]
        return (*self.all(), *rest)
