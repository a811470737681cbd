"""All heads of the installation: made from the cameras' links, kept in step with them, closed without leaving one moving."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import structlog
from sqlalchemy import select

from parksight.gateways.cameras.events import CameraLinksChanged
from parksight.gateways.cameras.models import CameraLink
from parksight.gateways.cameras.onvif.device import OnvifPtz
from parksight.gateways.cameras.protocols import CameraError, PoseTrack, Stream
from parksight.gateways.cameras.ptz.aiming import ModelProvider
from parksight.gateways.cameras.ptz.control import Control
from parksight.gateways.cameras.ptz.devices import MAKERS, Address, Maker
from parksight.gateways.cameras.ptz.head import Head
from parksight.gateways.cameras.ptz.limits import PtzLimits
from parksight.gateways.cameras.ptz.tours import Tour
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.kernel import audit
from parksight.kernel.bus import Bus, Event
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller

log = structlog.get_logger(__name__)
#: How often the links are looked at for changes, s.
_FOLLOW_S = 5.0


@dataclass(slots=True, eq=False)
class Mount:
    """A head with its control and what goes on with it."""

    address: Address
    head: Head
    control: Control
    tour: Tour | None = None


class Heads:
    """Implements :class:`parksight.gateways.protocols.Gateway`: started, stopped and shown with the others.

    Args:
        db: links, tours, audit log.
        clock: ours.
        unseal: opens a link's password.
        limits: bounds of everything here.
        bus: tells of changed links; without one they are noticed a little later.

    Attributes:
        model_of: calibrated model of a camera, set by the lookout.
        makers: how a protocol's heads are made; GB/T 28181 adds its own.
    """

    name = "heads"

    def __init__(
        self, db: Database, clock: Clock, unseal: Callable[[str], str], limits: PtzLimits | None = None,
        bus: Bus | None = None,
    ) -> None:  # fmt: skip
        self.limits = limits or PtzLimits()
        self.clock = clock
        self.makers: dict[str, Maker] = dict(MAKERS)
        self.model_of: ModelProvider = lambda _camera: None
        self.counters: Counter[str] = Counter()
        self.broken: dict[int, str] = {}
        self._db, self._unseal = db, unseal
        self._mounts: dict[int, Mount] = {}
        self._task: asyncio.Task[None] | None = None
        self._following = asyncio.Lock()
        self._automatic: deque[float] = deque()
        self.joysticks = 0
        if bus is not None:
            bus.subscribe(CameraLinksChanged.subject(), self._links_changed)

    # --- life

    async def start(self) -> None:
        await self.follow()
        self._task = asyncio.create_task(self._run(), name="camera-heads")

    async def stop(self) -> None:
        """Stop what moves, then close everything. Idempotent."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await asyncio.gather(*(self._dismount(i) for i in list(self._mounts)))

    def status(self) -> GatewayStatus:
        counters: Counter[str] = Counter(heads=len(self._mounts), broken_links=len(self.broken))
        rejected: Counter[str] = Counter()
        for mount in self._mounts.values():
            counters["heads_known"] += mount.head.now() is not None
            counters["heads_failing"] += mount.head.error is not None
            counters["locks"] += mount.control.lock is not None
            counters["tours"] += mount.tour is not None
            counters["stops_not_taken"] += mount.control.stop_failed
            counters.update(mount.head.counters)
            counters.update(mount.control.counters)
            rejected.update(mount.head.failures)
        limits = {"max_heads": self.limits.max_heads, "joysticks": self.limits.joysticks}
        connected = counters["heads_known"]
        return GatewayStatus(
            self.name, self._task is not None, None, connected, limits, dict(counters + self.counters), dict(rejected)
        )  # fmt: skip

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        return [
            ConnectionView(
                str(i), None, f"{m.address.host or '-'}:{m.address.port or '-'}", 0, m.head.heard_ms,
                frames=m.head.counters["samples"], deviations=dict(m.head.failures),
                state="lost" if m.head.error is not None else "connected",
            )
            for i, m in list(self._mounts.items())[:limit]
        ]  # fmt: skip

    def reload_devices(self) -> None:
        """Cameras are not devices of the directory; their links are followed by their own event."""

    async def _links_changed(self, _event: Event) -> None:
        if self._task is not None:
            await self.follow()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_FOLLOW_S)
            try:
                await self.follow()
            except Exception:
                log.exception("heads_follow_failed")

    async def follow(self) -> None:
        """Take the links as they are now: new heads begin, changed ones begin anew, removed ones end."""
        async with self._following:
            wanted = {a.camera_id: a for a in await asyncio.to_thread(self._read)}
            for camera_id, mount in list(self._mounts.items()):
                if wanted.get(camera_id) != mount.address:
                    await self._dismount(camera_id)
            for camera_id, address in wanted.items():
                if camera_id in self._mounts:
                    continue
                if len(self._mounts) >= self.limits.max_heads:
                    self.counters["refused_too_many"] += 1
                    self.broken[camera_id] = "too_many_heads"
                    continue
                self._mount(address)

    def _read(self) -> list[Address]:
        found: list[Address] = []
        with self._db.read() as session:
            query = select(CameraLink).where(CameraLink.enabled, CameraLink.protocol.in_(list(self.makers)))
            for row in session.scalars(query.order_by(CameraLink.camera_id)):
                try:
                    password = self._unseal(_text(row.password)) if row.password is not None else None
                except ProblemError as error:
                    self.broken[row.camera_id] = error.code
                    continue
                address = Address(
                    row.camera_id, row.protocol, row.host, row.port, row.channel, row.username, password,
                    dict(row.options), row.simulated, row.version,
                )  # fmt: skip
                found.append(address)
        return found

    def _mount(self, address: Address) -> None:
        try:
            device = self.makers[address.protocol](address, self.clock, self.limits.request_timeout_s)
        except (ValueError, TypeError, IndexError) as error:
            self.broken[address.camera_id] = str(error)[:200]
            return
        if device is None:
            return
        self.broken.pop(address.camera_id, None)
        head = Head(address.camera_id, device, self.clock, self.limits, simulated=address.simulated)
        self._mounts[address.camera_id] = Mount(
            address, head, Control(head, self.clock, self.limits, self._journal)
        )
        head.start()

    async def _dismount(self, camera_id: int) -> None:
        mount = self._mounts.pop(camera_id, None)
        if mount is not None:
            await self.end_tour(mount)
            await mount.control.close()
            await mount.head.close()

    # --- for the other rooms

    def mounted(self, camera_id: int) -> Mount | None:
        return self._mounts.get(camera_id)

    def all(self) -> Iterable[Mount]:
        return self._mounts.values()

    def track(self, camera_id: int) -> PoseTrack | None:
        """The telemetry of a camera's head, for the pose of each picture."""
        mount = self._mounts.get(camera_id)
        return mount.head.track if mount is not None else None

    @contextlib.contextmanager
    def watched(self, camera_id: int) -> Any:
        """As long as somebody sees the picture its head is asked at the fast rate."""
        mount = self._mounts.get(camera_id)
        if mount is None:
            yield
            return
        with mount.head.watched():
            yield

    def clock_offset_ms(self, camera_id: int) -> float | None:
        """The device's clock less ours, where its telemetry bears exact instants; the same clock stamps its video."""
        mount = self._mounts.get(camera_id)
        clock = getattr(mount.head.device, "device_clock", None) if mount is not None else None
        return clock.offset_ms if clock is not None and clock.exact else None

    async def stream_uri(self, camera_id: int, stream: Stream) -> str | None:
        """Where the device says its stream is, at the host we reach it by (behind NAT its own address is useless).

        Raises:
            CameraError: the device cannot be asked.
        """
        mount = self._mounts.get(camera_id)
        if mount is None or not isinstance(mount.head.device, OnvifPtz):
            return None
        told = (await mount.head.device.setup()).stream_uris[0 if stream == "main" else 1]
        try:
            parts = urlsplit(told)
            port = parts.port or 554
        except ValueError as error:
            raise CameraError("no_address", told[:200]) from error
        if parts.scheme not in ("rtsp", "rtsps") or not parts.hostname:
            return None
        host = mount.address.host or parts.hostname
        return urlunsplit(
            (
                parts.scheme,
                f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
                parts.path,
                parts.query,
                "",
            )
        )

    async def request_automatic(
        self, camera_id: int, pan: float, tilt: float, zoom: float, reason: str
    ) -> str | None:
        """Turn a head for an alarm. None: the move was sent; else why it was not.

        Refusals: ``no_head``, ``locked``, ``in_use``, ``operator_active``, ``too_often``; of the device the reason of
        its ``CameraError``. Operators come first, always.
        """
        mount = self._mounts.get(camera_id)
        if mount is None:
            return "no_head"
        now = self.clock.monotonic()
        while self._automatic and now - self._automatic[0] >= 60:
            self._automatic.popleft()
        if len(self._automatic) >= self.limits.automatic_per_minute:
            self.counters["automatic_refused_too_often"] += 1
            return "too_often"
        try:
            refusal = await mount.control.automatic(pan, tilt, zoom, reason)
        except CameraError as error:
            return error.reason
        if refusal is None:
            self._automatic.append(now)
        return refusal

    def set_delay(self, camera_id: int, delay_ms: float) -> bool:
        """Use a measured delay of the telemetry from now on; keeping it is the link's business."""
        mount = self._mounts.get(camera_id)
        if mount is None or not hasattr(mount.head.device, "delay_ms"):
            return False
        mount.head.device.delay_ms = delay_ms
        mount.head.track.clear()
        return True

    # --- tours

    async def begin_tour(
        self, mount: Mount, caller: Caller, tour_id: int, name: str, steps: list[Any]
    ) -> None:
        mount.control.check(caller)
        await self.end_tour(mount)
        mount.tour = Tour(mount.control, self.limits, caller, tour_id, name, steps)
        await self._journal(
            caller,
            "cameras.ptz.tour_start",
            mount.head.camera_id,
            None,
            {"tour": tour_id, "name": name},
            None,
        )

    async def end_tour(self, mount: Mount, caller: Caller | None = None) -> None:
        tour, mount.tour = mount.tour, None
        if tour is None:
            return
        await tour.cancel()
        if caller is not None:
            await self._journal(
                caller, "cameras.ptz.tour_stop", mount.head.camera_id, {"tour": tour.tour_id, "name": tour.name},
                None, None,
            )  # fmt: skip

    async def _journal(
        self, caller: Caller, action: str, camera_id: int, before: Any, after: Any, reason: str | None
    ) -> None:
        def write() -> None:
            with self._db.session() as session:
                audit.record(
                    session, caller, action=action, subject=("registry.camera", camera_id), before=before,
                    after=after, reason=reason or None,
                )  # fmt: skip

        await asyncio.to_thread(write)


def _text(sealed: bytes | str) -> str:
    return sealed.decode("ascii") if isinstance(sealed, bytes) else sealed
