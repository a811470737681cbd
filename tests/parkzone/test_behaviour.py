from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkzone.behaviour import cycles, noise
from parkzone.behaviour.drivers import ROW, drivers, solar_elevation
from parkzone.behaviour.model import CALIBRATION, Model
from parkzone.behaviour.production import Production
from parkzone.park import Park

from .conftest import MIDNIGHT_MS

KEYS = np.array([11, 22, 33], np.uint64)


def rows(park: Park, kind: str) -> list[int]:
    return [i for i, p in enumerate(park.catalogue.points) if p.kind == kind]


def test_history_and_live_are_one_curve(model: Model) -> None:
    at = MIDNIGHT_MS + np.arange(0, 3_600_000, 60_000, dtype=np.int64)
    day = model.values(at)
    for k in (0, 17, 59):
        assert np.array_equal(model.values(at[k : k + 1])[:, 0], day[:, k])


def test_a_part_behaves_as_in_the_whole(model: Model) -> None:
    at = MIDNIGHT_MS + np.arange(5, dtype=np.int64) * 30_000
    chosen = [3, 500, 1400, 2800]
    assert np.array_equal(model.part(chosen).values(at), model.values(at)[chosen])


def test_same_seed_same_bytes(park: Park, model: Model) -> None:
    at = np.array([MIDNIGHT_MS, MIDNIGHT_MS + 123_000], np.int64)
    again = Model(park.catalogue.points, park.firms, park.seed)
    assert again.values(at).tobytes() == model.values(at).tobytes()
    other = Model(park.catalogue.points, park.firms, park.seed + 1)
    assert other.values(at).tobytes() != model.values(at).tobytes()


@pytest.mark.parametrize("day", [0, 4, 180])
def test_everything_is_plausible_on_calm_days(park: Park, model: Model, day: int) -> None:
    at = MIDNIGHT_MS + day * 86_400_000 + np.arange(0, 86_400_000, 300_000, dtype=np.int64)
    values = model.values(at)
    assert np.isfinite(values).all()
    low = np.array([p.low for p in park.catalogue.points])[:, None]
    high = np.array([p.high for p in park.catalogue.points])[:, None]
    assert ((values >= low) & (values <= high)).all()
    # clipping would hide a signal that runs away: few values may sit on their upper bound
    on_bound = (values == high).mean(axis=1)
    names = [p.code for p, share in zip(park.catalogue.points, on_bound, strict=True) if share > 0.02]
    assert names == []


def test_values_have_the_resolution_of_their_instrument(park: Park, model: Model) -> None:
    values = model.values(np.array([MIDNIGHT_MS], np.int64))[:, 0]
    for p, v in zip(park.catalogue.points, values.tolist(), strict=True):
        steps = v / p.resolution
        assert abs(steps - round(steps)) < 1e-6 * max(1.0, abs(steps)), p.code


def test_zone_load_is_that_of_such_a_zone(park: Park, model: Model) -> None:
    at = MIDNIGHT_MS + np.arange(0, 7 * 86_400_000, 900_000, dtype=np.int64)
    part = model.part(rows(park, "energy.active_power"))
    total = part.values(at).sum(axis=0) / 1000
    assert total.min() > 140
    assert total.max() < 205
    assert 150 < total.mean() < 195
    hours = ((at - MIDNIGHT_MS) // 3_600_000) % 24
    assert total[(hours >= 9) & (hours < 11)].mean() > total[(hours >= 2) & (hours < 4)].mean() + 5


def test_energy_registers_are_the_integral_of_power(park: Park, model: Model) -> None:
    power = model.part(rows(park, "energy.active_power"))
    energy = model.part(rows(park, "energy.energy"))
    step = 20_000
    at = MIDNIGHT_MS + np.arange(0, 3 * 3_600_000 + step, step, dtype=np.int64)
    p, e = power.values(at), energy.values(at)
    integral = np.trapezoid(p, dx=step / 3_600_000, axis=1)
    grown = e[:, -1] - e[:, 0]
    # three hours at the register's resolution of 1 kWh
    assert np.all(np.abs(grown - integral) <= 1.5 + 0.002 * integral)
    assert np.all(np.diff(e, axis=1) >= 0)


def test_totals_follow_their_rates(park: Park, model: Model) -> None:
    for medium in ("water", "gas", "steam"):
        rate, total = (
            model.part(rows(park, f"energy.{medium}")),
            model.part(rows(park, f"energy.{medium}_total")),
        )
        at = MIDNIGHT_MS + np.arange(0, 4 * 3_600_000 + 1, 30_000, dtype=np.int64)
        r, t = rate.values(at), total.values(at)
        grown = t[:, -1] - t[:, 0]
        assert grown == pytest.approx(np.trapezoid(r, dx=30 / 3600, axis=1), rel=0.02, abs=0.3)


@settings(max_examples=30, deadline=None)
@given(st.integers(1_700_000_000, 1_900_000_000), st.integers(60, 200_000))
def test_full_load_hours_are_the_integral_of_production(
    production: Production, start: int, length: int
) -> None:
    t = start + np.linspace(0.0, length, 4001)
    level = production.level(t)
    grown = np.diff(production.hours(t[[0, -1]]), axis=1)[:, 0]
    assert grown == pytest.approx(np.trapezoid(level, t, axis=1) / 3600, rel=5e-4, abs=2e-5)


@pytest.fixture(scope="module")
def production(park: Park) -> Production:
    return Production(park.firms, park.seed)


def test_shifts_show_in_production(park: Park, production: Production) -> None:
    noon, night = (MIDNIGHT_MS / 1000 + h * 3600 for h in (10.5, 3.0))
    sunday = noon + 5 * 86_400
    level = production.level(np.array([noon, night, sunday]))
    for f, (day, dark, rest) in zip(park.firms, level, strict=True):
        assert dark > 0
        if f.trade.shift == "continuous":
            assert abs(day - dark) < 0.15
            assert abs(day - rest) < 0.15
        elif f.trade.shift in ("one", "two"):
            assert dark < 0.35 * day
            assert rest < 0.5 * day


def test_emission_follows_production(park: Park, model: Model) -> None:
    firm = next(f for f in park.firms if f.trade.code == "soy")
    index = {p.code: i for i, p in enumerate(park.catalogue.points)}
    at = MIDNIGHT_MS + np.arange(0, 86_400_000, 300_000, dtype=np.int64)
    flow, power = model.part([index[f"{firm.code}.DA001.FLOW"], index[f"{firm.code}.EM01.P"]]).values(at)
    assert np.corrcoef(flow, power)[0, 1] > 0.6


def test_calibration_is_marked_and_reads_zero(park: Park, model: Model) -> None:
    at = MIDNIGHT_MS + np.arange(0, 86_400_000, 60_000, dtype=np.int64)
    quality, values = model.quality(at), model.values(at)
    busy = quality == CALIBRATION
    stacks = [i for i, p in enumerate(park.catalogue.points) if p.signal.calibration >= 0]
    assert (busy[stacks].sum(axis=1) == 10).all()
    assert not np.delete(busy, stacks, axis=0).any()
    for i in stacks[:20]:
        assert values[i][busy[i]].max() < 0.2 * values[i][~busy[i]].mean()


def test_weather_is_of_that_place() -> None:
    t = MIDNIGHT_MS / 1000 + np.arange(0, 365 * 86_400, 3600.0)
    d = drivers(1, t)
    temperature = d[ROW["temperature"]]
    assert -32 < temperature.min() < -12
    assert 24 < temperature.max() < 40
    assert 1.5 < d[ROW["wind"]].mean() < 4.5
    sun = d[ROW["sun"]]
    assert sun[solar_elevation(t) < 0].max() == 0
    assert 0.75 < sun.max() <= 1.05
    assert 0.0 < (d[ROW["rain"]] > 0.1).mean() < 0.15


def test_solar_noon_and_seasons() -> None:
    # 2026-06-21 and 2026-12-21, local solar noon at 120.77 E is 03:57 UTC (equation of time not modelled)
    june, december = 1_782_014_220.0, 1_797_825_420.0
    high, low = np.degrees(np.arcsin(solar_elevation(np.array([june, december]))))
    assert high == pytest.approx(90 - 41.8 + 23.44, abs=0.3)
    assert low == pytest.approx(90 - 41.8 - 23.44, abs=0.3)


def test_noise_is_standard_and_uncorrelated_between_keys() -> None:
    x = noise.normal(KEYS, np.arange(200_000, dtype=np.int64))
    assert x.mean(axis=1) == pytest.approx(0.0, abs=0.01)
    assert x.std(axis=1) == pytest.approx(1.0, abs=0.01)
    assert abs(np.corrcoef(x)[np.triu_indices(3, 1)]).max() < 0.01


@settings(max_examples=50)
@given(st.floats(-1e9, 2e9), st.sampled_from([60.0, 2700.0, 172_800.0]))
def test_smooth_noise_is_continuous_and_its_slope_is_true(at: float, scale: float) -> None:
    h = scale * 1e-4
    t = np.array([at - h, at, at + h])
    v = noise.smooth(KEYS, t, scale)
    assert np.abs(np.diff(v, axis=1)).max() < 0.01
    numeric = (v[:, 2] - v[:, 0]) / (2 * h) * scale
    assert noise.slope(KEYS, t, scale)[:, 1] == pytest.approx(numeric, abs=0.02)


def test_tank_levels_are_continuous_over_cycle_ends() -> None:
    length = np.array([2.0, 3.0, 5.0])
    t = np.arange(0.0, 40 * 3600.0, 2.0)
    level = cycles.tank(KEYS, t, length)
    assert ((level >= 0) & (level <= 1)).all()
    assert np.abs(np.diff(level, axis=1)).max() < 0.002
    assert level.max() > 0.6
    assert level.min() < 0.25


def test_batches_repeat_with_differences() -> None:
    t = np.arange(0.0, 60 * 3600.0, 30.0)
    position = cycles.batch(KEYS, t, np.array([6.0, 7.0, 8.0]))
    assert ((position >= 0) & (position <= 1)).all()
    peaks = position[0].reshape(-1, 720).max(axis=1)
    assert len(set(peaks.round(4))) > 5
