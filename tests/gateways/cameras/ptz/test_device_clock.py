"""The offset of a device's clock from its stamped answers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parksight.gateways.cameras.ptz.device_clock import DeviceClock


@given(st.floats(-4e6, 4e6), st.floats(0, 40), st.integers(0, 1000))
def test_offset_is_found_though_stamps_lag_and_answers_dawdle(offset: float, lag: float, seed: int) -> None:
    """An encoder read every ``lag`` ms, ways of 1-3 ms and now and then a long one."""
    rng, clock = random.Random(seed), DeviceClock()
    now = 1.79e12
    for _ in range(100):
        now += 100
        there, back = rng.uniform(1, 3), rng.uniform(1, 3)
        if rng.random() < 0.1:
            back += 200
        stamp = now + there - rng.uniform(0, lag) + offset
        clock.told(stamp, now, now + there + back)
    assert clock.exact
    assert clock.offset_ms == pytest.approx(offset, abs=3 + lag * 0.35)
    ours = clock.ours(now + offset)
    assert ours is not None
    assert ours == pytest.approx(now, abs=3 + lag * 0.35)


def test_whole_seconds_are_not_exact() -> None:
    clock = DeviceClock()
    clock.coarse = 5.0
    assert clock.offset_ms == 5.0
    for k in range(10):
        clock.told(1_000_000 + k * 1000, k * 1000, k * 1000 + 2)
    assert not clock.exact
    assert clock.ours(1_000_000) is None


def test_a_step_voids_what_was_known() -> None:
    clock = DeviceClock()
    for k in range(50):
        clock.told(k * 100 + 3_600_000.5, k * 100, k * 100 + 2)
    clock.told(5000.5, 5000, 5002)
    assert (clock.steps, clock.exact) == (1, False)
    assert clock.offset_ms == pytest.approx(-0.5)
