"""What a device's clock reads when ours reads something: the offset, from the answers of its polls.

A status with a UTC instant was stamped no later than it was answered, so its instant less the middle of the request is at
most the offset (but for the asymmetry of the way), and the largest of the quick answers is nearest to it: stamps that lag,
because the encoder is read only now and then, lie below.
"""

from __future__ import annotations

from collections import deque

from parksight.kernel.clock import Clock

#: Answers the estimate rests on at most, and at least.
KEPT, NEEDED = 200, 3
#: Answers that took this much longer than the quickest say little, ms.
SLACK = 15.0
#: How often the estimate is made anew from all that is kept, answers; in between it only follows better ones.
ANEW = 16
#: The device's clock was set: what was known is void, ms.
STEP = 1500.0


def precise_ms(clock: Clock) -> float:
    """Our instant in ms with its fraction: at 60 degrees a second a whole millisecond is more than a pixel."""
    return clock.now().timestamp() * 1000.0


class DeviceClock:
    """Offset of a device's clock: its time less ours, ms."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=KEPT)
        self._fraction = False
        self._best: float | None = None
        self._quickest = 0.0
        self._since = 0
        self.coarse: float | None = None
        self.steps = 0

    @property
    def exact(self) -> bool:
        """Whether instants of the device can be placed on our clock: fine enough and seen often enough."""
        return self._fraction and len(self._seen) >= NEEDED

    @property
    def offset_ms(self) -> float | None:
        """The best there is; from whole seconds only (``coarse``) when the device tells no finer."""
        return self._best if self._best is not None else self.coarse

    def told(self, device_ms: float, sent_ms: float, received_ms: float) -> None:
        """An answer stamped ``device_ms`` to a request between two of our instants."""
        offset, rtt = device_ms - (sent_ms + received_ms) / 2, max(received_ms - sent_ms, 0.0)
        if self._best is not None and abs(offset - self._best) > STEP:
            self._seen.clear()
            self._best = None
            self.steps += 1
        if device_ms % 1000:
            self._fraction = True
        self._seen.append((offset, rtt))
        self._since += 1
        if self._best is None or self._since >= ANEW or rtt < self._quickest:
            self._since = 0
            self._quickest = min(r for _, r in self._seen)
            self._best = max(o for o, r in self._seen if r <= self._quickest + SLACK)
        elif rtt <= self._quickest + SLACK:
            self._best = max(self._best, offset)

    def ours(self, device_ms: float) -> float | None:
        """Our instant of one of the device's; None while it cannot be told exactly."""
        offset = self.offset_ms
        return device_ms - offset if self.exact and offset is not None else None
