"""Sparkplug B: captured payloads (data/sparkplug.json, from pysparkplug 0.6.1), session rules, fuzz."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.gateways.mqtt.sparkplug.codec import DataType, decode, number, rebirth
from parksight.gateways.mqtt.sparkplug.host import REBIRTH_EVERY_MS, SparkplugHost, parse_topic
from parksight.gateways.mqtt.sparkplug.proto import Payload
from parksight.gateways.mqtt.template import PayloadError
from parksight.telemetry.quality import Quality

VECTORS: dict[str, dict[str, Any]] = {
    v["name"]: v
    for v in json.loads((Path(__file__).parent / "data" / "sparkplug.json").read_text())["vectors"]
}
_FIELD = {"float_value": float, "long_value": int}


@pytest.mark.parametrize("name", ["sparkplug_nbirth", "sparkplug_ndeath"])
def test_vectors(name: str) -> None:
    want = VECTORS[name]["expected"]
    got = decode(bytes.fromhex(VECTORS[name]["hex"]))
    assert got.at_ms == want["timestamp"]
    assert got.seq == want.get("seq")
    assert len(got.metrics) == len(want["metrics"])
    for metric, row in zip(got.metrics, want["metrics"], strict=True):
        assert (metric.name, metric.at_ms, metric.datatype) == (
            row["name"],
            row["timestamp"],
            row["datatype"],
        )
        assert metric.raw == next(row[k] for k in _FIELD if k in row)


def payload(seq: int | None, *metrics: dict[str, Any], at: int = 1_000) -> bytes:
    made = Payload(timestamp=at)
    if seq is not None:
        made.seq = seq
    for row in metrics:
        made.metrics.add(**row)
    return bytes(made.SerializeToString())


def metric(
    name: str | None = None, alias: int | None = None, value: float | None = 1.0, **more: Any
) -> dict[str, Any]:
    row: dict[str, Any] = {**more}
    if name is not None:
        row["name"] = name
    if alias is not None:
        row["alias"] = alias
    if value is None:
        row["is_null"] = True
    else:
        row["double_value"] = value
    return row


def bd_seq(value: int) -> dict[str, Any]:
    return {"name": "bdSeq", "long_value": value, "datatype": 4}


NODE = "spBv1.0/g/{}/n"
LEAF = "spBv1.0/g/{}/n/d"


def born(host: SparkplugHost, bd: int = 0) -> None:
    host.message(NODE.format("NBIRTH"), payload(0, bd_seq(bd), metric("node/load", 1)), 0)
    host.message(LEAF.format("DBIRTH"), payload(1, metric("level", 5, datatype=10), metric("temp", 6)), 0)


def test_birth_aliases_data() -> None:
    host = SparkplugHost()
    out = host.message(NODE.format("NBIRTH"), payload(0, bd_seq(0), metric("node/load", 1, 0.5)), 0)
    assert out.born == ["n"]
    assert [(s.device, s.address, s.value) for s in out.samples] == [("n", "node/load", 0.5)]
    out = host.message(LEAF.format("DBIRTH"), payload(1, metric("level", 5, 1.0), metric("temp", 6, None)), 0)
    assert out.born == ["n/d"]
    out = host.message(
        LEAF.format("DDATA"), payload(2, metric(None, 5, 2.5, timestamp=777), metric(None, 6, 20.0)), 0
    )
    assert [(s.device, s.address, s.at_ms, s.value) for s in out.samples] == [
        ("n/d", "level", 777, 2.5), ("n/d", "temp", 1_000, 20.0),
    ]  # fmt: skip
    assert out.rebirth is None


def test_a_gap_asks_for_rebirth_at_most_now_and_then() -> None:
    host = SparkplugHost()
    born(host)
    out = host.message(LEAF.format("DDATA"), payload(3, metric(None, 5, 2.0)), 1_000)
    assert out.rebirth == "spBv1.0/g/NCMD/n"
    assert [s.value for s in out.samples] == [2.0], "what is understood is not thrown away"
    out = host.message(LEAF.format("DDATA"), payload(9, metric(None, 5, 2.0)), 2_000)
    assert out.rebirth is None
    out = host.message(LEAF.format("DDATA"), payload(20, metric(None, 5, 2.0)), 1_000 + REBIRTH_EVERY_MS)
    assert out.rebirth is not None
    assert host.counters["seq_gap"] == 3


def test_sequence_wraps_at_256() -> None:
    host = SparkplugHost()
    born(host)
    for seq in [*range(2, 256), 0, 1, 2]:
        assert host.message(LEAF.format("DDATA"), payload(seq, metric(None, 5)), 0).rebirth is None
    assert not host.counters["seq_gap"]


def test_data_before_birth_and_unknown_aliases() -> None:
    host = SparkplugHost()
    out = host.message(LEAF.format("DDATA"), payload(7, metric(None, 5), metric("named", None, 3.0)), 0)
    assert out.rebirth == "spBv1.0/g/NCMD/n"
    assert [(s.address, s.value) for s in out.samples] == [("named", 3.0)]
    assert host.counters["before_birth"] == 1
    born(host)
    host.message(LEAF.format("DDATA"), payload(2, metric(None, 99)), 0)
    assert host.counters["unknown_alias"] == 2


def test_deaths() -> None:
    host = SparkplugHost()
    born(host, bd=4)
    assert host.message(NODE.format("NDEATH"), payload(None, bd_seq(3)), 0).died == []
    assert host.counters["death_of_older_session"] == 1
    assert sorted(host.message(NODE.format("NDEATH"), payload(None, bd_seq(4)), 0).died) == ["n", "n/d"]
    born(host, bd=5)
    assert host.message(LEAF.format("DDEATH"), payload(2), 0).died == ["n/d"]
    out = host.message(LEAF.format("DDATA"), payload(3, metric(None, 5)), 0)
    assert out.samples == []
    assert out.rebirth is not None


def test_a_new_birth_replaces_names() -> None:
    host = SparkplugHost()
    born(host)
    host.message(NODE.format("NBIRTH"), payload(0, bd_seq(1)), 0)
    host.message(LEAF.format("DBIRTH"), payload(1, metric("other", 5)), 0)
    out = host.message(LEAF.format("DDATA"), payload(2, metric(None, 5, 8.0)), 0)
    assert [(s.address, s.value) for s in out.samples] == [("other", 8.0)]


def test_device_pattern_and_control_metrics() -> None:
    host = SparkplugHost("{group}.{node}.{device}")
    control = {"name": "Node Control/Rebirth", "boolean_value": False}
    out = host.message(LEAF.format("DBIRTH"), payload(0, control, metric("x")), 0)
    assert [(s.device, s.address) for s in out.samples] == [("g.n.d", "x")]


def test_limits() -> None:
    host = SparkplugHost(max_nodes=1, max_names=5)
    born(host)
    with pytest.raises(PayloadError, match="too_many_nodes"):
        host.message("spBv1.0/g/NBIRTH/other", payload(0), 0)
    with pytest.raises(PayloadError, match="too_many_names"):
        host.message("spBv1.0/g/DBIRTH/n/e", payload(2, *(metric(f"m{i}") for i in range(4))), 0)


@pytest.mark.parametrize(
    ("raw", "datatype", "expected"),
    [
        (0xFFFFFFFF, DataType.INT32, -1.0),
        (0xFF, DataType.INT8, -1.0),
        (0xFFFFFF80, DataType.INT8, -128.0),
        (0xFFFF, DataType.INT16, -1.0),
        (2**64 - 5, DataType.INT64, -5.0),
        (0xFFFFFFFF, DataType.UINT32, float(0xFFFFFFFF)),
        (True, DataType.BOOLEAN, 1.0),
        ("12", DataType.STRING, None),
        (None, DataType.DOUBLE, math.nan),
        (math.inf, DataType.DOUBLE, math.nan),
    ],
)
def test_numbers(raw: Any, datatype: int, expected: float | None) -> None:
    got = number(raw, datatype)
    assert got == expected or (
        expected is not None and math.isnan(expected) and got is not None and math.isnan(got)
    )


@pytest.mark.parametrize(
    ("code", "quality"), [(192, Quality.GOOD), (0, Quality.BAD), (500, Quality.SUSPECT), (7, Quality.SUSPECT)]
)
def test_quality_property(code: int, quality: Quality) -> None:
    made = Payload(timestamp=1, seq=0)
    row = made.metrics.add(name="x", double_value=1.0)
    row.properties.keys.append("Quality")
    row.properties.values.add(type=3, int_value=code)
    assert decode(made.SerializeToString()).metrics[0].quality == quality


def test_templates_are_flattened_within_bounds() -> None:
    made = Payload(timestamp=1, seq=0)
    outer = made.metrics.add(name="motor")
    outer.template_value.metrics.add(name="speed", double_value=1.5)
    inner = outer.template_value.metrics.add(name="bearing")
    inner.template_value.metrics.add(name="temp", double_value=60.0)
    node = inner
    for _ in range(10):
        node = node.template_value.metrics.add(name="deeper")
    node.double_value = 1.0
    got = decode(made.SerializeToString())
    assert [(m.name, m.raw) for m in got.metrics] == [("motor/speed", 1.5), ("motor/bearing/temp", 60.0)]


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("spBv1.0/g/NDATA", "sparkplug_topic"),
        ("spBv1.0/g/NDATA/n/d", "sparkplug_topic"),
        ("spBv1.0/g/DDATA/n", "sparkplug_topic"),
        ("spBv1.0/g/XDATA/n", "sparkplug_topic"),
        ("spBv1.0//NDATA/n", "sparkplug_topic"),
        ("spBv1.0/g/NDATA/n/d/e", "sparkplug_topic"),
    ],
)
def test_topics_that_are_none(topic: str, reason: str) -> None:
    with pytest.raises(PayloadError, match=reason):
        SparkplugHost().message(topic, payload(0), 0)
    for other in ("spBv1.0/STATE/host", "spBv1.0/g/NCMD/n", "spBv1.0/g/DCMD/n/d"):
        assert parse_topic(other) is None


def test_a_name_that_is_not_utf8_is_refused_alone() -> None:
    good = payload(0, metric("ok", None, 2.0), metric("XY", None, 3.0))
    body = good.replace(b"XY", b"\xff\xfe")
    host = SparkplugHost()
    out = host.message(NODE.format("NBIRTH"), body, 0)
    assert [(s.address, s.value) for s in out.samples] == [("ok", 2.0)]
    assert host.counters["bad_name"] == 1


def test_compressed_payloads_are_refused() -> None:
    made = Payload(uuid="SPBV1.0_COMPRESSED", body=b"x")
    with pytest.raises(PayloadError, match="sparkplug_compressed"):
        decode(made.SerializeToString())


def test_the_only_command_is_rebirth() -> None:
    got = decode(rebirth(5))
    assert [(m.name, m.raw) for m in got.metrics] == [("Node Control/Rebirth", True)]


@settings(max_examples=400)
@given(st.data())
def test_damaged_payloads_are_read_or_refused(data: st.DataObject) -> None:
    body = bytearray(bytes.fromhex(VECTORS["sparkplug_nbirth"]["hex"]))
    for _ in range(data.draw(st.integers(0, 5))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))] + data.draw(st.binary(max_size=10))
    host = SparkplugHost(max_names=10)
    kind = data.draw(st.sampled_from(["NBIRTH", "NDATA", "NDEATH"]))
    try:
        out = host.message(NODE.format(kind), bytes(body), 0)
    except PayloadError:
        return
    assert all(0 < len(s.address) <= 200 for s in out.samples)


_STEPS = st.tuples(
    st.sampled_from(["NBIRTH", "NDATA", "NDEATH", "DBIRTH", "DDATA", "DDEATH"]),
    st.integers(0, 300) | st.none(),
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "bdSeq"]) | st.none(), st.integers(0, 3) | st.none()), max_size=4
    ),
)


@settings(max_examples=200)
@given(st.lists(_STEPS, max_size=25))
def test_any_order_of_messages_keeps_the_state_sane(steps: list[Any]) -> None:
    host = SparkplugHost(max_nodes=2, max_names=6)
    now = 0
    asked: list[int] = []
    for kind, seq, metrics in steps:
        now += 1_000
        topic = (NODE if kind[0] == "N" else LEAF).format(kind)
        try:
            out = host.message(topic, payload(seq, *(metric(n, a) for n, a in metrics)), now)
        except PayloadError:
            continue
        asked += [now] if out.rebirth else []
        if kind == "NBIRTH":
            asked.clear()
        assert {s.device for s in out.samples} <= {"n", "n/d"}
        assert not (out.died and out.born)
    assert all(b - a >= REBIRTH_EVERY_MS for a, b in itertools.pairwise(asked))
