"""Each way of being silent is told apart, and every finding has a text in every language."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from parksight.gateways import diagnosis
from parksight.gateways.activity import Activity
from parksight.gateways.diagnosis import CHECKS, Evidence, PointState, diagnose, is_silent
from parksight.gateways.directory import DeviceRecord, Mapped
from parksight.gateways.protocols import GatewayStatus
from parksight.kernel.i18n import LANGUAGES, load

NOW = 1_800_000_000_000


def evidence(**more: Any) -> Evidence:
    """A healthy device, changed in what is named."""
    activity = Activity(connected=True, connected_at=NOW - 60_000, clock_skew_ms=200)
    activity.frame(NOW - 5_000, readings=2)
    for name in [n for n in more if hasattr(activity, n) and n not in ("stored", "rejected")]:
        setattr(activity, name, more.pop(name))
    base: dict[str, Any] = {
        "device": DeviceRecord(1, "D1", "hj212", "D", "", "MN0001", None, True, False, 1),
        "now_ms": NOW,
        "gateway": GatewayStatus("hj212", True, "127.0.0.1:8612", 1, {}, {}, {}),
        "gateway_error": None,
        "activity": activity,
        "frames_logged": 1,
        "last_logged_ms": NOW - 5_000,
        "mappings": {"a": Mapped(1, 1.0, 0.0, 60.0)},
        "broken": {},
        "points": [PointState(1, "P1", 60.0, 5.0)],
        "unknown_addresses": [],
        "received": 10,
        "stored": 10,
        "rejected": Counter(),
    }
    return Evidence(**{**base, **more})


def cause(e: Evidence) -> tuple[str, str] | None:
    return next(((n, f.variant) for n, f in diagnose(e) if f.verdict == "fail"), None)


def test_a_healthy_device_has_no_cause() -> None:
    assert cause(evidence()) is None
    assert not is_silent(evidence())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"device": DeviceRecord(1, "D1", "hj212", "", "", "MN0001", None, False, False, 1)},
            ("enabled", "fail"),
        ),
        ({"gateway": None}, ("gateway_running", "absent")),
        ({"gateway": GatewayStatus("hj212", False, None, 0, {}, {}, {})}, ("gateway_running", "fail")),
        (
            {
                "device": DeviceRecord(1, "D1", "modbus", "", "", "h:502/1", None, True, False, 1),
                "gateway": GatewayStatus("modbus", True, None, 0, {}, {}, {}),
                "connected": False,
                "refusal": "connect_refused",
            },
            ("reachable", "fail"),
        ),
        (
            {"activity": Activity(), "frames_logged": 0, "last_logged_ms": None, "points": []},
            ("ever_heard", "fail"),
        ),
        (
            {
                "activity": Activity(),
                "frames_logged": 0,
                "last_logged_ms": None,
                "points": [],
                "unknown_addresses": ["ZZ", "MN0O01"],
            },
            ("ever_heard", "other_name"),
        ),
        (
            {
                "device": DeviceRecord(1, "D1", "mqtt", "", "", "typo|E1", None, True, False, 1),
                "gateway": GatewayStatus("mqtt", True, "broker:1883", 1, {}, {}, {}),
                "connected": None,
                "trouble": "mqtt_no_connection",
            },
            ("reachable", "fail"),
        ),
        ({"died_at": NOW - 1_000}, ("declared_dead", "fail")),
        ({"connected": False, "disconnected_at": NOW - 9_000}, ("connected", "fail")),
        ({"last_frame_at": NOW - 500_000, "last_logged_ms": NOW - 500_000}, ("frames_arriving", "fail")),
        ({"last_frame_at": None, "last_logged_ms": None}, ("frames_arriving", "never")),
        ({"errors": Counter(bad_crc=5)}, ("readable", "fail")),
        ({"mappings": {}}, ("mapped", "none")),
        ({"broken": {"a": "telemetry.unit.not_convertible"}}, ("mapped", "broken")),
        ({"unmapped": Counter(b=3), "last_reading_at": None}, ("mapped", "other_addresses")),
        ({"stored": 0, "rejected": Counter(far_future=10)}, ("accepted", "all")),
        ({"stored": 5, "rejected": Counter(impossible=5)}, ("accepted", "many")),
        ({"rejected": Counter(rate_limited=1)}, ("not_throttled", "fail")),
        ({"clock_skew_ms": 200_000}, ("clock", "ahead")),
        ({"clock_skew_ms": -200_000}, ("clock", "behind")),
        (
            {"points": [PointState(1, "P1", 60.0, 1.0), PointState(2, "P2", 60.0, 999.0)]},
            ("points_fresh", "some"),
        ),
        ({"points": [PointState(1, "P1", 60.0, None)]}, ("points_fresh", "all")),
    ],
)
def test_causes_are_told_apart(change: dict[str, Any], expected: tuple[str, str]) -> None:
    assert cause(evidence(**change)) == expected


def test_repeated_readings_are_no_fault() -> None:
    assert cause(evidence(received=100, stored=10, rejected=Counter(duplicate=90))) is None


def test_every_finding_has_texts_and_failures_say_what_to_do() -> None:
    source = Path(diagnosis.__file__).read_text("utf-8")
    texts = load("parksight.gateways")
    variants = set(re.findall(r'_fail\(\s*"(\w+)"', source))
    assert {"other_name", "never", "broken"} <= variants
    for language in LANGUAGES:
        keys = texts[language].keys()
        for name, _ in CHECKS:
            assert f"gateways.check.{name}" in keys
            assert f"gateways.check.{name}.ok" in keys
            for key in [
                k for k in keys if k.startswith(f"gateways.check.{name}.") and not k.endswith(".action")
            ]:
                if key.rsplit(".", 1)[1] not in ("ok", "unknown"):
                    assert f"{key}.action" in keys, key
    assert texts["zh-CN"].keys() == texts["en"].keys()
