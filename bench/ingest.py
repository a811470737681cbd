"""The checks of the one door: rows per second and core, beside a Python loop and the bare store.

    python -m bench.ingest [--seconds 2] [--store]

Prints one JSON line per measurement; ``ratio`` is against the named reference of the same run. The batches are
what the HJ 212 gateway hands over: 24 readings a station, thousands of stations, in points' source units.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from parksight.kernel.clock import SystemClock
from parksight.kernel.settings import IngestSettings
from parksight.telemetry.catalogue import ACTIVE, PointColumns, empty
from parksight.telemetry.ingest.dedupe import Window
from parksight.telemetry.ingest.pipeline import IngestPipeline
from parksight.telemetry.ingest.tick import Judge, Limits
from parksight.telemetry.protocols import Columns, ReadingBatch, Receipt

STATIONS, FACTORS = 4_000, 24
BASE = 1_767_225_600_000


def definitions(count: int) -> PointColumns:
    points = empty(count + 1)
    points.flags[1:] = ACTIVE
    points.known[1:] = 1
    points.factor[1:] = 0.1
    points.low[1:], points.high[1:] = 0.0, 100.0
    points.reject_low[1:], points.reject_high[1:] = -273.15, 1e6
    return points


def frames(tick: int, stations: int = STATIONS) -> list[ReadingBatch]:
    """One tick: a frame of every station, one instant per second of source time."""
    rng = np.random.default_rng(tick)
    at = BASE + tick * 1000
    values = rng.normal(500.0, 50.0, (stations, FACTORS))
    ids = np.arange(1, stations * FACTORS + 1, dtype=np.int32).reshape(stations, FACTORS)
    quality = np.zeros(FACTORS, np.uint8)
    observed = np.full(FACTORS, at, np.int64)
    return [ReadingBatch(ids[s], observed, values[s], quality, at + 200, s) for s in range(stations)]


def python_loop(
    batches: Sequence[ReadingBatch], points: PointColumns, seen: dict[tuple[int, int], float]
) -> int:
    """The same checks, row by row: the reference."""
    flags, factor, shift = points.flags.tolist(), points.factor.tolist(), points.shift.tolist()
    low, high = points.low.tolist(), points.high.tolist()
    accepted = 0
    out: list[tuple[int, int, float, int]] = []
    for b in batches:
        received = b.received_at
        for p, t, v, q in zip(
            b.point.tolist(), b.observed_at.tolist(), b.value.tolist(), b.quality.tolist(), strict=True
        ):
            if not 0 <= p < len(flags) or not flags[p] & ACTIVE or math.isnan(v) or math.isinf(v):
                continue
            v = v * factor[p] + shift[p]
            if not low[p] <= v <= high[p]:
                q = q & 0xF0 | 2
            if t - received > 120_000:
                q |= 0x20
            elif received - t > 300_000:
                q |= 0x40
            if seen.get((p, t)) == v:
                continue
            seen[p, t] = v
            out.append((p, t, v, q))
            accepted += 1
    return accepted


def rate(work: Callable[[int], int], seconds: float) -> float:
    """Rows per CPU-second of this thread, after one round of warming up."""
    work(0)
    rows, tick, spent = 0, 1, 0.0
    while spent < seconds:
        began = time.thread_time()
        rows += work(tick)
        spent += time.thread_time() - began
        tick += 1
    return rows / spent


def say(name: str, value: float, **more: Any) -> None:
    print(
        json.dumps({"bench": f"ingest.{name}", "value": round(value), "unit": "rows/s", **more}), flush=True
    )


def checks(seconds: float) -> float:
    points = definitions(STATIONS * FACTORS)
    prepared = [frames(i) for i in range(12)]

    def shifted(tick: int) -> list[ReadingBatch]:
        batches = prepared[tick % len(prepared)]
        at = np.full(FACTORS, BASE + tick * 1000, np.int64)
        for b in batches:
            b.observed_at, b.received_at = at, BASE + tick * 1000 + 200
        return batches

    judge = Judge(Limits(300_000, 120_000, 86_400_000, 12.0), Window(1_000_000, 7))
    kernel = rate(lambda tick: len(judge.judge(shifted(tick), points).rows), seconds)
    seen: dict[tuple[int, int], float] = {}

    def naive(tick: int) -> int:
        if len(seen) > 1_000_000:
            seen.clear()
        return python_loop(shifted(tick), points, seen)

    loop = rate(naive, min(seconds, 1.5))
    say("python_loop", loop, per="core")
    say("checks", kernel, per="core", reference="ingest.python_loop", ratio=round(kernel / loop, 1))
    return kernel


class Nothing:
    """A store that keeps nothing: what is left is the door itself."""

    rows = 0

    def append(self, rows: Columns) -> None:
        self.rows += len(rows)

    def last(self) -> Columns:
        none = np.empty(0, np.int64)
        return Columns(none.astype(np.int32), none, none.astype(float), none.astype(np.uint8), none)


async def through(store: Any, seconds: float, folder: Path, pace: int | None = None) -> dict[str, float]:
    """Rows per second through the whole door on a real event loop, and the time a batch waits.

    ``pace`` rows per second, or as many as it takes.
    """
    from parksight.telemetry.live_table import LiveTable

    points = definitions(STATIONS * FACTORS)

    class Fixed:
        dirty = False

        def current(self) -> PointColumns:
            return points

        peek = current

    fixed: Any = Fixed()
    live = LiveTable(fixed)
    limits = IngestSettings(source_rate_limit=10_000_000)
    pipeline = IngestPipeline(limits, SystemClock(), store, live, fixed, folder)
    pipeline.start()
    waits: list[float] = []
    prepared = [frames(i) for i in range(8)]
    began, cpu, tick, rows = time.perf_counter(), time.process_time(), 0, 0
    pending = 0
    idle = asyncio.Event()

    while time.perf_counter() - began < seconds:
        batches = prepared[tick % len(prepared)]
        at = np.full(FACTORS, int(time.time() * 1000) + tick, np.int64)
        for first in range(0, STATIONS, 200):
            group = [
                ReadingBatch(b.point, at, b.value, b.quality, b.received_at, b.source)
                for b in batches[first : first + 200]
            ]
            handed = time.perf_counter()

            def done(
                receipts: Sequence[Receipt], error: BaseException | None, handed: float = handed
            ) -> None:
                nonlocal pending
                waits.append(time.perf_counter() - handed)
                pending -= 1
                if not pending:
                    idle.set()

            for b in group:
                b.received_at = int(at[0])
            while not pipeline.submit_nowait(group, done):
                await pipeline.room()
            pending += 1
            idle.clear()
            rows += 200 * FACTORS
            ahead = rows / pace - (time.perf_counter() - began) if pace else 0.0
            await asyncio.sleep(max(0.0, ahead))
        tick += 1
    if pending:
        await idle.wait()
    took, used = time.perf_counter() - began, time.process_time() - cpu
    await pipeline.stop()
    total = pipeline.books.total()
    if not total.balanced or total.stored != rows:
        raise SystemExit(f"the books do not add up: {total}")
    waits.sort()
    return {
        "rows_s": rows / took,
        "rows_cpu_s": rows / used,
        "p50_ms": waits[len(waits) // 2] * 1000,
        "p99_ms": waits[int(len(waits) * 0.99)] * 1000,
    }


def bare_append(store: Any, seconds: float) -> float:
    """Rows per second when ticks of finished columns are appended without any check."""
    rng = np.random.default_rng(1)
    n = 200_000
    ids = (np.arange(n, dtype=np.int32) % (STATIONS * FACTORS)) + 1
    value, quality = rng.normal(50, 5, n), np.zeros(n, np.uint8)
    began, rows, tick = time.perf_counter(), 0, 0
    while time.perf_counter() - began < seconds:
        at = np.full(n, BASE + tick * 1000, np.int64) + (np.arange(n) // (STATIONS * FACTORS)) * 500
        store.append(Columns(ids, at, value, quality, at))
        rows += n
        tick += 1
    return rows / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--store", action="store_true", help="also through the real store")
    args = parser.parse_args()
    checks(args.seconds)
    with tempfile.TemporaryDirectory() as folder:
        door = asyncio.run(through(Nothing(), args.seconds, Path(folder) / "rejects"))
        say("door", door.pop("rows_s"), per="2 cores, no store", **{k: round(v, 1) for k, v in door.items()})
    if args.store:
        from parksight.kernel.settings import StoreSettings
        from parksight.telemetry.store import DuckDbStore

        with tempfile.TemporaryDirectory() as folder:
            store = DuckDbStore(Path(folder) / "bare", StoreSettings(), "Asia/Shanghai", SystemClock())
            bare = bare_append(store, args.seconds)
            store.close()
            say("bare_append", bare)
            store = DuckDbStore(Path(folder) / "door", StoreSettings(), "Asia/Shanghai", SystemClock())
            real = asyncio.run(through(store, args.seconds, Path(folder) / "rejects"))
            store.close()
            rows = real.pop("rows_s")
            say(
                "durable", rows, reference="ingest.bare_append", ratio=round(rows / bare, 2),
                **{k: round(v, 1) for k, v in real.items()},
            )  # fmt: skip
            store = DuckDbStore(Path(folder) / "paced", StoreSettings(), "Asia/Shanghai", SystemClock())
            paced = asyncio.run(through(store, args.seconds, Path(folder) / "rejects", pace=200_000))
            store.close()
            tick = IngestSettings().tick_ms
            say(
                "paced", paced.pop("rows_s"), reference="tick", tick_ms=tick,
                ratio=round(paced["p99_ms"] / tick, 2), **{k: round(v, 1) for k, v in paced.items()},
            )  # fmt: skip


if __name__ == "__main__":
    main()
