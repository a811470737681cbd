"""The pose of a moment: what must hold for any telemetry."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.gateways.cameras.protocols import PtzSample
from parksight.gateways.cameras.ptz.track import FURTHEST, KEPT, LONGEST_GAP, LONGEST_REST, Track, turn

ANGLE = st.floats(-180, 180, exclude_max=True)


@given(ANGLE, st.floats(-170, 170))
def test_turn_is_the_short_way(a: float, by: float) -> None:
    b = (a + by + 180) % 360 - 180
    assert turn(a, b) == pytest.approx(by, abs=1e-9)


@given(ANGLE, st.floats(-60, 60), st.floats(-30, 30), st.integers(2, 40), st.floats(20, 300), st.data())
def test_a_steady_turn_is_followed_exactly(
    pan: float, pan_rate: float, tilt_rate: float, count: int, period: float, data: st.DataObject
) -> None:
    """Across the seam too: interpolation is on the unwrapped pan."""
    track = Track()
    for k in range(count):
        t = k * period / 1000
        track.add(PtzSample(k * period, (pan + pan_rate * t + 180) % 360 - 180, tilt_rate * t, 1 + t, True))
    at = data.draw(st.floats(0, (count - 1) * period))
    pose = track.at(at)
    assert pose is not None
    assert abs(turn(pose.pan, pan + pan_rate * at / 1000)) < 1e-6
    assert pose.tilt == pytest.approx(tilt_rate * at / 1000, abs=1e-6)
    assert pose.zoom == pytest.approx(1 + at / 1000, abs=1e-6)
    assert not pose.extrapolated


@given(st.floats(0, 1000))
def test_never_further_than_allowed(beyond: float) -> None:
    track = Track()
    track.add(PtzSample(0, 0, 0, 1, True))
    track.add(PtzSample(100, 2, 0, 1, True))
    pose = track.at(100 + beyond)
    if beyond > FURTHEST:
        assert pose is None
    else:
        assert pose is not None
        assert pose.pan == pytest.approx(2 + beyond * 0.02)
        assert pose.extrapolated == (100 + beyond > 100)


def test_one_that_says_it_rests_is_not_carried_on() -> None:
    track = Track()
    track.add(PtzSample(0, 0, 0, 1, True))
    track.add(PtzSample(100, 2, 0, 1, False))
    pose = track.at(150)
    assert pose is not None
    assert (pose.pan, pose.moving) == (2, False)


@pytest.mark.parametrize(
    ("gap", "turned", "known"),
    [
        (LONGEST_GAP, 5.0, True),
        (LONGEST_GAP + 1, 5.0, False),
        (LONGEST_REST, 0.01, True),
        (LONGEST_REST + 1, 0.01, False),
    ],
)
def test_gaps_are_not_bridged(gap: float, turned: float, known: bool) -> None:
    track = Track()
    track.add(PtzSample(0, 0, 0, 1, False))
    track.add(PtzSample(gap, turned, 0, 1, False))
    assert (track.at(gap / 2) is not None) == known


def test_before_the_first_and_of_nothing_is_nothing() -> None:
    track = Track()
    assert track.at(0) is None
    track.add(PtzSample(100, 0, 0, 1))
    assert track.at(99) is None


def test_the_ring_is_bounded_and_keeps_order() -> None:
    track, order = Track(), random.Random(7)
    at = 0.0
    for k in range(5 * KEPT):
        at += 50
        track.add(PtzSample(at + order.uniform(-90, 0), k % 360 - 180, 0, 1))
        assert len(track) <= 2 * KEPT
    assert track._at == sorted(track._at)
    assert track.counters["late"] > 0


def test_a_clock_that_was_set_back_voids_what_was_known() -> None:
    track = Track()
    for k in range(10):
        track.add(PtzSample(100_000 + k * 100, 5, 0, 1))
    track.add(PtzSample(50_000, 7, 0, 1))
    assert (len(track), track.counters["clock_steps"]) == (1, 1)
    assert track.at(100_500) is None


@given(
    st.lists(st.tuples(st.floats(0, 5000), ANGLE, st.floats(-90, 90), st.floats(1, 30)), max_size=40),
    st.floats(0, 6000),
)
def test_a_pose_lies_between_its_samples(rows: list[tuple[float, float, float, float]], at: float) -> None:
    track = Track()
    for row in rows:
        track.add(PtzSample(*row))
    pose = track.at(at)
    if pose is not None and not pose.extrapolated:
        assert min(r[2] for r in rows) - 1e-9 <= pose.tilt <= max(r[2] for r in rows) + 1e-9
        assert pose.zoom >= 1.0
