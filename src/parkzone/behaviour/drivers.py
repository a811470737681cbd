"""Zone-wide drivers: weather, haze, traffic, activity; everything outdoors follows them."""

from __future__ import annotations

import math

import numpy as np

from parkzone.behaviour import noise
from parkzone.behaviour.noise import F64
from parkzone.seeds import key

#: Rows of :func:`drivers`, in this order.
DRIVERS = (
    "temperature",  # degC
    "humidity",  # %
    "wind",  # m/s
    "direction",  # degrees from which the wind blows
    "pressure",  # hPa
    "sun",  # 0..1 of clear-sky noon in June
    "rain",  # mm/h
    "haze",  # standardised, slow
    "dry",  # standardised dryness
    "rush",  # 0..1 traffic
    "calm",  # 0 windy .. 1 still
    "activity",  # 0 night .. 1 working day
)
ROW = {name: i for i, name in enumerate(DRIVERS)}
LATITUDE, LONGITUDE = math.radians(41.8), 120.77
UTC_OFFSET_S = 8 * 3600
HOUR, DAY = 3600.0, 86_400.0
#: Local Monday 00:00 before the Unix epoch, seconds: 1970-01-01 was a Thursday.
_WEEK_SHIFT_S = 3 * 86_400


def local_seconds(seconds: F64) -> F64:
    """Seconds since local midnight (UTC+8, no summer time in China)."""
    out: F64 = np.mod(seconds + UTC_OFFSET_S, DAY)
    return out


def week_minutes(seconds: F64) -> F64:
    """Minutes since local Monday 00:00, with fraction."""
    out: F64 = np.mod(seconds + UTC_OFFSET_S + _WEEK_SHIFT_S, 7 * DAY) / 60.0
    return out


def solar_elevation(seconds: F64) -> F64:
    """Sine of the sun's elevation over the zone (declination after Cooper 1969), negative at night."""
    day = np.mod(seconds / DAY, 365.2425)
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day + 1) / 365.2425)
    hour_angle = 2 * np.pi * (np.mod(seconds + LONGITUDE * 240.0, DAY) / DAY - 0.5)
    out: F64 = np.sin(LATITUDE) * np.sin(declination) + np.cos(LATITUDE) * np.cos(declination) * np.cos(
        hour_angle
    )
    return out


def _bump(hours: F64, centre: float, width: float) -> F64:
    out: F64 = np.exp(-0.5 * ((hours - centre) / width) ** 2)
    return out


def drivers(seed: int, seconds: F64) -> F64:
    """All drivers at the given instants (seconds since the epoch, UTC); shape (len(DRIVERS), T)."""

    def n(name: str, scale: float) -> F64:
        row: F64 = noise.smooth(np.array([key(seed, "driver", name)], np.uint64), seconds, scale)[0]
        return row

    hours = local_seconds(seconds) / HOUR
    weekday = week_minutes(seconds) / 1440.0
    weekend = np.clip((weekday - 5.0) * 24.0, 0.0, 1.0)
    year = 2 * np.pi * (np.mod(seconds / DAY, 365.2425) - 24.0) / 365.2425

    synoptic = n("synoptic", 2.2 * DAY)
    cloud = np.clip(0.45 + 0.45 * n("cloud", 9 * HOUR) + 0.15 * n("cloud-fast", 0.5 * HOUR), 0.0, 1.0)
    sun = np.clip(solar_elevation(seconds), 0.0, None) / 0.95 * (1.0 - 0.72 * cloud**1.6)
    diurnal = np.cos(2 * np.pi * (hours - 14.6) / 24.0)
    temperature = (
        7.5
        - 17.5 * np.cos(year)
        + 4.6 * diurnal * (1.1 - 0.5 * cloud)
        + 3.6 * synoptic
        + 0.5 * n("gust", HOUR)
    )
    humidity = np.clip(
        56.0 + 12 * np.sin(year - 1.6) - 11.0 * diurnal + 20.0 * (cloud - 0.45) + 5.0 * n("moist", 8 * HOUR),
        12.0,
        99.0,
    )
    log_wind = 0.95 + 0.25 * diurnal + 0.38 * n("wind", 8 * HOUR) + 0.14 * n("wind-fast", 0.6 * HOUR)
    wind = np.clip(np.exp(log_wind), 0.2, 16.0)
    direction = np.mod(
        292.0
        + 48.0 * n("direction", 20 * HOUR)
        + 12.0 * n("veer", 1.5 * HOUR)
        + 5.0 * n("eddy", 0.15 * HOUR),
        360.0,
    )
    pressure = 1003.0 + 6.0 * np.cos(year) - 6.5 * synoptic + 0.6 * np.cos(4 * np.pi * (hours - 10) / 24.0)
    rain = np.clip((cloud - 0.95) * 60.0 * (0.4 + humidity / 160.0), 0.0, 30.0)
    calm = np.clip((3.4 - wind) / 2.4, 0.0, 1.0)
    haze = 0.9 * n("haze", 1.3 * DAY) + 0.3 * n("haze-fast", 4 * HOUR) + 0.5 * calm - 0.3
    rush = np.clip(_bump(hours, 7.7, 0.9) + _bump(hours, 17.6, 1.0), 0.0, 1.0) * (1.0 - 0.5 * weekend)
    activity = np.clip((np.abs(hours - 13.5) < 7.5) * (1.0 - np.abs((hours - 13.5) / 7.5) ** 6), 0.0, 1.0)
    activity = activity * (1.0 - 0.35 * weekend)
    dry = -0.9 * (humidity - 56.0) / 20.0
    return np.vstack(
        (temperature, humidity, wind, direction, pressure, sun, rain, haze, dry, rush, calm, activity)
    )
