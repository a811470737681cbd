"""RTP packets of H.264 and the sender's reports."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Sequence

MTU = 1400
PAYLOAD = 96
NTP_EPOCH = 2_208_988_800
_RTP = struct.Struct(">BBHII")


class Packetiser:
    """Numbers and stamps the packets of one stream to one client."""

    def __init__(self, began_s: float) -> None:
        self.ssrc = secrets.randbits(32)
        self.sequence = secrets.randbits(16)
        self._base = secrets.randbits(32)
        self._began = began_s
        self.packets = self.octets = 0

    def stamp(self, wall_s: float) -> int:
        """RTP time of a moment."""
        return (self._base + round((wall_s - self._began) * 90_000)) & 0xFFFFFFFF

    def packets_of(self, units: Sequence[bytes], wall_s: float) -> list[bytes]:
        """RTP packets of one picture; the last bears the marker."""
        stamp = self.stamp(wall_s)
        payloads: list[bytes] = []
        for unit in units:
            if len(unit) <= MTU:
                payloads.append(unit)
                continue
            indicator, kind = (unit[0] & 0xE0) | 28, unit[0] & 0x1F
            body = memoryview(unit)[1:]
            step = MTU - 2
            for at in range(0, len(body), step):
                first, last = at == 0, at + step >= len(body)
                payloads.append(bytes([indicator, 0x80 * first | 0x40 * last | kind]) + body[at : at + step])
        out = []
        for i, payload in enumerate(payloads):
            marker = 0x80 if i == len(payloads) - 1 else 0
            out.append(_RTP.pack(0x80, PAYLOAD | marker, self.sequence, stamp, self.ssrc) + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.packets += 1
            self.octets += len(payload)
        return out

    def report(self, wall_s: float, clock_offset_s: float) -> bytes:
        """Sender report and CNAME: which moment of the camera's own clock is which RTP time."""
        ntp = wall_s + clock_offset_s + NTP_EPOCH
        seconds = int(ntp)
        fraction = int((ntp - seconds) * 2**32) & 0xFFFFFFFF
        head = struct.pack(
            ">BBHIIIIII", 0x80, 200, 6, self.ssrc, seconds & 0xFFFFFFFF, fraction, self.stamp(wall_s),
            self.packets & 0xFFFFFFFF, self.octets & 0xFFFFFFFF,
        )  # fmt: skip
        name = b"parkzone"
        chunk = struct.pack(">I", self.ssrc) + bytes([1, len(name)]) + name + b"\0"
        chunk += b"\0" * (-len(chunk) % 4)
        return head + struct.pack(">BBH", 0x81, 202, len(chunk) // 4) + chunk

    def goodbye(self) -> bytes:
        return struct.pack(">BBHI", 0x81, 203, 1, self.ssrc)
