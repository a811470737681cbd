"""The HJ 212 gateway: listens, reads, stores through the ingest, answers when durable."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable

import structlog

from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212.batch.decoder import Decoder
from parksight.gateways.hj212.codec.times import ZoneTable
from parksight.gateways.hj212.delivery import Courier
from parksight.gateways.hj212.devices import PROTOCOL, DeviceBook, DeviceState
from parksight.gateways.hj212.hub import Hub
from parksight.gateways.hj212.information import InformationKeeper
from parksight.gateways.hj212.initiative import Initiative
from parksight.gateways.hj212.intake import Intake
from parksight.gateways.hj212.presence import Presence
from parksight.gateways.hj212.reader import Reader
from parksight.gateways.hj212.requester import Requester
from parksight.gateways.hj212.session import Session
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.settings import Hj212Settings

log = structlog.get_logger(__name__)

_MISSES_EVERY_S = 1.0
_RELOAD_PAUSE_S = 0.25
_DRAIN_S = 10.0
_BACKLOG = 4_096


class Hj212Gateway:
    """Implements :class:`parksight.gateways.protocols.Gateway`.

    Args:
        context: shared parts of the gateways.
        settings: limits.
        db: records, for texts that must be durable before they are acknowledged.
        timezone: IANA zone of the devices' clocks.
        newest: newest stored instant (UTC ms) of a device's points, None when there is none; lets a gap that
            a restart of the platform made be recognised.
        unseal: opens sealed SM4 keys.
    """

    name = PROTOCOL

    def __init__(
        self,
        context: GatewayContext,
        settings: Hj212Settings,
        db: Database,
        timezone: str = "Asia/Shanghai",
        *,
        newest: Callable[[int], int | None] | None = None,
        unseal: Callable[[str], str] | None = None,
    ) -> None:
        self.settings = settings
        self._context = context
        self.counters: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        zone = ZoneTable(timezone)
        self.book = DeviceBook(context.directory, unseal)
        self._hub = Hub(settings, context.clock, self.counters)
        self._texts = InformationKeeper(db, self.counters)
        self._courier = Courier(context, self._hub, self._texts, self.counters)
        self.presence = Presence(context, self.book, self.counters, newest)
        self.requester = Requester(context, zone, self.counters)
        self.initiative = Initiative(self.requester, self.book, context.clock, self.counters)
        self.presence.on_arrival.append(self.initiative.arrived)
        self.presence.on_gap.append(self.initiative.gap)
        reader = Reader(
            context, self.book, self.presence, self.requester, zone, settings, self.counters, self.rejected
        )
        self.decoder = Decoder(zone, settings.max_frame_bytes)
        self._intake = Intake(
            self._hub, context, self.book, self.decoder, reader, self._courier, self.counters
        )
        self._hub.intake = self._intake
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._reload_wanted = False
        self._reload: asyncio.Task[None] | None = None

    # -- life ------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Read the devices and listen; raises OSError when the address cannot be had."""
        self.book.adopt(*await asyncio.to_thread(self.book.prepare))
        loop = self._loop = asyncio.get_running_loop()
        self._courier.reopen()
        self._hub.throttle(False)
        listening = await asyncio.to_thread(_listening, self.settings)
        self._server = await loop.create_server(lambda: Session(self._hub), sock=listening, backlog=_BACKLOG)
        self._tasks = [
            loop.create_task(self._hub.watch(), name="hj212-watch"),
            loop.create_task(self._tell_misses(), name="hj212-misses"),
            # Listen at once; until it is compiled the lenient codec reads everything.
            loop.create_task(asyncio.to_thread(self.decoder.warm), name="hj212-compile"),
        ]

    async def stop(self) -> None:
        """Take no more, finish and answer what was handed over, hang up. Idempotent."""
        if self._server is not None:
            self._server.close()
        if self._reload is not None:
            self._tasks.append(self._reload)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks, self._reload = [], None
        await self.requester.close()
        self._hub.throttle(True)
        self._intake.flush()
        await self._courier.drain(_DRAIN_S)
        await self._texts.drain()
        await self._courier.close()
        self._hub.close_all("shutdown")
        self.book.tables.drain_misses(self._missed)
        if self._server is not None:
            # Python 3.12 made this wait for the connections; they were told to close above.
            await self._server.wait_closed()
            self._server = None

    @property
    def port(self) -> int:
        """The port that is listened on (settings may ask for 0: any)."""
        if self._server is None or not self._server.sockets:
            raise RuntimeError("the gateway does not listen")
        return int(self._server.sockets[0].getsockname()[1])

    async def _tell_misses(self) -> None:
        while True:
            await asyncio.sleep(_MISSES_EVERY_S)
            self.book.tables.drain_misses(self._missed)

    def _missed(self, device_id: int, address: str, number: int) -> None:
        self._context.activity.of(device_id).miss(address, number)

    # -- devices ---------------------------------------------------------------------------------------

    def reload_devices(self) -> None:
        """Devices or mappings changed: build new tables in a worker thread, then swap them in. Any thread."""
        self._reload_wanted = True
        if self._loop is not None and self._server is not None:
            self._loop.call_soon_threadsafe(self._begin_reload)

    def _begin_reload(self) -> None:
        if self._server is not None and self._reload is None and self._loop is not None:
            self._reload = self._loop.create_task(self._reload_all())

    async def _reload_all(self) -> None:
        try:
            while self._reload_wanted:
                self._reload_wanted = False
                prepared = await asyncio.to_thread(self.book.prepare)
                self.book.tables.drain_misses(self._missed)
                self.book.adopt(*prepared)
                self.counters["reloads"] += 1
                await asyncio.sleep(_RELOAD_PAUSE_S)
        except Exception:
            log.exception("hj212_reload_failed")
        finally:
            self._reload = None

    def device(self, device_id: int) -> DeviceState:
        """A device by its id.

        Raises:
            ProblemError: 404 when it is none of ours, 422 when its record cannot be used.
        """
        state = self.book.states.get(device_id)
        if state is not None:
            return state
        if device_id in self.book.broken:
            raise ProblemError("gateways.hj212.device_unusable", 422, {"reason": self.book.broken[device_id]})
        raise ProblemError("gateways.hj212.no_device", 404, {"id": device_id})

    # -- what operators see ----------------------------------------------------------------------------

    def status(self) -> GatewayStatus:
        settings, running = self.settings, self._server is not None
        limits = {
            "max_connections": settings.max_connections,
            "max_connections_per_address": settings.max_connections_per_address,
            "max_frame_bytes": settings.max_frame_bytes,
            "idle_seconds": settings.idle_seconds,
            "bad_frames_limit": settings.bad_frames_limit,
            "max_inbox_mb": settings.max_inbox_mb,
            "max_unread_kb": settings.max_unread_kb,
            "receive_buffer_kb": settings.receive_buffer_kb,
        }
        counters = dict(self.counters)
        counters["in_flight"] = self._courier.in_flight
        counters["waiting_bytes"] = self._intake.waiting_bytes
        counters["throttled_now"] = int(self._hub.throttled)
        counters["devices"] = len(self.book.states)
        counters["devices_unusable"] = len(self.book.broken)
        listening = f"{settings.host}:{self.port}" if running else None
        return GatewayStatus(
            self.name, running, listening, len(self._hub.sessions), limits, counters, dict(self.rejected)
        )

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        """One row per device of each connection; connections nobody is known of come with their peer only."""
        out: list[ConnectionView] = []
        for session in self._hub.sessions.values():
            state = "throttled" if self._hub.throttled else "connected"
            if session.stalled_since is not None:
                state = "not_reading"
            device_ids: list[int | None] = [*session.devices] or [None]
            for device_id in device_ids:
                if len(out) >= limit:
                    return out
                out.append(
                    ConnectionView(
                        session.key if device_id is None else f"{session.key}/{device_id}",
                        device_id,
                        session.peer,
                        session.connected_at,
                        session.last_frame_at,
                        session.frames,
                        session.readings,
                        dict(session.deviations),
                        state,
                    )
                )
        return out


def _listening(settings: Hj212Settings) -> socket.socket:
    """A bound socket whose connections get a bounded receive buffer: under pressure the senders must wait,
    not megabytes per connection in the system's memory.

    Raises:
        OSError: no such address, or it is taken.
    """
    found = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, kind, protocol, _, address = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Linux doubles the figure for its own bookkeeping.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, settings.receive_buffer_kb * 512)
        made.bind(address)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
