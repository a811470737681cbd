"""The store against bare DuckDB in one run: ``python -m bench.store [--rows 100000000] [--quick]``.

Data as in the demo: of 5,000 points 70 % report every minute, 20 % every 30 s, 8 % every 10 s, 2 % every 5 s;
one to three decimals, a random walk on a daily cycle; eight points of a device arrive together 20 to 400 ms
after they were observed. Ratios travel between machines, milliseconds do not.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import numpy as np

from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database
from parksight.kernel.settings import StoreSettings
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import DuckDbStore
from parksight.telemetry.store.database import HOT_COLUMNS, arrow

#: 2026-03-01 00:00 in Shanghai.
START = 1_772_294_400_000
DAY, HOUR, MINUTE = 86_400_000, 3_600_000, 60_000
SLICE = 10 * MINUTE
MIX = ((60_000, 0.70), (30_000, 0.20), (10_000, 0.08), (5_000, 0.02))
PACE = 15_000


class Park:
    """Endless demo-like data, a slice of time after the other.

    Args:
        points: how many; ids 1 to ``points``.
    """

    def __init__(self, points: int) -> None:
        self.rng = np.random.default_rng(2026)
        ids = self.rng.permutation(np.arange(1, points + 1, dtype=np.int32))
        self.groups = []
        first = 0
        for period, share in MIX:
            count = round(points * share)
            mine = np.sort(ids[first : first + count])
            first += count
            decimals = self.rng.integers(1, 4, count)
            sigma = 10.0**-decimals * self.rng.choice([1.0, 3.0, 10.0], count)
            self.groups.append((period, mine, decimals, sigma, np.zeros(count)))

    def slice(self, start: int, length: int = SLICE) -> Columns:
        """All rows of ``[start, start + length)`` in the order of arrival."""
        p, t, v, r = [], [], [], []
        for period, ids, decimals, sigma, state in self.groups:
            at = np.arange(start, start + length, period, dtype=np.int64)
            walk = state + np.cumsum(self.rng.normal(0, 1, (len(at), len(ids))) * sigma, axis=0)
            state[:] = walk[-1]
            cycle = 50 + 10 * np.sin(2 * np.pi * ((at - START) % DAY) / DAY)
            scale = 10.0**decimals
            frames = self.rng.integers(20, 400, (len(at), -(-len(ids) // 8)))
            p.append(np.tile(ids, len(at)))
            t.append(np.repeat(at, len(ids)))
            v.append((np.rint((cycle[:, None] + walk) * scale) / scale).ravel())
            r.append((at[:, None] + np.repeat(frames, 8, axis=1)[:, : len(ids)]).ravel())
        observed, received = np.concatenate(t), np.concatenate(r)
        order = np.argsort(received, kind="stable")
        quality = np.full(len(order), 0x80, np.uint8)
        return Columns(
            np.concatenate(p)[order], observed[order], np.concatenate(v)[order], quality, received[order]
        )


@dataclass
class Line:
    what: str
    figure: str
    against: str = ""


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def spread(seconds: list[float]) -> str:
    ms = np.percentile(np.array(seconds) * 1000, [50, 95, 100])
    return f"p50 {ms[0]:.1f}  p95 {ms[1]:.1f}  max {ms[2]:.1f} ms"


def batches(park: Park, start: int, size: int, count: int) -> Iterator[Columns]:
    """Batches of ``size`` rows."""
    at, rows, first = start, park.slice(start), 0
    for _ in range(count):
        while len(rows) - first < size:
            at += SLICE
            more = park.slice(at)
            rows = Columns(
                *(np.concatenate([getattr(rows, n)[first:], getattr(more, n)]) for n in Columns.__slots__)
            )
            first = 0
        yield Columns(*(getattr(rows, n)[first : first + size] for n in Columns.__slots__))
        first += size


def append_rates(folder: Path, park: Park, count: int) -> list[Line]:
    """Rows per second of bare DuckDB, of the store, and of the store while two readers query, in turns."""
    store = open_store(folder / "append", compact_after_rows=20_000_000)
    bare = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2, "checkpoint_threshold": "1GB"})
    bare.execute(f"CREATE TABLE hot ({HOT_COLUMNS})")
    stop, busy = threading.Event(), threading.Event()

    def reader(seed: int) -> None:
        rng = np.random.default_rng(seed)
        while not stop.is_set():
            if busy.wait(0.05):
                store.raw([int(rng.integers(1, 900))], START, START + DAY)

    readers = [threading.Thread(target=reader, args=(i,)) for i in (1, 2)]
    for thread in readers:
        thread.start()
    took: dict[str, list[float]] = {"bare": [], "alone": [], "read": []}
    size = 10_000
    for i, rows in enumerate(batches(park, START, size, count)):

        def into_bare(rows: Columns = rows) -> None:
            batch = arrow(rows)  # noqa: F841 - found by name
            bare.execute("INSERT INTO hot SELECT * FROM batch")

        if i < 3:  # the first insert of each warms up
            into_bare()
            store.append(rows)
            continue
        took["bare"].append(timed(into_bare))
        took["alone"].append(timed(partial(store.append, rows)))
        busy.set()
        took["read"].append(timed(partial(store.append, rows)))
        busy.clear()
    stop.set()
    for thread in readers:
        thread.join()
    bare.close()
    store.close()
    rate = {k: size / float(np.median(s)) for k, s in took.items()}
    return [
        Line("append, bare DuckDB (reference)", f"{rate['bare'] / 1e6:.2f} M rows/s", "1.00"),
        Line("append, store", f"{rate['alone'] / 1e6:.2f} M rows/s", f"{rate['alone'] / rate['bare']:.2f} (floor 0.6, aim 0.85)"),
        Line("append, store, two readers", f"{rate['read'] / 1e6:.2f} M rows/s", f"{rate['read'] / rate['bare']:.2f} (floor 0.35, aim 0.5)"),
    ]  # fmt: skip


def open_store(folder: Path, **settings: int) -> DuckDbStore:
    limits = StoreSettings.model_validate({"memory_limit_mb": 1024, "threads": 2, **settings})
    return DuckDbStore(folder, limits, "Asia/Shanghai", SimulatedClock(datetime(2026, 3, 9, tzinfo=UTC)))


def load(store: DuckDbStore, park: Park, rows: int) -> tuple[list[Line], int]:
    """Fill the store, compacting as it would by itself; returns the end of the data."""
    at, done, appending, compacting, merged, peak = START, 0, 0.0, 0.0, 0.0, 0.0
    while done < rows or (at - START) % DAY:
        block = park.slice(at)
        appending += timed(partial(store.append, block))
        done += len(block)
        at += SLICE
        if store.stats()["sealed_tables"]:
            began = time.perf_counter()
            figures = store._compact(at)
            compacting += time.perf_counter() - began
            merged, peak = merged + figures["merged_rows"], max(peak, figures["peak_mb"])
    began = time.perf_counter()
    for hours in (2, 9):
        figures = store.compact(at + hours * HOUR)
        merged, peak = merged + figures["merged_rows"], max(peak, figures["peak_mb"])
    compacting += time.perf_counter() - began
    s = store.stats()
    return [
        Line("rows stored", f"{s['rows'] / 1e6:.1f} M in {s['partitions']:.0f} days"),
        Line("bytes per row", f"{s['bytes_per_row']:.2f}", "aim 2.5"),
        Line("bytes per row with minute, hour and day aggregates", f"{s['bytes'] / s['rows']:.2f}"),
        Line("appending while loading", f"{done / appending / 1e6:.2f} M rows/s"),
        Line("compaction", f"{compacting:.1f} s, {done / compacting / 1e6:.2f} M rows/s, each row written {1 + merged / done:.1f} times"),
        Line("process memory at most while compacting", f"{peak:.0f} MB"),
    ], at  # fmt: skip


def sorted_table(folder: Path, store: DuckDbStore, points: int, day: int) -> duckdb.DuckDBPyConnection:
    """The reference of queries: one day as a DuckDB table sorted by point and time."""
    con = duckdb.connect(str(folder / "sorted.duckdb"), config={"threads": 2, "memory_limit": "1GB"})
    con.execute(f"CREATE TABLE day ({HOT_COLUMNS})")
    for first in range(1, points + 1, 500):
        rows = arrow(store.raw(range(first, min(points + 1, first + 500)), day, day + DAY))  # noqa: F841
        con.execute("INSERT INTO day SELECT * FROM rows")
    con.execute("CHECKPOINT")
    return con


def queries(folder: Path, store: DuckDbStore, park: Park, points: int, end: int, rounds: int) -> list[Line]:
    """Latencies while another thread appends 15,000 rows a second and compaction runs by itself."""
    rng = np.random.default_rng(5)
    con = sorted_table(folder, store, points, end - DAY)
    stop, late = threading.Event(), []
    # The hot table nearly full, which is the worst for every question about today.
    now = end
    while store.stats()["hot_rows"] < 0.85 * store.settings.compact_after_rows:
        store.append(park.slice(now))
        now += SLICE
    store.start()

    def ingest() -> None:
        due = time.perf_counter()
        for rows in batches(park, now, PACE // 10, 10**9):
            if stop.is_set():
                return
            late.append(timed(partial(store.append, rows)))
            due += 0.1
            time.sleep(max(0.0, due - time.perf_counter()))

    days = max(1, min(7, (end - START) // DAY))
    many = rng.choice(np.arange(1, points + 1), min(1000, points), replace=False).tolist()

    def one() -> int:
        return int(rng.integers(1, points + 1))

    def some_day() -> int:
        return int(end - DAY * rng.integers(1, days + 1))

    records = Database(f"sqlite:///{folder / 'records.sqlite'}", Bus())
    records.create_all()
    live = LiveTable(Catalogue(records))
    live.load(store.last())
    everyone = np.arange(1, points + 1, dtype=np.int32)

    def newest() -> object:
        return live.rows(everyone, now)

    def reference() -> object:
        sql = "SELECT observed_at, value, quality, received_at FROM day WHERE point = ? ORDER BY observed_at"
        return con.execute(sql, [one()]).fetchnumpy()

    def raw_day() -> object:
        d = some_day()
        return store.raw([one()], d, d + DAY)

    def raw_now() -> object:
        return store.raw([one()], now - DAY, now)

    def minutes() -> object:
        d = some_day()
        return store.buckets([one()], d, d + DAY, MINUTE)

    def hours() -> object:
        return store.buckets(many, now - days * DAY, now, HOUR)

    plan: list[tuple[str, Callable[[], object], int, str]] = [
        ("raw day of one point, sorted DuckDB table (reference)", reference, rounds, ""),
        ("raw day of one point", raw_day, rounds, "aim 15 ms p95"),
        ("raw last 24 hours of one point, hot table full", raw_now, rounds, "aim 15 ms p95"),
        ("one day of one point to 1 minute", minutes, rounds, "aim 15 ms p95"),
        (f"{days} days of {len(many)} points to 1 hour", hours, max(10, rounds // 10), "aim 500 ms p95"),
        ("newest row of every point, live table", newest, rounds, "aim 10 ms"),
        ("newest row of every point, at start", store.last, 5, ""),
    ]
    for _, action, _, _ in plan:
        action()
    thread = threading.Thread(target=ingest)
    thread.start()
    took: dict[str, list[float]] = {name: [] for name, *_ in plan}
    for i in range(rounds):
        for name, action, times, _ in plan:
            if i % max(1, rounds // times) == 0:
                took[name].append(timed(action))
        time.sleep(0.005)
    stop.set()
    thread.join()
    con.close()
    records.close()
    base = float(np.median(took[plan[0][0]]))
    lines = [
        Line(name, spread(took[name]), f"{np.median(took[name]) / base:.1f} x" + (f" ({aim})" if aim else ""))
        for name, _, _, aim in plan
    ]
    lines.append(Line(f"append of {PACE // 10} rows every 100 ms meanwhile", spread(late)))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--quick", action="store_true", help="8 M rows of 1,000 points, under 90 s")
    arguments = parser.parse_args()
    points = 1_000 if arguments.quick else 5_000
    rows = min(arguments.rows, 7_500_000) if arguments.quick else arguments.rows
    began = time.perf_counter()
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, DuckDB {duckdb.__version__}, NumPy {np.__version__}, Python {platform.python_version()}")  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = append_rates(folder, Park(points), 60 if arguments.quick else 150)
        store, park = open_store(folder / "store"), Park(points)
        loaded, end = load(store, park, rows)
        lines += loaded + queries(folder, store, park, points, end, 100 if arguments.quick else 300)
        store.close()
    lines.append(
        Line(
            "peak memory of this process",
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB",
        )
    )
    lines.append(Line("all of this took", f"{time.perf_counter() - began:.0f} s"))
    width = max(len(line.what) for line in lines)
    for line in lines:
        print(f"{line.what:<{width}}  {line.figure:<42} {line.against}")


if __name__ == "__main__":
    main()
