"""Which source? Bayesian ranking of candidate sources from fixed sensors, with unknown strength, wind and spread.

For each candidate, wind offset, spread scale and strength the likelihood of ln(C + eps) is Student-t; nuisances are
summed out, probabilities are normalised over the candidates *and* a background hypothesis ("none of the candidates").
The answer is a ranking with its uncertainty, never a culprit. Positions in m, wind in degrees (from), concentrations
in kg/m3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics.atmosphere import SurfaceLayer
from parksight.physics.plume import NEAREST_M, spread_table, vertical_factor
from parksight.physics.puffs import WindSeries, at, released

F64 = npt.NDArray[np.float64]

#: Two candidates whose probabilities differ by less than this factor are not told apart.
DISTINCT_FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class Ranking:
    """The verdict.

    Attributes:
        probability: per candidate, shape (n,); sums with ``none`` to 1.
        none: probability that none of the candidates explains the readings.
        order: candidate indices from the most to the least probable.
        groups: candidates that the sensors cannot tell apart (same predicted pattern), as tuples of indices; single
            candidates are groups of one, most probable group first.
        group_probability: probability of each group.
        strength: most probable emission of each candidate, kg/s.
        verdict: ``identified``, ``not_distinguishable`` or ``none_of_the_candidates``.
    """

    probability: F64
    none: float
    order: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    group_probability: tuple[float, ...]
    strength: F64
    verdict: str


@dataclass(frozen=True, slots=True)
class Prior:
    """What is not known, and how widely it is searched. Ships as parameters; none is law.

    Attributes:
        wind_offsets_deg, wind_sd_deg: trial offsets of the measured wind direction and their prior spread.
        spread_scales: factors on sigma_y and sigma_z.
        strengths: emissions tried, kg/s, log-spaced.
        scatter: scale of the Student-t likelihood of ln C.
        degrees: its degrees of freedom.
        none: prior probability that no candidate is the source.
    """

    wind_offsets_deg: tuple[float, ...] = tuple(range(-12, 13, 2))
    wind_sd_deg: float = 5.0
    spread_scales: tuple[float, ...] = (0.8, 1.0, 1.3)
    strengths: tuple[float, ...] = tuple(np.logspace(-4, 1.5, 25))
    scatter: float = 0.8
    degrees: float = 4.0
    none: float = 0.02


def steady(
    sensors_x: npt.ArrayLike, sensors_y: npt.ArrayLike, observed: npt.ArrayLike, candidates_x: npt.ArrayLike,
    candidates_y: npt.ArrayLike, candidates_height: npt.ArrayLike, wind_from_deg: float, layer: SurfaceLayer, *,
    sensor_height: float = 1.5, detection: float, prior: Prior | None = None,
) -> Ranking:  # fmt: skip
    """Rank candidates by one set of means.

    Args:
        observed: mean concentration above background at each sensor, kg/m3; NaN sensors are left out, values below
            ``detection`` count as "not seen".
        detection: detection limit, kg/m3, > 0.

    Raises ValueError with fewer than 3 valid sensors, no candidate, or an unknown wind.
    """
    p = prior or Prior()
    sx, sy, obs = _sensors(sensors_x, sensors_y, observed)
    cx, cy, ch = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (candidates_x, candidates_y, candidates_height))
    )
    _checks(cx, detection, wind_from_deg)
    unit = _unit_concentrations(sx, sy, cx, cy, ch, wind_from_deg, layer, sensor_height, p)
    log_prior = -0.5 * (np.array(p.wind_offsets_deg) / p.wind_sd_deg) ** 2
    log_prior = np.repeat(log_prior, len(p.spread_scales))
    return _rank(unit, obs, log_prior, detection, p)


def unsteady(
    sensors_x: npt.ArrayLike, sensors_y: npt.ArrayLike, times: npt.ArrayLike, observed: npt.ArrayLike,
    candidates_x: npt.ArrayLike, candidates_y: npt.ArrayLike, candidates_height: npt.ArrayLike, wind: WindSeries,
    layer: SurfaceLayer, *, sensor_height: float = 1.5, puff_interval: float = 30.0,
) -> F64:  # fmt: skip
    """Match sensor series against puff series of unit releases; cosine similarity per candidate, shape (n,).

    Args:
        times: shape (t,), s; observed: shape (sensors, t), kg/m3, background removed, NaN left out.
        wind: covers the release from its start.

    A continuous release from the first wind step is assumed. 1 means the same pattern in space and time; 0 none.
    """
    sx, sy = np.asarray(sensors_x, dtype=np.float64), np.asarray(sensors_y, dtype=np.float64)
    t, obs = np.asarray(times, dtype=np.float64), np.asarray(observed, dtype=np.float64)
    if obs.shape != (sx.size, t.size):
        raise ValueError(f"observed must have the shape ({sx.size}, {t.size}), not {obs.shape}")
    valid = np.isfinite(obs)
    if valid.sum() < 3:
        raise ValueError("fewer than 3 valid readings: nothing to match")
    target = np.where(valid, np.maximum(obs, 0.0), 0.0)
    norm = float(np.sqrt((target**2).sum()))
    if norm == 0:
        raise ValueError("no sensor saw anything above background: there is nothing to attribute")
    table = spread_table(layer)
    cx, cy, ch = np.broadcast_arrays(
        *(np.asarray(v, dtype=np.float64) for v in (candidates_x, candidates_y, candidates_height))
    )
    result = np.zeros(cx.size)
    for i in range(cx.size):
        model = np.zeros_like(target)
        for k, now in enumerate(t):
            starts = np.arange(wind.start, now, puff_interval)
            if starts.size:
                cloud = released(
                    float(cx[i]),
                    float(cy[i]),
                    float(ch[i]),
                    1.0,
                    starts,
                    puff_interval,
                    float(now),
                    wind,
                    layer,
                    table,
                )
                model[:, k] = at(cloud, sx, sy, sensor_height)
        model = np.where(valid, model, 0.0)
        size = float(np.sqrt((model**2).sum()))
        result[i] = float((model * target).sum()) / (norm * size) if size > 0 else 0.0
    return result


def _sensors(x: npt.ArrayLike, y: npt.ArrayLike, observed: npt.ArrayLike) -> tuple[F64, F64, F64]:
    sx, sy, obs = (np.asarray(v, dtype=np.float64).ravel() for v in (x, y, observed))
    if not sx.shape == sy.shape == obs.shape:
        raise ValueError("sensors need as many positions as readings")
    ok = np.isfinite(obs)
    if ok.sum() < 3:
        raise ValueError(f"at least 3 valid sensors are needed to rank sources, {int(ok.sum())} are there")
    return sx[ok], sy[ok], np.maximum(obs[ok], 0.0)


def _checks(candidates: F64, detection: float, wind_from_deg: float) -> None:
    if candidates.size == 0:
        raise ValueError("no candidate sources are given")
    if not detection > 0:
        raise ValueError("the detection limit must be above 0")
    if not math.isfinite(wind_from_deg):
        raise ValueError("the wind direction is unknown")


def _unit_concentrations(
    sx: F64, sy: F64, cx: F64, cy: F64, ch: F64, wind: float, layer: SurfaceLayer, z: float, p: Prior
) -> F64:
    """Concentration of 1 kg/s: shape (candidates, cases, sensors); cases = offsets x spread scales."""
    table = spread_table(layer, model="monin_obukhov")
    dx, dy = sx[None, :] - cx[:, None], sy[None, :] - cy[:, None]
    angles = np.radians(wind + np.array(p.wind_offsets_deg))[None, :, None]
    along = -dx[:, None, :] * np.sin(angles) - dy[:, None, :] * np.cos(angles)
    across = dx[:, None, :] * np.cos(angles) - dy[:, None, :] * np.sin(angles)
    ahead = along > NEAREST_M
    s_y, s_z, speed = table.at(np.where(ahead, along, NEAREST_M))
    cases = []
    for scale in p.spread_scales:
        lateral = np.exp(-0.5 * np.minimum((across / (s_y * scale)) ** 2, 1400.0)) / (
            math.sqrt(2 * math.pi) * s_y * scale
        )
        vertical = vertical_factor(z, ch[:, None, None], s_z * scale, layer.mixing_height)
        cases.append(np.where(ahead, lateral * vertical / speed, 0.0))
    return np.stack(cases, axis=2).reshape(cx.size, -1, sx.size)


def _rank(unit: F64, observed: F64, log_prior: F64, detection: float, p: Prior) -> Ranking:
    q = np.array(p.strengths)
    target = np.log(observed + detection).astype(np.float32)
    n, cases, _ = unit.shape
    log_like = np.empty((n, cases, q.size))
    half = (p.degrees + 1) / 2
    scaled = unit.astype(np.float32)
    for k, strength in enumerate(q):
        residual = (np.log(scaled * np.float32(strength) + np.float32(detection)) - target) / p.scatter
        log_like[:, :, k] = -half * np.log1p(residual * residual / p.degrees).sum(axis=-1)
    nothing = (math.log(detection) - target) / p.scatter
    log_none = float(-half * np.log1p(nothing * nothing / p.degrees).sum()) + math.log(p.none)
    weight = log_prior - _log_sum(log_prior)
    joint = log_like + weight[None, :, None] - math.log(q.size)
    per_candidate = _log_sum(joint.reshape(n, -1), axis=1) + math.log((1 - p.none) / n)
    total = _log_sum(np.append(per_candidate, log_none))
    probability = np.exp(per_candidate - total)
    none = math.exp(log_none - float(total))
    best = joint.reshape(n, -1).argmax(axis=1)
    strength = q[best % q.size]
    order = tuple(int(i) for i in np.argsort(-probability, kind="stable"))
    groups = _groups(unit, observed.size, probability, order)
    share = tuple(float(probability[list(g)].sum()) for g in groups)
    ranked = sorted(range(len(groups)), key=lambda i: -share[i])
    groups, share = tuple(groups[i] for i in ranked), tuple(share[i] for i in ranked)
    if none > share[0]:
        verdict = "none_of_the_candidates"
    elif len(groups) > 1 and share[0] < DISTINCT_FACTOR * share[1]:
        verdict = "not_distinguishable"
    else:
        verdict = "identified" if len(groups[0]) == 1 else "not_distinguishable"
    return Ranking(probability, none, order, groups, share, strength, verdict)


def _groups(unit: F64, sensors: int, probability: F64, order: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """Candidates whose best-case patterns over the sensors are alike (cosine above 0.99 with the leader's)."""
    centre = unit[:, unit.shape[1] // 2, :]
    size = np.sqrt((centre**2).sum(axis=1))
    alike = (centre @ centre.T) / np.maximum(np.outer(size, size), 1e-300)
    open_, found = list(order), []
    while open_:
        head = open_.pop(0)
        mates = [i for i in open_ if size[head] > 0 and size[i] > 0 and alike[head, i] > 0.99]
        open_ = [i for i in open_ if i not in mates]
        found.append((head, *mates))
    return tuple(found)


def _log_sum(values: F64, axis: int | None = None) -> F64:
    top = values.max(axis=axis, keepdims=True)
    out: F64 = (
        np.log(np.exp(values - top).sum(axis=axis)) + np.squeeze(top, axis=axis)
        if axis is not None
        else np.log(np.exp(values - top).sum()) + top.max()
    )
    return out
