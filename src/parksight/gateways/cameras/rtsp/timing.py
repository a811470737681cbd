"""When a picture was taken, on our clock: from sender reports where the camera's clock is sane, else from arrivals.

``t = NTP + ((ts - ts_sr) mod 2^32, signed) / clock``. A camera whose clock is seconds or hours off is still good for
the spacing of its pictures: its offset to our clock is taken off, and the camera is flagged. Without reports a picture's
time is its arrival less the delay above the smallest one seen, which leaves that smallest delay in.
"""

from __future__ import annotations

from collections.abc import Callable

from parksight.gateways.cameras.rtsp.rtcp import SenderReport

#: A camera further off than this is on the wrong clock; network and encoder never take so long, ms.
SANE = 2_000.0
#: A timestamp that jumps further is a new beginning of the camera's counting, s.
JUMP = 10.0
#: The smallest delay is looked for in the newest two spans of this length, ms: clocks of cameras drift.
SPAN = 15_000.0
#: A report that contradicts the one before by more is a set clock, ms.
STEP = 500.0


def signed(difference: int) -> int:
    """A difference of 32-bit counters, -2^31..2^31-1."""
    return ((difference + 0x80000000) & 0xFFFFFFFF) - 0x80000000


class Smallest:
    """The smallest value of the last one to two spans."""

    def __init__(self) -> None:
        self._begun: float | None = None
        self._now = self._before = float("inf")

    def add(self, value: float, at: float) -> float:
        if self._begun is None or at < self._begun or at - self._begun > 2 * SPAN:
            self._begun, self._now, self._before = at, value, float("inf")
        elif at - self._begun > SPAN:
            self._begun, self._before, self._now = at, self._now, value
        else:
            self._now = min(self._now, value)
        return min(self._now, self._before)


class Timing:
    """Decoding time and wall clock of one track.

    Args:
        clock: ticks per second of its timestamps.

    Attributes:
        jumps: the camera's counting began anew.
        steps: the camera's clock was set.
        backwards: pictures stamped before the one they follow (B-frames).
        offset: asks for the camera's clock less ours as its telemetry knows it.
        skew_ms: camera's clock less ours where that is insane, else None.
        delay_ms: of the newest picture from camera to us, by sane reports.
    """

    def __init__(self, clock: int = 90_000) -> None:
        self._clock = clock
        self.offset: Callable[[], float | None] = lambda: None
        self._last: int | None = None
        self._dts = 0
        self._nominal = 3600
        self._report: SenderReport | None = None
        self._by_report = Smallest()
        self._by_arrival = Smallest()
        self.jumps = self.steps = self.backwards = 0
        self.skew_ms: float | None = None
        self.delay_ms: float | None = None

    @property
    def reported(self) -> bool:
        return self._report is not None

    def report(self, found: SenderReport) -> None:
        """A sender report of this track."""
        before = self._report
        if before is not None:
            expected = before.wall_ms + signed(found.timestamp - before.timestamp) * 1000 / self._clock
            if abs(found.wall_ms - expected) > STEP:
                self.steps += 1
                self._by_report = Smallest()
        self._report = found

    def picture(self, timestamp: int, arrived_ms: float) -> tuple[int, float, bool]:
        """(dts at 90 kHz from 0, wall clock in ms, whether that rests on the camera's own clock)."""
        if self._last is not None:
            moved = signed(timestamp - self._last)
            if abs(moved) > JUMP * self._clock:
                self.jumps += 1
                self._dts += self._nominal
                self._report = None
                self._by_arrival, self._by_report = Smallest(), Smallest()
            elif moved <= 0:
                self.backwards += 1
                self._dts += 1
            else:
                ticks = max(1, moved * 90_000 // self._clock)
                self._nominal = min(ticks, 90_000)
                self._dts += ticks
        self._last = timestamp
        if self._report is None:
            self.delay_ms = None
            since = self._dts / 90
            return self._dts, since + self._by_arrival.add(arrived_ms - since, arrived_ms), False
        by_camera = self._report.wall_ms + signed(timestamp - self._report.timestamp) * 1000 / self._clock
        behind = self._by_report.add(arrived_ms - by_camera, arrived_ms)
        if abs(behind) > SANE:
            known = self.offset()
            if known is not None and abs(known + behind) < SANE:
                # The telemetry reads the same wrong clock and knows by how much: as good as a right one.
                self.skew_ms, self.delay_ms = known, arrived_ms - (by_camera - known)
                return self._dts, by_camera - known, True
            self.skew_ms, self.delay_ms = -behind, None
            return self._dts, by_camera + behind, False
        self.skew_ms, self.delay_ms = None, arrived_ms - by_camera
        return self._dts, by_camera, True
