"""Which source: verdicts, groups, steady and unsteady, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.physics.atmosphere import Stability, SurfaceLayer
from parksight.physics.inversion import Prior, Ranking, steady, unsteady
from parksight.physics.likelihood import Scatter, marginal, unstructured
from parksight.physics.plume import Source, concentration
from parksight.physics.puffs import WindSeries, at, released

LAYER = SurfaceLayer.from_class(3.0, 10.0, Stability.D, 0.1)
LIMIT = 1e-8


def ring(n: int = 24, radius: float = 700.0) -> tuple[np.ndarray, np.ndarray]:
    a = np.linspace(0, 2 * math.pi, n, endpoint=False)
    return radius * np.sin(a), radius * np.cos(a)


def net(seed: int = 2, n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.random.default_rng(seed).uniform(-900, 900, (2, n))
    return x, y


def coherent(found: Ranking, n: int) -> None:
    assert found.probability.sum() + found.none == pytest.approx(1.0, abs=1e-6)
    assert sorted(found.order) == list(range(n))
    assert sorted(i for g in found.groups for i in g) == list(range(n))
    assert np.isfinite(found.probability).all()
    for members, share in zip(found.groups, found.group_probability, strict=True):
        assert share == pytest.approx(float(found.probability[list(members)].sum()))


@settings(max_examples=15, deadline=None)
@given(st.floats(0, 360), st.floats(0.01, 5.0), st.floats(-10, 10), st.integers(0, 50))
def test_the_true_source_and_its_strength_are_found_whatever_the_wind(wind, rate, offset, seed) -> None:
    # sensors all around see one plume whose direction the mast reports wrong by up to 10 degrees
    sx, sy = np.concatenate([ring(36, 250.0), ring(36, 500.0)], axis=1)
    cx, cy = np.random.default_rng(seed).uniform(-900, 900, (2, 12))
    keep = np.hypot(cx, cy) > 200
    cx, cy = np.append(0.0, cx[keep]), np.append(0.0, cy[keep])
    seen = concentration(sx, sy, 1.5, Source(0, 0, 2.0, rate), wind + offset, LAYER)
    found = steady(sx, sy, seen, cx, cy, 2.0, wind, LAYER, detection=LIMIT)
    coherent(found, cx.size)
    assert found.order[0] == 0
    assert found.verdict == "identified"
    assert found.strength[0] == pytest.approx(rate, rel=0.8)


def test_turning_the_world_turns_nothing_else() -> None:
    sx, sy = net()
    cx, cy = np.array([100.0, -300.0, 500.0]), np.array([50.0, 400.0, -200.0])
    seen = concentration(sx, sy, 1.5, Source(100, 50, 2.0, 0.5), 250.0, LAYER)
    one = steady(sx, sy, seen, cx, cy, 2.0, 250.0, LAYER, detection=LIMIT)
    a = math.radians(37.0)  # clockwise

    def turned(x, y):
        return x * math.cos(a) + y * math.sin(a), y * math.cos(a) - x * math.sin(a)

    other = steady(*turned(sx, sy), seen, *turned(cx, cy), 2.0, 287.0, LAYER, detection=LIMIT)
    # the places of an unlisted source follow the axes, so that only the candidates among themselves are equal
    assert one.probability / one.probability.sum() == pytest.approx(
        other.probability / other.probability.sum(), abs=0.02
    )


def test_twins_are_returned_as_a_group() -> None:
    sx, sy = ring()
    seen = concentration(sx, sy, 1.5, Source(0, 0, 2.0, 0.2), 270.0, LAYER)
    found = steady(sx, sy, seen, [0.0, 3.0, -500.0], [0.0, 2.0, 400.0], 2.0, 270.0, LAYER, detection=LIMIT)
    coherent(found, 3)
    assert set(found.groups[0]) == {0, 1}
    assert found.verdict == "not_distinguishable"
    assert found.group_probability[0] > 0.9


def test_one_arc_of_sensors_cannot_tell_a_near_weak_from_a_far_strong_source() -> None:
    # Three sensors in a row across the wind: along the wind anything goes, aside it does not.
    sx, sy = np.array([600.0, 600.0, 600.0]), np.array([-60.0, 0.0, 60.0])
    seen = concentration(sx, sy, 1.5, Source(0, 0, 2.0, 0.2), 270.0, LAYER)
    found = steady(sx, sy, seen, [0.0, -200.0, 0.0], [0.0, 0.0, 600.0], 2.0, 270.0, LAYER, detection=LIMIT)
    assert found.verdict == "not_distinguishable"
    assert set(found.groups[0]) == {0, 1}
    assert found.probability[2] < 0.05
    # a second row of sensors resolves it
    sx, sy = np.append(sx, [-100.0, -100.0, 150.0]), np.append(sy, [0.0, 30.0, 0.0])
    seen = concentration(sx, sy, 1.5, Source(0, 0, 2.0, 0.2), 270.0, LAYER)
    found = steady(sx, sy, seen, [0.0, -200.0, 0.0], [0.0, 0.0, 600.0], 2.0, 270.0, LAYER, detection=LIMIT)
    assert (found.verdict, found.order[0]) == ("identified", 0)


def test_a_source_that_is_on_no_list() -> None:
    sx, sy = net(5, 40)
    seen = concentration(sx, sy, 1.5, Source(-350, 250, 2.0, 0.5), 300.0, LAYER)
    cx, cy = np.array([600.0, 500.0, -600.0]), np.array([500.0, -700.0, -700.0])
    away = steady(sx, sy, seen, cx, cy, 2.0, 300.0, LAYER, detection=LIMIT)
    coherent(away, 3)
    assert away.none > 0.9
    assert away.verdict == "none_of_the_candidates"
    listed = steady(sx, sy, seen, np.append(cx, -350), np.append(cy, 250), 2.0, 300.0, LAYER, detection=LIMIT)
    assert listed.none < 0.1
    assert (listed.verdict, listed.order[0]) == ("identified", 3)


def test_readings_that_follow_no_plume_accuse_nobody() -> None:
    # Every second sensor of a ring sees the same: no single source does that.
    sx, sy = ring()
    seen = np.where(np.arange(24) % 2 == 0, 1e-5, 0.0)
    found = steady(sx, sy, seen, [0.0, 300.0], [0.0, 0.0], 2.0, 90.0, LAYER, detection=LIMIT)
    assert found.verdict == "none_of_the_candidates"


def test_a_wild_sensor_does_not_decide() -> None:
    sx, sy = np.concatenate([ring(36, 250.0), ring(36, 500.0)], axis=1)
    seen = concentration(sx, sy, 1.5, Source(0, 0, 2.0, 0.2), 270.0, LAYER)
    seen[3] = 1.0
    seen[40] = math.nan
    found = steady(sx, sy, seen, [0.0, 300.0], [0.0, 300.0], 2.0, 270.0, LAYER, detection=LIMIT)
    assert (found.verdict, found.order[0]) == ("identified", 0)


def test_what_is_missing_is_refused_with_a_reason() -> None:
    sx, sy = ring()
    seen = concentration(sx, sy, 1.5, Source(0, 0, 2.0, 0.2), 270.0, LAYER)

    def rank(readings=seen, x=(0.0,), wind=270.0, layer=LAYER, limit=LIMIT, prior=None):
        return steady(sx, sy, readings, list(x), 0.0, 2.0, wind, layer, detection=limit, prior=prior)

    calm = SurfaceLayer.from_class(0.4, 10.0, Stability.F, 0.1)
    for reason, change in (
        ("3 valid sensors", {"readings": seen * np.nan}),
        ("nothing to attribute", {"readings": seen * 0}),
        ("wind direction", {"wind": math.nan}),
        ("calm", {"layer": calm}),
        ("no candidate", {"x": ()}),
        ("candidate's position", {"x": (math.nan,)}),
        ("detection", {"limit": 0.0}),
        ("log-spaced", {"prior": Prior(strengths=(0.1, 0.2, 0.9))}),
    ):
        with pytest.raises(ValueError, match=reason):
            rank(**change)
    with pytest.raises(ValueError, match="'none'"):
        Prior(none=0.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(1, 9))
def test_the_table_equals_the_direct_sum(seed, strengths) -> None:
    rng = np.random.default_rng(seed)
    q = np.geomspace(1e-3, 1.0, strengths)
    unit = rng.uniform(-30, -5, (4, 6, 7))
    observed = np.where(rng.random(7) < 0.3, 0.0, 10 ** rng.uniform(-8, -3, 7))
    prior = rng.normal(size=6)
    scatter = Scatter(LIMIT)
    found = marginal(unit, observed, prior, q, scatter)
    joint = scatter.log_density(unit[:, :, None, :] + np.log(q)[:, None], observed).sum(axis=-1)
    weights = np.exp(prior) / np.exp(prior).sum() / strengths
    direct = np.log((np.exp(joint - joint.max()) * weights[None, :, None]).sum(axis=(1, 2))) + joint.max()
    # 7 readings, each rounded by at most 0.035 in ln c where the log density falls by at most 1.6 a unit
    assert found.log == pytest.approx(direct, abs=7 * 0.035 * 1.6)


def test_the_error_model_is_a_density() -> None:
    scatter = Scatter(LIMIT)
    t = np.linspace(math.log(LIMIT), math.log(1e6), 400_001)
    density = np.exp(scatter.log_density(math.log(1e-4), np.exp(t) - LIMIT))
    assert np.trapezoid(density, t) == pytest.approx(1.0, abs=2e-3)
    assert unstructured([0.0], scatter) > unstructured([1e-4], scatter)


def series(strength: float = 1.0, turned: float = 0.0):
    sx, sy = ring(8, 400.0)
    wind = WindSeries(0.0, 300.0, np.full(12, 3.0), np.linspace(240, 330, 12) + turned)
    times = np.arange(600.0, 3600.0, 300.0)
    observed = np.stack(
        [
            at(released(0, 0, 2.0, strength, np.arange(0, t, 30.0), 30.0, t, wind, LAYER), sx, sy)
            for t in times
        ],
        axis=1,
    )
    return sx, sy, times, observed


def test_shifting_wind_points_at_the_right_source() -> None:
    sx, sy, times, observed = series(0.3)
    cx, cy = np.array([0.0, 150.0, -200.0, 50.0]), np.array([0.0, 100.0, 50.0, -250.0])
    wind = WindSeries(0.0, 300.0, np.full(12, 3.0), np.linspace(240, 330, 12))
    found = unsteady(sx, sy, times, observed, cx, cy, 2.0, wind, LAYER, detection=LIMIT)
    coherent(found, 4)
    assert (found.verdict, found.order[0]) == ("identified", 0)
    assert found.strength[0] == pytest.approx(0.3, rel=0.5)
    # the mast is off by 5 degrees and a third of the readings is lost: still the same
    _, _, _, off = series(0.3, turned=5.0)
    off[np.random.default_rng(1).random(off.shape) < 0.3] = np.nan
    again = unsteady(sx, sy, times, off, cx, cy, 2.0, wind, LAYER, detection=LIMIT)
    assert again.order[0] == 0


def test_unsteady_twins_none_and_refusals() -> None:
    sx, sy, times, observed = series()
    wind = WindSeries(0.0, 300.0, np.full(12, 3.0), np.linspace(240, 330, 12))

    def rank(readings, x, y, **changed):
        return unsteady(sx, sy, times, readings, x, y, 2.0, wind, LAYER, detection=LIMIT, **changed)

    twins = rank(observed, [0.0, 2.0, 300.0], [0.0, 1.0, 300.0])
    assert set(twins.groups[0]) == {0, 1}
    assert twins.verdict == "not_distinguishable"
    nobody = rank(observed, [700.0, 800.0], [-600.0, 700.0])
    assert nobody.verdict == "none_of_the_candidates"
    for reason, readings in (("nothing to attribute", observed * 0), ("valid readings", observed * np.nan)):
        with pytest.raises(ValueError, match=reason):
            rank(readings, [0.0], [0.0])
    with pytest.raises(ValueError, match="shape"):
        rank(observed[:3], [0.0], [0.0])
    with pytest.raises(ValueError, match="interval"):
        rank(observed, [0.0], [0.0], puff_interval=0.0)


def test_correlated_readings_count_less() -> None:
    sx, sy, times, observed = series()
    wind = WindSeries(0.0, 300.0, np.full(12, 3.0), np.linspace(240, 330, 12))
    loose, tight = (
        unsteady(
            sx, sy, times, observed, [0.0, 60.0], [0.0, 40.0], 2.0, wind, LAYER, detection=LIMIT,
            prior=Prior(correlation_s=s),
        ).probability[0]
        for s in (6000.0, 300.0)
    )  # fmt: skip
    assert 0.3 < loose < tight
