"""Floor 0 against straightforward NumPy loops in the same run: plume, puffs, inversion, alarm to zones.

    python -m bench.physics [--repeat 7]

Prints one JSON line per measurement: median and best ms, and ``ratio`` = plain loop / ours. Aims on two cores: plume
500x500 <= 25 ms; 1,000 shifting puffs on 500x500 <= 45 ms; inversion 90x20 <= 30 ms; alarm to zones, people and
routes <= 100 ms.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from parksight.physics import puffs
from parksight.physics.atmosphere import Stability, SurfaceLayer
from parksight.physics.consequence import Grid, inside, steady_field, zones
from parksight.physics.evacuation import Roads, escape
from parksight.physics.inversion import Prior, steady
from parksight.physics.plume import Source, concentration, spread_table

LAYER = SurfaceLayer.from_class(3.0, 10.0, Stability.D, 0.1)
TABLE = spread_table(LAYER)


def clock(work: Callable[[], Any], repeat: int) -> tuple[float, float]:
    """Median and best of ``repeat`` runs, ms; one run before them does not count."""
    work()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return float(np.median(times)), min(times)


def plume_loop(x: np.ndarray, y: np.ndarray) -> np.ndarray:
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


def puff_loop(cloud: puffs.Puffs, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """One puff after the other, each over the whole grid."""
    xx, yy = np.meshgrid(x, y)
    out: np.ndarray = np.zeros_like(xx)
    weight = puffs._weights(cloud, 1.5)
    for p in range(cloud.x.size):
        out += weight[p] * np.exp(
            -0.5 * ((xx - cloud.x[p]) ** 2 + (yy - cloud.y[p]) ** 2) / cloud.sigma[p] ** 2
        )
    return out


def report(name: str, ours: tuple[float, float], reference: float, aim: float, what: str) -> None:
    line = {
        "bench": name, "median_ms": round(ours[0], 2), "best_ms": round(ours[1], 2), "aim_ms": aim,
        "reference": what, "reference_ms": round(reference, 1), "ratio": round(reference / ours[0], 1),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    axis = np.linspace(-2500, 2500, 500)
    xx, yy = np.meshgrid(axis, axis)
    source = Source(0.0, 0.0, 2.0, 0.5)

    ours = clock(lambda: concentration(xx, yy, 1.5, source, 270.0, LAYER, TABLE), repeat)
    began = time.perf_counter()
    plume_loop(axis[::10], axis[::10])
    report("plume 500x500", ours, (time.perf_counter() - began) * 100_000, 25, "cell by cell (1/100 timed)")

    rng = np.random.default_rng(1)
    wind = puffs.WindSeries(0.0, 60.0, rng.uniform(1.5, 4, 60), 270 + np.cumsum(rng.normal(0, 5, 60)))
    cloud = puffs.released(0, 0, 2.0, 0.5, np.arange(0, 3000, 3.0), 3.0, 3000.0, wind, LAYER, TABLE)
    ours = clock(lambda: puffs.field(cloud, axis, axis), repeat)
    few = puffs.Puffs(
        cloud.x[:50],
        cloud.y[:50],
        cloud.mass[:50],
        cloud.sigma[:50],
        cloud.sigma_z[:50],
        cloud.height,
        cloud.lid,
    )
    began = time.perf_counter()
    puff_loop(few, axis, axis)
    report(
        "1,000 puffs 500x500", ours, (time.perf_counter() - began) * 20_000, 45, "puff by puff (1/20 timed)"
    )

    cx, cy = rng.uniform(-1000, 1000, (2, 90))
    sx, sy = rng.uniform(-900, 900, (2, 20))
    seen = concentration(sx, sy, 1.5, Source(cx[0], cy[0], 0.5, 0.1), 250.0, LAYER, TABLE)
    prior = Prior(strengths=tuple(np.geomspace(1e-3, 1, 25)))

    def invert() -> None:
        steady(sx, sy, seen, cx, cy, 0.5, 250.0, LAYER, detection=1e-8, prior=prior)

    ours = clock(invert, repeat)
    began = time.perf_counter()
    for angle in range(-12, 13, 2):
        for _scale in prior.spread_scales:
            for k in range(9):
                concentration(sx, sy, 1.5, Source(cx[k], cy[k], 0.5, 1.0), 250.0 + angle, LAYER, TABLE)
    report(
        "inversion 90x20",
        ours,
        (time.perf_counter() - began) * 10_000,
        30,
        "candidate by candidate (1/10 timed)",
    )

    grid = Grid.around((120.77, 41.80), 6000.0, 400)
    sites = rng.uniform(-4000, 4000, (2, 20_090))
    n = 100
    steps = np.linspace(-3000, 3000, n)
    gx, gy = np.meshgrid(steps, steps)
    index = np.arange(n * n).reshape(n, n)
    roads = Roads(
        gx.ravel(), gy.ravel(), np.concatenate([index[:, :-1].ravel(), index[:-1].ravel()]),
        np.concatenate([index[:, 1:].ravel(), index[1:].ravel()]),
    )  # fmt: skip

    def alarm() -> None:
        field = steady_field(grid, source, 290.0, LAYER)
        for zone in zones(grid, field, [5e-6, 2e-5, 1e-4, 5e-4]):
            inside(zone, *sites)
        escape(
            roads, [0, n * n - 1, n // 2], passes=1, forbidden=1e-3, load_weight=1e4,
            plume=lambda x, y, _t: concentration(x, y, 1.5, source, 290.0, LAYER, TABLE),
        )  # fmt: skip

    ours = clock(alarm, repeat)
    report("alarm to 4 zones, 20,090 sites, 10,000 nodes", ours, ours[0], 100, "itself")


if __name__ == "__main__":
    main()
