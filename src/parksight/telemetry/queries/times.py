"""Instants as ISO 8601 text, a column at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from parksight.telemetry.protocols import I64

#: No zone of today changes its offset within a quarter of an hour.
_STEP = 900_000


def utc_text(ms: I64) -> Any:
    """``2026-03-01T00:00:00.000Z`` for each instant."""
    text = np.datetime_as_string(ms.astype("datetime64[ms]"), unit="ms")
    return pa.array(np.char.add(text, "Z"))


def local_text(ms: I64, zone: ZoneInfo) -> Any:
    """``2026-03-01T08:00:00.000+08:00`` for each instant."""
    steps, place = np.unique(ms // _STEP, return_inverse=True)
    offsets = [datetime.fromtimestamp(int(s) * _STEP / 1000, zone).utcoffset() for s in steps]
    shift = np.array([0 if o is None else round(o.total_seconds() * 1000) for o in offsets], np.int64)
    suffix = np.array([_suffix(int(s)) for s in shift]) if len(shift) else np.empty(0, "U6")
    text = np.datetime_as_string((ms + shift[place]).astype("datetime64[ms]"), unit="ms")
    return pa.array(np.char.add(text, suffix[place]))


def _suffix(shift_ms: int) -> str:
    minutes = abs(shift_ms) // 60_000
    return f"{'-' if shift_ms < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"
