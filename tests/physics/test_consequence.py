"""From a field to zones, people, routes and verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.physics.atmosphere import Stability, SurfaceLayer
from parksight.physics.consequence import Grid, ensemble, exposure, inside, steady_field, zones
from parksight.physics.evacuation import Roads, escape, indoor, shelter_or_leave
from parksight.physics.plume import Source

LAYER = SurfaceLayer.from_class(3.0, 10.0, Stability.D, 0.1)
GRID = Grid.around((120.77, 41.80), 3000.0, 300)
LEAK = Source(0.0, 0.0, 2.0, 0.5)


@settings(max_examples=20, deadline=None)
@given(st.floats(50, 1500), st.floats(0.05, 0.9))
def test_zone_of_a_cone_is_a_disc(radius, share) -> None:
    xx, yy = GRID.mesh()
    cone = np.maximum(0.0, 1 - np.hypot(xx, yy) / (radius / (1 - share)))
    zone = zones(GRID, cone, [share])[0]
    if radius > 100:
        assert zone.reach == pytest.approx(radius, rel=0.05)
        assert zone.area == pytest.approx(math.pi * radius**2, rel=0.03)


def test_zones_nest_and_hold_who_is_inside() -> None:
    field = steady_field(GRID, LEAK, 270.0, LAYER)
    outer, inner = zones(GRID, field, [1e-5, 5e-5])
    assert outer.area > inner.area > 0
    assert outer.polygon.buffer(1.0).contains(inner.polygon)
    x, y = np.array([200.0, -200.0, 200.0]), np.array([0.0, 0.0, 500.0])
    assert inside(inner, x, y).tolist() == [0]
    shape = inner.geojson(GRID)
    ring = np.array(shape["coordinates"][0][0])
    assert (ring[0] == ring[-1]).all()
    assert abs(ring[:, 0].mean() - 120.77) < 0.05
    with pytest.raises(ValueError, match="edge"):
        zones(GRID, field, [1e-9])
    with pytest.raises(ValueError, match="unknown cells"):
        zones(GRID, np.full_like(field, np.nan), [1.0])


def test_calm_gives_a_circle() -> None:
    calm = SurfaceLayer.from_class(0.4, 10.0, Stability.F, 0.1)
    zone = zones(GRID, steady_field(GRID, Source(0, 0, 0, 0.001), 0.0, calm), [1e-5])[0]
    assert zone.area == pytest.approx(math.pi * zone.reach**2, rel=0.05)


def test_ensemble_widens_with_the_wind() -> None:
    grid = Grid.around((120.77, 41.80), 1500.0, 80)
    narrow = ensemble(grid, LEAK, 270.0, LAYER, wind_sd_deg=1.0, rate_factor_sd=0.1, members=30)
    wide = ensemble(grid, LEAK, 270.0, LAYER, wind_sd_deg=20.0, rate_factor_sd=0.1, members=30)
    level = 1e-5
    assert (wide.probability(level) > 0.05).sum() > (narrow.probability(level) > 0.05).sum()
    assert (narrow.low <= narrow.median).all()
    assert (narrow.median <= narrow.high).all()


def test_exposure_adds_up_over_frames() -> None:
    series = np.array([[0, 0, 2, 4, 0], [0, 0, 0, 0, 0.0]])
    found = exposure(series, 10.0, 1.0, 2.0)
    assert found.arrival[0] == 20
    assert math.isnan(found.arrival[1])
    assert found.duration.tolist() == [20, 0]
    assert found.load.tolist() == [200, 0]
    with pytest.raises(ValueError, match="gaps"):
        exposure(series * np.nan, 10.0, 1.0)


def town() -> Roads:
    n = 21
    axis = np.linspace(-500, 500, n)
    xx, yy = np.meshgrid(axis, axis)
    index = np.arange(n * n).reshape(n, n)
    start = np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()])
    end = np.concatenate([index[:, 1:].ravel(), index[1:].ravel()])
    return Roads(xx.ravel(), yy.ravel(), start, end)


def test_people_walk_around_the_plume_not_through_it() -> None:
    roads = town()
    exits = [10, 430]  # middle of the south and of the north side
    clear = escape(roads, exits, lambda x, y, t: np.zeros_like(x))
    assert clear.time[0] == pytest.approx(500 / 1.34)
    wall = escape(
        roads, exits, lambda x, y, t: np.where((y < -200) & (np.abs(x) < 460), 10.0, 0.0), forbidden=5.0
    )
    route = wall.route(10 + 21)
    assert route == []
    home = wall.route(10 + 21 * 8)
    assert home[-1] == 430
    assert wall.time[home[0]] >= clear.time[home[0]]
    with pytest.raises(ValueError, match="exit"):
        escape(roads, [], lambda x, y, t: np.zeros_like(x))


def test_shelter_beats_walking_through_a_short_cloud() -> None:
    roads = town()

    def cloud(x, y, t):
        return np.where(t < 300, 5.0, 0.0)

    found = escape(roads, [10], cloud)
    advice = shelter_or_leave(roads, 220, found, cloud, start_time=0.0, horizon=1800.0, exponent=2.0)
    assert advice.better == "shelter"
    assert advice.leave is not None
    assert advice.shelter < advice.leave


@given(st.lists(st.floats(0, 100), min_size=2, max_size=50), st.floats(0, 5))
def test_indoor_never_exceeds_the_outdoor_maximum(outdoor, changes) -> None:
    inside_ = indoor(outdoor, 60.0, changes)
    assert inside_.max() <= max(outdoor) + 1e-9
