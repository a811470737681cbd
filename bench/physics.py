"""Floor 0 against straightforward loops in the same run: plume, puffs, inversion, alarm to zones. And Prairie Grass.

    python -m bench.physics [--repeat 15] [--scores]

Prints one JSON line per measurement: median and best ms, and ``ratio`` = plain loop / ours. Aims on two cores: plume
500x500 <= 25 ms; 1,000 shifting puffs on 500x500 <= 45 ms; inversion 90x20 <= 30 ms; alarm to zones, people and
routes <= 100 ms. ``--scores`` adds the scores against Project Prairie Grass, held out: the lateral and vertical law is
chosen on the odd runs and scored on the even ones, and the other way round.
"""

from __future__ import annotations

import argparse
import heapq
import json
import math
import time
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from parksight.physics import puffs
from parksight.physics.atmosphere import Stability, SurfaceLayer
from parksight.physics.consequence import Grid, Zone, inside, steady_field, zones
from parksight.physics.evacuation import WALKING_M_S, Roads, escape
from parksight.physics.inversion import Prior, steady
from parksight.physics.plume import Source, concentration, spread_table

F64 = npt.NDArray[np.float64]
LAYER = SurfaceLayer.from_class(3.0, 10.0, Stability.D, 0.1)
TABLE = spread_table(LAYER)
SOURCE = Source(0.0, 0.0, 2.0, 0.5)
AXIS = np.linspace(-2500, 2500, 500)
LEVELS = (5e-6, 2e-5, 1e-4, 5e-4)
SPREAD_LAWS = ("monin_obukhov", "briggs", "briggs_urban", "isc3")


def clock(work: Callable[[], Any], repeat: int) -> tuple[float, float]:
    """Median and best of ``repeat`` runs, ms; one run before them does not count."""
    work()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return float(np.median(times)), min(times)


def took(work: Callable[[], Any], share: float) -> float:
    """ms of the whole plain loop, of which ``work`` does a share."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000 / share


def plume_loop(x: F64, y: F64) -> F64:
    """One cell after the other, as it is first written."""
    out = np.zeros((y.size, x.size))
    for j in range(y.size):
        for i in range(x.size):
            if x[i] > 1:
                sy, sz, u = (float(v) for v in TABLE.at(np.asarray(x[i])))
                side = math.exp(-0.5 * (y[j] / sy) ** 2)
                up = math.exp(-0.5 * ((1.5 - 2) / sz) ** 2) + math.exp(-0.5 * ((1.5 + 2) / sz) ** 2)
                out[j, i] = 0.5 / (2 * math.pi * u * sy * sz) * side * up
    return out


def puff_loop(cloud: puffs.Puffs, count: int) -> F64:
    """One puff after the other, each over the whole grid."""
    xx, yy = np.meshgrid(AXIS, AXIS)
    out: F64 = np.zeros_like(xx)
    for p in range(count):
        s, sz = cloud.sigma[p], cloud.sigma_z[p]
        up = math.exp(-0.5 * ((1.5 - cloud.height) / sz) ** 2) + math.exp(
            -0.5 * ((1.5 + cloud.height) / sz) ** 2
        )
        peak = cloud.mass[p] * up / ((2 * math.pi) ** 1.5 * s * s * sz)
        out += peak * np.exp(-0.5 * ((xx - cloud.x[p]) ** 2 + (yy - cloud.y[p]) ** 2) / s**2)
    return out


def inversion_loop(sx: F64, sy: F64, seen: F64, cx: F64, cy: F64, prior: Prior) -> list[float]:
    """Candidate by candidate, offset by offset, spread by spread, strength by strength."""
    found = []
    for x, y in zip(cx, cy, strict=True):
        total = -math.inf
        for offset in prior.wind_offsets_deg:
            unit = concentration(
                sx, sy, 1.5, Source(float(x), float(y), 0.5, 1.0), 250.0 + offset, LAYER, TABLE
            )
            for _spread in prior.lateral:
                for q in prior.strengths:
                    miss = (np.log(unit * q + 1e-8) - np.log(seen + 1e-8)) / prior.scatter
                    fit = -0.5 * (prior.degrees + 1) * np.log1p(miss**2 / prior.degrees).sum()
                    total = float(np.logaddexp(total, fit - 0.5 * (offset / prior.wind_sd_deg) ** 2))
        found.append(total)
    return found


def within(zone: Zone, x: float, y: float) -> bool:
    """Even-odd rule along the zone's rings."""
    odd = False
    for part in zone.polygon.geoms:
        for ring in (part.exterior, *part.interiors):
            corners = list(ring.coords)
            for (ax, ay), (bx, by) in pairwise(corners):
                if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
                    odd = not odd
    return odd


def route_loop(roads: Roads, exits: list[int]) -> dict[int, float]:
    """Dijkstra with a heap from all exits, the plume asked edge by edge."""
    near: dict[int, list[tuple[int, float]]] = {}
    for a, b in zip(roads.start.tolist(), roads.end.tolist(), strict=True):
        x, y = (roads.x[a] + roads.x[b]) / 2, (roads.y[a] + roads.y[b]) / 2
        c = float(concentration(x, y, 1.5, SOURCE, 290.0, LAYER, TABLE))
        if c < 1e-3:
            length = math.hypot(roads.x[a] - roads.x[b], roads.y[a] - roads.y[b])
            cost = length / WALKING_M_S * (1 + 1e4 * c)
            near.setdefault(a, []).append((b, cost))
            near.setdefault(b, []).append((a, cost))
    best, heap = dict.fromkeys(exits, 0.0), [(0.0, e) for e in exits]
    while heap:
        cost, node = heapq.heappop(heap)
        if cost > best[node]:
            continue
        for other, step in near.get(node, ()):
            if cost + step < best.get(other, math.inf):
                best[other] = cost + step
                heapq.heappush(heap, (cost + step, other))
    return best


def report(name: str, ours: tuple[float, float], reference: float, aim: float, what: str) -> None:
    line = {
        "bench": name, "median_ms": round(ours[0], 2), "best_ms": round(ours[1], 2), "aim_ms": aim,
        "reference": what, "reference_ms": round(reference, 1), "ratio": round(reference / ours[0], 1),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def bench_plume(repeat: int) -> None:
    xx, yy = np.meshgrid(AXIS, AXIS)
    ours = clock(lambda: concentration(xx, yy, 1.5, SOURCE, 270.0, LAYER, TABLE), repeat)
    reference = took(lambda: plume_loop(AXIS[::10], AXIS[::10]), 0.01)
    report("plume 500x500", ours, reference, 25, "cell by cell (1/100 timed)")


def bench_puffs(repeat: int) -> None:
    rng = np.random.default_rng(1)
    wind = puffs.WindSeries(0.0, 60.0, rng.uniform(1.5, 4, 60), 270 + np.cumsum(rng.normal(0, 5, 60)))
    cloud = puffs.released(0, 0, 2.0, 0.5, np.arange(0, 3000, 3.0), 3.0, 3000.0, wind, LAYER, TABLE)
    ours = clock(lambda: puffs.field(cloud, AXIS, AXIS), repeat)
    reference = took(lambda: puff_loop(cloud, 50), 50 / cloud.x.size)
    report("1,000 puffs 500x500", ours, reference, 45, "puff by puff (1/20 timed)")


def bench_inversion(repeat: int) -> None:
    rng = np.random.default_rng(1)
    cx, cy = rng.uniform(-1000, 1000, (2, 90))
    sx, sy = rng.uniform(-900, 900, (2, 20))
    seen = concentration(sx, sy, 1.5, Source(cx[0], cy[0], 0.5, 0.1), 250.0, LAYER, TABLE)
    ours = clock(lambda: steady(sx, sy, seen, cx, cy, 0.5, 250.0, LAYER, detection=1e-8), repeat)
    reference = took(lambda: inversion_loop(sx, sy, seen, cx[:3], cy[:3], Prior()), 3 / 90)
    report("inversion 90x20", ours, reference, 30, "candidate by candidate (1/30 timed)")


def bench_alarm(repeat: int) -> None:
    grid = Grid.around((120.77, 41.80), 6000.0, 400)
    sites = np.random.default_rng(2).uniform(-4000, 4000, (2, 20_090))
    n = 100
    gx, gy = np.meshgrid(np.linspace(-3000, 3000, n), np.linspace(-3000, 3000, n))
    index = np.arange(n * n).reshape(n, n)
    roads = Roads(
        gx.ravel(), gy.ravel(), np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()]),
        np.concatenate([index[:, 1:].ravel(), index[1:].ravel()]),
    )  # fmt: skip
    exits = [0, n * n - 1, n // 2]

    def alarm() -> None:
        field = steady_field(grid, SOURCE, 290.0, LAYER)
        for zone in zones(grid, field, LEVELS):
            zone.geojson(grid)
            inside(zone, *sites)
        escape(
            roads, exits, passes=1, forbidden=1e-3, load_weight=1e4,
            plume=lambda x, y, _t: concentration(x, y, 1.5, SOURCE, 290.0, LAYER, TABLE),
        )  # fmt: skip

    ours = clock(alarm, repeat)
    field = steady_field(grid, SOURCE, 290.0, LAYER)
    drawn = zones(grid, field, LEVELS)
    reference = took(lambda: plume_loop(grid.x[::20], grid.y[::20]), 1 / 400)
    reference += took(
        lambda: [[within(z, x, y) for z in drawn] for x, y in sites.T[:200]], 200 / sites.shape[1]
    )
    reference += took(lambda: route_loop(roads, exits), 1.0)
    what = "cell by cell, site by site, edge by edge, without drawing the zones (1/400, 1/100, all timed)"
    report("alarm to 4 zones, 20,090 sites, 10,000 nodes", ours, reference, 100, what)


def print_scores() -> None:
    """Prairie Grass arc maxima and source attribution, all runs and held out; data and calls are those of the tests."""
    tests: Any = import_module("tests.physics.test_prairie_grass_scores")
    for name, state in (("measured turbulence", tests.measured), ("one mast, hour, clear sky", tests.park)):
        pairs = {law: tests.maxima(state, law) for law in SPREAD_LAWS}
        run = pairs[SPREAD_LAWS[0]].run
        halves = {"all": run > 0, "even (chosen on odd)": run % 2 == 0, "odd (chosen on even)": run % 2 == 1}
        for label, scored in halves.items():
            law = SPREAD_LAWS[0] if label == "all" else min(pairs, key=lambda k: pairs[k].score(~scored).vg)
            s = pairs[law].score(scored)
            line = {"score": "Prairie Grass arc maxima", "input": name, "runs": label, "law": law, "n": s.n,
                    "fac2": round(s.fac2, 3), "fb": round(s.fb, 3), "nmse": round(s.nmse, 3), "mg": round(s.mg, 3),
                    "vg": round(s.vg, 3)}  # fmt: skip
            print(json.dumps(line), flush=True)
    trials = tests.attribution(10)
    every = trials.run > 0
    for label, scored in (("all", every), ("odd", trials.run % 2 == 1), ("even", trials.run % 2 == 0)):
        first, third = trials.shares(scored)
        line = {"score": "Prairie Grass attribution, 90 candidates, 20 samplers, 10 draws", "runs": label,
                "n": int(scored.sum()), "first": round(first, 3), "first_three": round(third, 3)}  # fmt: skip
        print(json.dumps(line), flush=True)
    print(json.dumps({"score": "reliability: given, right, trials", "bins": [
        [round(g, 3), round(r, 3), n] for g, r, n in trials.reliability()]}), flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--scores", action="store_true", help="Prairie Grass scores as well (half a minute)")
    chosen = parser.parse_args()
    for bench in (bench_plume, bench_puffs, bench_inversion, bench_alarm):
        bench(chosen.repeat)
    if chosen.scores:
        print_scores()


if __name__ == "__main__":
    main()
