"""Every row of data/published_reference_values.csv, within the tolerance that the row itself states."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.physics.decks import burro_8

from parksight.physics import blast, densegas, fire, harm, plume, release
from parksight.physics.atmosphere import Stability
from parksight.physics.spread import isc3, puff

ROWS = {
    row["id"]: row
    for row in csv.DictReader(
        (Path(__file__).parent / "data" / "published_reference_values.csv").open(encoding="utf-8")
    )
}
#: Dry air of the worked dense-gas values, kg/mol.
AIR = 0.028960
BENZENE = math.sqrt(4 * 28.3 / (math.pi * 0.02))


def numbers(text: str) -> list[float]:
    """``960 / 2380`` or ``100.714 at xf=565.005``; what stands in brackets is a remark."""
    return [float(n) for n in re.findall(r"\d+\.?\d*(?:e-?\d+)?", re.sub(r"\(.*\)", "", text))]


def allowed(row: dict[str, str], value: float) -> float:
    """The row's tolerance as an absolute number."""
    text = row["tolerance"]
    size = numbers(text)[0]
    if "dp" in text:
        return 0.5 * 10.0**-size
    if "%" in text:
        return size / 100 * value
    return size * value if "rel" in text else size


def dense(wind: float, **amount: float) -> densegas.Cloud:
    return densegas.Cloud(1.434, release.gas_density(AIR, 293.15), wind, initial_fraction=1 / 16.4, **amount)


def rise(stability: Stability) -> list[float]:
    # Fb = 50 m4/s3: a stack of 1 m, 400 K
    return list(plume.plume_rise(plume.Stack(1.0, 72.93819699672669, 400.0), 4.0, 288.15, stability))


def burro_mid() -> list[float]:
    cloud = densegas.Cloud(
        1.76,
        release.gas_density(AIR, 298.0),
        10.9,
        flow=0.23 * 425.6 / 1.76,
        temperature=111.15,
        air_temperature=298.0,
    )
    return [float(densegas.concentration(367.0, cloud))]


def ccps_puff() -> list[float]:
    sy, sz = (float(v[0]) for v in puff([500.0], Stability.F))
    return [2.0 / ((2 * math.pi) ** 1.5 * sy * sy * sz)]


def benzene_fire() -> fire.PoolFire:
    # 28.3 m3 of benzene 2 cm deep, 5 m/s; the example's viscosity is 7.5133e-6 m2/s
    return fire.pool_fire(
        BENZENE, fire.burning_flux(BENZENE, limit_flux=0.085, extinction=2.7), 4.015e7, 5.0, air_density=1.2243,
        kinematic_viscosity=7.5133e-6,
    )  # fmt: skip


def benzene_view() -> list[float]:
    pool = benzene_fire()
    return [float(fire.cylinder_view_factor(BENZENE / 2, pool.length, 100.0, pool.tilt_deg)[2])]


def carbon_monoxide() -> list[float]:
    source = plume.Source(0, 0, 1.0, 100.0)
    return [1000 * float(plume.gaussian(0.0, -100.0, 1.0, source, 0.0, 28.8, 10.3, 5.0))]


COMPUTED: dict[str, Callable[[], list[float]]] = {
    "kb_incident": lambda: [float(blast.overpressure(10_000, 500)) / 1000],
    "kb_duration": lambda: [float(blast.positive_duration(10_000, 500)) * 1000],
    "jet_liquid": lambda: [release.liquid_outflow(math.pi / 4 * 0.01**2, 490, 120935.0368, discharge=0.63)],
    "yb_liquid": lambda: [
        release.liquid_outflow(math.pi / 4 * 0.1**2, 812.5, release.ATMOSPHERE, 11.12, discharge=0.62)
    ],
    "yb_pool_d": lambda: [math.sqrt(4 * release.pool_area(28.3, thickness=0.02) / math.pi)],
    "yb_pool_tilt": lambda: [benzene_fire().tilt_deg],
    "yb_pool_F": benzene_view,
    "pb_plume_co": carbon_monoxide,
    "osd_eisenberg": lambda: [float(v) for v in harm.load_for([0.01, 0.5], *harm.HEAT_LAWS["eisenberg"])],
    "osd_hsc": lambda: [float(v) for v in harm.load_for([0.01, 0.5, 0.95], *harm.OVERPRESSURE_LAW)],
    "gauss_puff_ccps": ccps_puff,
    "bm_plume_mid": burro_mid,
    "bm_puff_nf": lambda: [float(densegas.puff_concentration(160.0, 0.0, 200.0, dense(2.0, volume=7.25e4)))],
    "briggs_rise_b": lambda: rise(Stability.A),
    "briggs_rise_E": lambda: rise(Stability.E),
    "isc_sz_D": lambda: [float(v) for v in isc3([100, 500, 2000, 5000], Stability.D)[1]],
    "slab_burro8": lambda: [burro_8().distance_to(0.05)],
}


def test_no_row_is_left_out() -> None:
    assert set(COMPUTED) == set(ROWS)


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_published_value(row: dict[str, str]) -> None:
    expected, found = numbers(row["expected"]), COMPUTED[row["id"]]()
    assert len(found) == len(expected)
    for value, ours in zip(expected, found, strict=True):
        assert ours == pytest.approx(value, rel=0, abs=allowed(row, value))
