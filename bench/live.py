"""A thousand browsers' worth of live subscriptions, each to points of its own.

    python -m bench.live [--clients 1000] [--watched 60] [--known 20000] [--changes 4000] [--seconds 15]

Each client is a WebSocket that subscribes to ``watched`` of ``known`` points, as pages of different people do; ``changes``
of all points change a second, in ticks of 200 ms, so that a client hears of a dozen changes a second. Server and clients are
processes of their own on loopback and share this machine's cores. Prints the server's CPU share, the 99th percentile from
tick to receipt, and how many messages were dropped for newer ones. Reference of the same run: a hand-written uvloop server
that filters and encodes each client's points in a plain loop (``live.plain``); ``ratio`` is our CPU per message over its.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import resource
import subprocess
import sys
import time
from typing import Any

import numpy as np
import psutil
from bench.fanout import TICK_S, serve_ours


async def serve_plain(changes: int, known: int) -> None:
    """The reference: remembers who asked for what; every tick one loop over clients and their changed points."""
    import msgspec
    from websockets.asyncio.server import ServerConnection, broadcast, serve
    from websockets.exceptions import ConnectionClosed

    wanted: dict[ServerConnection, set[int]] = {}

    async def handler(ws: ServerConnection) -> None:
        try:
            with contextlib.suppress(ConnectionClosed):
                async for text in ws:
                    wanted[ws] = set(json.loads(text)["points"])
        finally:
            wanted.pop(ws, None)

    async with serve(handler, "127.0.0.1", 0, compression=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        rng, encoder = np.random.default_rng(1), msgspec.json.Encoder()
        while True:
            await asyncio.sleep(TICK_S)
            now = int(time.time() * 1000)
            ids = (rng.choice(known, changes, replace=False) + 1).tolist()
            rows = dict(zip(ids, np.round(rng.normal(50, 5, changes), 2).tolist(), strict=True))
            for ws, points in list(wanted.items()):
                flat: list[Any] = []
                for point in points & rows.keys():
                    flat += (point, rows[point], now, 0)
                if flat:
                    broadcast([ws], encoder.encode({"op": "values", "server_ms": now, "v": flat}).decode())


async def watch(port: int, args: argparse.Namespace, server: psutil.Process) -> dict[str, float]:
    """Connect, subscribe, count; CPU of the server over the counted time, delays of every twentieth client."""
    from websockets.asyncio.client import connect

    counting, ready = False, 0
    messages, changes, delays = 0, 0, []

    async def one(index: int) -> None:
        nonlocal messages, changes, ready
        points = sorted(random.Random(index).sample(range(1, args.known + 1), args.watched))
        async with connect(f"ws://127.0.0.1:{port}/api/v1/live", compression=None, open_timeout=60) as ws:
            await ws.send(json.dumps({"op": "subscribe", "points": points}))
            ready += 1
            async for text in ws:
                if counting and '"values"' in str(text[:20]):
                    messages += 1
                    if index % 20 == 0:
                        said = json.loads(text)
                        changes += len(said["v"]) // 4
                        delays.append(time.time() * 1000 - said["server_ms"])

    tasks = []
    for index in range(args.clients):
        tasks.append(asyncio.create_task(one(index)))
        if index % 50 == 49:
            await asyncio.sleep(0.1)
    while ready < args.clients:
        await asyncio.sleep(0.1)
        for task in tasks:
            if task.done():
                task.result()  # a client that could not connect ends the measurement
    await asyncio.sleep(3.0)
    before, began = server.cpu_times(), time.perf_counter()
    counting = True
    await asyncio.sleep(args.seconds)
    counting = False
    after, took = server.cpu_times(), time.perf_counter() - began
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    delays.sort()
    return {
        "cpu": (after.user + after.system - before.user - before.system) / took,
        "messages_s": messages / took,
        "changes_per_client_s": changes / took / len(range(0, args.clients, 20)),
        "p50_ms": delays[len(delays) // 2],
        "p99_ms": delays[int(len(delays) * 0.99)],
        "max_ms": delays[-1],
    }


def measure(which: str, args: argparse.Namespace) -> dict[str, float]:
    per_tick = max(1, int(args.changes * TICK_S))
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.live", "--serve", which, "--changes", str(per_tick), "--known", str(args.known)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        if process.stdout is None or process.stdin is None:
            raise SystemExit("no pipe")
        port = int(process.stdout.readline())
        found = asyncio.run(watch(port, args, psutil.Process(process.pid)))
        if which == "ours":
            process.stdin.write("figures\n")
            process.stdin.flush()
            counters = json.loads(process.stdout.readline())["counters"]
            found["dropped_for_newer"] = counters.get("collapsed", 0)
        return found
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clients", type=int, default=1_000)
    parser.add_argument("--watched", type=int, default=60, help="points of each client")
    parser.add_argument("--known", type=int, default=20_000)
    parser.add_argument("--changes", type=int, default=4_000, help="changed points a second")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--serve", choices=("ours", "plain"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if args.serve:
        import uvloop

        served = (
            serve_ours(args.changes, args.known)
            if args.serve == "ours"
            else serve_plain(args.changes, args.known)
        )
        uvloop.run(served)
        return
    plain = measure("plain", args)
    ours = measure("ours", args)
    ratio = (ours["cpu"] / ours["messages_s"]) / (plain["cpu"] / plain["messages_s"])
    load = [round(x, 1) for x in psutil.getloadavg()]
    print(json.dumps({"bench": "live.plain", **{k: round(v, 3) for k, v in plain.items()}}))
    print(
        json.dumps(
            {"bench": "live.ours", **{k: round(v, 3) for k, v in ours.items()}, "reference": "live.plain",
             "ratio": round(ratio, 2), "clients": args.clients, "watched": args.watched, "machine_load": load}
        )
    )  # fmt: skip


if __name__ == "__main__":
    main()
