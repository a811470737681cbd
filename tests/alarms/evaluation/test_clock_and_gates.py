"""What time alone brings about, suppression by design, clocks that jump, means over legal periods, findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.alarms.kit import GOOD, NOW, SUSPECT, columns

from parksight.alarms.evaluation import Evaluator, RuleRow, Transitions, compile_rules
from parksight.alarms.expressions import Reference
from parksight.alarms.kernels import (
    BY_DESIGN,
    CLEARED,
    CONFIRMED,
    DOUBTED,
    OUT_OF_SERVICE,
    RAISED,
    RELEASED,
    SUPPRESSED,
)
from parksight.alarms.models import STEPS
from parksight.standards import averaging

WORDS = {
    RAISED: "raised", CLEARED: "cleared", DOUBTED: "doubted", CONFIRMED: "confirmed", SUPPRESSED: "suppressed",
    RELEASED: "released",
}  # fmt: skip
ON = {"on": {"on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 2}}
A, B = Reference("code", "A"), Reference("code", "B")
OTHERS = {A: (2, 10.0), B: (3, 10.0)}
LONG = 10**12


def h(limit: float, **more: Any) -> dict[str, Any]:
    return {
        "h": {"limit": limit, "deadband": 0.0, "on_delay_s": 0.0, "off_delay_s": 0.0, "priority": 2, **more}
    }


def told(batch: Transitions | None) -> list[tuple[str, str, int]]:
    """(step, what, seconds after NOW)."""
    if batch is None:
        return []
    return [
        (STEPS[s], WORDS[int(w)], (int(a) - NOW) // 1000)
        for s, w, a in zip(batch.step, batch.what, batch.at, strict=True)
    ]


def watch(*rules: RuleRow, **more: Any) -> Evaluator:
    return Evaluator(compile_rules(rules), NOW, LONG, **more)


def feed(e: Evaluator, *rows: tuple[Any, ...]) -> list[tuple[str, str, int]]:
    """Rows (point, seconds after NOW, value[, quality]), at the time of the last."""
    full = [(r[0], NOW + round(r[1] * 1000), float(r[2]), r[3] if len(r) > 3 else GOOD) for r in rows]
    return told(e.on_tick(columns(full), max(r[1] for r in full)))


def second(e: Evaluator, seconds: float) -> list[tuple[str, str, int]]:
    return told(e.on_second(NOW + round(seconds * 1000)))


# --- suppression by design, out of service ------------------------------------------------------------


def test_while_the_unit_stands_still_its_alarm_is_kept_silent_but_goes_on_being_judged() -> None:
    e = watch(RuleRow(1, 1, 1, h(40), 10.0, suppression="[A] == 0", inputs={A: (2, 10.0)}))
    feed(e, (2, 0, 0))
    batch = e.on_tick(columns([(1, NOW + 1000, 50.0, GOOD)]), NOW + 1000)
    assert told(batch) == [("H", "raised", 1)]
    assert batch is not None
    assert batch.suppressed.tolist() == [BY_DESIGN]
    assert feed(e, (2, 2, 1)) == [("H", "released", 2)], "the unit runs again and the alarm still stands"
    assert feed(e, (2, 3, 0)) == [("H", "suppressed", 3)]
    assert feed(e, (1, 4, 0)) == [("H", "cleared", 4)]
    assert feed(e, (2, 5, 1)) == []


def test_a_suppressing_condition_nobody_knows_suppresses_nothing() -> None:
    e = watch(RuleRow(1, 1, 1, h(40), 10.0, suppression="[A] == 0", inputs={A: (2, 10.0)}))
    feed(e, (2, 0, 0), (1, 1, 50))
    assert feed(e, (2, 2, 0, SUSPECT)) == [("H", "released", 2)]
    feed(e, (2, 3, 0))
    assert ("H", "released", 34) in second(e, 34), "silent for three periods"


def test_the_suppression_of_silence_itself() -> None:
    definition = {"stale": {"factor": 3, "priority": 4}}
    e = watch(RuleRow(1, 1, 1, definition, 1.0, suppression="[A] == 0", inputs={A: (2, 3600.0)}))
    feed(e, (2, 0, 0), (1, 0, 1))
    batch = e.on_second(NOW + 10_000)
    assert batch is not None
    assert (told(batch), batch.suppressed.tolist()) == ([("STALE", "raised", 3)], [BY_DESIGN])
    assert feed(e, (2, 11, 1)) == [("STALE", "released", 11)]


def test_a_rule_out_of_service_says_so() -> None:
    e = watch(RuleRow(1, 1, 1, h(40), 10.0, in_service=False))
    batch = e.on_tick(columns([(1, NOW, 50.0, GOOD)]), NOW)
    assert batch is not None
    assert batch.suppressed.tolist() == [OUT_OF_SERVICE]


# --- silence of several points ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "expected"),
    [("unknown", [("ON", "doubted", 41)]), ("trips", []), ("drops", []), ("degrades", [])],
)
def test_a_voter_that_falls_silent_follows_the_policy(bad: str, expected: list[Any]) -> None:
    voters = ["self > 5", "[A] > 5", "[B] > 5"]
    signal = {"kind": "vote", "least": 2, "voters": voters, "bad": bad}
    e = watch(RuleRow(1, 1, 1, {"signal": signal, **ON}, 10.0, inputs=OTHERS))
    feed(e, (1, 0, 9), (2, 0, 9), (3, 0, 9))
    feed(e, (1, 25, 9), (2, 25, 0), (3, 10, 9))
    happened = [x for x in second(e, 41) if x[0] == "ON"]
    # One yes, one no, one silent: only "unknown" leaves it open; "drops" has lost its second vote.
    if bad == "drops":
        assert happened == [("ON", "cleared", 41)]
    else:
        assert happened == expected


def test_a_deviation_is_unknown_when_its_other_point_falls_silent() -> None:
    signal = {"kind": "deviation", "other": "[A]", "relative": False, "absolute": True}
    e = watch(RuleRow(1, 1, 1, {"signal": signal, **h(3)}, 10.0, inputs={A: (2, 10.0)}))
    assert feed(e, (2, 0, 1), (1, 1, 9)) == [("H", "raised", 1)]
    feed(e, (1, 20, 9))
    assert second(e, 31) == [("H", "doubted", 31)]
    assert feed(e, (2, 33, 1)) == [("H", "confirmed", 33)]


# --- clocks -------------------------------------------------------------------------------------------


def test_when_the_platform_clock_is_set_back_nothing_waits_for_the_old_time() -> None:
    rate = {"kind": "rate", "window_s": 10.0, "per_s": 1.0, "absolute": False}
    e = watch(
        RuleRow(1, 1, 1, h(40, on_delay_s=5.0), 10.0),
        RuleRow(2, 1, 1, {"signal": rate, **h(5)}, 10.0),
    )
    ahead = 86_400
    feed(e, (1, ahead, 10), (1, ahead + 6, 10))
    e.on_second(NOW + 1000 * ahead + 6000)
    assert second(e, 0) == []
    assert e.counters.tolist()[3] == 1
    assert feed(e, (1, 1, 50), (1, 6, 50)) == [("H", "raised", 6)]
    assert e.counters.tolist()[1] == 0, "no reading was taken for an old one"
    assert ("H", "raised", 12) in feed(e, (1, 12, 500))


def test_a_clock_that_is_nudged_is_no_jump() -> None:
    e = watch(RuleRow(1, 1, 1, h(40), 10.0))
    e.on_second(NOW + 10_000)
    e.on_second(NOW + 9_000)
    assert e.counters.tolist()[3] == 0


def test_after_a_restart_nobody_is_blamed_for_the_time_the_process_was_down() -> None:
    rule = RuleRow(1, 1, 1, {**h(40, on_delay_s=30.0), "stale": {"factor": 3, "priority": 4}}, 10.0)
    before = watch(rule)
    feed(before, (1, 0, 50))
    kept = before.snapshot()
    after = Evaluator(compile_rules([rule]), NOW + 3_600_000, LONG, grace_ms=60_000)
    after.resume(kept)
    after.wake(NOW + 3_600_000)
    assert second(after, 3601) == [], "neither stale nor raised by the clock"
    assert feed(after, (1, 3602, 50)) == [("H", "raised", 30)], "a reading shows that it lasted"


# --- legal periods ------------------------------------------------------------------------------------


def average(period: str, period_s: float, limit: float, offset_ms: int = 0) -> Evaluator:
    signal = {"kind": "average", "period": period, "settle_s": 60.0}
    return Evaluator(
        compile_rules([RuleRow(1, 1, 1, {"signal": signal, **h(limit)}, period_s)], offset_ms), 0, 10**15
    )


HOUR, DAY = 3_600_000, 86_400_000


@settings(max_examples=40, deadline=None)
@given(
    minutes=st.lists(st.one_of(st.floats(0, 100), st.just(float("nan"))), min_size=180, max_size=400),
    gap=st.tuples(st.integers(0, 300), st.integers(0, 90)),
    cut=st.integers(0, 400),
)
def test_hourly_means_are_those_of_the_standard(minutes: list[float], gap: tuple[int, int], cut: int) -> None:
    values = np.array(minutes)
    values[gap[0] : gap[0] + gap[1]] = np.nan
    start = 100 * DAY
    e = average("1h", 60.0, 50.0)
    rows = [(1, start + 60_000 * i, v, GOOD) for i, v in enumerate(values)]
    found = [e.on_tick(columns(part), start + 10 * DAY) for part in (rows[:cut], rows[cut:]) if part]
    happened = [
        (int(w), int(a), float(v))
        for b in found
        if b is not None
        for w, a, v in zip(b.what, b.at, b.value, strict=True)
    ]
    means = averaging.block_mean(values, 60, 45)
    expected, state = [], "normal"
    for i, mean in enumerate(means[: (len(values) - 1) // 60]):
        end = start + (i + 1) * HOUR
        if np.isnan(mean):
            if state == "active":
                expected.append((DOUBTED, end))
                state = "unknown"
        elif state == "normal" and mean >= 50:
            expected.append((RAISED, end))
            state = "active"
        elif state != "normal" and mean < 50:
            expected.append((CLEARED, end))
            state = "normal"
        elif state == "unknown":
            expected.append((CONFIRMED, end))
            state = "active"
    assert [(w, a) for w, a, _ in happened] == expected
    for what, at, value in happened:
        if what in (RAISED, CLEARED):
            assert value == pytest.approx(means[(at - start) // HOUR - 1])


def test_daily_means_begin_at_the_zones_midnight_and_need_twenty_hours() -> None:
    offset = 8 * HOUR
    midnight = 200 * DAY - offset
    rows = [(1, midnight + 60_000 * i, 10.0, GOOD) for i in range(2 * 1440)]
    e = average("24h", 60.0, 10.0, offset)
    batch = e.on_tick(columns(rows), midnight + 9 * DAY)
    assert batch is not None
    assert (batch.at.tolist(), batch.value.tolist()) == ([midnight + DAY], [10.0])
    e = average("24h", 60.0, 10.0, offset)
    few = [r for r in rows if (r[1] - midnight) % DAY >= 5 * HOUR]
    assert e.on_tick(columns(few), midnight + 9 * DAY) is None, "nineteen hours are no day"


def test_eight_hour_means_move_hour_by_hour() -> None:
    start = 300 * DAY
    rows = [(1, start + 60_000 * i, 100.0 if 600 <= i < 900 else 0.0, GOOD) for i in range(1441)]
    e = average("8h", 60.0, 50.0)
    batch = e.on_tick(columns(rows), start + 9 * DAY)
    hourly = averaging.block_mean(np.array([r[2] for r in rows]), 60, 45)
    moving = averaging.rolling_mean(hourly, 8, 6)
    first = int(np.flatnonzero(moving >= 50)[0])
    assert batch is not None
    assert batch.at.tolist()[0] == start + (first + 1) * HOUR
    assert batch.value.tolist()[0] == pytest.approx(moving[first])


def test_slow_points_make_leaves_of_their_own_period() -> None:
    start = 400 * DAY
    e = average("1h", 600.0, 10.0)
    rows = [(1, start + 600_000 * i, 10.0, GOOD) for i in range(7)]
    batch = e.on_tick(columns(rows), start + 9 * DAY)
    assert batch is not None
    assert batch.at.tolist() == [start + HOUR]


def test_a_period_is_closed_by_the_clock_when_nobody_speaks_any_more() -> None:
    start = 500 * DAY
    e = average("1h", 60.0, 10.0)
    e.on_tick(columns([(1, start + 60_000 * i, 20.0, GOOD) for i in range(60)]), start + HOUR - 1)
    assert e.on_second(start + HOUR + 59_000) is None, "patience with late readings"
    batch = e.on_second(start + HOUR + 60_000)
    assert batch is not None
    assert (batch.what.tolist(), batch.at.tolist()) == ([RAISED], [start + HOUR])
    late = e.on_tick(columns([(1, start + HOUR - 30_000, 0.0, GOOD)]), start + HOUR + 61_000)
    assert late is None
    doubted = e.on_second(start + 2 * HOUR + 60_000)
    assert doubted is not None
    assert doubted.what.tolist() == [DOUBTED], "an hour without valid minutes says nothing"


# --- findings -----------------------------------------------------------------------------------------


def test_a_finding_of_forensics_holds_until_its_end_and_its_time() -> None:
    signal = {"kind": "suspect", "bad": True, "findings": ["flat_line"], "hold_s": 60.0}
    e = watch(RuleRow(1, 1, 1, {"signal": signal, **ON}, 10.0))
    feed(e, (1, 0, 5))
    assert told(e.on_finding(1, "spike", NOW, NOW + 1000)) == []
    assert told(e.on_finding(2, "flat_line", NOW, NOW + 1000)) == []
    assert told(e.on_finding(1, "flat_line", NOW - 5000, NOW + 1000)) == [("ON", "raised", 1)]
    assert feed(e, (1, 20, 5)) == []
    assert feed(e, (1, 55, 5)) == [("ON", "cleared", 55)]


def test_ranges_are_judged_although_the_door_marks_such_values_suspect() -> None:
    e = watch(RuleRow(1, 1, 1, {"signal": {"kind": "range"}, **ON}, 10.0, low=0.0, high=100.0))
    assert feed(e, (1, 0, 120, SUSPECT)) == [("ON", "raised", 0)]
    assert feed(e, (1, 1, 50, 3)) == [("ON", "doubted", 1)]
    assert feed(e, (1, 2, 50)) == [("ON", "cleared", 2)]
