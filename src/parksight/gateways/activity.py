"""What each device did lately, counted by the gateways, read by the status page and the diagnosis."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from parksight.telemetry.protocols import Receipt

#: Distinct reasons counted per device; further ones fall under ``other``.
_MAX_REASONS = 64


def count(counter: Counter[str], reason: str, number: int = 1) -> None:
    """Add to a counter whose number of distinct keys is bounded."""
    if reason not in counter and len(counter) >= _MAX_REASONS:
        reason = "other"
    counter[reason] += number


@dataclass(slots=True)
class Activity:
    """One device since the process started. Instants are ms since the epoch, None where it never happened.

    Attributes:
        connected: whether a connection (or, polled, an answering line) exists now; None: the protocol cannot
            tell (HTTP push).
        refused_at: last time the device or its network refused us (polling, broker).
        errors: frames that could not be read, by reason.
        deviations: frames that were read although they break their standard, by kind.
        unmapped: addresses that came but have no mapping -> how often; bounded.
        rejected: readings the ingest refused, by reason.
        clock_skew_ms: device clock minus ours in its newest frame, None when the frame bore no time.
        died_at: when the source itself was reported dead (MQTT will, Sparkplug death).
        link_changed: called whenever the connection came or went.
    """

    connected: bool | None = None
    connected_at: int | None = None
    disconnected_at: int | None = None
    last_frame_at: int | None = None
    last_reading_at: int | None = None
    refused_at: int | None = None
    refusal: str | None = None
    frames: int = 0
    readings: int = 0
    stored: int = 0
    clock_skew_ms: int | None = None
    died_at: int | None = None
    throttled: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    deviations: Counter[str] = field(default_factory=Counter)
    unmapped: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    link_changed: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def frame(self, now_ms: int, readings: int = 0) -> None:
        """A frame was understood."""
        self.frames += 1
        self.last_frame_at = now_ms
        if readings:
            self.readings += readings
            self.last_reading_at = now_ms

    def connect(self, now_ms: int) -> None:
        self._link(True)
        self.connected_at = now_ms
        self.refusal = None

    def disconnect(self, now_ms: int) -> None:
        self._link(False)
        self.disconnected_at = now_ms

    def refuse(self, now_ms: int, reason: str) -> None:
        """The device could not be reached or turned us away."""
        self._link(False)
        self.refused_at = now_ms
        self.refusal = reason

    def _link(self, connected: bool) -> None:
        # Down from the start is no change: nothing was lost.
        changed = connected != bool(self.connected)
        self.connected = connected
        if changed and self.link_changed is not None:
            self.link_changed()

    def error(self, reason: str, number: int = 1) -> None:
        count(self.errors, reason, number)

    def deviate(self, kind: str, number: int = 1) -> None:
        count(self.deviations, kind, number)

    def miss(self, address: str, number: int = 1) -> None:
        """An address came that no mapping knows."""
        count(self.unmapped, address[:200], number)

    def receipt(self, receipt: Receipt) -> None:
        """What the ingest made of a batch of this device."""
        self.stored += receipt.stored
        for reason, number in receipt.rejected.items():
            count(self.rejected, reason, number)


class ActivityBook:
    """All activities by device id; grows only with the devices on record.

    Args:
        link_changed: told the device whenever its connection came or went (flapping detection of the ingest).
    """

    def __init__(self, link_changed: Callable[[int], None] | None = None) -> None:
        self._rows: dict[int, Activity] = {}
        self._link_changed = link_changed

    def of(self, device_id: int) -> Activity:
        """The activity of a device, made on first use."""
        row = self._rows.get(device_id)
        if row is None:
            told = None if self._link_changed is None else partial(self._link_changed, device_id)
            row = self._rows[device_id] = Activity(link_changed=told)
        return row

    def get(self, device_id: int) -> Activity | None:
        """The activity of a device, None when it has done nothing yet."""
        return self._rows.get(device_id)

    def connected(self, device_id: int) -> bool | None:
        """Whether a device is connected now; None when it has done nothing yet or its protocol cannot tell."""
        row = self._rows.get(device_id)
        return None if row is None else row.connected

    def keep_only(self, known: Mapping[int, object] | set[int]) -> None:
        """Forget devices that were removed."""
        for device_id in [d for d in self._rows if d not in known]:
            del self._rows[device_id]
