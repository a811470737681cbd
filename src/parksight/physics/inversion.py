"""Which source? Bayesian ranking of candidate sources from fixed sensors, with unknown strength, wind and spread.

Every candidate is tried with every strength, wind offset and lateral spread, and these are summed out. The spread is the
one that decides: two published laws differ by up to three times at 800 m (:mod:`parksight.physics.spread`), so it is left
open between and beyond them instead of trusting one. Probabilities are normalised over the candidates *and* the
possibility that none of them is the source. The answer is a ranking with its uncertainty, never a culprit.

Positions in m (east, north), wind in degrees (from), concentrations in kg/m3, strengths in kg/s, times in s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from parksight.physics.atmosphere import CALM_M_S, SurfaceLayer
from parksight.physics.likelihood import UNSEEN, Evidence, Scatter, log_sum, marginal, unstructured
from parksight.physics.plume import NEAREST_M, spread_table, vertical_factor
from parksight.physics.puffs import WindSeries
from parksight.physics.spread import pasquill_lateral

F64 = npt.NDArray[np.float64]

#: Two candidates whose probabilities differ by less than this factor are not told apart.
DISTINCT_FACTOR = 3.0
#: A source is called identified only when it is more likely than not.
IDENTIFIED_LEAST = 0.5
#: Candidates below this share of the leader's probability are ruled out by the readings and join no group.
_RULED_OUT = 0.01


@dataclass(frozen=True, slots=True)
class Ranking:
    """The verdict.

    Attributes:
        probability: per candidate, shape (n,); sums with ``none`` to 1.
        none: probability that none of the candidates explains the readings.
        order: candidate indices from the most to the least probable.
        groups: candidates that these sensors cannot tell apart in this weather, as tuples of indices; single candidates
            are groups of one, most probable group first.
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
    """What is not known, and how widely it is searched. Ships as parameters; none is fitted on the scored runs.

    Attributes:
        wind_offsets_deg, wind_sd_deg: trial offsets of the measured wind direction and their prior spread.
        lateral: trial spreads, counted alike: 0 is the Monin-Obukhov (AERMOD) sigma_y, 1 Pasquill's
            ``sigma_theta x f(x)``, others between and beyond on a log scale.
        strengths: emissions tried, kg/s, log-spaced, counted alike.
        scatter: scale of the Student-t likelihood of ln C; degrees: its degrees of freedom.
        none: prior probability that no candidate is the source.
        correlation_s: time over which the model's error repeats itself; readings of one sensor closer than this share
            their information (unsteady matching only).
    """

    wind_offsets_deg: tuple[float, ...] = tuple(range(-12, 13, 2))
    wind_sd_deg: float = 5.0
    lateral: tuple[float, ...] = (-0.5, 0.0, 0.5, 1.0, 1.5)
    strengths: tuple[float, ...] = field(default_factory=lambda: tuple(np.logspace(-4, 1.5, 25)))
    scatter: float = 0.8
    degrees: float = 4.0
    none: float = 0.1
    correlation_s: float = 600.0

    def __post_init__(self) -> None:
        if not (self.wind_offsets_deg and self.lateral):
            raise ValueError("a prior needs at least one wind offset and one lateral spread")
        if not (self.wind_sd_deg > 0 and self.correlation_s > 0 and 0 < self.none < 1):
            raise ValueError("the wind's spread and the correlation must be above 0, 'none' between 0 and 1")

    def cases(self) -> F64:
        """Log prior of wind offsets x spreads, shape (cases,)."""
        offsets = -0.5 * (np.array(self.wind_offsets_deg, dtype=np.float64) / self.wind_sd_deg) ** 2
        return np.repeat(offsets, len(self.lateral))


def steady(
    sensors_x: npt.ArrayLike, sensors_y: npt.ArrayLike, observed: npt.ArrayLike, candidates_x: npt.ArrayLike,
    candidates_y: npt.ArrayLike, candidates_height: npt.ArrayLike, wind_from_deg: float, layer: SurfaceLayer, *,
    sensor_height: float = 1.5, detection: float, prior: Prior | None = None,
) -> Ranking:  # fmt: skip
    """Rank candidates by one set of means (10 minutes or so).

    Args:
        sensors_x, sensors_y, observed: shape (sensors,); observed is the mean concentration above background, kg/m3. NaN
            sensors are left out; readings below ``detection`` count as "nothing seen", which is evidence too.
        candidates_x, candidates_y, candidates_height: shape (n,) or one value for all.
        detection: detection limit, kg/m3, > 0.

    Raises ValueError with fewer than 3 valid sensors, nothing above the limit, no candidate, an unknown position, an
    unknown wind direction, or a calm (below 1 m/s at 10 m a plume has no direction: use :func:`unsteady`).
    """
    p = prior or Prior()
    sx, sy, obs = _sensors(sensors_x, sensors_y, observed)
    cx, cy, ch = _candidates(candidates_x, candidates_y, candidates_height)
    scatter = Scatter(detection, p.scatter, p.degrees)
    if not math.isfinite(wind_from_deg):
        raise ValueError("the wind direction is unknown")
    if float(layer.wind(10.0)) < CALM_M_S:
        raise ValueError("in a calm the plume has no direction: match series over time instead")
    _seen(obs, detection)
    ax, ay, ah = _anywhere(sx, sy, cx, cy, ch)
    unit = _plumes(
        sx,
        sy,
        np.append(cx, ax),
        np.append(cy, ay),
        np.append(ch, ah),
        wind_from_deg,
        layer,
        sensor_height,
        p,
    )
    return _rank(unit, cx.size, obs, p, scatter, 1.0)


def unsteady(
    sensors_x: npt.ArrayLike, sensors_y: npt.ArrayLike, times: npt.ArrayLike, observed: npt.ArrayLike,
    candidates_x: npt.ArrayLike, candidates_y: npt.ArrayLike, candidates_height: npt.ArrayLike, wind: WindSeries,
    layer: SurfaceLayer, *, sensor_height: float = 1.5, puff_interval: float = 30.0, detection: float,
    prior: Prior | None = None,
) -> Ranking:  # fmt: skip
    """Rank candidates by sensor series in a changing wind: puffs of a constant release from the first wind step on.

    Args:
        times: shape (t,), s, increasing; observed: shape (sensors, t), kg/m3, background removed, NaN left out.
        wind: covers the release from its start; the prior's offsets turn the whole series.

    Strength, wind offset and spread are summed out as in :func:`steady`; readings closer in time than the prior's
    ``correlation_s`` are weighted down. Raises ValueError like :func:`steady`.
    """
    p = prior or Prior(wind_offsets_deg=(-10.0, -5.0, 0.0, 5.0, 10.0), lateral=(0.0, 0.5, 1.0))
    sx, sy = (np.asarray(v, dtype=np.float64).ravel() for v in (sensors_x, sensors_y))
    t, series = np.asarray(times, dtype=np.float64).ravel(), np.asarray(observed, dtype=np.float64)
    if series.shape != (sx.size, t.size) or sy.size != sx.size:
        raise ValueError(f"observed must have the shape ({sx.size}, {t.size}), not {series.shape}")
    if t.size == 0 or not (np.isfinite(t).all() and (np.diff(t) > 0).all()):
        raise ValueError("times must be known and increasing")
    if not puff_interval > 0:
        raise ValueError("the puff interval must be above 0 s")
    cx, cy, ch = _candidates(candidates_x, candidates_y, candidates_height)
    scatter = Scatter(detection, p.scatter, p.degrees)
    valid = np.isfinite(series) & np.isfinite(sx + sy)[:, None]
    if valid.sum() < 3:
        raise ValueError("fewer than 3 valid readings: nothing to match")
    obs = np.maximum(series[valid], 0.0)
    _seen(obs, detection)
    ok = np.isfinite(sx + sy)
    ax, ay, ah = _anywhere(sx[ok], sy[ok], cx, cy, ch, side=8)
    unit = _clouds(
        sx, sy, t, np.append(cx, ax), np.append(cy, ay), np.append(ch, ah), wind, layer, sensor_height, puff_interval, p
    )  # fmt: skip
    apart = float(np.median(np.diff(t))) if t.size > 1 else p.correlation_s
    return _rank(unit[:, :, valid], cx.size, obs, p, scatter, min(1.0, apart / p.correlation_s))


def _sensors(x: npt.ArrayLike, y: npt.ArrayLike, observed: npt.ArrayLike) -> tuple[F64, F64, F64]:
    sx, sy, obs = (np.asarray(v, dtype=np.float64).ravel() for v in (x, y, observed))
    if not sx.shape == sy.shape == obs.shape:
        raise ValueError("sensors need as many positions as readings")
    ok = np.isfinite(obs) & np.isfinite(sx) & np.isfinite(sy)
    if ok.sum() < 3:
        raise ValueError(f"at least 3 valid sensors are needed to rank sources, {int(ok.sum())} are there")
    return sx[ok], sy[ok], np.maximum(obs[ok], 0.0)


def _candidates(x: npt.ArrayLike, y: npt.ArrayLike, height: npt.ArrayLike) -> tuple[F64, F64, F64]:
    cx, cy, ch = (np.array(v, dtype=np.float64).ravel() for v in np.broadcast_arrays(x, y, height))
    if cx.size == 0:
        raise ValueError("no candidate sources are given")
    if not (np.isfinite(cx) & np.isfinite(cy) & np.isfinite(ch) & (ch >= 0)).all():
        raise ValueError("a candidate's position or height is unknown")
    return cx, cy, ch


def _seen(observed: F64, detection: float) -> None:
    if not (observed >= detection).any():
        raise ValueError("no sensor saw anything above the detection limit: there is nothing to attribute")


def _anywhere(sx: F64, sy: F64, cx: F64, cy: F64, ch: F64, side: int = 12) -> tuple[F64, F64, F64]:
    """Places all over the area of sensors and candidates: where a source that is on no list could stand."""
    shares = (np.arange(side) + 0.5) / side
    low_x, low_y = min(sx.min(), cx.min()), min(sy.min(), cy.min())
    xx, yy = np.meshgrid(
        low_x + shares * (max(sx.max(), cx.max()) - low_x), low_y + shares * (max(sy.max(), cy.max()) - low_y)
    )
    return xx.ravel(), yy.ravel(), np.full(xx.size, float(np.median(ch)))


def _lateral(layer: SurfaceLayer, distance: F64, log_sy: F64, p: Prior) -> F64:
    """ln sigma_y of every trial spread over the distances of a table, shape (spreads, nodes)."""
    theta = layer.sigma_theta or layer.sigma_v / max(float(layer.wind(2.0)), 0.3)
    wide = np.log(pasquill_lateral(distance, theta))
    share = np.array(p.lateral, dtype=np.float64)[:, None]
    out: F64 = (1.0 - share) * log_sy + share * wide
    return out


def _plumes(
    sx: F64, sy: F64, cx: F64, cy: F64, ch: F64, wind: float, layer: SurfaceLayer, z: float, p: Prior
) -> npt.NDArray[np.float32]:
    """ln of the concentration of 1 kg/s: shape (candidates, cases, sensors); cases = offsets x spreads."""
    table = spread_table(layer)
    lateral = _lateral(layer, np.exp(table.log_x), table.log_sy, p)
    heights, which = np.unique(ch, return_inverse=True)
    with np.errstate(divide="ignore"):
        vertical = np.log(vertical_factor(z, heights[:, None], np.exp(table.log_sz), layer.mixing_height))
    vertical = np.maximum(vertical - np.log(table.speed) - 0.5 * math.log(2 * math.pi), UNSEEN)
    dx, dy = (sx - cx[:, None])[:, None, :], (sy - cy[:, None])[:, None, :]
    angles = np.radians(wind + np.array(p.wind_offsets_deg, dtype=np.float64))[None, :, None]
    along = -dx * np.sin(angles) - dy * np.cos(angles)
    across2 = np.square(dx * np.cos(angles) - dy * np.sin(angles))
    ahead = along > NEAREST_M
    step = (table.log_x[-1] - table.log_x[0]) / (table.log_x.size - 1)
    place = np.clip(
        (np.log(np.where(ahead, along, NEAREST_M)) - table.log_x[0]) / step, 0, table.log_x.size - 1.000001
    )
    i = place.astype(np.intp)
    f = place - i
    # A flat index into (heights, nodes) and one pass per spread keep this at a few ms.
    flat, at = vertical.ravel(), i + (which * table.log_x.size)[:, None, None]
    common = np.where(ahead, flat[at] * (1 - f) + flat[at + 1] * f, UNSEEN)
    unit = np.empty((cx.size, angles.shape[1], len(p.lateral), sx.size), dtype=np.float32)
    for k, curve in enumerate(lateral):
        log_s = curve[i] * (1 - f) + curve[i + 1] * f
        unit[:, :, k, :] = common - log_s - 0.5 * across2 * np.exp(-2.0 * log_s)
    return np.maximum(unit, np.float32(UNSEEN)).reshape(cx.size, -1, sx.size)


def _clouds(
    sx: F64, sy: F64, t: F64, cx: F64, cy: F64, ch: F64, wind: WindSeries, layer: SurfaceLayer, z: float, interval: float,
    p: Prior,
) -> F64:  # fmt: skip
    """ln of the concentration of 1 kg/s released as puffs: shape (candidates, cases, sensors, times).

    The wind is one for the whole area, so all candidates share the puffs' drift and differ in their origin only.
    """
    table = spread_table(layer)
    lateral = _lateral(layer, np.exp(table.log_x), table.log_sy, p)
    heights, which = np.unique(ch, return_inverse=True)
    dx, dy = sx - cx[:, None], sy - cy[:, None]
    spreads = len(p.lateral)
    unit = np.full((cx.size, len(p.wind_offsets_deg) * spreads, sx.size, t.size), UNSEEN)
    for k, now in enumerate(t):
        begun = np.arange(wind.start, now, interval) + interval / 2.0
        begun = begun[begun < now]
        if begun.size == 0:
            continue
        east, north, path = wind.displacement(begun, float(now))
        log_path = np.log(np.maximum(path, NEAREST_M))
        sigma_z = np.exp(np.interp(log_path, table.log_x, table.log_sz))
        vertical = vertical_factor(z, heights[:, None], sigma_z, layer.mixing_height)[which]
        for o, offset in enumerate(np.radians(np.array(p.wind_offsets_deg, dtype=np.float64))):
            # Turning the wind's origin clockwise turns the drift clockwise.
            px = east * math.cos(offset) + north * math.sin(offset)
            py = north * math.cos(offset) - east * math.sin(offset)
            r2 = np.square(dx[:, :, None] - px) + np.square(dy[:, :, None] - py)
            for s in range(spreads):
                sigma = np.exp(np.interp(log_path, table.log_x, lateral[s]))
                weight = interval * vertical / (2.0 * math.pi * sigma**2)
                c = np.einsum(
                    "cp,csp->cs", weight, np.exp(np.maximum(r2 * (-0.5 / sigma**2), UNSEEN)), optimize=False
                )
                unit[:, o * spreads + s, :, k] = np.log(np.maximum(c, 1e-300))
    out: F64 = np.maximum(unit, UNSEEN)
    return out


def _rank(
    unit: npt.NDArray[np.floating], n: int, observed: F64, p: Prior, scatter: Scatter, weight: float
) -> Ranking:
    """Rank the first ``n`` trial releases; further ones stand for a source that is not on the list."""
    cases, strengths = p.cases(), np.array(p.strengths, dtype=np.float64)
    found = marginal(unit, observed, cases, strengths, scatter, weight)
    # "None" is two things alike: an unlisted source somewhere in the area, or readings that follow no plume at all.
    log_none = unstructured(observed, scatter, weight)
    if unit.shape[0] > n:
        elsewhere = float(log_sum(found.log[n:])) - math.log(unit.shape[0] - n)
        log_none = float(np.logaddexp(log_none, elsewhere)) - math.log(2.0)
    log_none += math.log(p.none)
    each = found.log[:n] + math.log((1 - p.none) / n)
    total = float(log_sum(np.append(each, log_none)))
    probability, none = np.exp(each - total), math.exp(log_none - total)
    order = tuple(int(i) for i in np.argsort(-probability, kind="stable"))
    groups = _groups(unit[:n], found, probability, order, cases, strengths, scatter, weight)
    share = [float(probability[list(g)].sum()) for g in groups]
    ranked = sorted(range(len(groups)), key=lambda i: -share[i])
    groups, share = [groups[i] for i in ranked], [share[i] for i in ranked]
    return Ranking(
        probability,
        none,
        order,
        tuple(groups),
        tuple(share),
        found.strength[:n],
        _verdict(groups, share, none),
    )


def _verdict(groups: list[tuple[int, ...]], share: list[float], none: float) -> str:
    if none > share[0]:
        return "none_of_the_candidates"
    clear = len(share) == 1 or share[0] >= DISTINCT_FACTOR * share[1]
    alone = len(groups[0]) == 1
    return "identified" if clear and alone and share[0] >= IDENTIFIED_LEAST else "not_distinguishable"


def _groups(
    unit: npt.NDArray[np.floating], found: Evidence, probability: F64, order: tuple[int, ...], cases: F64, strengths: F64,
    scatter: Scatter, weight: float,
) -> list[tuple[int, ...]]:  # fmt: skip
    """Candidates that could not be told apart even by perfect readings.

    The readings that the leader's best fit predicts are given to the others: whoever explains them nearly as well
    (within :data:`DISTINCT_FACTOR`), after its own strength, wind and spread are summed out, belongs to the leader.
    """
    likely = [i for i in order if probability[i] >= _RULED_OUT * probability[order[0]]]
    groups: list[tuple[int, ...]] = []
    open_ = list(likely)
    while open_:
        head, *rest = open_
        mates: list[int] = []
        if rest:
            log_c = unit[head, found.case[head]].astype(np.float64) + math.log(found.strength[head])
            subset = np.array([head, *rest])
            expected = marginal(unit[subset], np.exp(log_c), cases, strengths, scatter, weight).log
            mates = [
                i
                for i, e in zip(rest, expected[1:], strict=True)
                if expected[0] - e < math.log(DISTINCT_FACTOR)
            ]
        groups.append((head, *mates))
        open_ = [i for i in rest if i not in mates]
    taken = set(likely)
    return groups + [(i,) for i in order if i not in taken]
