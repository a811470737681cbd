"""Ways out of a plume: shortest safe paths on a road graph whose cost follows the toxic load in time.

One multi-source search from all exits tells every node its route; no way leads through an edge that anybody on it would meet
above the limit. Distances m, times s, concentrations in any one unit
with its exponent and limits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from parksight.physics.inputs import known, not_negative, positive

F64 = npt.NDArray[np.float64]
WALKING_M_S = 1.34

#: concentration(x, y, t) at points and times (arrays of one shape).
Plume = Callable[[F64, F64, F64], F64]


@dataclass(frozen=True, slots=True)
class Roads:
    """A road graph: node positions (n), edges as node pairs (m), both ways; lengths default to straight lines."""

    x: F64
    y: F64
    start: npt.NDArray[np.intp]
    end: npt.NDArray[np.intp]

    @property
    def length(self) -> F64:
        return np.hypot(self.x[self.start] - self.x[self.end], self.y[self.start] - self.y[self.end])


@dataclass(frozen=True, slots=True)
class Escape:
    """Per node: time to the nearest exit (s, inf = no safe way), next node (-1 at exits and where there is none), cost."""

    time: F64
    cost: F64
    following: npt.NDArray[np.intp]

    def route(self, node: int) -> list[int]:
        """Nodes from ``node`` to its exit; empty when no safe way exists."""
        if not np.isfinite(self.cost[node]):
            return []
        path = [node]
        while self.following[path[-1]] >= 0:
            path.append(int(self.following[path[-1]]))
        return path


def escape(
    roads: Roads, exits: npt.ArrayLike, plume: Plume, *, start_time: float = 0.0, exponent: float = 1.0,
    load_weight: float = 1.0, forbidden: float | None = None, speed: float = WALKING_M_S, passes: int = 4, samples: int = 5,
) -> Escape:  # fmt: skip
    """Least-cost ways from every node to the exits: ``time (1 + k C^n)``, edges at or above ``forbidden`` closed.

    All walkers set out at ``start_time``. An edge is passed by those who live at it and, later, by those who come from
    behind it; it is judged by its worst concentration at ``samples`` times of that span, which is known from the ways of the
    pass before. A span only grows from pass to pass, and the search ends when the ways no longer outgrow it.

    Args:
        exits: node indices. plume: concentration at points and times, one unit with its exponent and limits.
        load_weight: k. forbidden: e.g. the IDLH; None closes nothing. speed: m/s. passes: 1 for a plume that stands still.

    Raises ValueError without exits, for edges or exits that name no node, or a concentration that is unknown.
    """
    known(start_time=start_time)
    positive(exponent=exponent, speed=speed)
    not_negative(load_weight=load_weight)
    if forbidden is not None:
        positive(forbidden=forbidden)
    if passes < 1 or samples < 1:
        raise ValueError("an escape needs at least one pass and one sample")
    goals = np.asarray(exits, dtype=np.intp)
    n = roads.x.size
    if goals.size == 0:
        raise ValueError("an escape needs at least one exit")
    ends = np.concatenate([roads.start, roads.end, goals])
    if int(ends.max()) >= n or int(ends.min()) < 0:
        raise ValueError("an edge or exit names a node that does not exist")
    a, b, leg = roads.start, roads.end, roads.length / speed
    span = np.zeros(n)
    for _ in range(passes):
        c = _worst(plume, roads, start_time, np.maximum(span[a], span[b]) + leg, samples if span.any() else 1)
        weight = leg * (1.0 + load_weight * c**exponent) + 1e-9
        open_ = np.full(c.shape, True) if forbidden is None else c < forbidden
        graph = csr_array(
            (np.tile(weight[open_], 2), (np.append(a[open_], b[open_]), np.append(b[open_], a[open_]))),
            shape=(n, n),
        )
        found, before, _ = dijkstra(
            graph, directed=True, indices=goals, min_only=True, return_predecessors=True
        )
        cost = np.asarray(found, dtype=np.float64)
        following = np.where(np.asarray(before) < 0, -1, before).astype(np.intp)
        time = _walk(cost, following, roads, speed)
        needed = _span(cost, following, time)
        if passes == 1 or (needed <= span + 1.0).all():
            break
        span = np.maximum(span, needed)
    return Escape(time, cost, following)


def _worst(plume: Plume, roads: Roads, start: float, span: F64, samples: int) -> F64:
    """Largest concentration in the middle of each edge over the span of times at which somebody may pass it."""
    x = (roads.x[roads.start] + roads.x[roads.end]) / 2
    y = (roads.y[roads.start] + roads.y[roads.end]) / 2
    worst = np.zeros(x.shape)
    for share in np.linspace(0.0, 1.0, samples):
        c = np.asarray(plume(x, y, start + share * span), dtype=np.float64)
        known(concentration=c)
        worst = np.maximum(worst, c)
    return worst


def _walk(cost: F64, following: npt.NDArray[np.intp], roads: Roads, speed: float) -> F64:
    """Walking time to the exit along the chosen ways, by doubling the number of legs that a jump takes."""
    here = np.arange(following.size)
    jump = np.where(following < 0, here, following)
    time = np.hypot(roads.x - roads.x[jump], roads.y - roads.y[jump]) / speed
    while (jump[jump] != jump).any():
        time = time + time[jump]
        jump = jump[jump]
    return np.where(np.isfinite(cost), time, np.inf)


def _span(cost: F64, following: npt.NDArray[np.intp], time: F64) -> F64:
    """How much later than the first somebody from behind may still come by each node, s."""
    safe = np.isfinite(cost)
    longest = np.where(safe, time, 0.0).tolist()
    after = following.tolist()
    for node in np.argsort(
        -np.where(safe, cost, -1.0)
    ).tolist():  # farthest first: a node's next one is cheaper
        if after[node] >= 0 and longest[node] > longest[after[node]]:
            longest[after[node]] = longest[node]
    return np.where(safe, np.array(longest) - np.where(safe, time, 0.0), 0.0)


def toxic_load_on_route(
    roads: Roads,
    route: list[int],
    plume: Plume,
    *,
    start_time: float,
    exponent: float,
    speed: float = WALKING_M_S,
) -> float:
    """``sum C^n dt`` of a walker on a route, sampled every 5 s."""
    load, t = 0.0, start_time
    for a, b in pairwise(route):
        length = float(np.hypot(roads.x[a] - roads.x[b], roads.y[a] - roads.y[b]))
        steps = max(1, round(length / speed / 5.0))
        s = (np.arange(steps) + 0.5) / steps
        dt = length / speed / steps
        c = plume(
            roads.x[a] + s * (roads.x[b] - roads.x[a]),
            roads.y[a] + s * (roads.y[b] - roads.y[a]),
            t + s * length / speed,
        )
        load += float((np.maximum(c, 0.0) ** exponent).sum() * dt)
        t += length / speed
    return load


def indoor(outdoor: npt.ArrayLike, step: float, air_changes_per_hour: float = 0.5, start: float = 0.0) -> F64:
    """Indoor concentration behind closed windows, one well-mixed room: shape of ``outdoor`` (…, times)."""
    if not air_changes_per_hour >= 0 or not step > 0:
        raise ValueError("air changes must be 0 or more and the step above 0 s")
    not_negative(outdoor=outdoor, start=start)
    c = np.asarray(outdoor, dtype=np.float64)
    keep = np.exp(-air_changes_per_hour * step / 3600.0)
    inside = np.empty_like(c)
    level = np.full(c.shape[:-1], start)
    for i in range(c.shape[-1]):
        level = level * keep + c[..., i] * (1.0 - keep)
        inside[..., i] = level
    return inside


@dataclass(frozen=True, slots=True)
class Advice:
    """Toxic load of leaving and of staying indoors, and which is smaller; ``leave`` is None where no safe way exists."""

    leave: float | None
    shelter: float
    better: str


def shelter_or_leave(
    roads: Roads, node: int, found: Escape, plume: Plume, *, start_time: float, horizon: float, exponent: float,
    air_changes_per_hour: float = 0.5, step: float = 10.0,
) -> Advice:  # fmt: skip
    """Compare leaving now with staying inside for ``horizon`` seconds; a screening comparison for a person to judge."""
    known(start_time=start_time)
    positive(exponent=exponent, horizon=horizon)
    times = start_time + np.arange(0.0, horizon, step)
    outside = plume(np.full(times.size, roads.x[node]), np.full(times.size, roads.y[node]), times)
    staying = float((indoor(np.maximum(outside, 0.0), step, air_changes_per_hour) ** exponent).sum() * step)
    route = found.route(node)
    if not route:
        return Advice(None, staying, "shelter")
    leaving = toxic_load_on_route(roads, route, plume, start_time=start_time, exponent=exponent)
    return Advice(leaving, staying, "leave" if leaving < staying else "shelter")
