"""The cameras as a gateway: relays by camera and stream, links followed, limits kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import select

from parksight.gateways.cameras.config import LinkOptions
from parksight.gateways.cameras.events import CameraLinksChanged
from parksight.gateways.cameras.models import CameraLink
from parksight.gateways.cameras.protocols import AccessUnit, CameraError, PoseTrack, Stream
from parksight.gateways.cameras.rtsp.session import Target
from parksight.gateways.cameras.video.relay import Relay
from parksight.gateways.cameras.video.snapshot import Snapshots
from parksight.gateways.cameras.video.sources import RtspSource, Source
from parksight.gateways.cameras.video.viewer import Viewer
from parksight.gateways.context import GatewayContext
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.kernel.bus import Event
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.settings import CameraSettings

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Link:
    """A link with its password opened."""

    camera_id: int
    protocol: str
    main_url: str | None
    sub_url: str | None
    channel: str | None
    username: str
    password: str
    options: LinkOptions
    simulated: bool
    enabled: bool
    version: int

    def url(self, stream: Stream) -> str | None:
        return self.options.upstream(stream) or (self.main_url if stream == "main" else self.sub_url)


#: Makes the source of a stream for a protocol that does not deliver by RTSP.
SourceMaker = Callable[[Link, Stream], Source]


class CamerasGateway:
    """Implements :class:`parksight.gateways.protocols.Gateway`; what other rooms plug in is set by the composition root.

    Args:
        context: shared parts of the gateways.
        settings: limits.
        db: links.
        unseal: opens passwords.

    Attributes:
        track_of: telemetry of a camera's head, for the pose of each picture.
        watched: held while somebody sees a camera's picture, so that its head is asked more often.
        address_of: stream address that the device itself names, for links without one.
        clock_offset: the device's clock less ours where its telemetry knows it.
        makers: sources of other protocols.
    """

    name = "cameras"

    def __init__(
        self, context: GatewayContext, settings: CameraSettings, db: Database, unseal: Callable[[str], str]
    ) -> None:  # fmt: skip
        self.settings = settings
        self.track_of: Callable[[int], PoseTrack | None] = lambda _camera: None
        self.watched: Callable[[int], AbstractContextManager[Any]] = lambda _camera: nullcontext()
        self.address_of: Callable[[int, Stream], Awaitable[str | None]] = _no_address
        self.clock_offset: Callable[[int], float | None] = lambda _camera: None
        self.makers: dict[str, SourceMaker] = {}
        self.snapshots = Snapshots(settings.max_snapshots)
        self.clock = context.clock
        self._context = context
        self._db, self._unseal = db, unseal
        self._links: dict[int, Link] = {}
        self._broken: dict[int, str] = {}
        self._relays: dict[tuple[int, Stream], Relay] = {}
        self._running = False
        self._reloading = asyncio.Lock()
        self._rejected: Counter[str] = Counter()
        self._undo = context.bus.subscribe(CameraLinksChanged.subject(), self._links_changed)

    # -- Gateway ---------------------------------------------------------------------------------------

    async def start(self) -> None:
        await self.reload()
        self._running = True

    async def stop(self) -> None:
        self._running = False
        await asyncio.gather(*(relay.stop() for relay in self._relays.values()))
        self.snapshots.close()

    def status(self) -> GatewayStatus:
        relays = list(self._relays.values())
        counters: Counter[str] = Counter(links=len(self._links), broken_links=len(self._broken))
        rejected = Counter(self._rejected)
        for relay in relays:
            state = relay.source.state
            counters["streams"] += relay.running
            counters["streams_playing"] += relay.running and state.state == "playing"
            counters["streams_lost"] += relay.running and state.state == "lost"
            counters["clocks_wrong"] += relay.running and state.skew_ms is not None
            counters["viewers"] += len(relay.viewers)
            counters["consumers"] += relay.takers
            if relay.running:
                fps, bits = relay.rates()
                counters["pictures_per_second"] += round(fps)
                counters["kbit_per_second"] += round(bits / 1000)
            counters["pictures"] += state.counters["pictures"]
            counters["packets"] += state.counters["packets"]
            rejected["viewer_dropped"] += relay.counters["viewer_dropped"] + sum(
                v.dropped for v in relay.viewers
            )
            for reason in (
                "lost",
                "holes",
                "waiting_for_key",
                "bad_rtp",
                "bad_rtcp",
                "late",
                "foreign_source",
            ):
                rejected[reason] += state.counters[reason]
        counters["snapshots"] = self.snapshots.taken
        rejected["snapshots_failed"] = self.snapshots.failed
        limits = {"max_relays": self.settings.max_relays, "max_viewers": self.settings.max_viewers,
                  "max_viewers_per_stream": self.settings.max_viewers_per_stream,
                  "max_snapshots": self.settings.max_snapshots}  # fmt: skip
        return GatewayStatus(
            self.name, self._running, None, counters["streams"], limits, dict(counters), +rejected
        )

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        """The streams that are open."""
        out: list[ConnectionView] = []
        for (camera_id, stream), relay in self._relays.items():
            if not relay.running or len(out) >= limit:
                continue
            state = relay.source.state
            ends = {k: n for k, n in state.counters.items() if k.startswith("end_") or k in ("holes", "lost")}
            out.append(
                ConnectionView(
                    f"{camera_id}/{stream}", None, state.transport or "-", state.since_ms, None,
                    frames=state.counters["pictures"], deviations=ends, state=state.state,
                )
            )  # fmt: skip
        return out

    def reload_devices(self) -> None:
        """Cameras are not devices of the directory; their links are followed by their own event."""

    # -- links -----------------------------------------------------------------------------------------

    async def reload(self) -> None:
        """Read the links; streams whose link changed begin anew, those whose link is gone end."""
        async with self._reloading:
            before = self._links
            self._links, self._broken = await asyncio.to_thread(self._read)
            for key, relay in list(self._relays.items()):
                link = self._links.get(key[0])
                if link is None or not link.enabled:
                    await relay.stop()
                    del self._relays[key]
                elif link != before.get(key[0]):
                    relay.simulated = link.simulated
                    await relay.renew(self._source(link, key[1]))

    async def settled(self) -> None:
        """Wait until a change of links that is under way has arrived here."""
        async with self._reloading:
            return

    def _read(self) -> tuple[dict[int, Link], dict[int, str]]:
        found: dict[int, Link] = {}
        broken: dict[int, str] = {}
        with self._db.read() as session:
            for row in session.scalars(select(CameraLink)):
                try:
                    password = self._unseal(row.password.decode("ascii")) if row.password else ""
                    options = LinkOptions.model_validate(row.options)
                except (ProblemError, ValueError) as error:
                    broken[row.camera_id] = str(error)[:200]
                    log.warning("camera_link_unusable", camera=row.camera_id, error=broken[row.camera_id])
                    continue
                found[row.camera_id] = Link(
                    row.camera_id, row.protocol, row.main_url, row.sub_url, row.channel, row.username or "", password,
                    options, row.simulated, row.enabled, row.version,
                )  # fmt: skip
        return found, broken

    async def _links_changed(self, _event: Event) -> None:
        if self._running:
            await self.reload()

    def link(self, camera_id: int) -> Link:
        """Raises CameraError ``no_link``, ``disabled`` or ``broken_link``."""
        found = self._links.get(camera_id)
        if found is None:
            if camera_id in self._broken:
                raise CameraError("broken_link", self._broken[camera_id])
            raise CameraError("no_link")
        if not found.enabled:
            raise CameraError("disabled")
        return found

    def linked(self, camera_id: int) -> Link | None:
        return self._links.get(camera_id)

    # -- streams ---------------------------------------------------------------------------------------

    def relay(self, camera_id: int, stream: Stream) -> Relay:
        """The relay of a stream, made when it is first asked for.

        Raises:
            CameraError: no usable link, ``stopped``, or ``too_many_streams``.
        """
        if not self._running:
            raise CameraError("stopped")
        link = self.link(camera_id)
        if stream == "sub" and link.url("sub") is None and link.url("main") is not None:
            stream = "main"  # a camera with one stream shows that one on walls too
        key = (camera_id, stream)
        found = self._relays.get(key)
        open_now = sum(r.running for r in self._relays.values())
        if (found is None or not found.running) and open_now >= self.settings.max_relays:
            self._rejected["too_many_streams"] += 1
            raise CameraError("too_many_streams", str(self.settings.max_relays))
        if found is None:
            found = self._relays[key] = Relay(
                camera_id, stream, self._source(link, stream), self.settings, simulated=link.simulated,
                pose=lambda: self.track_of(camera_id),
            )  # fmt: skip
        return found

    def relays_of(self, camera_id: int) -> list[Relay]:
        return [r for (camera, _), r in self._relays.items() if camera == camera_id]

    def admit(self, relay: Relay, viewer: Viewer) -> bool:
        """Let a browser in, within the limits."""
        total = sum(len(r.viewers) for r in self._relays.values())
        if total >= self.settings.max_viewers or len(relay.viewers) >= self.settings.max_viewers_per_stream:
            self._rejected["too_many_viewers"] += 1
            return False
        relay.join(viewer)
        return True

    def subscribe(
        self, camera_id: int, stream: Stream, callback: Callable[[AccessUnit], None]
    ) -> Callable[[], None]:
        """Every unit from now on, the cached group first; ``callback`` runs on the event loop and must not linger.

        Raises:
            CameraError: no usable link, or too many streams.
        """
        return self.relay(camera_id, stream).subscribe(callback)

    def _source(self, link: Link, stream: Stream) -> Source:
        maker = self.makers.get(link.protocol)
        if maker is not None and link.url(stream) is None:
            return maker(link, stream)
        camera_id = link.camera_id

        async def target() -> Target:
            now = self.link(camera_id)
            url = now.url(stream) or await self.address_of(camera_id, stream)
            if not url:
                raise CameraError("no_address", f"{now.protocol}: {stream}")
            return Target(
                url, now.username, now.password, now.options.transport, self.settings.connect_s,
                self.settings.silence_s,
            )  # fmt: skip

        return RtspSource(target, self.clock, lambda: self.clock_offset(camera_id))


async def _no_address(_camera_id: int, _stream: Stream) -> str | None:
    return None
