"""From a field to zones, people, routes and verdicts."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.physics.atmosphere import Stability, SurfaceLayer
from parksight.physics.consequence import Grid, ensemble, exposure, exposure_maps, inside, steady_field, zones
from parksight.physics.evacuation import Roads, escape, indoor, shelter_or_leave
from parksight.physics.plume import Source
from parksight.physics.puffs import WindSeries, released
from parksight.physics.puffs import field as puff_field

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
    # a certain wind and source leave no band; an uncertain wind speed makes one on the axis
    sure = ensemble(grid, LEAK, 270.0, LAYER, wind_sd_deg=0.0, rate_factor_sd=0.0, members=8)
    assert sure.high == pytest.approx(sure.low)
    assert sure.median == pytest.approx(steady_field(grid, LEAK, 270.0, LAYER), rel=1e-5)
    gusty = ensemble(
        grid, LEAK, 270.0, LAYER, wind_sd_deg=0.0, rate_factor_sd=0.0, wind_factor_sd=0.3, members=40
    )
    axis = grid.x > 200
    assert (gusty.high[40, axis] > 1.3 * gusty.low[40, axis]).all()
    # the share of members above a level falls with the level
    shares = [wide.probability(v) for v in (1e-6, 1e-5, 1e-4)]
    assert (shares[0] >= shares[1]).all()
    assert (shares[1] >= shares[2]).all()


def test_exposure_adds_up_over_frames() -> None:
    series = np.array([[0, 0, 2, 4, 0], [0, 0, 0, 0, 0.0]])
    found = exposure(series, 10.0, 1.0, 2.0)
    assert found.arrival[0] == 20
    assert math.isnan(found.arrival[1])
    assert found.duration.tolist() == [20, 0]
    assert found.load.tolist() == [200, 0]
    with pytest.raises(ValueError, match="gaps"):
        exposure(series * np.nan, 10.0, 1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(2, 9), st.floats(1.0, 3.0))
def test_exposure_maps_are_the_exposure_of_every_cell(seed, frames, exponent) -> None:
    rng = np.random.default_rng(seed)
    series = rng.gamma(0.5, 2.0, (frames, 4, 3))
    mapped = exposure_maps(iter(series), 30.0, 1.0, exponent)
    cells = exposure(series.reshape(frames, 12).T, 30.0, 1.0, exponent)
    for name in ("arrival", "duration", "load", "maximum"):
        assert getattr(mapped, name).ravel() == pytest.approx(getattr(cells, name), rel=1e-12, nan_ok=True)
    assert (mapped.duration <= 30.0 * frames).all()
    assert ((mapped.maximum >= 1.0) == np.isfinite(mapped.arrival)).all()


def test_puffs_arrive_and_leave_in_the_order_of_distance() -> None:
    wind = WindSeries(0.0, 3600.0, np.array([3.0]), np.array([270.0]))
    grid = Grid.around((120.77, 41.80), 2000.0, 81)
    times = np.arange(30.0, 1500.0, 30.0)
    frames = (
        puff_field(released(0, 0, 2.0, 1.0, np.arange(0, 300, 10.0), 10.0, t, wind, LAYER), grid.x, grid.y)
        for t in times
    )
    found = exposure_maps(frames, 30.0, 1e-5, 2.0)
    row = found.arrival[40, 41:60]  # due east of the source
    seen = row[np.isfinite(row)]
    assert len(seen) > 5
    assert (np.diff(seen) >= 0).all()
    assert np.isnan(found.arrival[40, :35]).all()
    with pytest.raises(ValueError, match="no frame"):
        exposure_maps(iter(()), 30.0, 1e-5)


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


def street() -> Roads:
    """Two ways from node 0 in the west: north through the town (4 nodes), or a detour in the south."""
    x = np.array([0.0, 200, 400, 600, 0, 200, 400, 600])
    y = np.array([0.0, 0, 0, 0, -300, -300, -300, -300])
    start, end = np.array([0, 1, 2, 0, 4, 5, 6]), np.array([1, 2, 3, 4, 5, 6, 7])
    return Roads(x, y, start, end)


def test_the_way_follows_the_plume_in_time() -> None:
    # Two exits in the east. The northern way is shorter; the cloud stands on its last leg from 250 s on.
    def late(x, y, t):
        return np.where((t > 250) & (y > -100) & (x > 350), 10.0, 0.0)

    found = escape(street(), [3, 7], late, forbidden=5.0)
    assert found.route(0) == [0, 4, 5, 6, 7]  # at 300 s it would be in the cloud
    assert escape(street(), [3, 7], late, forbidden=5.0, passes=1).route(0) == [
        0,
        1,
        2,
        3,
    ]  # frozen at the start

    def early(x, y, t):
        return np.where((t < 250) & (y < -100) & (x > 350), 10.0, 0.0)

    # gone before anybody comes from node 0, but closed to those who live there: they go round
    assert escape(street(), [3, 7], early, forbidden=5.0).route(6) == [6, 5, 4, 0, 1, 2, 3]
    assert escape(street(), [7], early, forbidden=5.0).route(6) == []


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 360), st.floats(0.2, 3.0), st.floats(-300, 300), st.floats(-300, 300))
def test_no_way_leads_through_a_moving_cloud(heading, pace, x0, y0) -> None:
    a = math.radians(heading)

    def cloud(x, y, t):
        cx, cy = x0 + pace * t * math.sin(a), y0 + pace * t * math.cos(a)
        return 10.0 * np.exp(-0.5 * ((x - cx) ** 2 + (y - cy) ** 2) / 120.0**2)

    roads = town()
    found = escape(roads, [10, 430, 230], cloud, forbidden=5.0, samples=30, passes=10)
    for node in range(0, 441, 7):
        t, route = 0.0, found.route(node)
        for p, q in pairwise(route):
            middle = np.array([(roads.x[p] + roads.x[q]) / 2]), np.array([(roads.y[p] + roads.y[q]) / 2])
            leg = 50.0 / 1.34
            assert float(cloud(*middle, np.array([t + leg / 2]))[0]) < 5.0 * 1.15
            t += leg
        if route:
            assert found.time[node] == pytest.approx(t, rel=1e-9)


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
