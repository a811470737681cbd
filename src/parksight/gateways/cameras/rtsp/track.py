"""Packets of one track to pictures: order, losses, ends of pictures, clock. No I/O."""

from __future__ import annotations

from collections import Counter

from parksight.gateways.cameras.protocols import AccessUnit
from parksight.gateways.cameras.rtsp import rtcp
from parksight.gateways.cameras.rtsp.depacketise import Depacketiser
from parksight.gateways.cameras.rtsp.rtp import behind, parse
from parksight.gateways.cameras.rtsp.sdp import VideoTrack
from parksight.gateways.cameras.rtsp.timing import Timing
from parksight.gateways.cameras.video import nal

#: Largest picture put together, bytes.
MAX_PICTURE = 16 * 2**20
#: Pictures that went on after their marker before markers are no longer believed.
FALSE_MARKERS = 3
#: A foreign source is believed after this many packets in a row (the encoder was restarted under the session).
NEW_SOURCE = 8


class Track:
    """One picture track; :meth:`packet` returns the pictures that a packet completed.

    A picture with a hole, and what was predicted from it, is counted and left out until the next key picture.

    Attributes:
        counters: ``packets``, ``bytes``, ``pictures``, ``lost`` packets, and pictures left out by reason.
        waiting: for a key picture.
    """

    def __init__(self, described: VideoTrack, counters: Counter[str] | None = None) -> None:
        self.codec = described.codec
        self.timing = Timing(described.clock)
        self.sets = nal.ParameterSets(described.codec, described.sets)
        self.counters: Counter[str] = Counter() if counters is None else counters
        self.waiting = True
        self.ssrc: int | None = None
        self.highest: int | None = None
        self.report: rtcp.SenderReport | None = None
        self.report_at = 0.0
        self._payload_type = described.payload_type
        self._pieces = Depacketiser(described.codec)
        self._timestamp: int | None = None
        self._done: int | None = None
        self._size = 0
        self._lost = 0
        self._false = 0
        self._markers = True
        self._foreign: tuple[int, int] = (0, 0)

    def control(self, data: bytes, now_ms: float) -> bool:
        """An RTCP packet; True: the sender said goodbye."""
        found = rtcp.parse(data)
        if found.malformed:
            self.counters["bad_rtcp"] += 1
        for report in found.reports:
            if self.ssrc in (None, report.ssrc) or len(found.reports) == 1:
                self.timing.report(report)
                self.report, self.report_at = report, now_ms
                self.counters["sender_reports"] += 1
        return found.bye

    def packet(self, data: bytes, start: int, end: int, now_ms: float) -> list[AccessUnit]:
        """One RTP packet, bytes ``start`` to ``end`` of ``data``."""
        found = parse(data, start, end)
        counters = self.counters
        if found is None:
            counters["bad_rtp"] += 1
            return []
        if found.payload_type != self._payload_type:
            counters["other_payload"] += 1
            return []
        if found.ssrc != self.ssrc and not self._adopt(found.ssrc):
            counters["foreign_source"] += 1
            return []
        counters["packets"] += 1
        counters["bytes"] += end - start
        out: list[AccessUnit] = []
        lost = 0
        if self.highest is not None:
            ahead = behind(found.sequence, self.highest)
            if ahead <= 0:
                if ahead > -1000:
                    counters["late"] += 1
                    return []
                ahead = 2  # the sender began anew: at least one is missing
            lost = ahead - 1
        self.highest = found.sequence
        if lost:
            counters["lost"] += lost
        if found.timestamp != self._timestamp:
            if self._pieces:
                if lost:
                    self._pieces.broken = True  # its end may be among the missing
                counters["no_marker"] += self._markers
                self._finish(now_ms, out)
            self._timestamp = found.timestamp
            self._lost = self._size = 0
        elif found.timestamp == self._done:
            self._false_marker()
        if lost:
            self._lost += lost
            self.waiting = True
            # A picture that visibly begins after the gap is whole, whatever was lost before it.
            if self._pieces or not nal.begins_picture(self.codec, data, found.start, found.end):
                self._pieces.gap()
        self._size += found.end - found.start
        if self._size > MAX_PICTURE:
            self._pieces.take()
            self._pieces.broken = True
        elif found.end > found.start:
            self._pieces.push(data, found.start, found.end)
        if found.marker and self._markers and (self._pieces.broken or self._pieces.has_picture()):
            # a marker after mere parameter sets or messages ends nothing
            self._finish(now_ms, out)
        return out

    def _adopt(self, ssrc: int) -> bool:
        if self.ssrc is None:
            self.ssrc = ssrc
            return True
        known, number = self._foreign
        self._foreign = (ssrc, number + 1 if known == ssrc else 1)
        if self._foreign[1] < NEW_SOURCE:
            return False
        self.ssrc, self.highest, self.report = ssrc, None, None
        self._foreign = (0, 0)
        self._pieces.take()
        self.waiting = True
        self.counters["source_changed"] += 1
        return True

    def _false_marker(self) -> None:
        self.counters["early_marker"] += 1
        self._done = None
        self._false += 1
        if self._false >= FALSE_MARKERS:
            self._markers = False

    def _finish(self, now_ms: float, out: list[AccessUnit]) -> None:
        nals, whole = self._pieces.take()
        self.sets.note(nals)
        has_picture, key = nal.classify(self.codec, nals)
        if not has_picture:
            if whole:
                return  # parameter sets sent as a picture of their own
            self.waiting = True
            self.counters["holes"] += 1
            return
        self._done = self._timestamp
        assert self._timestamp is not None
        dts, wall_ms, exact = self.timing.picture(self._timestamp, now_ms)
        if not whole:
            self.waiting = True
            self.counters["holes"] += 1
            return
        if key and self.sets.complete:
            self.waiting = False
        if self.waiting:
            self.counters["waiting_for_key"] += 1
            return
        self.counters["pictures"] += 1
        units = self.sets.lead(nals) if key else tuple(nals)
        out.append(AccessUnit(self.codec, units, key, dts, wall_ms, exact, now_ms, self._lost))
