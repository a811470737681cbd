"""What comes out of a message, whatever its format."""

from __future__ import annotations

from dataclasses import dataclass


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
