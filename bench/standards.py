"""The series functions of the standards against plain Python loops in the same run.

    python -m bench.standards [--points 50] [--repeat 3]

A year of minute values of ``--points`` points (2 % missing) goes through each function at once; the loop treats one
point for a few days, value by value, and is scaled up. One JSON line per function: median and best seconds for the
points measured, ``per_1000_points_s`` scaled from it, and ``ratio`` = loop / ours.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from parksight.standards import gb3095, gb12348, hj75, hj633, power
from parksight.standards.rulepack import builtin

F64 = npt.NDArray[np.float64]
MINUTES = 525_600
ON = date(2026, 11, 1)
#: Days of one point that the loops treat.
SAMPLE_DAYS = 5


def mean_loop(values: list[float], size: int, least: int) -> list[float]:
    out = []
    for begin in range(0, len(values) - size + 1, size):
        total, n = 0.0, 0
        for value in values[begin : begin + size]:
            if not math.isnan(value):
                total += value
                n += 1
        out.append(total / n if n >= least else math.nan)
    return out


def leq_loop(values: list[float], size: int) -> list[float]:
    out = []
    for begin in range(0, len(values), size):
        total, n = 0.0, 0
        for value in values[begin : begin + size]:
            if not math.isnan(value):
                total += 10 ** (value / 10)
                n += 1
        out.append(10 * math.log10(total / n) if n else math.nan)
    return out


def index_of(c: float, points: list[float]) -> int:
    """IAQI of a rounded concentration, as it is first written."""
    steps = (0, 50, 100, 150, 200, 300, 400, 500)
    for low, high, i, k in zip(points, points[1:], steps, steps[1:], strict=False):
        if c <= high:
            return math.ceil(round((k - i) / (high - low) * (c - low) + i, 9))
    return steps[len(points) - 1]


def aqi_loop(series: dict[str, list[float]]) -> list[tuple[int, list[str]] | None]:
    table = {
        item: sorted(r.number for r in builtin().table("hj633.breakpoint", ON, item=item)) for item in series
    }
    out: list[tuple[int, list[str]] | None] = []
    for i in range(len(next(iter(series.values())))):
        found = {}
        for item, values in series.items():
            if not math.isnan(values[i]):
                found[item] = index_of(round(values[i], hj633.decimals(item)), table[item])
        top = max(found.values(), default=-1)
        known = len(found) == len(series) or top > 100
        out.append((top, [n for n, x in found.items() if x == top and top > 50]) if known else None)
    return out


def converted_loop(c: list[float], o2: list[float]) -> list[float]:
    found = []
    for a, b in zip(c, o2, strict=True):
        found.append(a * 15 / (21 - b) if b < 19 else math.nan)
    return mean_loop(mean_loop(found, 60, 45), 24, 20)


def sliding_loop(values: list[float]) -> float:
    top = 0.0
    for i in range(15, len(values) + 1):
        valid = [v for v in values[i - 15 : i] if not math.isnan(v)]
        if len(valid) >= 12:
            top = max(top, sum(valid) / len(valid))
    return top


def measure(
    name: str, ours: Callable[[], Any], loop: Callable[[], Any], points: int, repeat: int, share: float
) -> None:
    """``share`` is the part of the work that the loop does."""
    ours()
    times = []
    for _ in range(repeat):
        began = time.perf_counter()
        ours()
        times.append(time.perf_counter() - began)
    began = time.perf_counter()
    loop()
    reference = (time.perf_counter() - began) / share
    median = float(np.median(times))
    line = {
        "bench": name, "points": points, "median_s": round(median, 3), "best_s": round(min(times), 3),
        "per_1000_points_s": round(median / points * 1000, 2), "reference": "plain Python loop, scaled",
        "reference_s": round(reference, 1), "ratio": round(reference / median, 1),
    }  # fmt: skip
    print(json.dumps(line), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--points", type=int, default=50)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    points, repeat = asked.points, asked.repeat
    rng = np.random.default_rng(1)
    year = rng.uniform(20, 90, (points, MINUTES))
    year[rng.random(year.shape, dtype=np.float32) < 0.02] = np.nan
    days = SAMPLE_DAYS * 1440
    one = year[0, :days].tolist()
    share = days / MINUTES / points

    def run(name: str, ours: Callable[[], Any], loop: Callable[[], Any]) -> None:
        measure(name, ours, loop, points, repeat, share)

    run("hourly and daily means", lambda: gb3095.daily_means(gb3095.hourly_means(year)),
        lambda: mean_loop(mean_loop(one, 60, 45), 24, 20))  # fmt: skip
    oxygen = np.float64(11.0) + np.zeros(MINUTES)
    run("converted stack values, valid hours and days",
        lambda: hj75.daily_means(hj75.hourly_means(hj75.converted(year, oxygen, 6))),
        lambda: converted_loop(one, oxygen[:days].tolist()))  # fmt: skip
    run("minute Leq to hours, Ld and Ln",
        lambda: gb12348.days_and_nights(gb12348.leq_blocks(year, 60), 1), lambda: leq_loop(one, 60))  # fmt: skip
    run("maximum demand, regular", lambda: power.maximum_demands(power.quarter_hour_means(year)),
        lambda: max(x for x in mean_loop(one, 15, 12) if not math.isnan(x)))  # fmt: skip
    run("maximum demand, sliding",
        lambda: [power.maximum_demands(power.sliding_demand(meter)) for meter in year], lambda: sliding_loop(one))  # fmt: skip

    hours = gb3095.hourly_means(year)
    station = dict.fromkeys(hj633.REALTIME, hours)
    sample = {item: hours[0, : SAMPLE_DAYS * 24].tolist() for item in hj633.REALTIME}
    run(
        "real-time AQI of every hour, six pollutants",
        lambda: hj633.realtime_series(station, ON),
        lambda: aqi_loop(sample),
    )
    ozone = dict.fromkeys(hj633.DAILY_ITEM, hours)
    run("daily AQI from hours, six pollutants",
        lambda: hj633.daily_series(hj633.daily_concentrations(ozone), ON),
        lambda: aqi_loop({item: mean_loop(sample["SO2_1h"], 24, 20) for item in hj633.DAILY}))  # fmt: skip


if __name__ == "__main__":
    main()
