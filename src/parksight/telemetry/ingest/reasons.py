"""Why a reading is not stored: the closed vocabulary of the pipeline.

Gateways add reasons of their own (``bad_crc``, ``unknown_device`` …) through ``IngestPort.reject``; every
reason has a text under ``telemetry.reject.<reason>`` or is shown as it is.
"""

from __future__ import annotations

from enum import IntEnum


class Reason(IntEnum):
    """Verdict of the check kernel on one row; 0 is accepted. Names in lower case are the public reasons."""

    STORED = 0
    UNMAPPED = 1
    UNKNOWN_POINT = 2
    INACTIVE_POINT = 3
    NO_VALUE = 4
    NOT_FINITE = 5
    IMPOSSIBLE = 6
    BAD_TIME = 7
    FAR_FUTURE = 8
    BAD_QUALITY = 9
    DUPLICATE = 10

    @property
    def key(self) -> str:
        return self.name.lower()


#: Reasons that concern whole batches and are not decided row by row.
RATE_LIMITED = "rate_limited"
STORE_FAILED = "store_failed"
INTERNAL_ERROR = "internal_error"

REASONS: tuple[str, ...] = (*(r.key for r in Reason if r), RATE_LIMITED, STORE_FAILED, INTERNAL_ERROR)


class Note(IntEnum):
    """What happened to rows that were stored nevertheless; counted, index into the kernel's counters."""

    LATE = 0
    CLOCK_SKEW = 1
    SUSPECT = 2
    CORRECTION = 3
    OUT_OF_ORDER = 4
    BACKFILL = 5
    FLAPPING = 6

    @property
    def key(self) -> str:
        return self.name.lower()
