"""The compiled evaluation against a plain one, and its promises one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from bench.alarms_reference import PlainEvaluator
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.alarms.kit import GOOD, NOW, SUSPECT, columns, step

from parksight.alarms import evaluation, kernels
from parksight.alarms.evaluation import Evaluator, RuleRow, Transitions, compile_rules, rule_of, step_key
from parksight.alarms.models import STEPS

WORDS = {
    kernels.RAISED: "raised",
    kernels.CLEARED: "cleared",
    kernels.DOUBTED: "doubted",
    kernels.CONFIRMED: "confirmed",
}


def evaluator(*rules: tuple[int, dict[str, Any]], period_s: float = 10.0) -> Evaluator:
    return Evaluator(
        compile_rules(RuleRow(i, 1, p, d, period_s) for i, (p, d) in enumerate(rules, start=1)), NOW
    )


def told(happened: Transitions | None) -> list[tuple[int, str, str, int]]:
    """(rule, step, what, ms after NOW)."""
    if happened is None:
        return []
    return [
        (rule_of(int(k)), STEPS[s], WORDS[w], int(a) - NOW)
        for k, s, w, a in zip(happened.key, happened.step, happened.what, happened.at, strict=True)
    ]


VALUES = st.one_of(
    st.sampled_from((0.0, 4.0, 5.0, 6.0, 10.0, 20.0, 30.0, 39.0, 40.0, 41.0, 50.0)),
    st.floats(-5, 55),
    st.just(float("nan")),
    st.just(float("inf")),
)
STEP = st.fixed_dictionaries(
    {"deadband": st.sampled_from((0.0, 1.0, 2.5)), "on_delay_s": st.sampled_from((0.0, 1.0, 3.0)), "off_delay_s": st.sampled_from((0.0, 2.0)), "priority": st.integers(1, 4)}
)  # fmt: skip


@st.composite
def rule_sets(draw: st.DrawFn) -> list[tuple[int, dict[str, Any]]]:
    out = []
    for _ in range(draw(st.integers(1, 5))):
        limits = {"ll": 5.0, "l": 10.0, "h": 40.0, "hh": 50.0}
        names = draw(st.lists(st.sampled_from(sorted(limits)), min_size=1, unique=True))
        out.append((draw(st.integers(1, 3)), {n: {**draw(STEP), "limit": limits[n]} for n in names}))
    return out


@settings(max_examples=300, deadline=None)
@given(
    rules=rule_sets(),
    ticks=st.lists(
        st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 6), VALUES, st.sampled_from((0, 1, 2, 3, 4, 5, 6, 0x80, 0x42))), max_size=12),
        min_size=1, max_size=6,
    ),
)  # fmt: skip
def test_batches_give_what_a_plain_loop_gives(
    rules: list[tuple[int, dict[str, Any]]], ticks: list[list[tuple[int, int, float, int]]]
) -> None:
    fast = evaluator(*rules)
    fast._room = 3  # so that the output must be emptied in the middle of batches too
    plain = PlainEvaluator((i, p, d) for i, (p, d) in enumerate(rules, start=1))
    for number, tick in enumerate(ticks):
        now = NOW + 2000 * number
        rows = [(p, now + 1000 * t, v, q) for p, t, v, q in tick]
        expected = [(r, s, w, a - NOW) for r, s, w, a in plain.on_rows(rows, now)]
        # Steps of one row come in the order of the columns, which is not the plain one's: compare as sets.
        assert sorted(told(fast.on_tick(columns(rows), now))) == sorted(expected)


@settings(max_examples=100, deadline=None)
@given(
    rules=rule_sets(),
    rows=st.lists(st.tuples(st.integers(1, 3), st.integers(0, 20), VALUES), max_size=20),
    cut=st.integers(0, 20),
)
def test_it_does_not_matter_how_rows_are_cut_into_batches(
    rules: list[tuple[int, dict[str, Any]]], rows: list[tuple[int, int, float]], cut: int
) -> None:
    full = [(p, NOW + 1000 * t, v, GOOD) for p, t, v in rows]
    now = NOW + 30_000
    whole, parts = evaluator(*rules), evaluator(*rules)
    assert told(whole.on_tick(columns(full), now)) == told(parts.on_tick(columns(full[:cut]), now)) + told(
        parts.on_tick(columns(full[cut:]), now)
    )


def test_the_limit_itself_raises_and_the_deadband_holds() -> None:
    e = evaluator((1, {"h": step(40, deadband=2)}))
    rows = [(1, NOW + i, v, GOOD) for i, v in enumerate((39.9, 40.0, 38.0, 37.9, 39.9, 40.0))]
    assert told(e.on_tick(columns(rows), NOW + 10)) == [
        (1, "H", "raised", 1), (1, "H", "cleared", 3), (1, "H", "raised", 5),
    ]  # fmt: skip


def test_delays_count_in_observation_time_within_one_batch() -> None:
    e = evaluator((1, {"h": step(40, on_delay_s=5, off_delay_s=10)}))
    late = NOW + 60_000
    rows = [
        (1, NOW + 1000 * t, v, GOOD)
        for t, v in ((0, 50.0), (4, 50.0), (6, 50.0), (8, 1.0), (12, 50.0), (20, 1.0), (31, 1.0))
    ]
    assert told(e.on_tick(columns(rows), late)) == [(1, "H", "raised", 5000), (1, "H", "cleared", 30_000)]


def test_a_pending_alarm_is_raised_by_the_clock_but_never_cleared_by_it() -> None:
    e = evaluator((1, {"h": step(40, on_delay_s=5, off_delay_s=5)}), period_s=3600)
    assert told(e.on_tick(columns([(1, NOW - 2000, 55.0, GOOD)]), NOW)) == []
    assert told(e.on_second(NOW + 4999)) == []
    happened = e.on_second(NOW + 5000)
    assert told(happened) == [(1, "H", "raised", 3000)]
    assert happened is not None
    assert happened.value.tolist() == [55.0]
    e.on_tick(columns([(1, NOW + 6000, 0.0, GOOD)]), NOW + 6000)
    assert told(e.on_second(NOW + 60_000)) == []


def test_a_clock_that_runs_ahead_does_not_hide_what_follows() -> None:
    e = evaluator((1, {"h": step(40)}))
    assert told(e.on_tick(columns([(1, NOW + 86_400_000, 20.0, GOOD)]), NOW)) == []
    assert told(e.on_tick(columns([(1, NOW + 1000, 50.0, GOOD)]), NOW + 1000)) == [(1, "H", "raised", 1000)]


def test_older_readings_and_history_are_counted_and_raise_nothing() -> None:
    e = evaluator((1, {"h": step(40)}))
    e.on_tick(columns([(1, NOW, 20.0, GOOD)]), NOW)
    assert told(e.on_tick(columns([(1, NOW - 1000, 50.0, GOOD), (2, NOW, 50.0, GOOD)]), NOW)) == []
    assert (
        told(evaluator((1, {"h": step(40)})).on_tick(columns([(1, NOW - 1_800_001, 50.0, GOOD)]), NOW)) == []
    )
    assert e.counters.tolist()[:3] == [1, 1, 0]


def test_unusable_readings_make_a_standing_alarm_unknown_until_it_is_known_again() -> None:
    e = evaluator((1, {"h": step(40, deadband=5)}))
    rows = [
        (1, NOW + i, v, q)
        for i, (v, q) in enumerate(
            ((50.0, GOOD), (50.0, SUSPECT), (1.0, SUSPECT), (38.0, GOOD), (float("nan"), GOOD), (30.0, GOOD))
        )
    ]
    assert told(e.on_tick(columns(rows), NOW + 100)) == [
        (1, "H", "raised", 0), (1, "H", "doubted", 1), (1, "H", "confirmed", 3), (1, "H", "doubted", 4), (1, "H", "cleared", 5),
    ]  # fmt: skip


def test_silence_is_judged_by_the_points_own_period() -> None:
    e = evaluator(
        (1, {"h": step(40), "stale": {"factor": 4, "priority": 4}}),
        (2, {"stale": {"after_s": 5, "priority": 3}}),
        period_s=10,
    )
    assert told(e.on_tick(columns([(1, NOW, 50.0, GOOD)]), NOW)) == [(1, "H", "raised", 0)]
    assert told(e.on_second(NOW + 5000)) == []
    assert told(e.on_second(NOW + 5001)) == [(2, "STALE", "raised", 5000)]
    assert told(e.on_second(NOW + 30_001)) == [(1, "H", "doubted", 30_001)], (
        "three periods: nobody knows any more"
    )
    assert told(e.on_second(NOW + 40_001)) == [(1, "STALE", "raised", 40_000)]
    assert told(e.on_second(NOW + 60_000)) == []
    assert told(e.on_tick(columns([(1, NOW + 61_000, 50.0, GOOD)]), NOW + 61_000)) == [
        (1, "H", "confirmed", 61_000)
    ]
    assert told(e.on_second(NOW + 61_500)) == [(1, "STALE", "cleared", 61_000)]


def test_a_device_that_only_says_bad_is_not_silent() -> None:
    e = evaluator((1, {"stale": {"factor": 3, "priority": 4}}))
    for i in range(10):
        e.on_tick(columns([(1, NOW + 10_000 * i, 1.0, SUSPECT)]), NOW + 10_000 * i)
        assert told(e.on_second(NOW + 10_000 * i)) == []


def test_new_rules_keep_the_state_of_old_ones_and_withdraw_what_is_gone() -> None:
    first = {"h": step(40), "hh": step(50), "stale": {"factor": 3, "priority": 4}}
    e = evaluator((1, first), (2, {"h": step(40, on_delay_s=100)}))
    e.on_tick(columns([(1, NOW, 60.0, GOOD), (2, NOW, 60.0, GOOD)]), NOW)
    changed = compile_rules(
        [
            RuleRow(1, 2, 1, {"h": step(55)}, 10.0),
            RuleRow(2, 1, 2, {"h": step(40, on_delay_s=100)}, 10.0),
            RuleRow(9, 1, 700, {"l": step(0)}, 1.0),
        ]
    )
    gone = e.replace(changed, NOW + 1000)
    assert [(int(k), int(w)) for k, w in zip(gone.key, gone.what, strict=True)] == [
        (step_key(1, 1, 0), kernels.WITHDRAWN)
    ]
    assert told(e.on_tick(columns([(1, NOW + 2000, 54.0, GOOD)]), NOW + 2000)) == [(1, "H", "cleared", 2000)]
    assert told(e.on_tick(columns([(2, NOW + 100_000, 60.0, GOOD)]), NOW + 100_000)) == [
        (2, "H", "raised", 100_000)
    ]


def test_alarms_taken_over_from_records_are_not_raised_again() -> None:
    e = evaluator((1, {"h": step(40), "stale": {"factor": 3, "priority": 4}}), (2, {"h": step(40)}))
    assert e.restore(
        {
            step_key(1, 1, 1): True,
            step_key(2, 2, 1): False,
            step_key(1, 1, evaluation.STALE): True,
            step_key(99, 1, 0): True,
        }
    ) == [step_key(99, 1, 0)]
    assert told(e.on_second(NOW + 100)) == [], "a stale alarm stands until the point speaks"
    assert told(e.on_tick(columns([(1, NOW, 60.0, GOOD), (2, NOW, 60.0, GOOD)]), NOW)) == [
        (2, "H", "confirmed", 0)
    ]
    assert told(e.on_second(NOW + 200)) == [(1, "STALE", "cleared", 0)]
    assert told(e.on_tick(columns([(1, NOW + 300, 0.0, GOOD)]), NOW + 300)) == [(1, "H", "cleared", 300)]


def test_what_stands_can_be_described_again() -> None:
    e = evaluator((1, {"h": step(40)}), (2, {"stale": {"after_s": 1, "priority": 1}}))
    e.on_tick(columns([(1, NOW, 60.0, 0x80)]), NOW)
    e.on_second(NOW + 2000)
    assert e.standing() == {step_key(1, 1, 1): True, step_key(2, 2, evaluation.STALE): True}
    again = e.describe([step_key(1, 1, 1), step_key(2, 2, 4), 12345], kernels.RAISED, NOW + 2000)
    assert (again.key.tolist(), again.value.tolist()[0], again.quality.tolist()[0]) == (
        [step_key(1, 1, 1), step_key(2, 2, 4)],
        60.0,
        0x80,
    )


@pytest.mark.parametrize("points", [0, 1, 5])
def test_no_rules_and_foreign_points_are_nothing(points: int) -> None:
    e = evaluator(*((p, {"h": step(1)}) for p in range(1, points + 1)))
    rows = columns([(2_000_000_000, NOW, 5.0, GOOD), (0, NOW, 5.0, GOOD)])
    assert e.on_tick(rows, NOW) is None
    assert e.on_tick(columns([]), NOW) is None
    assert e.compiled.watched.dtype == np.uint8


def test_late_history_does_not_make_a_newly_watched_point_silent() -> None:
    rule = RuleRow(1, 1, 1, {"stale": {"after_s": 30, "priority": 4}}, 10.0)
    watch = Evaluator(compile_rules([rule]), NOW, grace_ms=120_000)
    watch.on_tick(columns([(1, NOW - 600_000, 1.0, GOOD)]), NOW + 1_000)
    assert watch.on_second(NOW + 2_000) is None
    assert watch.on_second(NOW + 149_000) is None
    silent = watch.on_second(NOW + 151_000)
    assert silent is not None
    assert len(silent) == 1
