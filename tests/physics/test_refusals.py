"""Nothing is silently NaN: every number that a formula takes, made unknown, is refused with a reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from parksight.physics import (
    atmosphere,
    blast,
    consequence,
    densegas,
    energybalance,
    evacuation,
    fire,
    geodesy,
    harm,
    plume,
    puffs,
    release,
    slab,
    spread,
    substances,
)
from parksight.physics.atmosphere import Stability, SurfaceLayer
from parksight.physics.calibration import ControlPoint, calibrate
from parksight.physics.camera import Camera, Pose
from parksight.physics.sightlines import Terrain, error_ellipse, ground, two_camera_fix, viewshed

LAYER = SurfaceLayer.from_class(3.0, 10.0, Stability.D, 0.1)
SOURCE = plume.Source(0.0, 0.0, 2.0, 0.5)
GRID = consequence.Grid.around((120.77, 41.80), 1500.0, 60)
FLAT = Terrain(np.linspace(-4000, 4000, 41), np.linspace(-4000, 4000, 41), np.zeros((41, 41)))
CAMERA = Camera((120.77, 41.80, 200.0), (0.0, 0.0, 60.0))
WIND = puffs.WindSeries(0.0, 60.0, np.full(10, 3.0), np.full(10, 270.0))
CLOUD = densegas.Cloud(1.76, 1.18, 5.0, flow=50.0)
ROADS = evacuation.Roads(
    np.array([0.0, 100.0, 200.0]),
    np.zeros(3),
    np.array([0, 1], dtype=np.intp),
    np.array([1, 2], dtype=np.intp),
)


def still(x: Any, _y: Any, _t: Any) -> Any:
    return np.zeros_like(x)


CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "pasquill": (atmosphere.pasquill, {"wind_10m": 3.0, "sun": atmosphere.Sun.STRONG}),
    "srdt day": (atmosphere.srdt, {"wind_10m": 3.0, "radiation_w_m2": 500.0}),
    "srdt night": (atmosphere.srdt, {"wind_10m": 3.0, "gradient_k": 0.5}),
    "turner": (atmosphere.turner, {"wind_10m": 3.0, "solar_elevation_deg": 40.0, "cloud_tenths": 3.0, "ceiling_m": 3000.0}),
    "obukhov_length": (lambda z0: atmosphere.obukhov_length(Stability.E, z0), {"z0": 0.1}),
    "stability_of": (atmosphere.stability_of, {"obukhov": 50.0, "z0": 0.1}),
    "from_class": (
        lambda **k: SurfaceLayer.from_class(stability=Stability.D, **k),
        {"wind": 3.0, "wind_height": 10.0, "z0": 0.1, "mixing_height": 500.0, "latitude_deg": 41.8, "sigma_theta": 0.1},
    ),
    "layer": (
        SurfaceLayer,
        {"friction_velocity": 0.3, "obukhov": 50.0, "z0": 0.1, "mixing_height": 500.0, "sigma_theta": 0.1, "sigma_theta_wind": 3.0},
    ),
    "layer wind": (LAYER.wind, {"z": 10.0}),
    "psi_m": (atmosphere.psi_m, {"z": 10.0, "obukhov": 50.0}),
    "mixing height": (atmosphere.default_mixing_height, {"friction_velocity": 0.3, "obukhov": 50.0, "latitude_deg": 41.8}),
    "solar heat": (energybalance.sensible_heat, {"elevation_deg": 40.0, "cloud": 0.3, "temperature_k": 293.0, "albedo": 0.2, "bowen": 1.0}),
    "surface_layer": (
        energybalance.surface_layer,
        {"wind": 3.0, "wind_height": 10.0, "z0": 0.1, "elevation_deg": 40.0, "cloud": 0.3, "temperature_k": 293.0,
         "latitude_deg": 41.8, "mixing_height": 800.0, "albedo": 0.2, "bowen": 1.0, "sigma_theta": 0.1},
    ),
    "briggs": (lambda x: spread.briggs(x, Stability.D), {"x": 100.0}),
    "isc3": (lambda x: spread.isc3(x, Stability.D), {"x": 100.0}),
    "puff": (lambda x: spread.puff(x, Stability.D), {"x": 100.0}),
    "monin_obukhov": (lambda x: spread.monin_obukhov(x, LAYER), {"x": np.array([100.0, 200.0])}),
    "pasquill_lateral": (spread.pasquill_lateral, {"x": 100.0, "sigma_theta": 0.1}),
    "averaging": (lambda **k: spread.for_averaging_time(stability=Stability.D, **k), {"sigma_y": 10.0, "seconds": 60.0}),
    "source": (plume.Source, {"x": 0.0, "y": 0.0, "height": 1.0, "rate": 1.0}),
    "vertical_factor": (plume.vertical_factor, {"z": 1.5, "height": 2.0, "sigma_z": 10.0, "lid": 500.0}),
    "gaussian": (
        lambda **k: plume.gaussian(source=SOURCE, **k),
        {"x": 100.0, "y": 0.0, "z": 1.5, "wind_from_deg": 270.0, "sigma_y": 10.0, "sigma_z": 5.0, "speed": 3.0, "lid": 500.0},
    ),
    "concentration": (
        lambda **k: plume.concentration(source=SOURCE, layer=LAYER, **k),
        {"x": 100.0, "y": 0.0, "z": 1.5, "wind_from_deg": 270.0},
    ),
    "plume_rise": (
        lambda wind, ta, d, v, ts, x: plume.plume_rise(plume.Stack(d, v, ts), wind, ta, Stability.D, x),
        {"wind": 3.0, "ta": 290.0, "d": 1.0, "v": 10.0, "ts": 400.0, "x": 50.0},
    ),
    "downwash": (
        lambda height, d, v, ts, wind: plume.stack_tip_downwash(height, plume.Stack(d, v, ts), wind),
        {"height": 20.0, "d": 1.0, "v": 3.0, "ts": 400.0, "wind": 5.0},
    ),
    "wind series": (
        puffs.WindSeries,
        {"start": 0.0, "step": 60.0, "speed": np.array([3.0, 3.0]), "from_deg": np.array([270.0, 280.0])},
    ),
    "released": (
        lambda **k: puffs.released(wind=WIND, layer=LAYER, **k),
        {"x": 0.0, "y": 0.0, "height": 2.0, "rate": 1.0, "release_times": np.arange(0, 300, 10.0), "interval": 10.0, "now": 300.0},
    ),
    "dense cloud": (
        densegas.Cloud,
        {"density": 1.76, "air_density": 1.2, "wind_10m": 5.0, "flow": 50.0, "temperature": 200.0, "air_temperature": 290.0,
         "initial_fraction": 1.0},
    ),
    "dense concentration": (lambda x: densegas.concentration(x, CLOUD), {"x": 100.0}),
    "dense kind": (densegas.release_kind, {"wind_10m": 3.0, "release_s": 100.0, "distance": 500.0}),
    "dense shape": (lambda x: densegas.plume_shape(x, CLOUD), {"x": 100.0}),
    "slab weather": (
        lambda **k: slab.Weather(stability="D", **k),
        {"wind": 3.0, "height": 10.0, "temperature": 290.0, "humidity": 0.5, "z0": 0.01},
    ),
    "gas_jet": (
        release.gas_jet,
        {"area": 1e-4, "pressure": 5e5, "temperature": 300.0, "molar_mass": 0.029, "heat_ratio": 1.4, "ambient": 101325.0,
         "discharge": 0.85, "compressibility": 1.0},
    ),
    "blow_down": (
        release.blow_down,
        {"volume": 10.0, "area": 1e-4, "pressure": 5e5, "temperature": 300.0, "molar_mass": 0.029, "heat_ratio": 1.4,
         "duration": 100.0, "ambient": 101325.0, "discharge": 0.85},
    ),
    "liquid_outflow": (
        release.liquid_outflow,
        {"area": 1e-4, "density": 800.0, "pressure": 2e5, "head": 2.0, "ambient": 101325.0, "discharge": 0.62},
    ),
    "tank_drain": (
        release.tank_drain,
        {"level": 3.0, "tank_area": 10.0, "hole_area": 1e-3, "density": 800.0, "duration": 600.0, "pressure": 101325.0,
         "ambient": 101325.0, "discharge": 0.62},
    ),
    "flash": (release.flash_fraction, {"temperature": 300.0, "boiling_point": 240.0, "heat_capacity": 4600.0, "latent_heat": 1.2e6}),
    "two_phase": (
        release.two_phase,
        {"area": 1e-4, "pressure": 1e6, "temperature": 298.0, "density": 600.0, "boiling_point": 240.0, "heat_capacity": 4600.0,
         "latent_heat": 1.2e6, "molar_mass": 0.017, "pipe_length": 0.05, "ambient": 101325.0, "discharge": 0.62},
    ),
    "pool_area": (release.pool_area, {"volume": 10.0, "bund_area": 100.0, "thickness": 0.01}),
    "spreading": (release.spreading_radius, {"volume": 10.0, "seconds": 30.0, "thickness": 0.005}),
    "evaporation": (
        release.evaporation,
        {"wind_10m": 3.0, "area": 100.0, "molar_mass": 0.08, "vapour_pressure": 1e4, "temperature": 293.0, "schmidt": 0.8,
         "ambient": 101325.0},
    ),
    "boiling": (
        release.boiling_evaporation,
        {"seconds": 10.0, "area": 100.0, "ground_temperature": 290.0, "boiling_point": 240.0, "latent_heat": 1.2e6,
         "conductivity": 0.9, "diffusivity": 4.3e-7},
    ),
    "transmissivity": (fire.transmissivity, {"water_pressure_pa": 1000.0, "distance": 50.0}),
    "water_pressure": (fire.water_pressure, {"temperature": 293.0, "relative_humidity": 0.6}),
    "burgess": (
        fire.burning_flux,
        {"diameter": 10.0, "heat_of_combustion": 4.4e7, "latent_heat": 3.3e5, "heat_capacity": 2200.0, "boiling_point": 340.0,
         "air_temperature": 290.0},
    ),
    "babrauskas": (fire.burning_flux, {"diameter": 10.0, "limit_flux": 0.08, "extinction": 2.0}),
    "pool_fire": (
        fire.pool_fire,
        {"diameter": 10.0, "flux": 0.06, "heat_of_combustion": 4.4e7, "wind": 3.0, "air_density": 1.2, "radiant_fraction": 0.35,
         "kinematic_viscosity": 1.5e-5},
    ),
    "view factor": (fire.cylinder_view_factor, {"radius": 5.0, "length": 10.0, "distance": 60.0, "tilt_deg": 30.0}),
    "pool_fire_flux": (
        lambda **k: fire.pool_fire_flux(fire.pool_fire(10.0, 0.06, 4.4e7, 3.0), **k),
        {"distance": 60.0, "air_temperature": 290.0, "relative_humidity": 0.6},
    ),
    "jet length": (fire.jet_fire_length, {"power_w": 1e8}),
    "jet flux": (
        fire.jet_fire_flux,
        {"power_w": 1e8, "radiant_fraction": 0.2, "target_along": 10.0, "target_across": 20.0, "air_temperature": 290.0,
         "relative_humidity": 0.6},
    ),
    "fireball": (fire.fireball, {"mass": 1e4, "heat_of_combustion": 4.6e7, "burst_pressure_pa": 1.5e6}),
    "fireball flux": (
        lambda **k: fire.fireball_flux(fire.fireball(1e4, 4.6e7, 1.5e6), **k),
        {"distance": 200.0, "air_temperature": 290.0, "relative_humidity": 0.6},
    ),
    "tnt": (blast.tnt_equivalent, {"mass": 1000.0, "heat_of_combustion": 4.6e7, "yield_factor": 0.04}),
    "overpressure": (blast.overpressure, {"tnt_mass": 1000.0, "distance": 100.0}),
    "blast distance": (blast.distance_for, {"tnt_mass": 1000.0, "pressure": 7000.0}),
    "multi-energy": (blast.multi_energy_scaled_distance, {"distance": 100.0, "congested_volume": 1000.0, "ambient": 101325.0}),
    "heat_probit": (harm.heat_probit, {"dose": 1000.0}),
    "toxic_probit": (harm.toxic_probit, {"load": 1000.0, "a": -7.4, "b": 1.0}),
    "grid": (lambda half: consequence.Grid.around((120.0, 41.0), half), {"half": 500.0}),
    "field": (
        lambda **k: consequence.steady_field(GRID, SOURCE, layer=LAYER, **k),
        {"wind_from_deg": 270.0, "z": 1.5},
    ),
    "zones": (lambda **k: consequence.zones(GRID, **k), {"field": np.zeros((60, 60)), "thresholds": np.array([1.0])}),
    "exposure": (consequence.exposure, {"series": np.ones((2, 5)), "step": 10.0, "threshold": 0.5, "exponent": 2.0}),
    "ensemble": (
        lambda **k: consequence.ensemble(GRID, SOURCE, layer=LAYER, members=8, **k),
        {"wind_from_deg": 270.0, "wind_sd_deg": 5.0, "rate_factor_sd": 0.3},
    ),
    "escape": (
        lambda **k: evacuation.escape(ROADS, [2], still, **k),
        {"start_time": 0.0, "exponent": 1.0, "load_weight": 1.0, "forbidden": 5.0, "speed": 1.34},
    ),
    "indoor": (evacuation.indoor, {"outdoor": np.ones(5), "step": 10.0, "air_changes_per_hour": 0.5, "start": 0.0}),
    "shelter": (
        lambda **k: evacuation.shelter_or_leave(ROADS, 0, evacuation.escape(ROADS, [2], still), still, **k),
        {"start_time": 0.0, "horizon": 600.0, "exponent": 2.0, "air_changes_per_hour": 0.5, "step": 10.0},
    ),
    "to_enu": (
        lambda **k: geodesy.to_enu(origin=(120.77, 41.80, 0.0), **k),
        {"longitude_deg": 120.77, "latitude_deg": 41.81, "height": 10.0},
    ),
    "from_enu": (lambda enu: geodesy.from_enu(enu, (120.77, 41.80, 0.0)), {"enu": np.array([10.0, 20.0, 3.0])}),
    "camera": (
        lambda **k: Camera((120.77, 41.80, 0.0), **k),
        {"position": np.array([0.0, 0.0, 60.0]), "pan0": 0.0, "tilt0": 0.0, "roll": 0.0, "focal": 1000.0, "k1": 0.0, "zoom1": 0.0},
    ),
    "pose": (Pose, {"pan": 0.0, "tilt": 0.0, "zoom": 1.0}),
    "ray": (lambda pixel: CAMERA.ray(pixel, Pose(0.0, -0.1)), {"pixel": np.array([640.0, 360.0])}),
    "aim": (lambda enu, width: CAMERA.aim(enu, width=width), {"enu": np.array([300.0, 400.0, 0.0]), "width": 20.0}),
    "click": (lambda pixel: ground(CAMERA, pixel, Pose(0.0, -0.1), FLAT), {"pixel": np.array([640.0, 360.0])}),
    "ellipse": (
        lambda **k: error_ellipse(CAMERA, ground(CAMERA, (640, 360), Pose(0.0, -0.1), FLAT), **k),  # type: ignore[arg-type]
        {"sigma_angle": 1e-3, "sigma_height": 0.5},
    ),
    "fix": (
        lambda a, sigma_angle: two_camera_fix([a, np.array([900.0, 0, 50])], [np.array([1.0, 1, 0]), np.array([-1.0, 1, 0])], sigma_angle),
        {"a": np.array([0.0, 0.0, 60.0]), "sigma_angle": 1e-3},
    ),
    "viewshed": (lambda farthest: viewshed(CAMERA, FLAT, 8, 20, farthest), {"farthest": 3000.0}),
    "calibrate": (
        lambda enu, pixel: calibrate(
            CAMERA, [ControlPoint(tuple(enu), tuple(pixel), Pose(0.1 * i, -0.1)) for i in range(5)]
        ),
        {"enu": np.array([300.0, 400.0, 0.0]), "pixel": np.array([640.0, 360.0])},
    ),
    "vapour_pressure": (lambda t: substances.vapour_pressure(substances.find("氯"), t), {"t": 290.0}),
    "gas_density": (lambda t, p: substances.gas_density(substances.find("氯"), t, p), {"t": 290.0, "p": 101325.0}),
}  # fmt: skip
#: In a map or a series NaN is a place or a moment without a value, and stays one.
EACH = [
    (name, argument)
    for name, (_, given) in CALLS.items()
    for argument in given
    if not isinstance(given[argument], atmosphere.Sun)
]


@pytest.mark.parametrize("name", CALLS)
def test_it_works_with_everything_known(name: str) -> None:
    call, given = CALLS[name]
    call(**given)


@pytest.mark.parametrize(("name", "argument"), EACH, ids=[f"{n}-{a}" for n, a in EACH])
def test_an_unknown_number_is_refused(name: str, argument: str) -> None:
    call, given = CALLS[name]
    value = given[argument]
    unknown: Any = math.nan
    if isinstance(value, np.ndarray):
        unknown = value.astype(float).copy()
        unknown.flat[0] = math.nan
    with pytest.raises(ValueError, match=r"."):
        call(**{**given, argument: unknown})
