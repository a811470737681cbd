"""What comes out of a message, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from parksight.gateways.directory import DeviceRecord
from parksight.telemetry.protocols import ReadingBatch


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one device.

    Attributes:
        device: device key within its broker connection.
        address: mapping address.
        at_ms: ms since the epoch as the source says, None where it says nothing.
        value: NaN means "no value".
        quality: quality code; UNKNOWN where the source says nothing.
        historical: sent late on purpose.
    """

    device: str
    address: str
    at_ms: int | None
    value: float
    quality: int
    historical: bool = False


@dataclass(slots=True)
class DeviceColumns:
    """Readings of one device in one tick."""

    device: DeviceRecord
    backfill: bool
    raw: bytes
    points: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    qualities: list[int] = field(default_factory=list)

    def batch(self, now_ms: int) -> ReadingBatch:
        return ReadingBatch(
            np.array(self.points, np.int32), np.array(self.times, np.int64), np.array(self.values, np.float64),
            np.array(self.qualities, np.uint8), now_ms, self.device.id, self.backfill, self.raw,
        )  # fmt: skip
