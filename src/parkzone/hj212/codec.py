"""HJ 212 frames as a data logger writes and reads them (2005, 2017, 2025).

Independent of the platform's own codec on purpose: two implementations of one standard check each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field

#: Version -> version bits of Flag.
VERSION_BITS = {2005: 0, 2017: 4, 2025: 8}
MAX_SEGMENT = 9999


def _table() -> tuple[int, ...]:
    out = []
    for byte in range(256):
        reg = byte
        for _ in range(8):
            reg = (reg >> 1) ^ 0xA001 if reg & 1 else reg >> 1
        out.append(reg)
    return tuple(out)


_CRC = _table()


def crc(segment: bytes) -> int:
    """Check value of a data segment (HJ 212-2017 appendix A): the *high* byte meets the next data byte."""
    reg = 0xFFFF
    for byte in segment:
        reg = _CRC[(reg >> 8) ^ byte]
    return reg


def frame(segment: str) -> bytes:
    """A whole frame around a data segment.

    Raises:
        ValueError: the segment is longer than four digits can say.
    """
    data = segment.encode()
    if len(data) > MAX_SEGMENT:
        raise ValueError(f"segment of {len(data)} bytes is longer than {MAX_SEGMENT}")
    return b"##%04d%s%04X\r\n" % (len(data), data, crc(data))


@dataclass(frozen=True)
class Message:
    """A data segment taken apart; ``cp`` holds the items of CP by name."""

    cn: str
    qn: str
    flag: int
    fields: dict[str, str] = field(default_factory=dict)
    cp: dict[str, str] = field(default_factory=dict)

    @property
    def wants_answer(self) -> bool:
        return bool(self.flag & 1)


def parse(segment: bytes) -> Message:
    """Take a data segment apart.

    Raises:
        ValueError: no CP part, or a Flag that is no number.
    """
    text = segment.decode("utf-8", "replace")
    head, mark, rest = text.partition("CP=&&")
    if not mark:
        raise ValueError("segment has no CP part")
    fields = dict(item.split("=", 1) for item in head.split(";") if "=" in item)
    body = rest.rpartition("&&")[0] if "&&" in rest else rest
    cp: dict[str, str] = {}
    for item in body.replace(";", ",").split(","):
        name, equals, value = item.partition("=")
        if equals:
            cp[name] = value
    flag = int(fields.get("Flag", "0"))
    return Message(fields.get("CN", ""), fields.get("QN", ""), flag, fields, cp)


class Deframer:
    """Cuts a byte stream into data segments; frames with a wrong check value are counted and skipped."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.bad = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Complete, checked segments so far."""
        self._buffer += data
        out: list[bytes] = []
        while True:
            start = self._buffer.find(b"##")
            if start < 0:
                del self._buffer[: max(0, len(self._buffer) - 1)]
                return out
            del self._buffer[:start]
            if len(self._buffer) < 6:
                return out
            digits = bytes(self._buffer[2:6])
            if not digits.isdigit():
                self.bad += 1
                del self._buffer[:2]
                continue
            length = int(digits)
            if len(self._buffer) < length + 10:
                return out
            segment = bytes(self._buffer[6 : 6 + length])
            check = bytes(self._buffer[6 + length : 10 + length])
            if check.upper() == b"%04X" % crc(segment):
                out.append(segment)
                del self._buffer[: 10 + length]
                if self._buffer[:2] == b"\r\n":
                    del self._buffer[:2]
            else:
                self.bad += 1
                del self._buffer[:2]
