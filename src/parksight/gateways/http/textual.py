"""JSON and CSV pushes: small, row by row, every error named.

JSON: ``{"device": "E01.DCS", "backfill": false, "readings": [{"address": "TK1", "t": 1795452524304, "v": 3.2,
"q": "good"}]}``; ``point`` (a point code) may stand for ``address``, ``t`` is ms since the epoch or ISO 8601
with an offset, ``q`` a quality word or code. CSV: the same fields as columns, with a header.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import msgspec

from parksight.gateways.http.rows import Kind, MalformedPushError, RowCollector, Rows

_KEYS = frozenset({"address", "point", "t", "v", "q"})
_TOP = frozenset({"device", "readings", "backfill"})
#: CSV and Arrow header words -> field.
COLUMNS: dict[str, str] = {
    "point": "point", "point_code": "point", "address": "address", "point_id": "id",
    "t": "t", "observed_at": "t", "v": "v", "value": "v", "q": "q", "quality": "q",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Push:
    """A document as read: ``device`` is the code it names, None where it names none."""

    rows: Rows
    device: str | None = None
    backfill: bool | None = None


def parse_json(body: bytes, max_rows: int, max_errors: int) -> Push:
    """Read a JSON push.

    Raises:
        MalformedPushError: not JSON, wrong members, or more than ``max_rows`` readings.
    """
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedPushError("not_json", str(error)[:200]) from error
    if not isinstance(document, dict):
        raise MalformedPushError("no_object")
    extra = document.keys() - _TOP
    if extra:
        raise MalformedPushError("unknown_member", f"/{min(extra)[:80]}", known=", ".join(sorted(_TOP)))
    device, backfill, readings = document.get("device"), document.get("backfill"), document.get("readings")
    if not isinstance(device, str | None):
        raise MalformedPushError("wrong_member", "/device")
    if not isinstance(backfill, bool | None):
        raise MalformedPushError("wrong_member", "/backfill")
    if not isinstance(readings, list):
        raise MalformedPushError("wrong_member", "/readings")
    if len(readings) > max_rows:
        raise MalformedPushError("too_many_rows", "/readings", number=len(readings), limit=max_rows)
    collector = RowCollector(max_errors)
    for number, reading in enumerate(readings):
        if not isinstance(reading, dict):
            collector.refuse(number, "not_an_object", reading)
        elif reading.keys() - _KEYS:
            collector.refuse(number, "unknown_member", min(reading.keys() - _KEYS))
        elif ("address" in reading) == ("point" in reading):
            collector.refuse(number, "bad_address", "address or point")
        else:
            kind: Kind = "address" if "address" in reading else "point"
            name = reading[kind]
            if not isinstance(name, str):
                collector.refuse(number, "bad_address", name)
                continue
            value = reading.get("v")
            if isinstance(value, str):  # JSON has numbers; a text in their place is a fault of the sender
                collector.refuse(number, "bad_value", value)
                continue
            collector.add(number, (kind, name), reading.get("t"), value, reading.get("q"))
    return Push(collector.rows(), device, backfill)


def parse_csv(body: bytes, max_rows: int, max_errors: int) -> Push:
    """Read a CSV push (RFC 4180, UTF-8, header line; comma, semicolon or tab).

    Raises:
        MalformedPushError: not UTF-8, header unusable, or more than ``max_rows`` rows.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedPushError("not_utf8", f"byte {error.start}") from error
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    collector = RowCollector(max_errors)
    fields: list[str] = []
    number = -1
    try:
        fields = _header(next(lines, []))
        at = {name: i for i, name in enumerate(fields)}
        kind: Kind = "point" if "point" in at else "address" if "address" in at else "id"
        for number, line in enumerate(lines):
            if number >= max_rows:
                raise MalformedPushError(
                    "too_many_rows", f"line {lines.line_num}", number=number + 1, limit=max_rows
                )
            if not line:
                continue
            if len(line) != len(fields):
                collector.refuse(number, "wrong_columns", len(line))
                continue
            name: str | int = line[at[kind]].strip()
            if kind == "id":
                if not (str(name).isascii() and str(name).isdigit() and len(str(name)) <= 10):
                    collector.refuse(number, "bad_address", name)
                    continue
                name = int(name)
            quality = line[at["q"]] if "q" in at else None
            collector.add(number, (kind, name), line[at["t"]] if "t" in at else None, line[at["v"]], quality)
    except csv.Error as error:
        raise MalformedPushError("not_csv", f"line {lines.line_num}", error=str(error)) from error
    return Push(collector.rows())


def _header(names: list[str]) -> list[str]:
    fields = [COLUMNS.get(n.strip().lower(), "") for n in names]
    check_fields([n.strip() for n in names], fields)
    return fields


def check_fields(names: list[str], fields: list[str]) -> None:
    """Refuse unknown, doubled or missing columns."""
    for name, found in zip(names, fields, strict=True):
        if not found:
            raise MalformedPushError("unknown_column", name[:80], known=", ".join(sorted(COLUMNS)))
    for found in set(fields):
        if fields.count(found) > 1:
            raise MalformedPushError("column_twice", found)
    if sum(found in ("point", "address", "id") for found in fields) != 1:
        raise MalformedPushError("column_missing", "point, address or point_id")
    if "v" not in fields:
        raise MalformedPushError("column_missing", "value")
