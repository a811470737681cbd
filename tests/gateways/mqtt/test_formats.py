"""Selectors, topics, JSON templates: pure, with properties and fuzz."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from parksight.gateways.mqtt.config import ConnectionConfig, normal_address
from parksight.gateways.mqtt.selector import Selector, SelectorError
from parksight.gateways.mqtt.template import PayloadError, Template, TemplateLibrary
from parksight.gateways.mqtt.topics import TopicError, TopicPattern, check_topic, fill
from parksight.telemetry.quality import Quality

T0 = 1_795_452_524_304
DOCUMENT = {"a": {"b c": [1, {"d": 2}], "e": None}, "list": [{"v": 1}, {"v": 2}, {"w": 3}]}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", [("", DOCUMENT)]),
        ("$.a['b c'][1].d", [("", 2)]),
        ("$.a.e", [("", None)]),
        ("$.a.x", []),
        ("$.list[7]", []),
        ("$.list[*].v", [("0", 1), ("1", 2)]),
        ("$.a.*", [("b c", [1, {"d": 2}]), ("e", None)]),
        ("$.list.v", []),
    ],
)
def test_selectors(path: str, expected: list[tuple[str, Any]]) -> None:
    assert list(Selector(path).each(DOCUMENT)) == expected


@pytest.mark.parametrize("path", ["", "a", "$.", "$[x]", "$..a", "$.a[?(@.b)]", "$[-1]", "$" + ".a" * 17])
def test_texts_that_are_no_path(path: str) -> None:
    with pytest.raises(SelectorError):
        Selector(path)


@pytest.mark.parametrize(
    ("pattern", "topic", "expected"),
    [
        ("park/{site}/{node}/data", "park/E001/GW01/data", {"site": "E001", "node": "GW01"}),
        ("park/{site}/{node}/data", "park/E001/data", None),
        ("park/{site}/{node}/data", "park/E001//data", None),
        ("park/{rest*}", "park/a/b/c", {"rest": "a/b/c"}),
        ("park/+/x", "park/anything/x", {}),
        ("a.b/{n}", "axb/1", None),
    ],
)
def test_topic_patterns(pattern: str, topic: str, expected: dict[str, str] | None) -> None:
    assert TopicPattern(pattern).match(topic) == expected


def test_filters_of_patterns() -> None:
    assert TopicPattern("park/{site}/{node}/data").filter == "park/+/+/data"
    assert TopicPattern("park/{rest*}").filter == "park/#"
    for wrong in ("", "park/#/x", "park/a{b}", "{a}/{a}", "{a*}/b", "x" * 1025):
        with pytest.raises(TopicError):
            TopicPattern(wrong)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "topic_empty"),
        (b"park/\xff\xfe", "topic_utf8"),
        (b"park/+/x", "topic_wildcard"),
        (b"park/#", "topic_wildcard"),
        (b"$SYS/broker/uptime", "topic_system"),
        (b"park/\x00", "topic_control"),
        ("park/\u0085".encode(), "topic_control"),
        (b"a" * 1025, "topic_long"),
        (b"/" * 40, "topic_long"),
    ],
)
def test_hostile_topics(raw: bytes, reason: str) -> None:
    with pytest.raises(TopicError) as caught:
        check_topic(raw)
    assert caught.value.reason == reason


@given(st.binary(max_size=60))
def test_any_topic_is_clean_or_refused(raw: bytes) -> None:
    try:
        topic = check_topic(raw)
    except TopicError:
        return
    assert topic.encode() == raw
    assert not set(topic) & {"+", "#", "\0"}
    assert TopicPattern("{rest*}").match(topic) is not None or "\n" in topic


def read(
    name: str, payload: object, **parts: str
) -> tuple[dict[str, tuple[int | None, float, int]], Counter[str]]:
    template = TemplateLibrary().get(name)
    assert template is not None
    refused: Counter[str] = Counter()
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    rows = template.read(body, "dev", parts, refused)
    return {r.address: (r.at_ms, r.value, r.quality) for r in rows}, refused


def test_values_in_one_object() -> None:
    got, refused = read(
        "values-object", {"ts": T0, "simulated": True, "values": {"tanks/T01:LEVEL": 3.25, "x": True, "y": "high", "z": None}}
    )  # fmt: skip
    assert got["tanks/T01:LEVEL"] == (T0, 3.25, Quality.UNKNOWN)
    assert got["x"][1] == 1.0
    assert math.isnan(got["z"][1])
    assert refused == {"bad_value": 1}


def test_list_of_sensors_with_own_time_and_quality() -> None:
    rows = [
        {"id": "T1", "type": "level", "t": T0, "v": "2.5", "q": "good"},
        {"id": 7, "type": "temp", "t": T0 + 1, "v": 20, "q": 3},
        {"id": "T3", "type": "level", "t": "soon", "v": 1},
        {"type": "level", "t": T0, "v": 1},
        {"id": "T5", "type": "level", "t": T0, "v": {"deep": 1}},
    ]
    got, refused = read("sensor-list", {"sensors": rows})
    assert got == {"T1:level": (T0, 2.5, Quality.GOOD), "7:temp": (T0 + 1, 20.0, Quality.BAD)}
    assert refused == {"bad_time": 1, "bad_address": 1, "bad_value": 1}


def test_other_shipped_templates() -> None:
    assert read("plain-value", b"21.5")[0] == {"value": (None, 21.5, Quality.UNKNOWN)}
    got, _ = read("senml", [{"n": "urn:dev:1:t", "u": "Cel", "v": 23.1, "t": 1_795_452_524.304}])
    assert got == {"urn:dev:1:t": (T0, 23.1, Quality.UNKNOWN)}
    assert not TemplateLibrary().broken


def test_inline_template_with_iso_times_and_coded_quality() -> None:
    template = Template.model_validate(
        {
            "name": "x", "title": "x", "title_en": "x",
            "time": {"path": "$.meta['time stamp']", "format": "iso8601"},
            "quality": {"path": "$.meta.ok", "codes": {"true": "good", "false": "bad"}, "otherwise": "suspect"},
            "readings": [{"address": "{site}:level", "value": "$.data[0]"}],
        }
    )  # fmt: skip
    refused: Counter[str] = Counter()
    for ok, quality in ((True, Quality.GOOD), (False, Quality.BAD), ("?", Quality.SUSPECT)):
        body = {"meta": {"time stamp": "2026-11-23T10:00:00+08:00", "ok": ok}, "data": [1.5]}
        (row,) = template.read(json.dumps(body).encode(), "dev", {"site": "E1"}, refused)
        assert (row.address, row.at_ms, row.value, row.quality) == (
            "E1:level",
            1_795_399_200_000,
            1.5,
            quality,
        )
    body = {"meta": {"time stamp": "2026-11-23T10:00:00"}, "data": [1]}
    assert template.read(json.dumps(body).encode(), "dev", {}, refused) == []
    assert refused == {"bad_time": 1}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not_json"),
        (b"{", "not_json"),
        (b"\xff\xfe\xfd", "not_json"),
        (b"[" * 200_000, "not_json"),
        (b'{"a":' * 50_000, "not_json"),
        (b'{"ts":1,"values":{}}', "no_values"),
        (b"[]", "no_values"),
        (json.dumps({"ts": 1, "values": {str(i): i for i in range(20_001)}}).encode(), "too_many_values"),
    ],
)
def test_hostile_payloads(payload: bytes, reason: str) -> None:
    with pytest.raises(PayloadError) as caught:
        read("values-object", payload)
    assert caught.value.reason == reason


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["ts", "values", "sensors", "v", "t", "q", "id", "type", "n"]), inner, max_size=5
        )
    ),
    max_leaves=20,
)


@settings(max_examples=300)
@given(
    _JSON | st.binary(max_size=100), st.sampled_from(["values-object", "sensor-list", "plain-value", "senml"])
)
def test_any_payload_is_read_or_refused(payload: Any, name: str) -> None:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    try:
        got, _ = read(name, body)
    except PayloadError:
        return
    for at, value, quality in got.values():
        assert at is None or 0 <= at <= 253_402_300_799_999
        assert isinstance(value, float)
        assert quality in set(Quality)


@pytest.mark.parametrize(
    "change",
    [
        {"readings": []},
        {"readings": [{"address": "a", "value": "v"}]},
        {"readings": [{"address": "a", "parts": {"id": "$.id"}}]},
        {"time": {"format": "stardate"}, "readings": [{"address": "a"}]},
    ],
)
def test_wrong_templates_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Template.model_validate({"name": "x", "title": "x", "title_en": "x", **change})


def test_broken_templates_of_the_installation_are_named(tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text('{"name": "bad"}')
    library = TemplateLibrary(tmp_path)
    assert set(library.broken) == {"bad.json"}
    assert library.get("values-object") is not None


@pytest.mark.parametrize(
    "change",
    [
        {"sources": []},
        {"sources": [{"topic": "a/{b}", "device": "{c}", "template": "values-object"}]},
        {"sources": [{"topic": "a/{b}", "device": "{b}"}]},
        {"sources": [{"topic": "a/#/b", "device": "x", "template": "values-object"}]},
        {"sparkplug": [{"group": "a/b"}]},
        {"sparkplug": [{"device": "{device}"}]},
        {"sparkplug": [{"host_id": "a"}, {"host_id": "b"}]},
        {"version": "4", "sparkplug": [{}]},
    ],
)
def test_wrong_connections_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ConnectionConfig.model_validate({"host": "broker", **change})


def test_addresses() -> None:
    assert normal_address(" plant|E001/GW01/ ") == "plant|E001/GW01"
    for wrong in ("plant", "|x", "plant|", "plant|/"):
        with pytest.raises(ValueError):
            normal_address(wrong)
    assert fill("{node}/{device}", {"node": "E1", "device": ""}) == "E1"
