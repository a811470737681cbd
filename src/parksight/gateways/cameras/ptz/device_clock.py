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
        self.coarse: float | None = None
        self.steps = 0

    @property
    def exact(self) -> bool:
        """Whether instants of the device can be placed on our clock: fine enough and seen often enough."""
        return self._fraction and len(self._seen) >= NEEDED

    @property
    def offset_ms(self) -> float | None:
        """The best there is; from whole seconds only (``coarse``) when the device tells no finer."""
        if not self._seen:
            return self.coarse
        quickest = min(rtt for _, rtt in self._seen)
        return max(offset for offset, rtt in self._seen if rtt <= quickest + SLACK)

    def told(self, device_ms: float, sent_ms: float, received_ms: float) -> None:
        """An answer stamped ``device_ms`` to a request between two of our instants."""
        offset, rtt = device_ms - (sent_ms + received_ms) / 2, max(received_ms - sent_ms, 0.0)
        known = self.offset_ms
        if self._seen and known is not None and abs(offset - known) > STEP:
            self._seen.clear()
            self.steps += 1
        if device_ms % 1000:
            self._fraction = True
        self._seen.append((offset, rtt))

    def ours(self, device_ms: float) -> float | None:
        """Our instant of one of the device's; None while it cannot be told exactly."""
        offset = self.offset_ms
        return device_ms - offset if self.exact and offset is not None else None
