"""Surface-layer state from one wind mast, the hour and the sky: solar height, heat flux, u* and L.

Day: net radiation from sun height and cloud (Holtslag and van Ulden 1983), sensible heat by the Bowen ratio, u* and L
by iteration. Night: temperature scale from cloud cover and Venkatram's (1980) u*. This is the scheme of AERMET
(EPA-454/B-18-002, 3). Defaults are stated assumptions, not measurements.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from parksight.physics.atmosphere import (
    GRAVITY,
    KAPPA,
    WIND_FLOOR_M_S,
    SurfaceLayer,
    default_mixing_height,
    psi_m,
)
from parksight.physics.inputs import known, positive

#: Volumetric heat capacity of air, J/(m3 K).
RHO_CP = 1216.0
STEFAN_BOLTZMANN = 5.67e-8


def solar_elevation(instant: datetime, longitude_deg: float, latitude_deg: float) -> float:
    """Elevation of the sun, degrees above the horizon (NOAA's short form, within about 0.3°)."""
    if instant.tzinfo is None:
        raise ValueError("the instant needs a timezone")
    utc = instant.astimezone(UTC)
    day = utc.timetuple().tm_yday
    hour = utc.hour + utc.minute / 60 + utc.second / 3600
    g = 2 * math.pi / 365 * (day - 1 + (hour - 12) / 24)
    equation = 229.18 * (
        0.000075 + 0.001868 * math.cos(g) - 0.032077 * math.sin(g)
        - 0.014615 * math.cos(2 * g) - 0.040849 * math.sin(2 * g)
    )  # fmt: skip
    declination = (
        0.006918 - 0.399912 * math.cos(g) + 0.070257 * math.sin(g) - 0.006758 * math.cos(2 * g)
        + 0.000907 * math.sin(2 * g) - 0.002697 * math.cos(3 * g) + 0.00148 * math.sin(3 * g)
    )  # fmt: skip
    angle = math.radians((hour * 60 + equation + 4 * longitude_deg) / 4 - 180)
    lat = math.radians(latitude_deg)
    sine = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(angle)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def sensible_heat(
    elevation_deg: float, cloud: float, temperature_k: float, *, albedo: float = 0.2, bowen: float = 1.0
) -> float:
    """Sensible heat flux by day, W/m2; negative when radiation does not carry it."""
    known(elevation_deg=elevation_deg, cloud=cloud, temperature_k=temperature_k)
    positive(albedo=albedo, bowen=bowen)
    clear: float = max(990.0 * math.sin(math.radians(elevation_deg)) - 30.0, 0.0)
    insolation: float = clear * (1 - 0.75 * math.pow(cloud, 3.4))
    # The albedo of low sun is higher (AERMET, eq. 3).
    reflected = albedo + (1 - albedo) * math.exp(-0.1 * elevation_deg - 0.5 * (1 - albedo) ** 2)
    net = (
        (1 - min(reflected, 1.0)) * insolation
        + 5.31e-13 * temperature_k**6 - STEFAN_BOLTZMANN * temperature_k**4 + 60.0 * cloud
    ) / 1.12  # fmt: skip
    return 0.9 * net / (1 + 1 / bowen)


def surface_layer(
    wind: float, wind_height: float, z0: float, elevation_deg: float, cloud: float, temperature_k: float = 293.15,
    *, albedo: float = 0.2, bowen: float = 1.0, latitude_deg: float = 41.8, mixing_height: float | None = None,
    sigma_theta: float | None = None,
) -> SurfaceLayer:  # fmt: skip
    """The surface layer from mast wind, sun height and cloud fraction 0…1.

    Raises ValueError for an unknown wind, cloud or temperature: none of them is guessed here.
    """
    for name, value in (
        ("wind", wind),
        ("cloud", cloud),
        ("temperature", temperature_k),
        ("sun", elevation_deg),
    ):
        if not math.isfinite(value):
            raise ValueError(f"{name} is unknown: measure it or state an assumption")
    known(latitude_deg=latitude_deg)
    positive(albedo=albedo, bowen=bowen)
    if wind < 0 or not 0 <= cloud <= 1 or not 180 < temperature_k < 340:
        raise ValueError("wind must be 0 or more, cloud 0..1, temperature 180..340 K")
    if not wind_height > 3 * z0:
        raise ValueError(f"the mast ({wind_height} m) must stand well above the roughness ({z0} m)")
    u = max(wind, WIND_FLOOR_M_S)
    heat = (
        sensible_heat(elevation_deg, cloud, temperature_k, albedo=albedo, bowen=bowen)
        if elevation_deg > 0
        else -1.0
    )
    if heat > 0:
        ustar, length = _convective(u, wind_height, z0, heat, temperature_k)
    else:
        ustar, length = _stable(u, wind_height, z0, cloud, temperature_k)
    height = default_mixing_height(ustar, length, latitude_deg) if mixing_height is None else mixing_height
    return SurfaceLayer(ustar, length, z0, height, sigma_theta, u if sigma_theta is not None else None)


def _convective(u: float, z: float, z0: float, heat: float, t: float) -> tuple[float, float]:
    length = -math.inf
    ustar = KAPPA * u / math.log(z / z0)
    for _ in range(40):
        profile = math.log(z / z0)
        if math.isfinite(length):
            profile += float(psi_m(z0, length)) - float(psi_m(z, length))
        ustar = KAPPA * u / max(profile, 0.5)
        new = -RHO_CP * t * ustar**3 / (KAPPA * GRAVITY * heat)
        if math.isfinite(length) and abs(new - length) < 1e-4 * abs(new):
            break
        length = new
    return ustar, max(length, -1e5) if length > -1e5 else -1e5


def _stable(u: float, z: float, z0: float, cloud: float, t: float) -> tuple[float, float]:
    theta = 0.09 * (1 - 0.5 * cloud * cloud)
    drag = KAPPA / math.log(z / z0)
    critical = math.sqrt(4 * 4.7 * z * GRAVITY * theta / (t * drag))
    if u >= critical:
        ustar = drag * u / 2 * (1 + math.sqrt(max(0.0, 1 - (critical / u) ** 2)))
    else:  # below the critical wind both scales fall with it (AERMET, eq. 21-22)
        ustar = drag * critical / 2 * (u / critical)
        theta *= u / critical
    return ustar, t * ustar**2 / (KAPPA * GRAVITY * theta)
