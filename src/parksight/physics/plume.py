"""Steady passive plumes over flat ground: Gaussian with ground and lid reflection, and Briggs plume rise.

Positions in metres in a plane (x east, y north, z up); wind direction in degrees it comes *from*, clockwise from north;
emission in kg/s, concentration in kg/m3. Valid for gases about as heavy as air beyond some 20 m, flat open ground,
steady wind for the travel time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics.atmosphere import GRAVITY_45, Stability, SurfaceLayer, stability_of
from parksight.physics.inputs import known, not_negative, positive
from parksight.physics.spread import briggs, isc3, monin_obukhov

F64 = npt.NDArray[np.float64]

#: Nearest distance for which a value is given; nearer the source geometry rules.
NEAREST_M = 1.0


@dataclass(frozen=True, slots=True)
class Source:
    """A steady point release: position, height above ground (m) and emission (kg/s)."""

    x: float
    y: float
    height: float
    rate: float

    def __post_init__(self) -> None:
        for name in ("x", "y", "height", "rate"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"the source's {name} is unknown")
        if self.height < 0 or self.rate < 0:
            raise ValueError("a source's height and emission must be 0 or more")


def downwind(x: npt.ArrayLike, y: npt.ArrayLike, source: Source, wind_from_deg: float) -> tuple[F64, F64]:
    """Downwind and crosswind distance of points from a source, m."""
    known(x=x, y=y)
    if not math.isfinite(wind_from_deg):
        raise ValueError("the wind direction is unknown: a plume needs one")
    a = math.radians(wind_from_deg)
    dx, dy = np.asarray(x, dtype=np.float64) - source.x, np.asarray(y, dtype=np.float64) - source.y
    along: F64 = -dx * math.sin(a) - dy * math.cos(a)
    across: F64 = dx * math.cos(a) - dy * math.sin(a)
    return along, across


def vertical_factor(
    z: npt.ArrayLike, height: npt.ArrayLike, sigma_z: npt.ArrayLike, lid: float = math.inf
) -> F64:
    """Vertical density of a plume with perfect ground and lid reflection, 1/m; integrates to 1 over 0…lid (to 1e-7).

    Above ``sigma_z = 1.6 lid`` the plume is well mixed below the lid. A source above the lid is not trapped by it: the lid
    is left out then, which errs high at the ground.

    Args:
        z, height: of receptor and source above ground, m, >= 0. sigma_z: m, > 0. Shapes broadcast.
        lid: mixing height, m, > 0; infinite for none.

    Raises ValueError for an unknown or impossible lid, and for a spread not above 0.
    """
    known(z=z, height=height)
    zz, h, s = (np.asarray(v, dtype=np.float64) for v in (z, height, sigma_z))
    if not lid > 0 or not (s > 0).all():
        raise ValueError("the mixing height and the vertical spread must be known and above 0")

    def pair(offset: float) -> F64:
        out: F64 = np.exp(-0.5 * ((zz - h - offset) / s) ** 2) + np.exp(-0.5 * ((zz + h - offset) / s) ** 2)
        return out

    free = pair(0.0)
    widest = min(float(s.max(initial=0.0)), 1.6 * lid)
    # The lid's images lie at least 2 lid - z - h away: below 1e-14 of the plume until it has grown towards it.
    if not s.size or not 8.0 * widest > 2.0 * lid - float(zz.max()) - float(h.max()):
        bounded = free
    else:
        images = range(1, math.ceil(4.0 * widest / lid + 1.0) + 1)  # the last ones lie 8 sigma away
        bounded = sum((pair(2 * n * lid) + pair(-2 * n * lid) for n in images), free)
    root: F64 = math.sqrt(2 * math.pi) * s
    if not math.isfinite(lid):
        return np.asarray(free / root)
    density = np.where(s > 1.6 * lid, 1.0 / lid, bounded / root)
    density = np.where(zz > lid, 0.0, density)
    out: F64 = np.where(h > lid, free / root, density)
    return out


def gaussian(
    x: npt.ArrayLike, y: npt.ArrayLike, z: npt.ArrayLike, source: Source, wind_from_deg: float,
    sigma_y: npt.ArrayLike, sigma_z: npt.ArrayLike, speed: npt.ArrayLike, lid: float = math.inf,
) -> F64:  # fmt: skip
    """The plume equation with given spread, kg/m3; arrays broadcast; zero upwind."""
    positive(sigma_y=sigma_y, speed=speed)
    along, across = downwind(x, y, source, wind_from_deg)
    sy = np.asarray(sigma_y, dtype=np.float64)
    lateral = np.exp(-0.5 * (across / sy) ** 2) / (math.sqrt(2 * math.pi) * sy)
    c = source.rate / np.asarray(speed, dtype=np.float64) * lateral
    c = c * vertical_factor(z, source.height, sigma_z, lid)
    out: F64 = np.where(along > 0, c, 0.0)
    return out


@dataclass(frozen=True, slots=True)
class SpreadTable:
    """Spread and speed tabulated over distance (log-spaced), so that a map costs one interpolation."""

    log_x: F64
    log_sy: F64
    log_sz: F64
    speed: F64

    def at(self, along: F64) -> tuple[F64, F64, F64]:
        lx = np.log(np.maximum(along, NEAREST_M))
        step = (self.log_x[-1] - self.log_x[0]) / (len(self.log_x) - 1)
        position = np.clip((lx - self.log_x[0]) / step, 0, len(self.log_x) - 1.000001)
        i = position.astype(np.intp)
        f = position - i
        sy = np.exp(self.log_sy[i] * (1 - f) + self.log_sy[i + 1] * f)
        sz = np.exp(self.log_sz[i] * (1 - f) + self.log_sz[i + 1] * f)
        return sy, sz, self.speed[i] * (1 - f) + self.speed[i + 1] * f


def spread_table(
    layer: SurfaceLayer, farthest: float = 50_000.0, *, model: str = "monin_obukhov"
) -> SpreadTable:
    """Spread of a surface layer up to ``farthest`` m.

    ``model``: ``monin_obukhov`` (recommended), ``briggs``, ``briggs_urban`` or ``isc3`` by the layer's class; these
    take the wind at 2 m of near-ground releases.
    """
    if not farthest > NEAREST_M:
        raise ValueError(f"the farthest distance must exceed {NEAREST_M} m")
    log_x = np.linspace(math.log(NEAREST_M), math.log(farthest), 240)
    x = np.exp(log_x)
    if model == "monin_obukhov":
        sy, sz, u = monin_obukhov(x, layer)
    else:
        stability: Stability = stability_of(layer.obukhov, layer.z0)
        if model in ("briggs", "briggs_urban"):
            sy, sz = briggs(x, stability, urban=model == "briggs_urban")
        elif model == "isc3":
            sy, sz = isc3(x, stability)
        else:
            raise ValueError(f"{model!r} is no spread model: monin_obukhov, briggs, briggs_urban or isc3")
        u = np.full(x.shape, max(float(layer.wind(2.0)), 0.3))
    return SpreadTable(log_x, np.log(sy), np.log(sz), u)


def concentration(
    x: npt.ArrayLike, y: npt.ArrayLike, z: npt.ArrayLike, source: Source, wind_from_deg: float,
    layer: SurfaceLayer, table: SpreadTable | None = None,
) -> F64:  # fmt: skip
    """Concentration of a steady plume at points, kg/m3; arrays broadcast, zero upwind.

    Raises ValueError for an unknown wind direction.
    """
    known(z=z)
    spread = table or spread_table(layer)
    along, across = downwind(x, y, source, wind_from_deg)
    shape = np.broadcast_shapes(along.shape, np.shape(z))
    out = np.zeros(shape)
    along, across = np.broadcast_to(along, shape), np.broadcast_to(across, shape)
    # Eight sigma aside nothing is left (1e-14): most cells of a map lie there and cost one comparison.
    widest = spread.at(np.array([NEAREST_M, float(along.max(initial=NEAREST_M))]))[0].max()
    near = np.flatnonzero((along > NEAREST_M) & (np.abs(across) < 8.0 * widest))
    if near.size == 0:
        return out
    d, c = along.ravel()[near], across.ravel()[near]
    sy, sz, speed = spread.at(d)
    keep = np.abs(c) < 8.0 * sy
    near, c, sy, sz, speed = near[keep], c[keep], sy[keep], sz[keep], speed[keep]
    zz = np.broadcast_to(np.asarray(z, dtype=np.float64), shape).ravel()[near]
    lateral = np.exp(-0.5 * (c / sy) ** 2) / (math.sqrt(2 * math.pi) * sy)
    vertical = vertical_factor(zz, source.height, sz, layer.mixing_height)
    out.reshape(-1)[near] = source.rate / speed * lateral * vertical
    return out


@dataclass(frozen=True, slots=True)
class Stack:
    """An outlet: diameter (m), exit speed (m/s), gas temperature (K)."""

    diameter: float
    exit_speed: float
    gas_temperature: float


def buoyancy_flux(stack: Stack, air_temperature: float) -> float:
    """``Fb = g v d^2 (Ts - Ta) / (4 Ts)``, m4/s3."""
    return (
        GRAVITY_45
        * stack.exit_speed
        * stack.diameter**2
        * (stack.gas_temperature - air_temperature)
        / (4 * stack.gas_temperature)
    )


def plume_rise(
    stack: Stack, wind: float, air_temperature: float, stability: Stability, x: float | None = None
) -> tuple[float, float]:
    """Final plume rise and the distance at which it is reached, m (Briggs as in ISC3, vol. II, 1.1.4).

    Args:
        wind: wind at stack top, m/s; taken as 1 m/s at least, as in ISC3.
        x: distance for gradual rise, m; the rise is then that at ``x``.

    Gravity is ISC3's 9.80616 m/s2. Raises ValueError for an unknown or impossible stack, wind or temperature.
    """
    known = (stack.diameter, stack.exit_speed, stack.gas_temperature, air_temperature)
    if not (all(math.isfinite(v) and v > 0 for v in known) and math.isfinite(wind) and wind >= 0):
        raise ValueError("stack, temperatures and wind must be known and above 0")
    if x is not None:
        not_negative(x=x)
    u = max(wind, WIND_LEAST)
    ts, ta, d, v = stack.gas_temperature, air_temperature, stack.diameter, stack.exit_speed
    fb = max(buoyancy_flux(stack, ta), 0.0)
    fm = v * v * d * d * ta / (4 * ts)
    if stability >= Stability.E:
        s = GRAVITY_45 * (0.020 if stability is Stability.E else 0.035) / ta
        rise, reach = _stable_rise(fb, fm, u, s, ts - ta, ts, v, d)
    else:
        rise, reach = _neutral_rise(fb, u, ts - ta, ts, v, d)
    if x is not None and fb > 0 and x < reach:
        rise = min(rise, 1.60 * (fb * x * x / u**3) ** (1.0 / 3.0))
    return rise, reach


WIND_LEAST = 1.0


def _neutral_rise(fb: float, u: float, dt: float, ts: float, v: float, d: float) -> tuple[float, float]:
    momentum = 3.0 * d * v / u
    if fb <= 0:
        return momentum, 0.0
    if fb < 55.0:
        crossover = 0.0297 * ts * v ** (1.0 / 3.0) / d ** (2.0 / 3.0)
        buoyant, reach = 21.425 * fb**0.75 / u, 49.0 * fb**0.625
    else:
        crossover = 0.00575 * ts * v ** (2.0 / 3.0) / d ** (1.0 / 3.0)
        buoyant, reach = 38.71 * fb**0.6 / u, 119.0 * fb**0.4
    return (buoyant, reach) if dt >= crossover else (momentum, 0.0)


def _stable_rise(
    fb: float, fm: float, u: float, s: float, dt: float, ts: float, v: float, d: float
) -> tuple[float, float]:
    momentum = min(1.5 * (fm / (u * math.sqrt(s))) ** (1.0 / 3.0), 3.0 * d * v / u)
    if fb <= 0 or dt < 0.019582 * ts * v * math.sqrt(s):
        return momentum, 0.0
    rise = min(2.6 * (fb / (u * s)) ** (1.0 / 3.0), 4.0 * fb**0.25 * s**-0.375)
    return rise, 2.0715 * u / math.sqrt(s)


def stack_tip_downwash(height: float, stack: Stack, wind: float) -> float:
    """Effective stack height (m) when the exit speed is below 1.5 times the wind: ``h + 2 d (v/u - 1.5)``."""
    not_negative(height=height, wind=wind)
    positive(diameter=stack.diameter, exit_speed=stack.exit_speed, gas_temperature=stack.gas_temperature)
    if wind <= 0 or stack.exit_speed >= 1.5 * wind:
        return height
    return max(height + 2 * stack.diameter * (stack.exit_speed / wind - 1.5), 0.0)
