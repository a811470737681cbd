"""The head obeys its limits whatever it is told."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkzone.cameras.cast import HIGHEST_TILT, LOWEST_TILT, MOST_ZOOM
from parkzone.cameras.head import ACCELERATION, SPEED, STEP_S, Head
from parkzone.cameras.knobs import LIMITS, Knobs

REST = (10.0, -5.0, 1.0)
ANGLE = st.floats(-720, 720)
MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("go"), ANGLE, st.floats(-120, 60), st.floats(0.5, 40)),
        st.tuples(st.just("run"), st.floats(-2, 2), st.floats(-2, 2), st.floats(-2, 2)),
        st.tuples(st.just("stop"), st.just(0.0), st.just(0.0), st.just(0.0)),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


def _turn(a: float, b: float) -> float:
    return (b - a + 180.0) % 360.0 - 180.0


@settings(max_examples=25, deadline=None)
@given(MOVES)
def test_speed_acceleration_and_stops_hold(moves: list[tuple[str, float, float, float]]) -> None:
    head, now = Head(REST, 0.0), 0.0
    past = []
    for what, a, b, c in moves:
        if what == "go":
            head.absolute(now, a, b, c)
        elif what == "run":
            head.continuous(now, a, b, c)
        else:
            head.stop(now)
        for _ in range(60):
            now += STEP_S * 3
            past.append(head.true(now))
    dt = STEP_S * 3
    # between two steps the head is taken to keep its speed: off by a step of acceleration at most
    slack = ACCELERATION[0] * STEP_S**2 / dt + 1e-6
    pans = [_turn(p.pan, q.pan) / dt for p, q in itertools.pairwise(past)]
    tilts = [(q.tilt - p.tilt) / dt for p, q in itertools.pairwise(past)]
    assert max(map(abs, pans), default=0.0) <= SPEED[0] + slack
    assert max(map(abs, tilts), default=0.0) <= SPEED[1] + slack
    # a mean over three steps may differ from the next by what three steps accelerate, one more for when they fall
    for a, b in itertools.pairwise(pans):
        assert abs(b - a) <= ACCELERATION[0] * (dt + STEP_S) + 2 * slack
    assert all(LOWEST_TILT - 1e-9 <= p.tilt <= HIGHEST_TILT + 1e-9 for p in past)
    assert all(1.0 - 1e-9 <= p.zoom <= MOST_ZOOM + 1e-9 for p in past)


@settings(max_examples=40, deadline=None)
@given(ANGLE, st.floats(LOWEST_TILT, HIGHEST_TILT), st.floats(1, MOST_ZOOM))
def test_it_arrives_and_rests(pan: float, tilt: float, zoom: float) -> None:
    head = Head(REST, 0.0)
    head.absolute(0.0, pan, tilt, zoom)
    at = head.true(12.0)
    assert not at.moving
    assert abs(_turn(at.pan, pan)) < 1e-6
    assert at.tilt == pytest.approx(tilt, abs=1e-6)
    assert at.zoom == pytest.approx(zoom, rel=1e-9)


def test_ninety_degrees_take_two_seconds() -> None:
    head = Head(REST, 0.0)
    head.absolute(0.0, 100.0, None, None)
    times = [t / 100 for t in range(400) if head.true(t / 100).moving]
    # 90/60 + 60/120 s: half a second to speed up, half to brake
    assert times[-1] == pytest.approx(2.0, abs=0.05)


def test_a_continuous_move_ends_by_itself_and_brakes() -> None:
    head = Head(REST, 0.0)
    head.continuous(0.0, 0.5, 0.0, 0.0, 1.0)
    assert head.true(0.9).moving
    assert not head.true(1.5).moving
    # 1 s at 30 °/s, with 0.25 s of ramp at both ends
    assert _turn(REST[0], head.true(2.0).pan) == pytest.approx(30.0, abs=0.5)


def test_told_is_stepped_and_late() -> None:
    head = Head(REST, 0.0)
    head.encoder_step_deg = 0.5
    head.absolute(0.0, 55.0, None, None)
    said = [head.told(t / 50)[1] for t in range(1, 60)]
    assert all(abs(s.pan / 0.5 - round(s.pan / 0.5)) < 1e-6 for s in said)
    head = Head(REST, 0.0)
    head.absolute(0.0, 100.0, None, None)
    then = head.told(1.0)[1].pan
    head.told(1.5)
    at, late = head.told(1.5, delay_s=0.5)
    assert at == pytest.approx(1.0, abs=STEP_S)
    assert late.pan == pytest.approx(then, abs=0.3)


@given(st.floats(0.05, 1.0))
@settings(max_examples=20, deadline=None)
def test_play_in_the_gears_hides_half_of_itself_each_way(play: float) -> None:
    head = Head(REST, 0.0)
    head.backlash_deg = play
    head.absolute(0.0, 40.0, None, None)
    up = head.true(6.0).pan
    head.absolute(6.0, 10.0, None, None)
    head.true(12.0)
    head.absolute(12.0, 40.0, None, None)
    head.absolute(18.0, 70.0, None, None)
    head.true(24.0)
    head.absolute(24.0, 40.0, None, None)
    down = head.true(30.0).pan
    assert math.isclose(down - up, play, abs_tol=1e-6)


def test_a_resting_head_costs_nothing() -> None:
    head = Head(REST, 0.0)
    before = len(head._past)
    for t in range(1000):
        head.true(t * 60.0)
    assert len(head._past) == before


@given(
    st.dictionaries(
        st.text(max_size=12) | st.sampled_from(sorted(LIMITS)), st.floats() | st.booleans() | st.text()
    )
)
@settings(max_examples=60)
def test_knobs_take_all_or_nothing(wanted: dict[str, object]) -> None:
    knobs = Knobs()
    try:
        knobs.change(wanted)
    except ValueError:
        assert knobs == Knobs()
    else:
        for name, (low, high) in LIMITS.items():
            assert low <= getattr(knobs, name) <= high
        knobs.reset()
        assert knobs.turned == {}
