"""Heads asked for their position ten times a second: CPU of ours beside that of the general ONVIF library.

    python -m bench.ptz [--heads 17] [--seconds 10]

The devices run in a process of their own, so that the figures are the platform's alone. ``ratio`` is against the library
(onvif-zeep-async) that asks the same devices the same question at the same rate in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import time
from datetime import UTC, datetime

import uvloop

from parksight.gateways.cameras.onvif.device import OnvifPtz, OnvifSetup
from parksight.gateways.cameras.onvif.spaces import Assumed, Node, choose
from parksight.gateways.cameras.ptz.head import Head
from parksight.gateways.cameras.ptz.http import DeviceHttp
from parksight.gateways.cameras.ptz.limits import PtzLimits
from parksight.kernel.clock import SystemClock

_SPHERICAL = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees"
_ZOOM = "http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace"
_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl"><s:Body>'
)
PATH = "/onvif/ptz_service"


def answer(request: bytes) -> bytes:
    """What a head that turns steadily says."""
    now = datetime.now(UTC)
    if b"GetSystemDateAndTime" in request:
        body = (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )
    else:
        pan = now.timestamp() * 30 % 360 - 180
        body = (
            f'<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position><tt:PanTilt x="{pan:.2f}" y="-4.20" '
            f'space="{_SPHERICAL}"/><tt:Zoom x="0.1" space="{_ZOOM}"/></tt:Position><tt:MoveStatus>'
            "<tt:PanTilt>MOVING</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus>"
            f"<tt:UtcTime>{now.isoformat(timespec='milliseconds').replace('+00:00', 'Z')}</tt:UtcTime>"
            "</tptz:PTZStatus></tptz:GetStatusResponse>"
        )
    return f"{_OPEN}{body}</s:Body></s:Envelope>".encode()


async def devices() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
                body = answer(await reader.readexactly(length))
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml; charset=utf-8\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body) + body
                )

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def ours(port: int, heads: int, seconds: float) -> tuple[float, int]:
    """CPU seconds and samples."""
    clock = SystemClock()
    spaces = choose(Node(((-180, 180), (-90, 20)), None, (0, 1), True, 1), Assumed())
    made: list[Head] = []

    async def prepare() -> OnvifSetup:
        return OnvifSetup(PATH, "main", spaces, True, True)

    for number in range(heads):
        http = DeviceHttp("127.0.0.1", port, username="admin", password="Pass-1234")
        device = OnvifPtz(http, clock, "/onvif/device_service", prepare)
        made.append(Head(number, device, clock, PtzLimits()))
    for head in made:
        head.start()
    await asyncio.sleep(1.0)
    before, samples = time.process_time(), sum(h.counters["samples"] for h in made)
    await asyncio.sleep(seconds)
    spent, taken = time.process_time() - before, sum(h.counters["samples"] for h in made) - samples
    now = time.time() * 1000
    known = sum(h.at(now - 150) is not None for h in made)
    if known < heads:
        raise SystemExit(f"only {known} of {heads} heads know their pose 150 ms ago")
    for head in made:
        await head.close()
    return spent, taken


async def library(port: int, heads: int, seconds: float) -> tuple[float, int]:
    """The same by the library's own transport."""
    from onvif.client import _WSDL_PATH, ONVIFService

    services = []
    for _ in range(heads):
        one = ONVIFService(
            f"http://127.0.0.1:{port}{PATH}", "admin", "Pass-1234", f"{_WSDL_PATH}/ptz.wsdl", no_cache=True,
            binding_name="{http://www.onvif.org/ver20/ptz/wsdl}PTZBinding",
        )  # fmt: skip
        await one.setup()
        await one.GetStatus({"ProfileToken": "main"})
        services.append(one)
    taken = 0

    async def ask(one: object) -> None:
        nonlocal taken
        due = time.monotonic()
        while True:
            await one.GetStatus({"ProfileToken": "main"})  # type: ignore[attr-defined]  # made by the WSDL
            taken += 1
            due = max(due + 0.1, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    tasks = [asyncio.create_task(ask(s)) for s in services]
    await asyncio.sleep(0.5)
    before, begun = time.process_time(), taken
    await asyncio.sleep(seconds)
    spent, asked = time.process_time() - before, taken - begun
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for one in services:
        await one.close()
    return spent, asked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--heads", type=int, default=17)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--devices", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.devices:
        uvloop.run(devices())
        return
    peer = subprocess.Popen(
        [sys.executable, "-m", "bench.ptz", "--devices"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert peer.stdout is not None
        port = int(peer.stdout.readline())
        figures = {}
        for name, run in (("own", ours), ("library", library)):
            spent, taken = uvloop.run(run(port, asked.heads, asked.seconds))
            figures[name] = spent / max(taken, 1)
            print(
                json.dumps(
                    {
                        "what": f"{asked.heads} heads at 10 Hz", "by": name, "core_percent": round(100 * spent / asked.seconds, 2),
                        "ms_per_status": round(1000 * spent / max(taken, 1), 3), "per_second": round(taken / asked.seconds, 1),
                    }
                ),
                flush=True,
            )  # fmt: skip
        print(
            json.dumps(
                {
                    "what": "status, own against library",
                    "ratio": round(figures["library"] / figures["own"], 2),
                }
            )
        )
    finally:
        peer.terminate()
        peer.wait()


if __name__ == "__main__":
    main()
