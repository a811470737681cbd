"""Numbers printed in textbooks and manuals (origin: data/published_reference_values.csv) and conservation laws."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parksight.physics import blast, densegas, fire, plume, puffs, release, slab
from parksight.physics.atmosphere import (
    Stability,
    Sun,
    SurfaceLayer,
    obukhov_length,
    pasquill,
    sigma_theta,
    srdt,
    turner,
)
from parksight.physics.spread import briggs, isc3, monin_obukhov, puff
from parksight.standards import aq3046

DATA = Path(__file__).parent / "data"
LAYERS = [SurfaceLayer.from_class(3.0, 10.0, c, 0.1) for c in Stability] + [
    SurfaceLayer(0.3, -20.0, 0.05, 1200.0, 0.2, 4.0)
]


def air(temperature: float) -> float:
    return release.gas_density(release.AIR_MOLAR_MASS, temperature)


def test_every_published_row_is_known_here() -> None:
    with (DATA / "published_reference_values.csv").open(encoding="utf-8") as handle:
        ids = {row["id"] for row in csv.DictReader(handle)}
    assert ids == {
        "kb_incident", "kb_duration", "jet_liquid", "yb_liquid", "yb_pool_d", "yb_pool_tilt", "yb_pool_F",
        "pb_plume_co", "osd_eisenberg", "osd_hsc", "gauss_puff_ccps", "bm_plume_mid", "bm_puff_nf",
        "briggs_rise_b", "briggs_rise_E", "isc_sz_D", "slab_burro8",
    }  # fmt: skip


def test_tnt_overpressure_and_duration() -> None:
    assert float(blast.overpressure(10_000, 500)) == pytest.approx(5054.96, rel=1e-4)
    assert float(blast.positive_duration(10_000, 500)) == pytest.approx(0.133233, rel=1e-4)
    assert blast.distance_for(10_000, 5054.96) == pytest.approx(500, rel=1e-4)


def test_liquid_orifice() -> None:
    rate = release.liquid_outflow(math.pi / 4 * 0.01**2, 490, 120935.0368, discharge=0.63)
    assert rate == pytest.approx(0.216912, rel=1e-5)


def test_yellow_book_tank_outflow() -> None:
    # Acrylonitrile at 15 °C (812.5 kg/m3) through a sharp 100 mm hole, Yellow Book 2.6.4.1.
    rate = release.liquid_outflow(math.pi / 4 * 0.1**2, 812.5, release.ATMOSPHERE, 11.12, discharge=0.62)
    assert rate == pytest.approx(58.44, rel=5e-4)


def test_yellow_book_pool_fire() -> None:
    # Benzene in a bund of 1415 m2 at 5 m/s, Yellow Book 6.6.3. The tilt is taken as printed: the viscosity that
    # leads to its 50.83° is not in the row, ours gives 49.4° with 1.5e-5 m2/s.
    diameter = math.sqrt(4 * 1415.0 / math.pi)
    assert diameter == pytest.approx(42.445, abs=1e-3)
    pool = fire.pool_fire(diameter, 0.085, 4.0e7, 5.0, air_density=1.2243)
    assert pool.tilt_deg == pytest.approx(50.83, abs=1.5)
    view = fire.cylinder_view_factor(diameter / 2, pool.length, 100.0, 50.8286)[2]
    assert float(view) == pytest.approx(0.0964, abs=1e-3)


def test_purple_book_carbon_monoxide() -> None:
    # Appendix 6.B: 100 kg/s at 5 m/s; 21.3 g/m3 on the centreline.
    c = plume.gaussian(0.0, -100.0, 1.0, plume.Source(0, 0, 1.0, 100.0), 0.0, 28.8, 10.3, 5.0)
    assert float(c) * 1000 == pytest.approx(21.3, abs=0.05)


def test_lethality() -> None:
    dose = {p: math.exp((5 + z + 14.9) / 2.56) for p, z in ((1, -2.3263), (50, 0.0))}
    assert dose[1] == pytest.approx(960, rel=0.005)
    assert dose[50] == pytest.approx(2380, rel=0.005)
    psig = [math.exp((5 + z - 1.47) / 1.37) for z in (-2.3263, 0.0, 1.6449)]
    assert psig == pytest.approx([2.4, 13.1, 43.5], rel=0.01)
    assert float(aq3046.death_probability(5.0)) == pytest.approx(0.5)


def test_puff_of_ccps() -> None:
    sy, sz = (float(v[0]) for v in puff([500.0], Stability.F))
    assert (sy, sz) == (pytest.approx(5.04793, rel=1e-5), pytest.approx(2.21484, rel=1e-5))
    centre = 2.0 / ((2 * math.pi) ** 1.5 * sy * sy * sz)
    assert centre == pytest.approx(2.25005e-3, rel=1e-5)


def test_britter_mcquaid() -> None:
    burro = densegas.Cloud(
        1.76, air(298.0), 10.9, flow=0.23 * 425.6 / 1.76, temperature=111.15, air_temperature=298.0
    )
    assert float(densegas.concentration(367.0, burro)) == pytest.approx(0.0507177, rel=5e-4)
    potchefstroom = densegas.Cloud(1.434, air(293.15), 2.0, volume=7.25e4, initial_fraction=1 / 16.4)
    assert float(densegas.puff_concentration(160.0, 0.0, 200.0, potchefstroom)) == pytest.approx(
        0.00308302, rel=2e-3
    )
    assert densegas.choose(burro).dense


def test_plume_rise() -> None:
    unstable = plume.Stack(2.0, 50.0, 400.0)
    rise, reach = plume._neutral_rise(50.0, 4.0, 999.0, 400.0, 1.0, 1.0)
    assert (rise, reach) == (pytest.approx(100.714, rel=1e-5), pytest.approx(565.005, rel=1e-5))
    s = 9.80616 * 0.020 / 288.15
    rise, reach = plume._stable_rise(50.0, 0.0, 4.0, s, 999.0, 400.0, 0.1, 1.0)
    assert (rise, reach) == (pytest.approx(68.597, rel=1e-4), pytest.approx(317.607, rel=1e-4))
    assert (
        plume.plume_rise(unstable, 4.0, 288.0, Stability.D)[0]
        > plume.plume_rise(unstable, 8.0, 288.0, Stability.D)[0]
    )


def test_spread_tables() -> None:
    assert isc3([100, 500, 2000, 5000], Stability.D)[1] == pytest.approx(
        [4.65117, 18.2969, 50.1514, 88.6902], rel=1e-5
    )
    assert [float(v[0]) for v in briggs([1000.0], Stability.D)] == pytest.approx([76.277, 37.947], rel=1e-4)
    assert [float(v[0]) for v in briggs([1000.0], Stability.D, urban=True)] == pytest.approx(
        [135.225, 122.788], rel=1e-4
    )
    assert [obukhov_length(c, 1.2) for c in (Stability.A, Stability.B, Stability.C)] == pytest.approx(
        [-11.6098, -26.8185, -129.915], rel=1e-4
    )


LNG = slab.Liquid("LNG", 0.016043, 2238.0, 3348.5, 509_900.0, 111.7, 424.1)
AMMONIA = slab.Liquid("NH3", 0.017031, 2045.9, 4611.8, 1.17e6, 239.57, 603.0, 2976.01, 0.0)


def test_slab_burro_8() -> None:
    spill = slab.Release("pool", 116.93, 116.93 / 0.167, 107.0)
    found = slab.run(
        spill, LNG, slab.Weather(1.94, 3.0, 290.0, 0.5, 2e-4, "E"), farthest=2000.0, averaging_s=80.0
    )
    assert found.distance_to(0.05) == pytest.approx(455.0, rel=0.10)


def test_slab_follows_the_reference_table() -> None:
    jet = slab.Release("jet", 107.87, 0.93, 381.0, 0.81, 1.0)
    found = slab.run(
        jet, AMMONIA, slab.Weather(4.5, 2.0, 306.2, 0.213, 0.003, inverse_obukhov=0.0221), farthest=2800.0
    )
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


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(LAYERS), st.floats(50, 3000), st.floats(0, 40))
def test_mass_flux_through_any_cross_section_is_the_emission(layer, x, height) -> None:
    sy, sz, u = (float(v[0]) for v in monin_obukhov(np.array([x]), layer))
    y, dy = np.linspace(-8 * sy, 8 * sy, 401, retstep=True)
    top = min(height + 9 * sz, layer.mixing_height) if np.isfinite(layer.mixing_height) else height + 9 * sz
    height = min(height, layer.mixing_height * 0.9)
    nodes, weights = np.polynomial.legendre.leggauss(400)
    z, w = (nodes + 1) / 2 * max(top, height * 1.01), weights / 2 * max(top, height * 1.01)
    if sz > 0.7 * layer.mixing_height:
        return  # images beyond the fourth would count here; the well-mixed form takes over at 1.6 lid
    yy, zz = np.meshgrid(y, z)
    source = plume.Source(0.0, 0.0, height, 2.5)
    c = plume.gaussian(yy, np.full_like(yy, -x), zz, source, 0.0, sy, sz, u, layer.mixing_height)
    flux = float((c * u * w[:, None]).sum() * dy)
    assert flux == pytest.approx(2.5, rel=1e-6)


def test_puff_matrix_equals_direct_sum() -> None:
    rng = np.random.default_rng(3)
    wind = puffs.WindSeries(0.0, 60.0, rng.uniform(1, 5, 60), rng.uniform(250, 300, 60))
    cloud = puffs.released(0, 0, 5.0, 1.0, np.arange(0, 3000, 10.0), 10.0, 3000.0, wind, LAYERS[3])
    gx, gy = np.linspace(-2000, 8000, 80), np.linspace(-3000, 3000, 60)
    xx, yy = np.meshgrid(gx, gy)
    direct = puffs.at(cloud, xx, yy)
    assert np.abs(puffs.field_exact(cloud, gx, gy) - direct).max() <= 1e-6 * direct.max()
    assert np.abs(puffs.field(cloud, gx, gy) - direct).max() <= 2e-5 * direct.max()


def test_steady_puffs_approach_the_plume() -> None:
    layer = LAYERS[3]
    speed = float(layer.wind(5.0))
    wind = puffs.WindSeries(0.0, 3600.0, np.array([speed]), np.array([270.0]))
    cloud = puffs.released(0, 0, 2.0, 1.0, np.arange(0, 3600, 2.0), 2.0, 3600.0, wind, layer)
    table = plume.spread_table(layer)
    x = np.array([400.0, 900.0])
    sy, sz, _ = table.at(x)
    steady = plume.gaussian(
        x, np.zeros(2), 1.5, plume.Source(0, 0, 2.0, 1.0), 270.0, sy, sz, speed, layer.mixing_height
    )
    assert puffs.at(cloud, x, np.zeros(2)) == pytest.approx(steady, rel=0.05)


@given(st.floats(1e5 + 1, 5e6), st.floats(250, 400), st.floats(1.05, 1.6))
def test_gas_jet_grows_with_pressure_and_is_continuous_at_choking(pressure, temperature, k) -> None:
    pressure += 2000
    one = release.gas_jet(1e-4, pressure, temperature, 0.029, k)
    more = release.gas_jet(1e-4, pressure * 1.01, temperature, 0.029, k)
    assert more.rate >= one.rate
    critical = release.ATMOSPHERE / (2 / (k + 1)) ** (k / (k - 1))
    below, above = (
        release.gas_jet(1e-4, critical * f, temperature, 0.029, k).rate for f in (1 - 1e-9, 1 + 1e-9)
    )
    assert below == pytest.approx(above, rel=1e-6)


@given(st.floats(0.2, 900), st.floats(1, 1e5))
def test_blast_falls_with_distance(z, mass) -> None:
    r = z * mass ** (1 / 3)
    near, far = float(blast.overpressure(mass, r * 1.0001)), float(blast.overpressure(mass, r * 1.2))
    assert near > far > 0


def test_refusals_name_what_is_missing() -> None:
    with pytest.raises(ValueError, match="wind direction is unknown"):
        plume.concentration(1.0, 1.0, 1.0, plume.Source(0, 0, 1, 1), math.nan, LAYERS[3])
    with pytest.raises(ValueError, match="unknown"):
        SurfaceLayer.from_class(math.nan, 10, Stability.D, 0.1)
    with pytest.raises(ValueError, match="does not exceed"):
        release.gas_jet(1e-4, 1e5, 300, 0.029, 1.4)
    with pytest.raises(ValueError, match="boiling"):
        release.evaporation(3, 100, 0.05, 2e5, 300)
    with pytest.raises(ValueError, match="calm"):
        densegas.Cloud(2.0, 1.2, 0.0, flow=1.0)


def test_stability_schemes_agree_on_plain_days() -> None:
    assert pasquill(1.5, Sun.STRONG) is Stability.A
    assert pasquill(7.0, Sun.NIGHT_CLEAR) is Stability.D
    assert srdt(2.5, radiation_w_m2=950) is Stability.A
    assert srdt(1.0, gradient_k=0.5) is Stability.F
    assert turner(3.0, 65.0, 0) is Stability.B
    assert turner(2.0, -10.0, 2) in (Stability.E, Stability.F)
    rng = np.random.default_rng(1)
    assert sigma_theta((350 + rng.normal(0, 10, 5000)) % 360) == pytest.approx(math.radians(10), rel=0.05)
