"""A segment: one zone-local day's rows of one span of writing, sorted by (point, time), no row twice.

``<id>.rows.parquet`` holds the rows, ``<id>.roll.parquet`` their minute and hour aggregates. Times are offsets
from local midnight, arrival is kept as the delay after observation, values are scaled integers
(:mod:`.codec`). Minute aggregates are written only for points that have at least :data:`DENSE` rows a minute:
for the others they would be as large as the rows they summarise.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from parksight.telemetry.protocols import F64, I32, I64, U8, Columns
from parksight.telemetry.store import aggregate as agg
from parksight.telemetry.store.codec import FLOAT, from_scaled, to_scaled
from parksight.telemetry.store.days import HOUR_MS, MINUTE_MS
from parksight.telemetry.store.files import FileCache, FileWriter, groups_with
from parksight.telemetry.store.rows import no_rows

MINUTE, HOUR, DAY = 1, 2, 3
WIDTH = {MINUTE: MINUTE_MS, HOUR: HOUR_MS}
#: Rows per minute from which minute aggregates are worth their space.
DENSE = 3

_DELTA = "DELTA_BINARY_PACKED"
_ROWS = pa.schema(
    [
        pa.field("point", pa.int32(), nullable=False),
        pa.field("at", pa.int32(), nullable=False),
        pa.field("k", pa.int64(), nullable=False),
        pa.field("digits", pa.int8(), nullable=False),
        pa.field("x", pa.float64()),
        pa.field("quality", pa.uint8(), nullable=False),
        pa.field("delay", pa.int64(), nullable=False),
    ]
)
_ROWS_ENCODING = {
    "point": _DELTA, "at": _DELTA, "k": _DELTA, "digits": "PLAIN", "x": "BYTE_STREAM_SPLIT",
    "quality": "PLAIN", "delay": _DELTA,
}  # fmt: skip
_SCALED = ("minimum", "maximum", "last", "total")
_ROLL = pa.schema(
    [
        pa.field("level", pa.int8(), nullable=False),
        pa.field("point", pa.int32(), nullable=False),
        pa.field("start", pa.int32(), nullable=False),
        pa.field("count", pa.int32(), nullable=False),
        pa.field("usable", pa.int32(), nullable=False),
        pa.field("quality", pa.uint8(), nullable=False),
        pa.field("head", pa.int32(), nullable=False),
        pa.field("tail", pa.int32(), nullable=False),
        pa.field("digits", pa.int8(), nullable=False),
        *(pa.field(f"k_{n}", pa.int64(), nullable=False) for n in _SCALED),
        *(pa.field(f"x_{n}", pa.float64()) for n in _SCALED),
    ]
)
_ROLL_ENCODING = {
    "level": "PLAIN", "point": _DELTA, "start": _DELTA, "count": _DELTA, "usable": _DELTA,
    "quality": "PLAIN", "head": _DELTA, "tail": _DELTA, "digits": "PLAIN",
    **{f"k_{n}": _DELTA for n in _SCALED}, **{f"x_{n}": "BYTE_STREAM_SPLIT" for n in _SCALED},
}  # fmt: skip


@dataclass(slots=True, frozen=True)
class Segment:
    """A row of the manifest.

    Attributes:
        id: names the files.
        day: zone-local day number.
        newest: sequence number of the last hot table in it; of two segments of a day the higher was written
            later and wins where both have a row.
        has_rows: False once retention dropped the rows; the aggregates stay.
    """

    id: int
    day: int
    oldest: int
    newest: int
    rows: int
    points: int
    first_at: int
    last_at: int
    row_bytes: int
    roll_bytes: int
    has_rows: bool
    made_at: int

    def rows_path(self, folder: Path) -> Path:
        return folder / f"{self.id:010d}.rows.parquet"

    def roll_path(self, folder: Path) -> Path:
        return folder / f"{self.id:010d}.roll.parquet"


@njit(cache=True, nogil=True)
def _lower(point: I32, at: NDArray[np.int32], p: int, t: int) -> int:
    """First index whose (point, at) is not below (p, t)."""
    a, b = 0, point.shape[0]
    while a < b:
        m = (a + b) // 2
        if point[m] < p or (point[m] == p and at[m] < t):
            a = m + 1
        else:
            b = m
    return a


@njit(cache=True, nogil=True)
def _spans(point: I32, at: NDArray[np.int32], wanted: I32, first: int, end: int) -> I64:
    """Indices of the rows of the wanted points (ascending) with ``first <= at < end``; input is sorted."""
    lows = np.empty(wanted.shape[0], np.int64)
    highs = np.empty(wanted.shape[0], np.int64)
    total = 0
    for w in range(wanted.shape[0]):
        lows[w] = _lower(point, at, wanted[w], first)
        highs[w] = max(lows[w], _lower(point, at, wanted[w], end))
        total += highs[w] - lows[w]
    out = np.empty(total, np.int64)
    i = 0
    for w in range(wanted.shape[0]):
        for r in range(lows[w], highs[w]):
            out[i] = r
            i += 1
    return out


#: Points asked for: ascending ids, a range of ids (then whole days), or None for all.
Ids = I32 | range | None


def select(point: I32, at: NDArray[np.int32], wanted: Ids, first: int, end: int) -> Any:
    """Which rows of a sorted block are asked for: a slice where they lie together, else indices."""
    if isinstance(wanted, range):
        return slice(*(int(np.searchsorted(point, p)) for p in (wanted.start, wanted.stop)))
    if wanted is None:
        if not len(at) or (int(at.min()) >= first and int(at.max()) < end):
            return slice(None)
        return np.flatnonzero((at >= first) & (at < end))
    which = _spans(point, at, wanted, first, end)
    if len(which) and which[-1] - which[0] == len(which) - 1:
        return slice(int(which[0]), int(which[-1]) + 1)
    return which


def write_rows(writer: FileWriter, rows: Columns, day_start: int) -> None:
    """Append rows sorted by (point, time) to a rows file."""
    k, digits, x, floats = to_scaled(rows.point, rows.value)
    writer.write(
        {
            "point": rows.point,
            "at": (rows.observed_at - day_start).astype(np.int32),
            "k": k,
            "digits": digits,
            "x": pa.array(x, mask=digits != FLOAT) if floats else pa.nulls(len(rows), pa.float64()),
            "quality": rows.quality,
            "delay": rows.received_at - rows.observed_at,
        }
    )


def open_rows(path: Path) -> FileWriter:
    return FileWriter(path, _ROWS, _ROWS_ENCODING)


def open_roll(path: Path) -> FileWriter:
    return FileWriter(path, _ROLL, _ROLL_ENCODING)


def write_roll(writer: FileWriter, parts: agg.Partials, level: int, day_start: int) -> None:
    """Append aggregates of one level, sorted by (point, start), to an aggregates file."""
    if not len(parts):
        return
    none = parts.usable == 0
    values = {n: np.where(none, 0.0, getattr(parts, n)) for n in _SCALED}
    # One number of decimals per point for all four, found on the three that are readings.
    n = len(parts)
    order = np.argsort(np.concatenate([parts.point] * 3), kind="stable")
    tripled = np.concatenate([values["minimum"], values["maximum"], values["last"]])[order]
    _, digits3, _, _ = to_scaled(np.concatenate([parts.point] * 3)[order], tripled)
    first = np.searchsorted(parts.point, parts.point, side="left")
    digits = np.minimum.reduceat(digits3, 3 * np.unique(first))[np.unique(first, return_inverse=True)[1]]
    scale = 10.0 ** np.maximum(digits, 0)
    total = np.rint(values["total"] * scale) / scale
    # A sum of decimals is a decimal; what keeps it from being one is rounding noise, as long as it is no more.
    size = np.abs(values["total"]) + np.maximum(np.abs(values["minimum"]), np.abs(values["maximum"]))
    exact = (digits >= 0) & (np.abs(total - values["total"]) <= 1e-13 * size) & (size * scale < 2.0**51)
    digits = np.where(exact, digits, FLOAT).astype(np.int8)
    columns: dict[str, Any] = {
        "level": np.full(n, level, np.int8),
        "point": parts.point,
        "start": (parts.start - day_start).astype(np.int32),
        "count": parts.count.astype(np.int32),
        "usable": parts.usable.astype(np.int32),
        "quality": parts.quality,
        "head": (parts.first_at - parts.start).astype(np.int32),
        "tail": (parts.last_at - parts.start).astype(np.int32),
        "digits": digits,
    }
    values["total"] = total * exact + values["total"] * ~exact
    for name in _SCALED:
        scaled = np.where(exact, np.rint(values[name] * scale), 0)
        columns[f"k_{name}"] = scaled.astype(np.int64)
        columns[f"x_{name}"] = (
            pa.nulls(n, pa.float64()) if exact.all() else pa.array(values[name], mask=exact)
        )
    writer.write(columns, 16_384)


def read_rows(
    files: FileCache, path: Path, day: str, day_start: int, points: Ids, first: int, end: int,
    arrival: bool = True,
) -> Columns:  # fmt: skip
    """Rows of a segment with ``first <= observed_at < end``, sorted by (point, time).

    Args:
        points: which points; a range disregards ``first`` and ``end``.
        arrival: without it ``received_at`` is all zero and not read.
    """
    footer = files.footer(path, day)
    groups = groups_with(footer, points)
    if not groups:
        return no_rows()
    names = ["point", "at", "k", "digits", "quality"]
    floats = bool(footer.floats[groups].any())
    names += ["delay"] if arrival else []
    names += ["x"] if floats else []
    c = files.read(path, day, groups, names)
    which = select(c["point"], c["at"], points, first - day_start, end - day_start)
    at = c["at"][which].astype(np.int64) + day_start
    value: F64 = from_scaled(c["k"][which], c["digits"][which], c["x"][which] if floats else np.empty(0))
    received = at + c["delay"][which] if arrival else np.zeros(len(at), np.int64)
    quality: U8 = c["quality"][which]
    return Columns(c["point"][which], at, value, quality, received)


def read_roll(
    files: FileCache, path: Path, day: str, day_start: int, points: Ids, first: int, end: int,
    level: int,
) -> agg.Partials:  # fmt: skip
    """Aggregates of a level whose bucket starts in ``[first, end)``, sorted by (point, start)."""
    footer = files.footer(path, day)
    groups = groups_with(footer, points, level)
    if not groups:
        return agg.empty()
    names = ["point", "start", "count", "usable", "quality", "head", "tail", "digits"]
    names += [f"k_{n}" for n in _SCALED]
    floats = bool(footer.floats[groups].any())
    names += [f"x_{n}" for n in _SCALED] if floats else []
    c = files.read(path, day, groups, names)
    which = select(c["point"], c["start"], points, first - day_start, end - day_start)
    start = c["start"][which].astype(np.int64) + day_start
    usable: I64 = c["usable"][which].astype(np.int64)
    digits = c["digits"][which]
    v = {
        n: from_scaled(c[f"k_{n}"][which], digits, c[f"x_{n}"][which] if floats else np.empty(0))
        for n in _SCALED
    }
    for name in ("minimum", "maximum", "last"):
        v[name][usable == 0] = np.nan
    return agg.Partials(
        c["point"][which], start, c["count"][which].astype(np.int64), usable, v["minimum"], v["maximum"],
        v["total"], v["last"], c["quality"][which], start + c["head"][which], start + c["tail"][which],
    )  # fmt: skip


def dense_points(rows: Columns) -> I32:
    """Points of sorted rows that are worth minute aggregates."""
    point, first, count = np.unique(rows.point, return_index=True, return_counts=True)
    minutes = (rows.observed_at[first + count - 1] - rows.observed_at[first]) // MINUTE_MS + 1
    found: I32 = point[count >= DENSE * minutes]
    return found
