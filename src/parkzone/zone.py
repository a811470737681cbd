"""The running zone: everything started, kept alive and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import sys
import zlib
from collections import Counter
from collections.abc import Coroutine
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from parkzone.addresses import Endpoints, framing
from parkzone.api import Api, ApiError
from parkzone.cameras.remote import NoCamerasError, RemoteHouse
from parkzone.control import Control
from parkzone.engine import TICK_S, Engine
from parkzone.history import History, HistoryProgress
from parkzone.hj212.station import Station
from parkzone.introduction import introduce
from parkzone.modbus.layout import Bank
from parkzone.modbus.server import Line
from parkzone.mqtt.broker import Broker, free_port, is_taken
from parkzone.mqtt.nodes import JsonNodes, SparkplugNode
from parkzone.park import make_park
from parkzone.props import Props
from parkzone.scenarios.stage import Stage
from parkzone.setup import setup

HOST = "127.0.0.1"
PARENT_CHECK_S = 1.0
SETUP_ATTEMPTS = 4


@dataclass(frozen=True)
class Options:
    """How to run the zone; a port of 0 takes the usual one of this platform, or a free one where that is taken.

    Attributes:
        url, token: the platform and an integrator's API token.
        modbus_port: first of consecutive ports, one per line.
        parent: process id to die with, None to live alone.
        cameras: film the zone, too.
    """

    url: str
    token: str
    hj212_port: int
    seed: int
    days: float = 7.0
    mqtt_port: int = 8620
    modbus_port: int = 8630
    control_port: int = 8629
    control_token: str = ""
    parent: int | None = None
    cameras: bool = True


class Zone:
    """Owns the engine, the devices, the broker, the control route and the history."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.park = make_park(options.seed)
        self.engine = Engine(self.park)
        self.props = Props(enabled=options.cameras)
        self.stage = Stage(self.engine, self._drop, self.props)
        # next to the Modbus lines, so that addresses stay the same over restarts
        first = usual_port(options.url) + len(self.park.lines) + 8
        self.house = RemoteHouse(options.seed, first, first + 1)
        self._filming: asyncio.Task[None] | None = None
        self.control_token = options.control_token or secrets.token_urlsafe(24)
        self.control = Control(
            self.stage, lambda: self.history, self.counters, self.control_token, self.house.ask
        )
        self.broker = Broker(HOST, options.mqtt_port)
        self.lines: list[Line] = []
        self.stations: list[Station] = []
        self.nodes: list[JsonNodes | SparkplugNode] = []
        self.history: HistoryProgress | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._stop = asyncio.Event()

    # -- life ------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until a signal, the parent's death or a failure."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop.set)
        try:
            self._spawn(self._ticking())
            if self.options.parent is not None:
                self._spawn(self._watch_parent(self.options.parent))
            if self.options.cameras:
                self._filming = asyncio.create_task(self._film())
            endpoints = await self._listen()
            port = await self.control.start(HOST, self.options.control_port)
            say("listening", control=port, control_token=self.control_token, mqtt=endpoints.mqtt,
                modbus=[endpoints.modbus[0], endpoints.modbus[-1]], hj212=self.options.hj212_port)  # fmt: skip
            self._spawn(self._introduce(endpoints))
            await self._stop.wait()
        finally:
            await self._close()
            say("stopped")

    def stop(self) -> None:
        self._stop.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            say("failed", error=f"{type(error).__name__}: {error}")
            self._stop.set()

    async def _close(self) -> None:
        self.stage.stop_all()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.control.stop()
        if self._filming is not None:
            self._filming.cancel()
            await asyncio.gather(self._filming, return_exceptions=True)
        await self.house.stop()
        for line in self.lines:
            await line.stop()
        await self.broker.stop()

    async def _ticking(self) -> None:
        while True:
            self.engine.tick()
            for name in self.stage.expire():
                say("scenario", name=name, state="ended")
            await asyncio.sleep(TICK_S - (self.engine.clock_ms() % 1000) / 1000.0 + 0.001)

    async def _watch_parent(self, parent: int) -> None:
        """A demo that is killed hard must not leave its zone behind."""
        while os.getppid() == parent:
            await asyncio.sleep(PARENT_CHECK_S)
        self._stop.set()
        say("orphaned", parent=parent)

    # -- devices ---------------------------------------------------------------------------------------

    async def _listen(self) -> Endpoints:
        await self._start_broker()
        of_device = self.park.catalogue.of_device()
        ports = []
        for number, kind in enumerate(self.park.lines):
            devices = [d for d in self.park.catalogue.devices if d.protocol == "modbus" and d.line == number]
            banks = {d.unit: Bank(d, of_device[d.code], self.engine.rows_of[d.code]) for d in devices}
            line = Line(number, framing(kind), banks, self.engine)
            wanted = (self.options.modbus_port or usual_port(self.options.url)) + number
            try:
                ports.append(await line.start(HOST, wanted))
            except OSError:
                ports.append(await line.start(HOST, 0))
                say("port_taken", wanted=wanted, used=ports[-1])
            self.lines.append(line)
        return Endpoints(tuple(ports), self.broker.port)

    async def _film(self) -> None:
        """Open the cameras; the rest of the zone lives without them."""
        try:
            doors = await self.house.start()
        except (NoCamerasError, OSError) as error:
            self.props.enabled = False
            say("no_cameras", error=str(error))
            return
        say("cameras", rtsp=doors.rtsp, http=doors.http, count=len(doors.codes))
        self._spawn(self.props.carry(self.house.ask))

    async def _introduce_cameras(self, api: Api) -> None:
        if self._filming is None:
            return
        await asyncio.wait([self._filming])
        if self.house.doors is None:
            return
        try:
            say("cameras_known", changed=await introduce(api, self.house.doors))
        except (ApiError, httpx.TransportError) as error:
            say("cameras_unknown", error=str(error))

    async def _start_broker(self) -> None:
        wanted = self.broker.port or usual_port(self.options.url) - 1
        self.broker.port = wanted
        if is_taken(HOST, wanted):
            self.broker.port = free_port(HOST)
            say("port_taken", wanted=wanted, used=self.broker.port)
        await self.broker.start()

    async def _introduce(self, endpoints: Endpoints) -> None:
        """Make the zone known, then connect the devices, then send what was before."""
        api = Api(self.options.url, self.options.token)
        try:
            await api.wait_ready()
            counts = await self._set_up(api, endpoints)
            say("setup_done", changed=counts)
            self._connect()
            await self._introduce_cameras(api)
            history = History(self.engine, api, self.options.days, self._history_moved)
            self.history = history.progress
            await history.run()
        finally:
            await api.close()

    async def _set_up(self, api: Api, endpoints: Endpoints) -> dict[str, int]:
        """Set up, again after a short while when the platform was busy or restarted in between."""

        def progress(step: str, done: int, total: int) -> None:
            say("setup", phase="done" if done == total else "importing", step=step, done=done, total=total)

        for attempt in range(SETUP_ATTEMPTS):
            try:
                return await setup(api, self.park, endpoints, progress)
            except (ApiError, httpx.TransportError) as error:
                passing = not isinstance(error, ApiError) or error.status in (429, 502, 503, 504)
                if not passing or attempt == SETUP_ATTEMPTS - 1:
                    raise
                say("setup_again", error=str(error))
                await asyncio.sleep(2.0 * (attempt + 1))
        raise AssertionError("unreachable")

    def _connect(self) -> None:
        catalogue = self.park.catalogue
        of_device = catalogue.of_device()
        json_nodes = []
        for device in catalogue.devices:
            if device.protocol == "hj212":
                station = Station(device, of_device[device.code], self.engine, HOST, self.options.hj212_port)
                self.stations.append(station)
                self._spawn(station.run())
            elif device.protocol == "mqtt" and device.kind == "json":
                json_nodes.append(device)
            elif device.protocol == "mqtt":
                node = SparkplugNode(device, of_device[device.code], self.engine, HOST, self.broker.port)
                self.nodes.append(node)
                self._spawn(node.run())
        plain = JsonNodes(json_nodes, self.engine, HOST, self.broker.port)
        self.nodes.append(plain)
        self._spawn(plain.run())
        say(
            "devices",
            hj212=len(self.stations),
            mqtt=len(json_nodes) + 1,
            modbus=sum(len(line.banks) for line in self.lines),
        )

    def _drop(self, codes: set[str]) -> None:
        for station in self.stations:
            if station.device.code in codes:
                station.drop()

    def _history_moved(self, progress: HistoryProgress) -> None:
        say("history", **asdict(progress))

    def counters(self) -> dict[str, Any]:
        """Figures of the devices, summed per protocol."""
        hj212: Counter[str] = Counter()
        for station in self.stations:
            hj212 += station.counters
        hj212["connected"] = sum(s.connected for s in self.stations)
        hj212["stations"] = len(self.stations)
        modbus: Counter[str] = Counter()
        for line in self.lines:
            modbus += line.counters
        mqtt: Counter[str] = Counter()
        for node in self.nodes:
            mqtt += node.counters
        return {"hj212": dict(hj212), "modbus": dict(modbus), "mqtt": dict(mqtt)}


def usual_port(url: str) -> int:
    """First of the ports a zone of this platform takes when it is free to choose.

    The same after every restart, so that the platform need not learn new addresses, and below the range from which
    systems hand out ports of their own.
    """
    return 21_000 + zlib.crc32(url.encode()) % 9_000


def say(event: str, **fields: Any) -> None:
    """One line of JSON on standard output; whoever read it may be gone."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(json.dumps({"event": event, **fields}, ensure_ascii=False) + "\n")
        sys.stdout.flush()
