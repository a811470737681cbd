"""Times, values and qualities as text formats bear them: anything in, a number or a refusal out."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from parksight.telemetry.quality import Quality

#: Stands for "there was no time".
NO_TIME = int(np.iinfo(np.int64).min)

QUALITY_NAMES: dict[str, int] = {q.name.lower(): int(q) for q in Quality}
_MAX_QUALITY = int(max(Quality))
#: Years 1970 to 9999 in ms; what lies outside is no time.
_TIME_SPAN = (0, 253_402_300_799_999)


def read_time(value: object) -> int | None:
    """Milliseconds since the epoch from ms or ISO 8601 with an offset; NO_TIME for nothing, None for nonsense."""
    if value is None or value == "":
        return NO_TIME
    if isinstance(value, str):
        text = value.strip()
        if text.lstrip("-").isascii() and text.lstrip("-").isdigit() and len(text) <= 15:
            return _in_span(int(text))
        try:
            parsed = datetime.fromisoformat(text)
        except ValueError:
            return None
        if parsed.tzinfo is None:
            return None
        return _in_span(round(parsed.timestamp() * 1000))
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    if isinstance(value, float) and not -1e15 < value < 1e15:
        return None
    return _in_span(round(value))


def _in_span(ms: int) -> int | None:
    return ms if _TIME_SPAN[0] <= ms <= _TIME_SPAN[1] else None


def read_value(value: object) -> float | None:
    """A number; NaN for nothing, None for what is none."""
    if value is None or value == "":
        return float("nan")
    if isinstance(value, bool | int | float | str):
        try:
            return float(value)
        except (ValueError, OverflowError):
            return None
    return None


def read_quality(value: object) -> int | None:
    """Quality code from its name or number; UNKNOWN for nothing, None for nonsense."""
    if value is None or value == "":
        return int(Quality.UNKNOWN)
    if isinstance(value, str):
        if value.isascii() and value.isdigit() and len(value) <= 3:
            value = int(value)
        else:
            return QUALITY_NAMES.get(value.strip().lower())
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _MAX_QUALITY else None
