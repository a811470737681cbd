"""Quality travels with the value: one byte, a code in the low nibble and flags above it.

DESIGN lists eight words; they are not exclusive (a *calibration* value can also be *late* and *simulated*),
so codes say what the value is worth and flags say how it came. See docs/decisions/002.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import numpy as np
import numpy.typing as npt

CODE_MASK = 0x0F


class Quality(IntEnum):
    """What the value is worth. UNKNOWN is what a device says when it says nothing of quality."""

    GOOD = 0
    UNKNOWN = 1
    SUSPECT = 2
    BAD = 3
    SUBSTITUTED = 4
    CALIBRATION = 5
    MAINTENANCE = 6


class QualityFlag(IntFlag):
    """How the value came; or-ed onto the code."""

    RESENT = 0x10
    CLOCK_SKEW = 0x20
    LATE = 0x40
    SIMULATED = 0x80


def code(quality: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The quality codes of an array of quality bytes, same shape."""
    return quality & np.uint8(CODE_MASK)


def usable(quality: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    """Where a value may count in means and verdicts: good, unknown or substituted."""
    c = code(quality)
    ok: npt.NDArray[np.bool_] = (c == Quality.GOOD) | (c == Quality.UNKNOWN) | (c == Quality.SUBSTITUTED)
    return ok
