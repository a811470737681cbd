"""The three formats: what is read, what is set aside, what is refused."""

from __future__ import annotations

import io
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.gateways.fields import NO_TIME, read_quality, read_time, read_value
from parksight.gateways.http.columnar import parse_arrow
from parksight.gateways.http.rows import MalformedPushError
from parksight.gateways.http.textual import parse_csv, parse_json
from parksight.telemetry.quality import Quality

T0 = 1_795_452_524_304


def stream(table: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_json_keeps_good_rows_and_names_bad_ones() -> None:
    document = {
        "device": "D1",
        "readings": [
            {"address": "a", "t": T0, "v": 1.5, "q": "good"},
            {"point": "P1", "t": "2026-11-23T10:00:00+08:00", "v": True},
            {"address": "a", "t": "2026-11-23T10:00:00", "v": 1},
            {"address": "a", "t": T0, "v": "1.5"},
            {"address": "a", "t": T0, "v": 1, "q": "splendid"},
            {"address": "a", "point": "b", "t": T0, "v": 1},
            {"address": "a", "t": T0, "v": None},
            {"address": "a", "v": 2},
            "nonsense",
            {"address": "a", "t": T0, "v": 1, "unit": "kPa"},
        ],
    }
    push = parse_json(json.dumps(document).encode(), 100, 3)
    rows = push.rows
    assert push.device == "D1"
    assert rows.names == [("address", "a"), ("point", "P1")]
    assert rows.row.tolist() == [0, 1, 6, 7]
    assert rows.observed_at.tolist() == [T0, 1_795_399_200_000, T0, NO_TIME]
    assert rows.quality.tolist() == [Quality.GOOD, Quality.UNKNOWN, Quality.UNKNOWN, Quality.UNKNOWN]
    assert rows.value[1] == 1.0
    assert math.isnan(rows.value[2])
    assert rows.rejected == {
        "bad_time": 1, "bad_value": 1, "bad_quality": 1, "bad_address": 1, "not_an_object": 1, "unknown_member": 1,
    }  # fmt: skip
    assert [(e.row, e.reason) for e in rows.errors] == [(2, "bad_time"), (3, "bad_value"), (4, "bad_quality")]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not_json"),
        (b"[1]", "no_object"),
        (b"[" * 100_000, "not_json"),
        (b'{"readings":[],"x":1}', "unknown_member"),
        (b'{"readings":{}}', "wrong_member"),
        (b"{}", "wrong_member"),
        (b'{"readings":[],"device":3}', "wrong_member"),
        (b'{"readings":[1,1,1,1]}', "too_many_rows"),
        (b'{"readings":[{"v":NaN}]}', "not_json"),
        (b"\xff\xfe", "not_json"),
        (b'{"read\xffings":[]}', "not_json"),
    ],
)
def test_json_that_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPushError) as caught:
        parse_json(body, 3, 5)
    assert caught.value.reason == reason


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv(delimiter: str) -> None:
    lines = [
        ["point_code", "observed_at", "value", "quality"],
        ["P1", str(T0), "1.25", "good"],
        ["P1", "2026-11-23T02:00:00Z", "", ""],
        ["P2", "yesterday", "1", ""],
        ["P2", str(T0), "1,5" if delimiter != "," else "one", ""],
        ["P2", str(T0), "7", "3"],
    ]
    text = "\ufeff" + "\r\n".join(delimiter.join(x) for x in lines) + "\r\n"
    rows = parse_csv(text.encode(), 100, 10).rows
    assert rows.names == [("point", "P1"), ("point", "P2")]
    assert rows.row.tolist() == [0, 1, 4]
    assert rows.observed_at.tolist() == [T0, 1_795_399_200_000, T0]
    assert rows.quality.tolist() == [0, 1, 3]
    assert rows.rejected == {"bad_time": 1, "bad_value": 1}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "column_missing"),
        (b"point,value,colour\n", "unknown_column"),
        (b"point,value,v\n", "column_twice"),
        (b"point,address,value\n", "column_missing"),
        (b"value\n", "column_missing"),
        (b"point,value\n\xff,1\n", "not_utf8"),
        (b'point,value\n"P1,1\n', "not_csv"),
        (b"point,value\n1,1\n1,1\n1,1\n1,1\n", "too_many_rows"),
    ],
)
def test_csv_that_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPushError) as caught:
        parse_csv(body, 3, 5)
    assert caught.value.reason == reason


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_arrow_times_of_every_unit(unit: str) -> None:
    at = [1_795_452_524_000, 1_795_452_525_000, None]
    times = pa.array(at, pa.timestamp("ms", tz="Asia/Shanghai")).cast(pa.timestamp(unit, tz="UTC"))
    table = pa.table({"point_code": ["A", "B", "A"], "observed_at": times, "value": [1.0, None, 3.0]})
    rows = parse_arrow(stream(table), 100, 5).rows
    assert rows.observed_at.tolist() == [at[0], at[1], NO_TIME]
    assert [rows.names[i] for i in rows.name] == [("point", "A"), ("point", "B"), ("point", "A")]
    assert np.isnan(rows.value[1])


def test_arrow_sets_bad_rows_aside() -> None:
    table = pa.table(
        {
            "point": pa.array(["A", None, "B", ""]).dictionary_encode(),
            "observed_at": pa.array([1, 2, 3, 4], pa.int64()),
            "value": pa.array([1, 2, 3, 4], pa.int32()),
            "quality": pa.array(["good", "good", "splendid", None]),
        }
    )
    rows = parse_arrow(stream(table), 100, 5).rows
    assert rows.row.tolist() == [0]
    assert rows.rejected == {"bad_address": 2, "bad_quality": 1}
    assert [(e.row, e.reason) for e in rows.errors] == [
        (1, "bad_address"),
        (3, "bad_address"),
        (2, "bad_quality"),
    ]


def test_arrow_point_ids_and_codes_of_quality() -> None:
    table = pa.table(
        {
            "point_id": pa.array([7, 8, 7], pa.int32()),
            "observed_at": pa.array([1, 2, 3], pa.int64()),
            "value": [1.0, 2.0, 3.0],
            "quality": pa.array([0, 3, 9], pa.uint8()),
        }
    )
    rows = parse_arrow(stream(table), 100, 5).rows
    assert [rows.names[i] for i in rows.name] == [("id", 7), ("id", 8)]
    assert rows.quality.tolist() == [0, 3]
    assert rows.rejected == {"bad_quality": 1}


def _table(**columns: Any) -> pa.Table:
    base: dict[str, Any] = {"point": ["A"], "observed_at": pa.array([1], pa.int64()), "value": [1.0]}
    return pa.table({**base, **columns})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not_arrow"),
        (b"ARROW1\0\0" + bytes(100), "not_arrow"),
        (stream(_table(extra=[1])), "unknown_column"),
        (stream(_table(value=["x"])), "column_type"),
        (stream(_table(point=[1.5])), "column_type"),
        (stream(_table(observed_at=pa.array([1], pa.timestamp("ms")))), "naive_time"),
        (stream(_table(observed_at=["2026-11-23"])), "column_type"),
        (stream(_table(value=pa.array([[1.0]]))), "column_type"),
        (stream(pa.table({"point": ["A"] * 11, "value": [1.0] * 11})), "too_many_rows"),
        (stream(_table(value=[0.0]), compression="zstd"), "arrow_compressed"),
        (stream(_table(), compression="lz4"), "arrow_compressed"),
    ],
)
def test_arrow_that_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPushError) as caught:
        parse_arrow(body, 10, 5)
    assert caught.value.reason == reason


_GOOD = stream(
    pa.table(
        {
            "point": pa.array(["A", "B", "A"]).dictionary_encode(),
            "observed_at": pa.array([1, 2, 3], pa.timestamp("ms", tz="UTC")),
            "value": [1.0, 2.0, 3.0],
            "quality": ["good", "bad", "good"],
        }
    )
)


def test_a_time_zone_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(MalformedPushError, match="not_arrow"):
        parse_arrow(_GOOD.replace(b"UTC", b"\xffTC"), 10, 5)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damaged_arrow_streams_are_refused_or_read_within_bounds(data: st.DataObject) -> None:
    body = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body) - 1))
        body[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(body)))
    try:
        rows = parse_arrow(bytes(body if data.draw(st.booleans()) else body[:cut]), 10, 5).rows
    except MalformedPushError:
        return
    assert len(rows) <= 10
    assert len(rows.observed_at) == len(rows.value) == len(rows.quality) == len(rows)
    assert not len(rows) or ((rows.name >= 0).all() and (rows.name < len(rows.names)).all())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda s: s.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for parse in (parse_json, parse_csv, parse_arrow):
        try:
            rows = parse(body, 1000, 5).rows
        except MalformedPushError as error:
            assert error.reason
        else:
            assert len(rows.value) == len(rows.observed_at)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("tvq"), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["address", "point", "t", "v", "q", "x"]), _JSON) | _JSON, max_size=10
    )
)
def test_every_json_reading_is_stored_or_counted(readings: list[Any]) -> None:
    rows = parse_json(json.dumps({"readings": readings}).encode(), 1000, 5).rows
    assert len(rows) + rows.rejected.total() == len(readings)
    assert np.isin(rows.quality, [int(q) for q in Quality]).all()


@given(st.integers() | st.floats() | st.text() | st.none() | st.booleans() | st.lists(st.integers()))
def test_fields_are_read_or_refused(value: Any) -> None:
    at = read_time(value)
    assert at is None or at == NO_TIME or 0 <= at <= 253_402_300_799_999
    number = read_value(value)
    assert number is None or isinstance(number, float)
    code = read_quality(value)
    assert code is None or 0 <= code <= max(Quality)
