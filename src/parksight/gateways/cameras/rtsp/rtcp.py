"""RTCP (RFC 3550): sender reports in, receiver reports and picture loss (RFC 4585) out."""

from __future__ import annotations

import struct
from dataclasses import dataclass

#: Seconds from 1900 (NTP) to 1970.
NTP_EPOCH = 2_208_988_800
_SENDER_REPORT, _RECEIVER_REPORT, _DESCRIPTION, _BYE, _FEEDBACK = 200, 201, 202, 203, 206


@dataclass(frozen=True, slots=True)
class SenderReport:
    """At ``wall_ms`` of the sender's clock the RTP timestamp was ``timestamp``; ``ntp`` are the middle 32 bits for the answer."""

    ssrc: int
    wall_ms: float
    timestamp: int
    ntp: int


@dataclass(frozen=True, slots=True)
class Compound:
    reports: tuple[SenderReport, ...]
    bye: bool
    malformed: bool


def parse(data: bytes) -> Compound:
    """A compound packet; what is readable before a broken part counts."""
    reports: list[SenderReport] = []
    at, bye = 0, False
    while at + 4 <= len(data):
        if data[at] >> 6 != 2:
            return Compound(tuple(reports), bye, True)
        kind, size = data[at + 1], 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if at + size > len(data):
            return Compound(tuple(reports), bye, True)
        if kind == _SENDER_REPORT and size >= 28:
            ssrc, high, low, timestamp = struct.unpack_from(">IIII", data, at + 4)
            if high:  # 0: the camera has no clock (RFC 3550 6.4.1)
                seconds = high - NTP_EPOCH if high >= 0x80000000 else high + 2**32 - NTP_EPOCH
                wall = seconds * 1000 + low * 1000 / 2**32
                reports.append(SenderReport(ssrc, wall, timestamp, (high & 0xFFFF) << 16 | low >> 16))
        elif kind == _BYE:
            bye = True
        at += size
    return Compound(tuple(reports), bye, at != len(data))


def sender_report(ssrc: int, wall_ms: float, timestamp: int, packets: int = 0, octets: int = 0) -> bytes:
    """Of a sender: for relaying and for tests of the other direction."""
    seconds, ms = divmod(wall_ms, 1000)
    high, low = (int(seconds) + NTP_EPOCH) & 0xFFFFFFFF, min(int(ms / 1000 * 2**32), 0xFFFFFFFF)
    return struct.pack(
        ">BBHIIIIII", 0x80, _SENDER_REPORT, 6, ssrc, high, low, timestamp, packets & 0xFFFFFFFF, octets & 0xFFFFFFFF
    )  # fmt: skip


def receiver_report(
    ours: int, theirs: int, lost_share: float, lost: int, highest: int, jitter: int, last: int, delay_s: float
) -> bytes:
    """Receiver report with the mandatory description; the server may take its absence for our death."""
    block = struct.pack(
        ">IIIIII", theirs, min(255, int(lost_share * 256)) << 24 | min(lost, 0x7FFFFF), highest & 0xFFFFFFFF,
        jitter & 0xFFFFFFFF, last, min(int(delay_s * 65536), 0xFFFFFFFF),
    )  # fmt: skip
    report = struct.pack(">BBHI", 0x81, _RECEIVER_REPORT, 7, ours) + block
    return report + struct.pack(">BBHI", 0x81, _DESCRIPTION, 2, ours) + b"\x01\x00\x00\x00"


def picture_loss(ours: int, theirs: int) -> bytes:
    """Asks for a key picture (RFC 4585 6.3.1); cameras that do not know it ignore it."""
    return struct.pack(">BBHII", 0x81, _FEEDBACK, 2, ours, theirs)
