"""Fan-out to browsers: CPU of our live socket beside a hand-written uvloop server that sends the same bytes.

    python -m bench.fanout [--clients 200] [--points 1000] [--seconds 5]

Each server runs in its own process on loopback and pushes ``points`` changed values a second to every client, in
batches of 200 ms. Prints CPU-seconds per second, messages and the 99th percentile from tick to receipt; ``ratio``
is our CPU over the reference's in the same run (house aim 2.6, floor 4).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import msgspec
import numpy as np
import psutil

TICK_S = 0.2


def message(points: int, tick: int, rng: np.random.Generator) -> dict[str, Any]:
    """What one tick carries, as the hub writes it."""
    flat: list[Any] = [None] * (4 * points)
    flat[0::4] = range(1, points + 1)
    flat[1::4] = np.round(rng.normal(50, 5, points), 2).tolist()
    flat[2::4] = [int(time.time() * 1000)] * points
    flat[3::4] = [0] * points
    return {"op": "values", "server_ms": int(time.time() * 1000), "v": flat}


async def serve_plain(points: int) -> None:
    """The reference: uvloop, one list of connections, encode once, send to all."""
    from websockets.asyncio.server import ServerConnection, broadcast, serve

    clients: set[ServerConnection] = set()

    async def handler(ws: ServerConnection) -> None:
        clients.add(ws)
        try:
            await ws.wait_closed()
        finally:
            clients.discard(ws)

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        rng, encoder, tick = np.random.default_rng(1), msgspec.json.Encoder(), 0
        while True:
            await asyncio.sleep(TICK_S)
            broadcast(clients, encoder.encode(message(points, tick, rng)).decode())
            tick += 1


async def serve_ours(points: int, known: int | None = None) -> None:
    """The product's hub, protocol and route under uvicorn; only the sign-in is left out.

    With ``known``, ``points`` of so many change with each tick, and a line on standard input is answered with its figures.
    """
    import uvicorn
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Receive, Scope, Send

    from parksight.kernel.clock import SystemClock
    from parksight.kernel.permissions import SYSTEM
    from parksight.kernel.settings import LiveSettings
    from parksight.telemetry.catalogue import ACTIVE, PointColumns, empty
    from parksight.telemetry.live.api import router
    from parksight.telemetry.live.hub import LiveHub
    from parksight.telemetry.live_table import LiveTable
    from parksight.telemetry.protocols import Columns

    subset = known is not None
    known = known or points
    columns = empty(known + 1)
    columns.flags[1:] = ACTIVE
    columns.known[1:] = 1

    class Fixed:
        dirty = False

        def current(self) -> PointColumns:
            return columns

        peek = current

    fixed: Any = Fixed()
    live = LiveTable(fixed)
    hub = LiveHub(LiveSettings(tick_ms=int(TICK_S * 1000), max_clients=10_000), SystemClock(), live, fixed)
    hub.recheck_s = 3600.0

    class SignedIn:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "websocket":
                scope.setdefault("state", {})["caller"] = SYSTEM
            await self.app(scope, receive, send)

    app = FastAPI()
    app.state.live_hub = hub
    app.add_middleware(SignedIn)
    app.include_router(router)
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", loop="uvloop", ws="websockets-sansio",
                       ws_per_message_deflate=False)
    )  # fmt: skip
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    live.warm_up()
    hub.start()
    rng = np.random.default_rng(1)
    ids = np.arange(1, known + 1, dtype=np.int32)
    if subset:

        def told() -> None:
            if sys.stdin.readline():
                print(json.dumps(hub.figures()), flush=True)
            else:
                asyncio.get_running_loop().remove_reader(sys.stdin)

        asyncio.get_running_loop().add_reader(sys.stdin, told)
    while not running.done():
        await asyncio.sleep(TICK_S)
        if subset:
            ids = np.sort(rng.choice(known, points, replace=False) + 1).astype(np.int32)
        at = np.full(points, int(time.time() * 1000), np.int64)
        rows = Columns(ids, at, np.round(rng.normal(50, 5, points), 2), np.zeros(points, np.uint8), at)
        live.update(rows)
        hub.on_tick(rows, int(at[0]))


async def watch(
    port: int, points: int, clients: int, seconds: float, server: psutil.Process
) -> dict[str, float]:
    """Connect, subscribe, count; CPU of the server over the counted time."""
    from websockets.asyncio.client import connect

    counting = False
    received, delays = 0, []
    subscribe = json.dumps({"op": "subscribe", "points": list(range(1, points + 1))})

    async def one(index: int) -> None:
        nonlocal received
        async with connect(f"ws://127.0.0.1:{port}/api/v1/live", compression=None) as ws:
            await ws.send(subscribe)
            async for text in ws:
                if counting and '"values"' in str(text[:20]):
                    received += 1
                    if index % 20 == 0:
                        delays.append(time.time() * 1000 - json.loads(text)["server_ms"])

    tasks = [asyncio.create_task(one(i)) for i in range(clients)]
    await asyncio.sleep(2.0)
    before, began = server.cpu_times(), time.perf_counter()
    counting = True
    await asyncio.sleep(seconds)
    counting = False
    after, took = server.cpu_times(), time.perf_counter() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    delays.sort()
    return {
        "cpu": (after.user + after.system - before.user - before.system) / took,
        "messages_s": received / took,
        "p99_ms": delays[int(len(delays) * 0.99)] if delays else float("nan"),
    }


def measure(which: str, points: int, clients: int, seconds: float) -> dict[str, float]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.fanout", "--serve", which, "--points", str(points)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        if process.stdout is None:
            raise SystemExit("no pipe")
        port = int(process.stdout.readline())
        return asyncio.run(watch(port, points, clients, seconds, psutil.Process(process.pid)))
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--points", type=int, default=1000, help="changed points per second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--serve", choices=("ours", "plain"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    per_tick = max(1, int(args.points * TICK_S)) if args.serve is None else args.points
    if args.serve:
        import uvloop

        uvloop.run(serve_ours(per_tick) if args.serve == "ours" else serve_plain(per_tick))
        return
    plain = measure("plain", per_tick, args.clients, args.seconds)
    ours = measure("ours", per_tick, args.clients, args.seconds)
    print(json.dumps({"bench": "fanout.plain", **{k: round(v, 3) for k, v in plain.items()}}))
    # Per message: a server that sends less must not look better.
    ratio = (ours["cpu"] / ours["messages_s"]) / (plain["cpu"] / plain["messages_s"])
    print(
        json.dumps(
            {"bench": "fanout.ours", **{k: round(v, 3) for k, v in ours.items()}, "reference": "fanout.plain",
             "ratio": round(ratio, 2), "clients": args.clients, "points_s": args.points}
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
