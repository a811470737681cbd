"""Observations as a file: CSV for people, Parquet and Arrow IPC for programs; written piece by piece.

Every file says where it comes from, what span and zone it covers and whether anything in it is simulated;
quality is spelled out. A CSV ends with a line that counts its rows, so a file that was cut off shows it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from parksight.kernel.i18n import translate
from parksight.telemetry.points.view import quality_words
from parksight.telemetry.protocols import I64, Columns
from parksight.telemetry.queries.times import local_text, utc_text

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
_PIECE = 100_000
#: What a spreadsheet may take for a formula at the beginning of a cell (OWASP, CSV injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@dataclass(frozen=True, slots=True)
class PointLine:
    """What an export says of a point."""

    id: int
    code: str
    name: str
    name_en: str
    unit: str
    period_s: float
    simulated: bool
    enterprise_id: int | None


@dataclass(frozen=True, slots=True)
class Export:
    """What is to be exported; points ascending by id."""

    format: str
    points: list[PointLine]
    start: int
    end: int
    zone_name: str
    made_by: str
    made_at: int
    language: str
    timezone: str

    def groups(self, rows: int) -> Iterator[list[int]]:
        """Point ids in groups that have about ``rows`` rows a day, so that a day of a group fits in memory."""
        group: list[int] = []
        expected = 0.0
        for p in self.points:
            per_day = 86_400 / p.period_s
            if group and expected + per_day > rows:
                yield group
                group, expected = [], 0.0
            group.append(p.id)
            expected += per_day
        yield group

    def facts(self) -> dict[str, str]:
        """Origin and scope, key to text."""
        zone = ZoneInfo(self.timezone)
        simulated = sum(p.simulated for p in self.points)
        return {
            "origin": f"ParkSight 园视, {self.zone_name}",
            "made_at": datetime.fromtimestamp(self.made_at / 1000, UTC).isoformat(timespec="seconds"),
            "made_by": self.made_by,
            "start": datetime.fromtimestamp(self.start / 1000, zone).isoformat(timespec="milliseconds"),
            "end": datetime.fromtimestamp(self.end / 1000, zone).isoformat(timespec="milliseconds"),
            "timezone": self.timezone,
            "points": str(len(self.points)),
            "simulated_points": str(simulated),
        }


class Encoder(Protocol):
    """Turns rows into the bytes of a file."""

    def head(self) -> bytes: ...

    def rows(self, rows: Columns) -> bytes: ...

    def tail(self) -> bytes: ...


def encoder_for(plan: Export) -> Encoder:
    return CsvEncoder(plan) if plan.format == "csv" else BinaryEncoder(plan)


def safe_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, on one line."""
    text = text.replace("\r", " ").replace("\n", " ")
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) else text


class _Lookup:
    """Per-point and per-quality texts as Arrow arrays, joined to rows by index."""

    def __init__(self, plan: Export, safe: bool) -> None:
        def clean(text: str) -> str:
            return safe_cell(text) if safe else text

        self._ids = np.array([p.id for p in plan.points], np.int32)
        chinese = plan.language.startswith("zh")
        names = [p.name if chinese else p.name_en or p.name for p in plan.points]
        self.columns = {
            "point_code": pa.array([clean(p.code) for p in plan.points], pa.string()),
            "point_name": pa.array([clean(n) for n in names], pa.string()),
            "unit": pa.array([clean(p.unit) for p in plan.points], pa.string()),
            "enterprise_id": pa.array([p.enterprise_id for p in plan.points], pa.int64()),
        }
        words = [quality_words(q) if q & 15 <= 6 else (f"code {q & 15}", []) for q in range(256)]
        self.quality = pa.array([code for code, _ in words], pa.string())
        self.flags = pa.array(["|".join(flags) for _, flags in words], pa.string())

    def of_points(self, rows: Columns) -> dict[str, Any]:
        place = pa.array(np.searchsorted(self._ids, rows.point))
        return {name: column.take(place) for name, column in self.columns.items()}

    def of_quality(self, rows: Columns) -> dict[str, Any]:
        place = pa.array(rows.quality)
        return {"quality": self.quality.take(place), "flags": self.flags.take(place)}


def _value(rows: Columns) -> Any:
    return pa.array(rows.value, mask=np.isnan(rows.value))


class CsvEncoder:
    """UTF-8 with a byte order mark (spreadsheets), comment lines first, RFC 4180 quoting."""

    def __init__(self, plan: Export) -> None:
        self._plan = plan
        self._lookup = _Lookup(plan, safe=True)
        self._zone = ZoneInfo(plan.timezone)
        self._count = 0
        self._simulated = 0

    def _line(self, key: str, value: str) -> str:
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerow(
            ["# " + translate(f"telemetry.export.{key}", self._plan.language), safe_cell(value)]
        )
        return out.getvalue()

    def head(self) -> bytes:
        text = "".join(self._line(key, value) for key, value in self._plan.facts().items())
        if any(p.simulated for p in self._plan.points):
            text += "# " + translate("telemetry.export.simulated_note", self._plan.language) + "\r\n"
        names = [
            "point_id",
            *self._lookup.columns,
            "time_local",
            "time_utc",
            "value",
            "quality",
            "flags",
            "received_utc",
        ]
        return ("\ufeff" + text + ",".join(names) + "\r\n").encode()

    def rows(self, rows: Columns) -> bytes:
        out = io.BytesIO()
        for first in range(0, len(rows), _PIECE):
            part = Columns(*(getattr(rows, n)[first : first + _PIECE] for n in Columns.__slots__))
            table = pa.table(
                {
                    "point_id": part.point,
                    **self._lookup.of_points(part),
                    "time_local": local_text(part.observed_at, self._zone),
                    "time_utc": utc_text(part.observed_at),
                    "value": _value(part),
                    **self._lookup.of_quality(part),
                    "received_utc": utc_text(part.received_at),
                }
            )
            options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed", eol="\r\n")
            pyarrow.csv.write_csv(table, out, options)
        self._count += len(rows)
        self._simulated += int((rows.quality & 0x80 != 0).sum())
        return out.getvalue()

    def tail(self) -> bytes:
        return (
            self._line("rows", str(self._count)) + self._line("simulated_rows", str(self._simulated))
        ).encode()


class _Sink(io.RawIOBase):
    """Keeps what a writer writes until it is fetched; knows its position, cannot seek."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._at = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._at += len(part)
        return len(part)

    def tell(self) -> int:
        return self._at

    def fetch(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


class BinaryEncoder:
    """Parquet or an Arrow IPC stream; facts are in the schema's metadata under ``parksight``."""

    def __init__(self, plan: Export) -> None:
        self._lookup = _Lookup(plan, safe=False)
        self._sink = _Sink()
        words = pa.dictionary(pa.int32(), pa.string())
        self._schema = pa.schema(
            [
                pa.field("point_id", pa.int32(), nullable=False),
                *(
                    pa.field(n, c.type if n == "enterprise_id" else words)
                    for n, c in self._lookup.columns.items()
                ),
                pa.field("observed_at", pa.timestamp("ms", "UTC"), nullable=False),
                pa.field("value", pa.float64()),
                pa.field("quality", words),
                pa.field("flags", words),
                pa.field("received_at", pa.timestamp("ms", "UTC"), nullable=False),
            ],
            metadata={"parksight": json.dumps(plan.facts(), ensure_ascii=False)},
        )
        self._writer: Any
        if plan.format == "parquet":
            self._writer = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        else:
            options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=True)
            self._writer = pa.ipc.new_stream(self._sink, self._schema, options=options)

    def head(self) -> bytes:
        return self._sink.fetch()

    def rows(self, rows: Columns) -> bytes:
        columns: dict[str, Any] = {
            "point_id": rows.point,
            **self._lookup.of_points(rows),
            "observed_at": _instants(rows.observed_at),
            "value": _value(rows),
            **self._lookup.of_quality(rows),
            "received_at": _instants(rows.received_at),
        }
        table = pa.table(
            {n: _as(columns[n], self._schema.field(n).type) for n in self._schema.names}, schema=self._schema
        )
        self._writer.write_table(table, _PIECE)
        return self._sink.fetch()

    def tail(self) -> bytes:
        self._writer.close()
        return self._sink.fetch()


def _as(column: Any, kind: Any) -> Any:
    array = column if isinstance(column, pa.Array) else pa.array(column)
    if pa.types.is_dictionary(kind):
        return array.dictionary_encode()
    return array.cast(kind)


def _instants(ms: I64) -> Any:
    return pa.array(ms).cast(pa.timestamp("ms", "UTC"))
