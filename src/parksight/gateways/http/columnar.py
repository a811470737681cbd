"""Arrow pushes: an IPC stream handled in array operations, for history.

The stream comes from outside, so its framing is checked before Arrow may allocate by it: no compressed
buffers (a small body could claim gigabytes), no more rows than allowed, then ``validate(full=True)``.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parksight.gateways.fields import NO_TIME, QUALITY_NAMES
from parksight.gateways.http.rows import (
    Kind,
    MalformedPushError,
    Name,
    Rows,
    note_errors,
    select,
)
from parksight.gateways.http.textual import COLUMNS, Push, check_fields
from parksight.telemetry.protocols import F64, I32, I64, U8
from parksight.telemetry.quality import Quality

_UNIT_NS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_MAX_DICTIONARY = 1_000_000
_MAX_MESSAGES = 10_000


def parse_arrow(body: bytes, max_rows: int, max_errors: int) -> Push:
    """Read an Arrow IPC stream with columns point|point_code|point_id|address, observed_at, value, quality.

    Raises:
        MalformedPushError: not such a stream, wrong columns or types, or more than ``max_rows`` rows.
    """
    try:
        _check_framing(body, max_rows)
        with pa.ipc.open_stream(body) as reader:
            table = reader.read_all()
        table.validate(full=True)
        # The schema's own texts (names, time zones) are decoded only when looked at: inside, too.
        return _columns(table, max_errors)
    except MalformedPushError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, struct.error, IndexError) as error:
        raise MalformedPushError(
            "not_arrow", str(error).splitlines()[0][:200] if str(error) else ""
        ) from error


def _columns(table: Any, max_errors: int) -> Push:
    names = [str(n) for n in table.schema.names]
    fields = [COLUMNS.get(n.lower(), "") for n in names]
    check_fields(names, fields)
    columns = {f: table.column(i).combine_chunks() for i, f in enumerate(fields)}
    key: Kind = next(k for k in ("point", "address", "id") if k in columns)
    distinct, index = _names(columns[key], key)
    n = table.num_rows
    value = _values(columns["v"])
    observed = _times(columns["t"]) if "t" in columns else np.full(n, NO_TIME, np.int64)
    quality, bad_quality = _qualities(columns.get("q"), n)
    rows = Rows(distinct, index, np.arange(n, dtype=np.int64), observed, value, quality)
    bad = index < 0
    if bad.any():
        note_errors(rows, rows.row[bad], "bad_address", [""] * int(bad.sum()), max_errors)
    bad_quality &= ~bad
    if bad_quality.any():
        note_errors(rows, rows.row[bad_quality], "bad_quality", [""] * int(bad_quality.sum()), max_errors)
    keep = ~(bad | bad_quality)
    return Push(rows if keep.all() else select(rows, keep))


def _check_framing(body: bytes, max_rows: int) -> None:
    messages = pa.ipc.MessageReader.open_stream(body)
    rows = count = 0
    while True:
        try:
            message = messages.read_next_message()
        except StopIteration:
            return
        count += 1
        if count > _MAX_MESSAGES:
            raise MalformedPushError("not_arrow", "messages", limit=_MAX_MESSAGES)
        if message.type == "schema":
            continue
        if message.type not in ("dictionary", "record batch"):
            raise MalformedPushError("not_arrow", str(message.type))
        length, compressed = _batch_header(message.metadata.to_pybytes(), message.type == "dictionary")
        if compressed:
            raise MalformedPushError("arrow_compressed")
        if message.type == "record batch":
            rows += length
            if rows > max_rows:
                raise MalformedPushError("too_many_rows", number=rows, limit=max_rows)
        elif not 0 <= length <= _MAX_DICTIONARY:
            raise MalformedPushError("too_many_rows", "dictionary", number=length, limit=_MAX_DICTIONARY)
        if length < 0:
            raise MalformedPushError("not_arrow", "negative length")


def _batch_header(metadata: bytes, dictionary: bool) -> tuple[int, bool]:
    """Rows and whether buffers are compressed, from the message flatbuffer (Arrow format/Message.fbs)."""
    (root,) = struct.unpack_from("<I", metadata, 0)
    header = _table_field(metadata, root, 2)
    if header is None:
        raise MalformedPushError("not_arrow", "message header")
    batch = _follow(metadata, header)
    if dictionary:
        data = _table_field(metadata, batch, 1)
        if data is None:
            raise MalformedPushError("not_arrow", "dictionary header")
        batch = _follow(metadata, data)
    length_at = _table_field(metadata, batch, 0)
    length = struct.unpack_from("<q", metadata, length_at)[0] if length_at is not None else 0
    return int(length), _table_field(metadata, batch, 3) is not None


def _follow(buffer: bytes, at: int) -> int:
    return at + int(struct.unpack_from("<I", buffer, at)[0])


def _table_field(buffer: bytes, table: int, slot: int) -> int | None:
    """Position of a field of a flatbuffer table, None when it is absent."""
    vtable = table - struct.unpack_from("<i", buffer, table)[0]
    if vtable < 0:
        raise MalformedPushError("not_arrow", "vtable")
    (size,) = struct.unpack_from("<H", buffer, vtable)
    entry = 4 + 2 * slot
    if entry + 2 > size:
        return None
    (offset,) = struct.unpack_from("<H", buffer, vtable + entry)
    return table + int(offset) if offset else None


def _names(column: Any, kind: Kind) -> tuple[list[Name], I32]:
    if kind == "id":
        if not pa.types.is_integer(column.type):
            raise MalformedPushError("column_type", "point_id", wanted="int32", got=str(column.type))
        column = column.dictionary_encode()
    elif not pa.types.is_dictionary(column.type):
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise MalformedPushError("column_type", kind, wanted="string", got=str(column.type))
        column = column.dictionary_encode()
    elif not pa.types.is_string(column.type.value_type):
        raise MalformedPushError("column_type", kind, wanted="string", got=str(column.type))
    values = column.dictionary.to_pylist()
    index = np.asarray(pc.fill_null(column.indices.cast(pa.int32()), -1), np.int32)
    usable = np.array(
        [v is not None and (kind == "id" or 0 < len(v) <= 200) for v in values] + [False], np.bool_
    )  # the last entry answers index -1
    index = np.where(usable[index], index, -1).astype(np.int32)
    return [(kind, v) for v in values], index


def _values(column: Any) -> F64:
    if not (
        pa.types.is_floating(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_boolean(column.type)
    ):
        raise MalformedPushError("column_type", "value", wanted="float64", got=str(column.type))
    plain = pc.fill_null(column.cast(pa.float64(), safe=False), float("nan"))
    return np.asarray(plain, np.float64)


def _times(column: Any) -> I64:
    if pa.types.is_timestamp(column.type):
        if column.type.tz is None:
            raise MalformedPushError("naive_time", "observed_at")
        raw = np.asarray(pc.fill_null(column.cast(pa.int64()), int(NO_TIME)), np.int64)
        ns = _UNIT_NS[column.type.unit]
        return _to_ms(raw, ns)
    if pa.types.is_integer(column.type):
        return np.asarray(pc.fill_null(column.cast(pa.int64()), int(NO_TIME)), np.int64)
    raise MalformedPushError(
        "column_type", "observed_at", wanted="timestamp[ms, tz] or int64", got=str(column.type)
    )


def _to_ms(raw: I64, ns: int) -> I64:
    if ns == 1_000_000:
        return raw
    if ns < 1_000_000:
        divided = raw // (1_000_000 // ns)
        return np.where(raw == NO_TIME, NO_TIME, divided)
    factor = ns // 1_000_000
    safe = np.abs(raw.astype(np.float64)) < 9e18 / factor
    return np.where(safe, raw * np.where(safe, factor, 0), NO_TIME)


def _qualities(column: Any, n: int) -> tuple[U8, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
    if column is None:
        return np.full(n, Quality.UNKNOWN, np.uint8), np.zeros(n, np.bool_)
    if pa.types.is_string(column.type) or pa.types.is_dictionary(column.type):
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        words = [QUALITY_NAMES.get(str(w).lower(), 255) for w in column.dictionary.to_pylist()]
        index = np.asarray(pc.fill_null(column.indices.cast(pa.int32()), -1), np.int32)
        codes = np.array([*words, int(Quality.UNKNOWN)], np.uint8)[index]
    elif pa.types.is_integer(column.type):
        wide = np.asarray(pc.fill_null(column.cast(pa.int64(), safe=False), int(Quality.UNKNOWN)), np.int64)
        codes = np.where((wide >= 0) & (wide <= 255), wide, 255).astype(np.uint8)
    else:
        raise MalformedPushError("column_type", "quality", wanted="uint8 or string", got=str(column.type))
    return codes, codes > max(Quality)
