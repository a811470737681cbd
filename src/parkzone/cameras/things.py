"""What moves in the picture: smoke, flame, vehicles; all of it a function of the moment, so that nothing is stored."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from parksight.physics import geodesy
from parkzone.cameras.solids import CENTRE, Material, Soup, prisms
from parkzone.cameras.stage import Fire
from parkzone.geometry.plan import AVENUES, STREETS
from parkzone.seeds import stream

F64 = npt.NDArray[np.float64]
F32 = npt.NDArray[np.float32]
#: Columns: place (3), colour and opacity (4), size and weight (2).
SPOT_COLUMNS = 9
VEHICLES = 220
_PUFFS = 70
_TONGUES = 34


def spots(fires: tuple[Fire, ...], wall_s: float) -> F32:
    """Puffs of smoke and tongues of flame, as rows of :data:`SPOT_COLUMNS`."""
    rows = [(_smoke if f.kind == "smoke" else _flame)(f, wall_s) for f in fires]
    return np.concatenate(rows).astype(np.float32) if rows else np.zeros((0, SPOT_COLUMNS), np.float32)


def _smoke(fire: Fire, wall_s: float) -> F64:
    at = geodesy.to_enu(fire.lon, fire.lat, fire.height, CENTRE)
    life = 28.0
    number = np.arange(_PUFFS)
    age = (wall_s / life + number / _PUFFS) % 1.0
    born = max(0.0, wall_s - fire.since_s)
    rng = stream(7, "puffs")
    wobble = rng.normal(0.0, 1.0, (_PUFFS, 3)) * fire.size * (0.3 + 1.6 * age)[:, None]
    drift = np.array([fire.wind[0], fire.wind[1], 0.0])
    rise = np.zeros((_PUFFS, 3))
    rise[:, 2] = fire.size * (0.3 + 6.0 * age**0.8)
    place = at + drift * (age * life)[:, None] * 0.9 + rise + wobble * [1.0, 1.0, 0.5]
    shown = np.where(age * life < born, 1.0, 0.0)
    grey = 0.34 + 0.20 * rng.random(_PUFFS) + 0.1 * age
    alpha = 0.55 * (1 - age) ** 1.3 * np.minimum(1.0, age * 12.0) * shown
    size = fire.size * (0.6 + 3.2 * age)
    return np.column_stack([place, grey, grey, grey * 1.02, alpha, size, np.ones(_PUFFS)])


def _flame(fire: Fire, wall_s: float) -> F64:
    at = geodesy.to_enu(fire.lon, fire.lat, fire.height, CENTRE)
    rng = stream(8, "tongues")
    speed = rng.uniform(0.8, 1.7, _TONGUES)
    age = (wall_s * speed + rng.random(_TONGUES)) % 1.0
    flicker = 0.7 + 0.3 * np.sin(wall_s * 23.0 * speed + np.arange(_TONGUES))
    place = np.tile(at, (_TONGUES, 1))
    place[:, :2] += rng.normal(0.0, 0.35, (_TONGUES, 2)) * fire.size * (1.0 - 0.6 * age)[:, None]
    place[:, 2] += fire.size * 2.4 * age
    red, green, blue = 1.0 - 0.1 * age, 0.78 - 0.55 * age, 0.25 * (1 - age) ** 2
    alpha = 0.85 * (1 - age) * flicker
    size = fire.size * 0.55 * (1.1 - age)
    return np.column_stack([place, red, green, blue, alpha, size, np.ones(_TONGUES)])


def traffic(seed: int, wall_s: float, near: F64, reach_m: float = 1800.0) -> npt.NDArray[np.void]:
    """Vehicles on avenues and streets near a place (zone axes), as triangles."""
    rng = stream(seed, "traffic")
    along_street = rng.random(VEHICLES) < 0.5
    lane = np.where(
        along_street, rng.choice(np.array(STREETS), VEHICLES), rng.choice(np.array(AVENUES), VEHICLES)
    )
    sense = rng.choice([-1.0, 1.0], VEHICLES)
    speed = rng.uniform(7.0, 14.0, VEHICLES)
    start = rng.random(VEHICLES)
    low = np.where(along_street, AVENUES[0], STREETS[0])
    length = np.where(along_street, AVENUES[-1] - AVENUES[0], STREETS[-1] - STREETS[0])
    run = low + (start * length + sense * speed * (wall_s % 1e6)) % length
    # traffic keeps to the right
    side = np.where(along_street, -sense, sense) * 5.0
    u, v = np.where(along_street, run, lane + side), np.where(along_street, lane + side, run)
    lorry = rng.random(VEHICLES) < 0.35
    paint = rng.uniform(0.25, 0.9, (VEHICLES, 1)) * rng.uniform(0.8, 1.0, (VEHICLES, 3))
    close = np.hypot(u - near[0], v - near[1]) < reach_m
    half_long, half_wide = np.where(lorry, 5.5, 2.2)[close], np.where(lorry, 1.3, 0.95)[close]
    tall = np.where(lorry, 3.6, 1.6)[close]
    u, v, street = u[close], v[close], along_street[close]
    wide_u, wide_v = np.where(street, half_long, half_wide), np.where(street, half_wide, half_long)
    corner = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    rings = np.stack([u, v], axis=1)[:, None] + corner * np.stack([wide_u, wide_v], axis=1)[:, None]
    soup = Soup(snapped=False)
    if len(u):
        k = len(u)
        prisms(
            soup, rings, np.full(k, 0.3), tall, paint[close], paint[close] * 0.9, np.full(k, Material.PLAIN, np.uint8),
            smooth=False,
        )  # fmt: skip
    return soup.vertices()
