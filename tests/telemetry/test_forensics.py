"""Forensic rules: what they must find, and above all what they must leave alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.telemetry.forensics import rules
from parksight.telemetry.forensics.examine import Subject, baseline_of, clean, examine, wants_baseline
from parksight.telemetry.forensics.settings import DEFAULTS, RULES, rules_for
from parksight.telemetry.protocols import Columns
from parksight.telemetry.quality import Quality, QualityFlag

NOW = 1_772_337_600_000
MINUTE = 60_000
FLAT = {"min_rows": 20, "min_ms": 30 * MINUTE, "alpha": 1e-6}


def times(n: int, step: int = MINUTE) -> rules.I64:
    return NOW + np.arange(n, dtype=np.int64) * step


def noise(seed: int, n: int, digits: int = 1, slow: float = 0.9) -> rules.F64:
    """A first-order process as instruments deliver it: correlated, rounded to its resolution."""
    rng = np.random.default_rng(seed)
    x = np.empty(n)
    x[0] = 0.0
    shocks = rng.normal(0, math.sqrt(1 - slow**2), n)
    for i in range(1, n):
        x[i] = slow * x[i - 1] + shocks[i]
    return np.round(50 + 2 * x, digits)


def judge(values: rules.F64, quantity: str = "temperature", **fields: object) -> list[str]:
    """Rules that accuse a point with these values, once a minute."""
    rows = as_columns(times(len(values)), values)
    point = {"kind": "", "resolution": None, "low": -np.inf, "high": np.inf, "properties": {}, **fields}
    subject = Subject(
        1, None, point["resolution"], point["low"], point["high"],
        rules_for(quantity, str(point["kind"]), point["properties"]),
    )  # fmt: skip
    return sorted({v.rule for v in examine(subject, rows)[1]})


def as_columns(t: rules.I64, v: rules.F64, delay: rules.I64 | int = 200) -> Columns:
    n = len(t)
    return Columns(np.ones(n, np.int32), t, v, np.zeros(n, np.uint8), t + delay)


# --- innocent until improbable ------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 2]), st.sampled_from([0.0, 0.5, 0.9]))
@settings(max_examples=60, deadline=None)
def test_honest_noise_is_never_accused(seed: int, digits: int, slow: float) -> None:
    assert judge(noise(seed, 1440, digits, slow)) == []


@pytest.mark.parametrize("seed", range(5))
def test_constant_by_nature_is_left_alone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps = np.repeat(rng.choice([20.0, 40.0, 60.0], 12), 120)
    assert judge(steps) == []  # a set point without being declared one
    assert judge(np.full(1440, 7.3)) == []  # never changed: nothing to compare with
    night = noise(seed, 1440)
    night[:480] = 0.0
    assert judge(night, "flow") == []  # switched off
    assert judge(night, "temperature") == ["flat_line"]  # no temperature is exactly 0 for eight hours
    pumped = np.repeat(np.round(np.cumsum(rng.choice([0, 0.5, -0.3], 24)), 2) + 5, 60)
    assert judge(pumped, "level") == []
    meter = np.round(np.cumsum(np.where(rng.random(1440) < 0.5, 0.1, 0.0)), 1)
    assert judge(meter, "energy") == []
    assert judge((rng.random(1440) < 0.02).cumsum() % 2.0, "state") == []


def test_a_daily_step_is_no_spike_and_a_ramp_neither() -> None:
    v = noise(1, 1440)
    v[700:] += 500
    assert judge(v) == []
    assert judge(np.round(np.linspace(0, 100, 1440), 1)) == []


# --- guilty --------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1), st.integers(200, 800), st.integers(60, 300))
@settings(max_examples=60, deadline=None)
def test_a_frozen_value_is_found_where_it_is(seed: int, at: int, rows: int) -> None:
    v = noise(seed, 1440)
    v[at : at + rows] = v[at]
    found = rules.flat_line(times(1440), v, **FLAT)
    assert len(found) == 1
    a, b = found[0].rows
    assert a <= at
    assert b >= at + rows
    assert b - a <= rows + 8
    assert found[0].start == times(1440)[a]
    assert found[0].end == times(1440)[b - 1] + 1
    assert found[0].score > 1


def test_frozen_all_day_needs_an_earlier_day_to_be_seen() -> None:
    t, v = times(1440), np.full(1440, 51.3)
    subject = Subject(1, None, 0.1, -np.inf, np.inf, rules_for("temperature", "", {}))
    assert wants_baseline(subject, as_columns(t, v))
    assert examine(subject, as_columns(t, v))[1] == []
    lively = baseline_of(as_columns(t - 86_400_000, noise(3, 1440)))
    assert [x.rule for x in examine(subject, as_columns(t, v), lively)[1]] == ["flat_line"]
    restful = np.repeat(noise(3, 3), 800)  # the same point rested as long before
    assert examine(subject, as_columns(t, v), baseline_of(as_columns(times(2400), restful)))[1] == []


@given(st.integers(0, 2**32 - 1), st.integers(20, 1400), st.sampled_from([-1.0, 1.0]))
@settings(max_examples=60, deadline=None)
def test_a_spike_is_found_where_it_is(seed: int, at: int, sign: float) -> None:
    v = noise(seed, 1440)
    v[at] += sign * 100
    found = rules.spikes(times(1440), v, half_window=7, sigmas=10, resolution=0.1)
    assert [s.rows for s in found] == [(at, at + 1)]
    assert found[0].evidence["value"] == v[at]


def test_out_of_range_needs_several_rows() -> None:
    v = noise(1, 300)
    v[100:102] = 99.0
    v[200:210] = 99.0
    assert [s.rows for s in rules.out_of_range(times(300), v, low=0, high=90, min_rows=3)] == [(200, 210)]
    assert judge(v, low=0.0, high=90.0) == ["out_of_range", "spike"]  # the two rows alone are a spike


@given(st.integers(0, 2**32 - 1), st.integers(0, 500), st.integers(80, 300))
@settings(max_examples=60, deadline=None)
def test_copied_history_is_found_with_its_origin(seed: int, source: int, rows: int) -> None:
    v = noise(seed, 1440)
    target = 900
    v[target : target + rows] = v[source : source + rows]
    found = rules.repeated_blocks(times(1440), v, width=60, min_bits=40)
    assert len(found) == 1
    a, b = found[0].rows
    assert (abs(a - target) <= 3, abs(b - target - rows) <= 3) == (True, True)
    assert abs(found[0].evidence["copied_from"] - times(1440)[source]) <= 3 * MINUTE


@pytest.mark.parametrize("ppm", [-2000.0, 500.0, 5000.0])
def test_a_drifting_clock_is_found_with_its_rate(ppm: float) -> None:
    rng = np.random.default_rng(5)
    arrived = times(1440)
    observed = arrived - ((arrived - NOW) * ppm / 1e6).astype(np.int64)
    jitter = rng.exponential(300, 1440).astype(np.int64)
    found = rules.clock_drift(observed, arrived + jitter, bins=24, max_ppm=200, min_drift_ms=5000)
    assert len(found) == 1
    assert found[0].evidence["ppm"] == pytest.approx(ppm, rel=0.05)


@given(st.integers(0, 2**32 - 1), st.floats(1, 3000))
@settings(max_examples=40, deadline=None)
def test_network_delay_is_no_drift(seed: int, mean_ms: float) -> None:
    rng = np.random.default_rng(seed)
    delay = rng.exponential(mean_ms, 1440).astype(np.int64)
    assert rules.clock_drift(times(1440), times(1440) + delay, bins=24, max_ppm=200, min_drift_ms=5000) == []


def test_history_handed_over_at_once_is_no_drift() -> None:
    t = times(600, 1000)
    arrived = np.full(600, int(t[-1]), np.int64)
    assert rules.clock_drift(t, arrived, bins=24, max_ppm=200, min_drift_ms=5000) == []


# --- whatever comes ------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(
            st.integers(-5000, 5000), st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.just(1.0)),
            st.integers(0, 255),
        ),
        max_size=80,
    )
)  # fmt: skip
@settings(max_examples=150, deadline=None)
def test_any_rows_are_survived_and_spans_lie_within(rows: list[tuple[int, float, int]]) -> None:
    t = np.array([NOW + r[0] for r in rows], np.int64)
    columns = Columns(
        np.ones(len(rows), np.int32), t, np.array([r[1] for r in rows], np.float64),
        np.array([r[2] for r in rows], np.uint8), t + 5,
    )  # fmt: skip
    eager = {"flat_line": {"min_rows": 2, "min_minutes": 1e-9}, "spike": {"half_window": 2, "sigmas": 1},
             "repeated_block": {"width": 8, "min_bits": 1}}  # fmt: skip
    subject = Subject(1, None, 0.1, -1.0, 1.0, rules_for("temperature", "", {"forensics": eager}))
    with np.errstate(all="ignore"):
        data, verdicts = examine(subject, columns)
    assert np.isfinite(data.value).all()
    assert (np.diff(data.observed_at) > 0).all()
    for verdict in verdicts:
        a, b = verdict.span.rows
        assert 0 <= a < b <= len(data)
        assert verdict.span.start == data.observed_at[a]
        assert verdict.span.end > data.observed_at[b - 1]
        assert math.isfinite(verdict.span.score)


def test_rows_the_device_disowned_are_not_judged() -> None:
    v = noise(1, 200)
    columns = as_columns(times(200), v)
    columns.quality[:50] = Quality.CALIBRATION
    columns.quality[50:60] = Quality.BAD | QualityFlag.SIMULATED
    columns.quality[60:70] = Quality.SUSPECT
    columns.observed_at[100] = columns.observed_at[101]
    assert len(clean(columns)) == 139


# --- opting out ----------------------------------------------------------------------------------------


def test_a_point_can_be_excused() -> None:
    v = noise(1, 1440)
    v[100:300] = v[100]
    v[800] += 200
    assert judge(v) == ["flat_line", "spike"]
    assert judge(v, properties={"forensics": {"exclude": ["flat_line"]}}) == ["spike"]
    assert judge(v, properties={"forensics": {"off": True}}) == []
    assert judge(v, kind="setpoint.temperature") == []
    assert judge(v, properties={"forensics": {"ignore_flat_at": [float(v[100])]}}) == ["spike"]
    assert judge(v, properties={"forensics": {"flat_line": {"min_minutes": 300}}}) == ["spike"]


@given(st.dictionaries(st.sampled_from(["off", "exclude", "ignore_flat_at", *RULES]), st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.lists(st.one_of(st.none(), st.text(max_size=9))),
    st.dictionaries(st.text(max_size=9), st.one_of(st.none(), st.text(max_size=2), st.floats())),
)))  # fmt: skip
def test_unusable_properties_leave_the_defaults(own: dict[str, object]) -> None:
    got = rules_for("temperature", "", {"forensics": own}).rules
    for rule, parameters in got.items():
        assert parameters.keys() == DEFAULTS[rule].keys()
        assert all(isinstance(v, int | float) and v > 0 for v in parameters.values())


def test_what_is_spared_by_nature() -> None:
    assert set(rules_for("temperature", "", {}).rules) == set(RULES)
    assert set(rules_for("state", "", {}).rules) == {"out_of_range", "clock_drift"}
    assert set(rules_for("energy", "", {}).rules) == {"spike", "out_of_range", "clock_drift"}
    assert rules_for("pressure", "setpoint", {}).rules == {}
