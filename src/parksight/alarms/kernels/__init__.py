"""The inner loops of the evaluation, compiled: whole batches, no Python per row."""

from parksight.alarms.kernels.codes import (
    ACTIVE,
    ANNOUNCED,
    BY_DESIGN,
    CLEARED,
    CONFIRMED,
    DOUBTED,
    NORMAL,
    OUT_OF_SERVICE,
    PENDING_OFF,
    PENDING_ON,
    RAISED,
    RELEASED,
    SUPPRESSED,
    UNKNOWN,
    WITHDRAWN,
)

__all__ = [
    "ACTIVE", "ANNOUNCED", "BY_DESIGN", "CLEARED", "CONFIRMED", "DOUBTED", "NORMAL", "OUT_OF_SERVICE", "PENDING_OFF",
    "PENDING_ON", "RAISED", "RELEASED", "SUPPRESSED", "UNKNOWN", "WITHDRAWN",
]  # fmt: skip
