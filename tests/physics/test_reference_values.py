"""Further numbers printed in textbooks and manuals, beyond those of test_published_values."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.physics.decks import burro_8, desert_tortoise_4

from parksight.physics import blast, densegas, fire, plume, release
from parksight.physics.atmosphere import (
    Stability,
    obukhov_length,
    power_law_exponent,
)
from parksight.physics.spread import briggs, isc3, pasquill_lateral, puff

DATA = Path(__file__).parent / "data"


def test_gas_jet_of_ccps_is_choked() -> None:
    # CCPS (1999) p. 47: 8.90 kg/m3 at 501 kPa and 298 K, 10 mm, k 1.15
    molar = 8.90 * release.GAS_CONSTANT * 298.0 / 501e3
    jet = release.gas_jet(math.pi / 4 * 0.01**2, 501e3, 298.0, molar, 1.15, discharge=0.85)
    assert jet.choked
    assert jet.rate == pytest.approx(0.0900280, rel=1e-6)


def test_hydrogen_of_the_yellow_book() -> None:
    # 2.6.2.1: 50 bar, 288.15 K, 100 mm, Cd 0.62: 15.31 kg/s at the start (cp/cv is not printed)
    jet = release.gas_jet(math.pi / 4 * 0.1**2, 50e5, 288.15, 0.002016, 1.405, discharge=0.62)
    assert jet.rate == pytest.approx(15.31, abs=0.01)


def test_the_rate_of_gas_is_the_largest_an_isentropic_nozzle_passes() -> None:
    for pressure, k in ((1.3e5, 1.4), (1.9e5, 1.4), (7e6, 1.31), (4e5, 1.15)):
        density = pressure * 0.029 / (release.GAS_CONSTANT * 300.0)
        throat = np.linspace(release.ATMOSPHERE, pressure, 400_001) / pressure
        flux = np.sqrt(2 * k / (k - 1) * pressure * density * (throat ** (2 / k) - throat ** ((k + 1) / k)))
        rate = release.gas_jet(1e-4, pressure, 300.0, 0.029, k, discharge=1.0).rate
        assert rate == pytest.approx(1e-4 * flux.max(), rel=1e-6)


def test_pool_fire_of_the_yellow_book_step_by_step() -> None:
    # 6.6.3: 28.3 m3 of benzene 2 cm deep, 5 m/s. The printed Froude number 0.0545 is an error, 0.06006 leads to the tilt.
    diameter = math.sqrt(4 * 28.3 / (math.pi * 0.02))
    flux = fire.burning_flux(diameter, limit_flux=0.085, extinction=2.7)
    clean = fire.pool_fire(
        diameter, flux, 4.015e7, 5.0, air_density=1.2243, radiant_fraction=0.4, sooty=False, kinematic_viscosity=7.5133e-6
    )  # fmt: skip
    assert clean.length == pytest.approx(46.7725, rel=1e-4)
    assert clean.tilt_deg == pytest.approx(50.8286, rel=1e-4)
    assert clean.emissive_power == pytest.approx(2.524e5, rel=1e-3)
    vertical, horizontal, most = fire.cylinder_view_factor(diameter / 2, clean.length, 100.0, clean.tilt_deg)
    assert float(vertical) == pytest.approx(0.091915, rel=2e-4)
    assert float(horizontal) == pytest.approx(0.029146, rel=2e-4)
    # 80 % of the flame hidden by soot of 20 kW/m2, transmissivity 0.71474
    soot = 0.2 * clean.emissive_power + 0.8 * 20e3
    assert soot * float(most) * 0.71474 == pytest.approx(4581.0, rel=1e-3)


def test_view_factors_of_the_yellow_book() -> None:
    # jet-fire example 6.6.2: a 11.18, b 14.43166, 2.00843 degrees
    vertical, horizontal, _ = fire.cylinder_view_factor(1.0, 11.18, 14.43166, 2.00843)
    assert (float(vertical), float(horizontal)) == (
        pytest.approx(0.02665, abs=5e-6),
        pytest.approx(0.00934, abs=5e-6),
    )
    # table 6.A.1, vertical cylinder, 1000 F by distance and height in radii
    for b, a, v, h in ((1.1, 0.1, 330, 132), (1.5, 2.0, 329, 212), (2.0, 1.0, 194, 73), (3.0, 5.0, 161, 91),
                       (5.0, 10.0, 97, 54), (10.0, 20.0, 48, 26), (20.0, 5.0, 7, 1)):  # fmt: skip
        vertical, horizontal, _ = fire.cylinder_view_factor(1.0, a, b)
        assert (1000 * float(vertical), 1000 * float(horizontal)) == (
            pytest.approx(v, abs=1),
            pytest.approx(h, abs=1),
        )


@settings(max_examples=20, deadline=None)
@given(st.floats(0.5, 10), st.floats(0, 60), st.floats(1.05, 4))
def test_view_factor_is_the_integral_over_the_visible_flame(a, tilt, beyond) -> None:
    th = math.radians(tilt)
    b = beyond * (1 + a * math.sin(th)) + 0.2
    nodes, weights = np.polynomial.legendre.leggauss(200)
    arc, z = math.acos(1 / b) * nodes, a * math.cos(th) / 2 * (nodes + 1)
    p, zz = np.meshgrid(arc, z, indexing="ij")
    w = np.outer(math.acos(1 / b) * weights, a * math.cos(th) / 2 * weights)
    dx, dy = np.cos(p) + zz * math.tan(th) - b, np.sin(p)
    s2 = dx**2 + dy**2 + zz**2
    facing = -(np.cos(p) * dx + np.sin(p) * dy - np.cos(p) * math.tan(th) * zz)
    v, h = (float((w * part * facing / (math.pi * s2**2)).sum()) for part in (np.maximum(-dx, 0), zz))
    vertical, horizontal, _ = fire.cylinder_view_factor(1.0, a, b, tilt)
    assert (float(vertical), float(horizontal)) == (pytest.approx(v, abs=1e-7), pytest.approx(h, abs=1e-7))


def test_under_a_tilted_flame_a_target_is_engulfed() -> None:
    pool = fire.pool_fire(20.0, 0.06, 4.4e7, 8.0)
    reach = fire.overhang(10.0, pool.length, pool.tilt_deg)
    x = np.array([10.5, 0.99 * reach, 1.02 * reach, 2 * reach, 4 * reach])
    flux = fire.pool_fire_flux(pool, x, 293.0, 0.6)
    assert np.isfinite(flux).all()
    assert (np.diff(flux) <= 0).all()
    assert flux[0] == pytest.approx(pool.emissive_power, rel=0.2)
    with pytest.raises(ValueError, match="hangs over"):
        fire.cylinder_view_factor(10.0, pool.length, 0.9 * reach, pool.tilt_deg)
    with pytest.raises(ValueError, match="outside the pool"):
        fire.pool_fire_flux(pool, 9.0, 293.0, 0.6)


def test_fireballs_of_ten_and_fifty_tonnes() -> None:
    for mass, diameter, duration in ((1e4, 124.96, 9.695), (5e4, 213.67, 15.78)):
        ball = fire.fireball(mass, 4.6e7, 1.5e6)
        assert ball.diameter == pytest.approx(diameter, rel=1e-4)
        assert ball.duration == pytest.approx(duration, rel=1e-3)
        # what is radiated is the stated share of the heat
        share = ball.emissive_power * math.pi * ball.diameter**2 * ball.duration / (mass * 4.6e7)
        assert share == pytest.approx(0.27 * 1.5**0.32)


def test_blast_and_its_inverse() -> None:
    assert blast.distance_for(10_000, 5054.96) == pytest.approx(500, rel=1e-4)
    # scaled distance: twice the distance for eight times the charge
    assert float(blast.overpressure(8000.0, 200.0)) == pytest.approx(float(blast.overpressure(1000.0, 100.0)))


def test_multi_energy_scaling_and_its_ten_source_pressures() -> None:
    assert blast.multi_energy_ceiling(7) == pytest.approx(101_325.0)
    ceilings = [blast.multi_energy_ceiling(c) for c in range(1, 11)]
    assert ceilings == sorted(ceilings)
    for wrong in (0, 11, 7.5):
        with pytest.raises(ValueError, match="strength"):
            blast.multi_energy_ceiling(wrong)  # type: ignore[arg-type]
    # 1000 m3 of congested cloud at 3.5 MJ/m3: one scaled unit is 32.6 m
    assert float(blast.multi_energy_scaled_distance(32.57, 1000.0)) == pytest.approx(1.0, rel=1e-3)


def test_britter_mcquaid_near_middle_and_far() -> None:
    # CCPS (1999) p. 122 and the Potchefstroom case of the workbook, dry air of 0.028960 kg/mol
    burro = densegas.Cloud(
        1.76,
        release.gas_density(0.028960, 298.0),
        10.9,
        flow=0.23 * 425.6 / 1.76,
        temperature=111.15,
        air_temperature=298.0,
    )
    for x, c in ((45.2, 0.672023), (367.0, 0.0507177), (1200.0, 0.00492141)):
        assert float(densegas.concentration(x, burro)) == pytest.approx(c, rel=1e-5)
    assert densegas.choose(burro).dense
    ammonia = densegas.Cloud(
        1.434, release.gas_density(0.028960, 293.15), 2.0, volume=7.25e4, initial_fraction=1 / 16.4
    )
    for x, t, c in (
        (160, 200, 0.00308302),
        (333, 124, 0.00609756),
        (333, 1396, 0.000184976),
        (2500, 3125, 4.42683e-5),
    ):
        assert float(densegas.puff_concentration(float(x), 0.0, float(t), ammonia)) == pytest.approx(
            c, rel=1e-5
        )


def test_plume_rise_of_iscst() -> None:
    for speed, gas, stability, rise, reach in (
        (72.93819699672669, 400.0, Stability.A, 100.7137, 565.0051),
        (87.52583639607202, 400.0, Stability.A, 112.8896, 612.0790),
        (72.93819699672669, 400.0, Stability.E, 68.59723, 317.6068),
        (72.93819699672669, 400.0, Stability.F, 56.92380, 240.0882),
    ):
        found = plume.plume_rise(plume.Stack(1.0, speed, gas), 4.0, 288.15, stability)
        assert found == (pytest.approx(rise, rel=1e-5), pytest.approx(reach, rel=1e-5))
    momentum = plume.plume_rise(plume.Stack(1.0, 179.87751923862007, 325.0), 4.0, 288.15, Stability.A)
    assert momentum[0] == pytest.approx(3 * 179.87751923862007 / 4.0)
    hot = plume.Stack(1.0, 72.93819699672669, 400.0)
    assert plume.plume_rise(hot, 4.0, 288.15, Stability.A, x=50.0)[0] == pytest.approx(20.0, rel=1e-6)
    assert plume.plume_rise(hot, 4.0, 288.15, Stability.A, x=2000.0)[0] == pytest.approx(100.7137, rel=1e-5)
    assert plume.stack_tip_downwash(10.0, plume.Stack(1.0, 1.0, 300.0), 2.0) == pytest.approx(8.0)
    with pytest.raises(ValueError, match="stack"):
        plume.plume_rise(plume.Stack(1.0, math.nan, 300.0), 4.0, 288.15, Stability.A)


@settings(max_examples=50)
@given(
    st.floats(0.2, 5),
    st.floats(1, 30),
    st.floats(290, 600),
    st.floats(1, 15),
    st.sampled_from(list(Stability)),
)
def test_plume_rise_falls_with_the_wind(d, v, ts, u, stability) -> None:
    stack = plume.Stack(d, v, ts)
    calm, windy = (plume.plume_rise(stack, w, 285.0, stability)[0] for w in (u, 1.3 * u))
    assert 0 <= windy <= calm * (1 + 1e-9)


ISC3_VERTICAL = {
    Stability.A: {50: 7.246284, 125: 17.65385, 175: 25.32210, 225: 33.46114, 275: 42.49832, 350: 58.95556, 450: 87.22956,
                  550: 128.0454},
    Stability.B: {100: 10.60469, 300: 30.14423, 500: 51.09285},
    Stability.C: {100: 7.441878},
    Stability.D: {100: 4.651175, 500: 18.29689, 2000: 50.15135, 5000: 88.69020, 15000: 169.6728, 35000: 271.7779},
    Stability.E: {50: 1.979015, 200: 6.238576, 500: 12.80139, 1500: 27.93119, 3000: 42.22136, 7500: 68.37414, 15000: 95.55831,
                  30000: 127.3115, 50000: 151.5411},
    Stability.F: {100: 2.325523, 500: 8.395559, 800: 11.97618, 1500: 18.03038, 2500: 24.42448, 5000: 34.20720, 10000: 46.38392,
                  20000: 60.29440, 45000: 76.93568, 75000: 87.38877},
}  # fmt: skip


def test_spread_tables() -> None:
    for stability, table in ISC3_VERTICAL.items():
        assert isc3(list(table), stability)[1] == pytest.approx(list(table.values()), rel=1e-6)
    crosswind = [0.48870397, 0.32881321, 0.20096245, 0.13092076, 0.09742135, 0.06458588]  # at 1.2 m
    assert [float(isc3([1.2], c)[0][0]) for c in Stability] == pytest.approx(crosswind, rel=1e-6)
    assert [float(v[0]) for v in briggs([1000.0], Stability.D)] == pytest.approx([76.277, 37.947], rel=1e-5)
    assert [float(v[0]) for v in briggs([1000.0], Stability.D, urban=True)] == pytest.approx(
        [135.225, 122.788], rel=1e-5
    )
    assert [obukhov_length(c, 1.2) for c in (Stability.A, Stability.B, Stability.C)] == pytest.approx(
        [-11.6098, -26.8185, -129.915], rel=1e-5
    )
    rural = [3.5246927, 3.5246927, 3.7767762, 4.2376126, 6.7161634, 10.644402]  # 3 m/s at 1 m carried to 10 m
    assert [3.0 * 10 ** power_law_exponent(c) for c in Stability] == pytest.approx(rural, rel=1e-6)
    urban = [4.2376126, 4.2376126, 4.7546796, 5.3348382, 5.9857869, 5.9857869]
    assert [3.0 * 10 ** power_law_exponent(c, urban=True) for c in Stability] == pytest.approx(
        urban, rel=1e-6
    )
    # Pasquill's f(x) as Irwin fitted it: 0.8 at 100 m, 0.6 at 1 km, a third at 10 km, and continuous there
    f = pasquill_lateral([100.0, 1000.0, 1e4, 1e4 * (1 + 1e-9)], 1.0) / [100.0, 1000.0, 1e4, 1e4]
    assert f == pytest.approx([0.8, 0.6, 0.333, 0.333], abs=0.03)
    assert f[3] == pytest.approx(f[2], rel=1e-8)


@given(st.floats(10, 30_000), st.sampled_from(list(Stability)))
def test_spread_grows_with_distance_and_instability(x, stability) -> None:
    for law in (briggs, isc3, lambda d, c: briggs(d, c, urban=True), puff):
        near, far = law([x], stability), law([1.2 * x], stability)
        assert all(b >= a for a, b in zip(near, far, strict=True))
        if stability < Stability.F:
            calmer = law([x], Stability(stability + 1))
            assert calmer[0] <= near[0] * (1 + 1e-9)


def test_slab_burro_8() -> None:
    assert burro_8().distance_to(0.05) == pytest.approx(455.0, rel=0.10)


def test_slab_follows_the_reference_table() -> None:
    found = desert_tortoise_4()
    with (DATA / "dense_gas" / "slab_reference_desert_tortoise4.csv").open(encoding="utf-8") as handle:
        table = list(csv.DictReader(handle))
    x = np.array([float(r["x"]) for r in table])
    ok = (x > 1.01) & (x < 2800)
    for name, values in (
        ("cm", found.mass_fraction),
        ("t", found.temperature),
        ("h", found.depth),
        ("bbc", found.half_width),
    ):
        reference = np.array([float(r[name]) for r in table])[ok]
        off = np.abs(np.interp(np.log(x[ok]), np.log(found.x), values) / reference - 1)
        assert np.median(off) < 0.02, name
