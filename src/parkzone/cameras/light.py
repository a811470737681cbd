"""Sun, sky and lamps by the clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parkzone.geometry.frame import LAT0, LON0

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """How the park is lit.

    Attributes:
        towards_sun: unit vector, east, north, up (of the moon at night).
        sun, ambient: strengths of the two; zenith, horizon: colours of the sky; lamps: 0 by day to 1 at night.
    """

    towards_sun: Colour
    sun: Colour
    ambient: Colour
    zenith: Colour
    horizon: Colour
    lamps: float


def elevation_deg(wall_s: float) -> tuple[float, float]:
    """Elevation and azimuth of the sun, degrees; good to a degree, which is enough to light a stage."""
    day = (wall_s / 86_400.0) % 365.2425
    declination = math.radians(-23.44 * math.cos(2 * math.pi * (day + 10.0) / 365.2425))
    hour = math.radians(((wall_s / 3600.0) % 24.0 + LON0 / 15.0 - 12.0) * 15.0)
    lat = math.radians(LAT0)
    sine = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour)
    east = -math.cos(declination) * math.sin(hour)
    north = math.cos(lat) * math.sin(declination) - math.sin(lat) * math.cos(declination) * math.cos(hour)
    return math.degrees(math.asin(sine)), math.degrees(math.atan2(east, north)) % 360.0


def light(wall_s: float) -> Light:
    """The light at a moment of UTC."""
    up, azimuth = elevation_deg(wall_s)
    day = _smooth((up + 7.0) / 14.0)
    dusk = math.exp(-((up - 1.0) ** 2) / 30.0)
    shown = math.radians(max(up, 8.0) if day > 0.3 else 40.0)
    a = math.radians(azimuth)
    towards = (math.sin(a) * math.cos(shown), math.cos(a) * math.cos(shown), math.sin(shown))
    warm = (1.0, 1.0 - 0.25 * dusk, 1.0 - 0.5 * dusk)
    return Light(
        towards_sun=towards,
        sun=_blend((0.10, 0.12, 0.18), _scaled(warm, 0.62), day),
        ambient=_blend((0.13, 0.15, 0.22), (0.50, 0.53, 0.58), day),
        zenith=_blend((0.02, 0.03, 0.07), (0.33, 0.52, 0.80), day),
        horizon=_blend(
            _blend((0.07, 0.08, 0.13), (0.74, 0.80, 0.86), day), (0.85, 0.58, 0.40), 0.5 * dusk * day
        ),
        lamps=1.0 - _smooth((up + 2.0) / 6.0),
    )


def _scaled(colour: Colour, by: float) -> Colour:
    return colour[0] * by, colour[1] * by, colour[2] * by


def _smooth(x: float) -> float:
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def _blend(a: Colour, b: Colour, share: float) -> Colour:
    r, g, blue = (x + (y - x) * share for x, y in zip(a, b, strict=True))
    return r, g, blue
