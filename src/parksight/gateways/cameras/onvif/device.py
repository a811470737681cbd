"""One ONVIF head: the hot path. What it is able to do was asked by :mod:`onvif.setup` before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from parksight.gateways.cameras.onvif import soap
from parksight.gateways.cameras.onvif.spaces import ZOOM_GENERIC, Axis, Spaces
from parksight.gateways.cameras.protocols import CameraError, Preset, PtzAbilities, PtzSample
from parksight.gateways.cameras.ptz.device_clock import DeviceClock, precise_ms
from parksight.gateways.cameras.ptz.http import DeviceHttp
from parksight.kernel.clock import Clock

#: A continuous move ends on the device itself after this long unless renewed, s.
SELF_STOP_S = 1.0


@dataclass(frozen=True, slots=True)
class OnvifSetup:
    """What the set-up found out and the hot path needs; plain data, so that it can be kept.

    Attributes:
        ptz_path: path of the PTZ service on the device.
        profile: token of the media profile the head hangs on.
        spaces: None: no absolute position.
        continuous, presets: abilities.
        stream_uris: (main, sub) as the device names them, "" where it names none.
        encodings: (main, sub), e.g. ``H264``.
        snapshot_uri: of the main profile.
        name: manufacturer and model.
    """

    ptz_path: str
    profile: str
    spaces: Spaces | None
    continuous: bool
    presets: bool
    stream_uris: tuple[str, str] = ("", "")
    encodings: tuple[str, str] = ("", "")
    snapshot_uri: str = ""
    name: str = ""
    firmware: str = ""


class OnvifPtz:
    """A ``PtzDevice`` over ONVIF.

    Args:
        http: connections to the device, closed with it.
        clock: ours.
        device_path: of the device service, for its clock.
        prepare: does the set-up; called once, and again after it failed.
        delay_ms: age of the telemetry of devices that do not stamp it.
    """

    def __init__(
        self, http: DeviceHttp, clock: Clock, device_path: str, prepare: Callable[[], Awaitable[OnvifSetup]], *,
        delay_ms: float = 0.0,
    ) -> None:  # fmt: skip
        self.http, self.delay_ms = http, delay_ms
        self.device_clock = DeviceClock()
        self._clock = clock
        self._device_path, self._prepare = device_path, prepare
        self._setup: OnvifSetup | None = None
        self._preparing = asyncio.Lock()
        self._token = True

    async def setup(self) -> OnvifSetup:
        """What the device is, asked once."""
        if self._setup is None:
            async with self._preparing:
                if self._setup is None:
                    await self.read_clock()
                    self._setup = await self._prepare()
        return self._setup

    async def _head(self) -> OnvifSetup:
        found = await self.setup()
        if not found.profile:
            raise CameraError("no_ptz", found.name)
        return found

    async def read_clock(self) -> float:
        """Offset of the device's clock to the second; GetSystemDateAndTime needs no sign-in."""
        sent = precise_ms(self._clock)
        answer = await self.http.request(
            "POST", self._device_path, soap.envelope(soap.get_time()), soap.CONTENT_TYPE
        )
        self.device_clock.coarse = (
            soap.read_time(answer.body) + 500.0 - (sent + precise_ms(self._clock)) / 2
        )  # fmt: skip
        return self.device_clock.coarse

    async def abilities(self) -> PtzAbilities:
        found = await self.setup()
        spaces = found.spaces
        if spaces is None:
            return PtzAbilities(absolute=False, position=False, presets=found.presets)
        return PtzAbilities(
            absolute=True, position=True, presets=found.presets,
            pan=_ordered(spaces.pan.ours), tilt=_ordered(spaces.tilt.ours), zoom=_ordered(spaces.zoom.ours),
        )  # fmt: skip

    async def status(self) -> PtzSample:
        head = await self._head()
        sent = precise_ms(self._clock)
        status = soap.read_status(await self._send(soap.get_status(head.profile)))
        received = precise_ms(self._clock)
        spaces = head.spaces
        if spaces is None or status.pan is None or status.tilt is None:
            raise CameraError("no_position", status.error)
        if status.pan_tilt_space and status.pan_tilt_space != spaces.pan_tilt:
            raise CameraError("other_space", status.pan_tilt_space[-60:])
        at, exact = (sent + received) / 2 - self.delay_ms, False
        if status.utc_ms is not None:
            self.device_clock.told(status.utc_ms, sent, received)
            placed = self.device_clock.ours(status.utc_ms)
            if placed is not None:
                at, exact = placed, True
        zoom = spaces.zoom.from_device(status.zoom) if status.zoom is not None else spaces.zoom.ours[0]
        return PtzSample(
            at, spaces.pan.from_device(status.pan), spaces.tilt.from_device(status.tilt), max(zoom, 1.0),
            moving=status.moving, exact=exact,
        )  # fmt: skip

    async def absolute(self, pan: float, tilt: float, zoom: float, speed: float = 1.0) -> None:
        head = await self._head()
        if head.spaces is None:
            raise CameraError("not_supported", "AbsoluteMove")
        spaces = head.spaces
        body = soap.absolute_move(
            head.profile, spaces.pan.to_device(within_turn(pan, spaces.pan)), spaces.tilt.to_device(tilt),
            spaces.zoom.to_device(zoom), (spaces.pan_tilt, ZOOM_GENERIC), None if speed >= 1.0 else max(speed, 0.01),
        )  # fmt: skip
        soap.expect(soap.read(await self._send(body)), "AbsoluteMoveResponse")

    async def continuous(self, pan: float, tilt: float, zoom: float) -> None:
        head = await self._head()
        if not head.continuous:
            raise CameraError("not_supported", "ContinuousMove")
        body = soap.continuous_move(head.profile, _unit(pan), _unit(tilt), _unit(zoom), SELF_STOP_S)
        soap.expect(soap.read(await self._send(body)), "ContinuousMoveResponse")

    async def stop(self) -> None:
        head = await self._head()
        soap.expect(soap.read(await self._send(soap.stop(head.profile))), "StopResponse")

    async def presets(self) -> list[Preset]:
        head = await self._head()
        answer = await self._send(soap.get_presets(head.profile))
        return [Preset(token, name) for token, name in soap.read_presets(answer)]

    async def go_preset(self, token: str) -> None:
        head = await self._head()
        soap.expect(soap.read(await self._send(soap.goto_preset(head.profile, token))), "GotoPresetResponse")

    async def set_preset(self, name: str, token: str | None = None) -> str:
        head = await self._head()
        answer = soap.expect(
            soap.read(await self._send(soap.set_preset(head.profile, name, token))), "SetPresetResponse"
        )
        made = (answer.findtext(f"{{{soap.PTZ}}}PresetToken") or "").strip()
        if not made:
            raise CameraError("not_soap", "no PresetToken")
        return str(made)

    async def remove_preset(self, token: str) -> None:
        head = await self._head()
        soap.expect(
            soap.read(await self._send(soap.remove_preset(head.profile, token))), "RemovePresetResponse"
        )

    async def close(self) -> None:
        await self.http.close()

    async def _send(self, body: str) -> bytes:
        """Signed in the message, and by HTTP Digest too where the device asks for that."""
        head = await self._head()
        security = ""
        if self.http.username is not None and self._token:
            device_ms = precise_ms(self._clock) + (self.device_clock.offset_ms or 0.0)
            security = soap.token(self.http.username, self.http.password or "", device_ms)
        answer = await self.http.request(
            "POST", head.ptz_path, soap.envelope(body, security), soap.CONTENT_TYPE
        )
        if answer.status in (403, 404):
            raise CameraError("no_such", f"HTTP {answer.status} {head.ptz_path}")
        if answer.status >= 300 and not answer.body:
            raise CameraError("device_fault", f"HTTP {answer.status}")
        return answer.body


def within_turn(pan: float, axis: Axis) -> float:
    """The pan shifted by whole turns into the head's range where that is possible."""
    low, high = _ordered(axis.ours)
    for shifted in (pan, pan + 360.0, pan - 360.0, pan + 720.0, pan - 720.0):
        if low <= shifted <= high:
            return shifted
    return pan


def path_of(uri: str) -> str:
    """Path and query of a service address; host and port stay those we reached the device by (NAT)."""
    parts = urlsplit(uri)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _ordered(span: tuple[float, float]) -> tuple[float, float]:
    return min(span), max(span)


def _unit(value: float) -> float:
    return min(max(value, -1.0), 1.0)
