"""HJ 212 end to end: real sockets -> gateway -> checks -> alarm rules -> DuckDB -> acknowledgement.

    python -m bench.pipeline [--rate 400000] [--seconds 300] [--half] [--quick]
    python -m bench.pipeline --flood 600 [--rate 4000000]     ten times what it can take
    python -m bench.pipeline --connections 10000 --stations 10000 --rate 50000

The load generator runs on the same machine, in its own process. Everything on this side is what the product runs:
kernel records, telemetry with its live table, the gateway, 100,000 alarm rules, the store. Clocks of the stations run
fast when a rate needs more than one frame per station and second, so that every (point, time) is distinct.
Prints one JSON line per phase: points/s, arrival to acknowledgement, cores, memory over time, and that nothing
acknowledged is missing in the store. References of the same run: pure decode, raw DuckDB append.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import psutil
import uvloop
from bench.hj212 import FACTORS, measure, mn_of
from sqlalchemy import insert

from parksight.alarms.models import Rule
from parksight.alarms.service import AlarmService
from parksight.gateways.activity import ActivityBook
from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.frames import FrameLog
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.gateways.models import Device, PointMapping
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.settings import Hj212Settings, IngestSettings, Settings
from parksight.telemetry.assembly import Telemetry
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import Columns
from parksight.telemetry.store import DuckDbStore
from parksight.telemetry.store.database import HOT_COLUMNS, arrow

#: Published by ThingsBoard for one node on 2 vCPU (performance.md section 2).
THINGSBOARD = 15_000
#: As the application does it.
_LOGS_EVERY_S = 2.0
_STEP = {"deadband": 1.0, "on_delay_s": 2.0, "off_delay_s": 5.0}
#: Values are 400 to 600: the rules look at every one and raise nothing.
_RULE = {
    "hh": {**_STEP, "limit": 950.0, "priority": 1}, "h": {**_STEP, "limit": 900.0, "priority": 2},
    "l": {**_STEP, "limit": 10.0, "priority": 3}, "ll": {**_STEP, "limit": 5.0, "priority": 2},
}  # fmt: skip


def say(name: str, **figures: Any) -> None:
    print(json.dumps({"bench": f"pipeline.{name}", **figures}), flush=True)


def records(folder: Path, stations: int, rules: int) -> Database:
    """Points, devices, mappings and rules on record."""
    db = Database(f"sqlite:///{folder / 'records.sqlite'}", Bus())
    db.create_all()
    fill(db, stations, rules)
    return db


def fill(db: Database, stations: int, rules: int) -> None:
    """Put stations, their points and the rules on record."""
    now = datetime.now(UTC)
    stamps = {"created_at": now, "updated_at": now}
    points = [
        {"id": s * 24 + k + 1, "code": f"S{s}.{f}", "name": f, "quantity": "concentration", "unit": "mg/m3",
         "period_s": 1.0, **stamps}
        for s in range(stations) for k, f in enumerate(FACTORS)
    ]  # fmt: skip
    devices = [
        {"id": s + 1, "code": f"S{s}", "protocol": "hj212", "name": f"S{s}", "address": mn_of(s), **stamps}
        for s in range(stations)
    ]
    mappings = [
        {"device_id": s + 1, "address": f"{f}-Rtd", "point_id": s * 24 + k + 1}
        for s in range(stations) for k, f in enumerate(FACTORS)
    ]  # fmt: skip
    alarms = [
        {"id": i, "code": f"R{i}", "point_id": i, "target": {"kind": "point", "point_id": i},
         "definition": _RULE, "approved": True, **stamps}
        for i in range(1, min(rules, len(points)) + 1)
    ]  # fmt: skip
    with db.session() as session:
        for model, rows in ((Point, points), (Device, devices), (PointMapping, mappings), (Rule, alarms)):
            for i in range(0, len(rows), 20_000):
                session.execute(insert(model), rows[i : i + 20_000])


class Platform:
    """The product's own parts, put together as the composition root does it.

    Args:
        folder: data folder.
        stations: devices on record, 24 points each.
        rules: alarm rules of four steps each.
        limits: further HJ 212 settings.
    """

    def __init__(self, folder: Path, stations: int, rules: int, **limits: Any) -> None:
        began = time.perf_counter()
        self.db = records(folder, stations, rules)
        clock = SystemClock()
        # One relay may carry all stations of a run: the guard per device stays as it is.
        self.settings = Settings(
            data_dir=folder, ingest=IngestSettings(),
            hj212=Hj212Settings(port=0, devices_per_connection=100_000, **limits),
        )  # fmt: skip
        self.store = DuckDbStore(folder / "store", self.settings.store, "Asia/Shanghai", clock)
        self.alarms = AlarmService(self.db, clock, self.settings.alarms)
        self.telemetry = Telemetry(self.settings, self.db, clock, self.store, (self.alarms,))
        directory = DeviceDirectory(self.db)
        directory.load()
        self.context = GatewayContext(
            self.telemetry.pipeline, directory, FrameLog(folder / "frames.sqlite"), ActivityBook(),
            UnknownDevices(self.db), clock, self.db.bus,
        )  # fmt: skip
        self.gateway = Hj212Gateway(self.context, self.settings.hj212, self.db)
        self.setup_s = time.perf_counter() - began

    async def _keep_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOGS_EVERY_S)
            await asyncio.to_thread(self.context.frames.flush)

    async def start(self) -> None:
        self._chores = [asyncio.create_task(self._keep_logs())]
        await asyncio.to_thread(self.store.start)
        await asyncio.to_thread(self.alarms.start)
        await self.telemetry.start()
        await self.gateway.start()
        while not self.gateway.decoder.ready:
            await asyncio.sleep(0.05)
        gc.collect()
        gc.freeze()

    async def stop(self) -> None:
        gc.unfreeze()
        await self.gateway.stop()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await self.telemetry.stop()
        await asyncio.to_thread(self.alarms.stop)
        self.context.frames.close()
        self.store.close()
        self.db.close()

    def stored_rows(self) -> int:
        return int(self.store.stats()["rows"])

    def memory(self) -> dict[str, int]:
        """MB of the parts that grow with the load, each with a limit of its own."""
        engine = self.store._cursors.fetch("SELECT sum(memory_usage_bytes) AS bytes FROM duckdb_memory()")
        mirrors = [h.mirror.rows() for h in self.store._versions.now.hots if h.mirror is not None]
        pipeline = self.telemetry.pipeline.figures()
        return {
            "duckdb": round(float(engine["bytes"][0]) / 1e6),
            "mirrors": round(sum(getattr(m, n).nbytes for m in mirrors for n in Columns.__slots__) / 1e6),
            "duplicate_window": round(pipeline["dedupe"]["bytes"] / 1e6),
            "in_flight": round(pipeline["back_pressure"]["in_flight_bytes"] / 1e6),
            "unsorted_tables": int(self.store.stats()["sealed_tables"]) + 1,
        }


async def watch(process: psutil.Process, samples: list[dict[str, float]], platform: Platform) -> None:
    """Memory, what waits, and how late the event loop is, twice a second."""
    late = 0.0
    while True:
        status = platform.gateway.status().counters
        samples.append(
            {
                "rss_mb": process.memory_info().rss / 1e6,
                "waiting_mb": status["waiting_bytes"] / 1e6,
                "throttled": status["throttled_now"],
                "late_ms": late,
            }
        )
        began = time.perf_counter()
        await asyncio.sleep(0.5)
        late = (time.perf_counter() - began - 0.5) * 1000


async def phase(
    platform: Platform, name: str, args: argparse.Namespace, rate: float, seconds: float, start_ms: int
) -> dict[str, Any]:
    """One run of the generator; returns its figures beside ours."""
    generator = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.hj212_load", "--port", str(platform.gateway.port),
        "--stations", str(args.stations), "--connections", str(args.connections), "--rate", str(rate),
        "--seconds", str(seconds), "--start-ms", str(start_ms), "--drain", str(args.drain),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert generator.stdout is not None
    assert generator.stdin is not None
    await generator.stdout.readline()
    process, samples = psutil.Process(), list[dict[str, float]]()
    before = platform.stored_rows()
    books = platform.telemetry.pipeline.books.total()
    paused = platform.store.stats()["append_paused_seconds"]
    generator.stdin.write(b"go\n")
    await generator.stdout.readline()
    watcher = asyncio.create_task(watch(process, samples, platform))
    cpu, began = process.cpu_times(), time.perf_counter()
    await generator.stdout.readline()
    used, took = process.cpu_times(), time.perf_counter() - began
    memory = await asyncio.to_thread(platform.memory)
    line = await generator.stdout.readline()
    await generator.wait()
    watcher.cancel()
    figures: dict[str, Any] = json.loads(line)
    pipeline = platform.telemetry.pipeline
    while pipeline.books.total().in_flight:
        await asyncio.sleep(0.05)
    after = pipeline.books.total()
    stored = platform.stored_rows() - before
    spent = used.user + used.system - cpu.user - cpu.system
    acknowledged = figures["acknowledged_frames"] * len(FACTORS)
    rejected = {
        k: n - books.rejected.get(k, 0) for k, n in after.rejected.items() if n > books.rejected.get(k, 0)
    }
    rss = [round(s["rss_mb"]) for s in samples]
    counters = platform.gateway.status().counters
    figures.update(
        cores=round(spent / took, 2), points_per_cpu_s=round(figures["acknowledged_points_s"] * took / spent),
        machine_load=[round(x, 1) for x in psutil.getloadavg()],
        stored_rows=stored, acknowledged_rows=acknowledged, lost=max(0, acknowledged - stored),
        rejected=rejected, books_balanced=after.balanced,
        rss_mb=[rss[min(len(rss) * tenth // 10, len(rss) - 1)] for tenth in range(11)],
        rss_max_mb=max(rss), memory_mb=memory, loop_late_max_ms=round(max(s["late_ms"] for s in samples)),
        append_paused_s=round(platform.store.stats()["append_paused_seconds"] - paused, 1), waiting_max_mb=round(max(s["waiting_mb"] for s in samples), 1),
        throttled_share=round(sum(s["throttled"] for s in samples) / len(samples), 2),
        back_pressure=counters.get("back_pressure", 0), lenient_frames=counters.get("lenient_frames", 0),
        ticks_busy_s=round(pipeline.figures()["busy_seconds"], 1), connections=args.connections,
        stations=args.stations,
    )  # fmt: skip
    say(name, **figures)
    if figures["lost"] or not after.balanced:
        raise SystemExit(f"{figures['lost']} acknowledged rows are missing, or the books do not add up")
    return figures


def raw_append(folder: Path, seconds: float) -> float:
    """Rows/s of finished columns into a bare DuckDB table, ticks of 40,000 rows."""
    bare = duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2})
    bare.execute(f"CREATE TABLE hot ({HOT_COLUMNS})")
    n = 40_000
    value, quality = np.random.default_rng(1).normal(500, 50, n), np.zeros(n, np.uint8)
    ids, rows, tick = np.arange(n, dtype=np.int32), 0, 0
    began = time.perf_counter()
    while time.perf_counter() - began < seconds:
        at = np.full(n, 1_767_225_600_000 + tick * 1000, np.int64)
        batch = arrow(Columns(ids, at, value, quality, at))  # noqa: F841 - found by name
        bare.execute("INSERT INTO hot SELECT * FROM batch")
        rows, tick = rows + n, tick + 1
    took = time.perf_counter() - began
    bare.close()
    return rows / took


async def run(args: argparse.Namespace, folder: Path) -> None:
    platform = Platform(folder, args.stations, args.rules, flush_ms=args.flush_ms)
    await platform.start()
    frames = (args.rate * args.seconds) / len(FACTORS) / args.stations
    say("setup", stations=args.stations, points=args.stations * len(FACTORS), rules=args.rules,
        seconds=round(platform.setup_s, 1), frames_per_station_s=round(args.rate / len(FACTORS) / args.stations, 2))  # fmt: skip
    # Fast clocks straddle the present, so that most readings are neither history nor far ahead.
    start = int(time.time() * 1000) - int(frames * 500)
    try:
        name = "flood" if args.flood else "sustained"
        result = await phase(platform, name, args, args.rate, args.flood or args.seconds, start)
        if args.half:
            span = int(frames + args.seconds) * 2_000
            await phase(platform, "half_load", args, args.rate / 2, min(args.seconds, 60.0), start + span)
    finally:
        await platform.stop()
    if args.references:
        decode = measure(1.0)["batch"] * len(FACTORS)
        bare = raw_append(folder, 2.0)
        got = result["acknowledged_points_s"]
        say("ratios", points_s=got, thingsboard_published_points_s=THINGSBOARD,
            times_thingsboard=round(got / THINGSBOARD, 1), decode_points_s=round(decode),
            of_decode=round(got / decode, 3), raw_append_rows_s=round(bare), of_raw_append=round(got / bare, 2))  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=None, help="points/s offered")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--stations", type=int, default=4_167)
    parser.add_argument("--connections", type=int, default=400)
    parser.add_argument("--rules", type=int, default=100_000)
    parser.add_argument("--flood", type=float, default=0.0, help="seconds of ten times the rate")
    parser.add_argument("--half", action="store_true", help="then half the rate, for the latency")
    parser.add_argument("--quick", action="store_true", help="under half a minute")
    parser.add_argument("--flush-ms", type=int, default=Hj212Settings().flush_ms)
    parser.add_argument("--drain", type=float, default=60.0)
    parser.add_argument("--references", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--folder", type=Path, default=None, help="where the store goes; a temporary one")
    args = parser.parse_args()
    if args.quick:
        args.stations, args.seconds, args.connections = min(args.stations, 1_000), 6.0, 100
        args.rules = min(args.rules, 24_000)
    args.rate = args.rate or (4_000_000.0 if args.flood else 400_000.0)
    folder = Path(tempfile.mkdtemp(prefix="parksight-bench-", dir=args.folder))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(args, folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
