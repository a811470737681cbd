"""SLAB runs of field trials that several tests share."""

from __future__ import annotations

from parksight.physics import slab

LNG = slab.Liquid("LNG", 0.016043, 2238.0, 3348.5, 509_900.0, 111.7, 424.1)
AMMONIA = slab.Liquid("NH3", 0.017031, 2045.9, 4611.8, 1.17e6, 239.57, 603.0, 2976.01, 0.0)


def burro_8() -> slab.SlabCloud:
    """LNG on water, 1980: low wind, stable; 5 % were met out to 455 m."""
    spill = slab.Release("pool", 116.93, 116.93 / 0.167, 107.0)
    weather = slab.Weather(1.94, 3.0, 290.0, 0.5, 2e-4, "E")
    return slab.run(spill, LNG, weather, farthest=2000.0, averaging_s=80.0)


def desert_tortoise_4() -> slab.SlabCloud:
    """Pressurised ammonia, 1983, as in the SLAB manual's deck."""
    jet = slab.Release("jet", 107.87, 0.93, 381.0, 0.81, 1.0)
    weather = slab.Weather(4.5, 2.0, 306.2, 0.213, 0.003, inverse_obukhov=0.0221)
    return slab.run(jet, AMMONIA, weather, farthest=2800.0)
