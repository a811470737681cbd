"""The telemetry of one head, read at any moment: interpolated between samples, never invented beyond them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from parksight.gateways.cameras.protocols import FramePose, PtzSample

#: Samples kept: 25 s at 10 Hz, longer than any picture is under way.
KEPT = 256
#: Between samples of a moving head this far apart nobody knows what it did, ms.
LONGEST_GAP = 400.0
#: Between samples of a head at rest (polled once a second when nobody watches), ms.
LONGEST_REST = 2500.0
#: Beyond the newest sample, ms.
FURTHEST = 100.0
#: Differences below are the encoder's noise: degrees, and share of the zoom.
STILL_ANGLE, STILL_ZOOM = 0.05, 0.005
#: A sample older than the newest by more means that the device's clock was set: what was known is void, ms.
CLOCK_STEP = 2000.0


def turn(from_deg: float, to_deg: float) -> float:
    """The short way from one pan to another, -180 to 180 degrees."""
    return (to_deg - from_deg + 180.0) % 360.0 - 180.0


class Track:
    """A bounded ring of samples in order of time; implements ``protocols.PoseTrack``."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._at: list[float] = []
        self._samples: list[PtzSample] = []
        self.counters: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def newest(self) -> PtzSample | None:
        return self._samples[-1] if self._samples else None

    def clear(self) -> None:
        self._at.clear()
        self._samples.clear()

    def add(self, sample: PtzSample) -> None:
        """Take a sample; one of the same moment replaces the other, one from before is counted and left out."""
        if self._at and sample.at_ms <= self._at[-1]:
            if sample.at_ms == self._at[-1]:
                self._samples[-1] = sample
                return
            if self._at[-1] - sample.at_ms < CLOCK_STEP:
                self.counters["late"] += 1
                return
            self.counters["clock_steps"] += 1
            self.clear()
        self._at.append(sample.at_ms)
        self._samples.append(sample)
        if len(self._at) >= 2 * self._kept:
            del self._at[: -self._kept], self._samples[: -self._kept]

    def at(self, wall_ms: float) -> FramePose | None:
        """The pose at a moment; None where the samples do not tell it."""
        after = bisect_left(self._at, wall_ms)
        if after == len(self._at):
            return self._beyond(wall_ms)
        b = self._samples[after]
        if b.at_ms == wall_ms:
            return FramePose(b.pan, b.tilt, b.zoom, moving=bool(b.moving))
        if after == 0:
            return None
        a = self._samples[after - 1]
        gap = b.at_ms - a.at_ms
        rests = _same(a, b) and not a.moving and not b.moving
        if gap > (LONGEST_REST if rests else LONGEST_GAP):
            return None
        return _between(a, b, (wall_ms - a.at_ms) / gap, moving=not rests)

    def _beyond(self, wall_ms: float) -> FramePose | None:
        last = self.newest
        if last is None or wall_ms - last.at_ms > FURTHEST:
            return None
        previous = self._samples[-2] if len(self._samples) > 1 else None
        gap = last.at_ms - previous.at_ms if previous is not None else LONGEST_GAP
        if previous is None or last.moving is False or gap >= LONGEST_GAP or _same(previous, last):
            return FramePose(last.pan, last.tilt, last.zoom, moving=bool(last.moving), extrapolated=True)
        share = 1 + (wall_ms - last.at_ms) / gap
        return _between(previous, last, share, moving=True, extrapolated=True)


def _same(a: PtzSample, b: PtzSample) -> bool:
    return (
        abs(turn(a.pan, b.pan)) <= STILL_ANGLE
        and abs(a.tilt - b.tilt) <= STILL_ANGLE
        and abs(a.zoom - b.zoom) <= STILL_ZOOM * a.zoom
    )


def _between(
    a: PtzSample, b: PtzSample, share: float, *, moving: bool, extrapolated: bool = False
) -> FramePose:
    """Linear; on the turn of the nearer sample, so that a reader sees the numbers the camera reports."""
    pan = a.pan + share * turn(a.pan, b.pan) if share < 0.5 else b.pan + (share - 1) * turn(a.pan, b.pan)
    zoom = max(a.zoom + share * (b.zoom - a.zoom), min(a.zoom, b.zoom, 1.0))
    return FramePose(pan, a.tilt + share * (b.tilt - a.tilt), zoom, moving=moving, extrapolated=extrapolated)
