"""One Hikvision head over ISAPI."""

from __future__ import annotations

from parksight.gateways.cameras.isapi import messages
from parksight.gateways.cameras.isapi.messages import Position
from parksight.gateways.cameras.protocols import CameraError, Preset, PtzAbilities, PtzSample
from parksight.gateways.cameras.ptz.device_clock import precise_ms
from parksight.gateways.cameras.ptz.http import DeviceHttp
from parksight.kernel.clock import Clock

#: Presets a person may set; higher numbers are commands of the device (wiper, restart, …).
FIRST_SPECIAL = 33
MAX_PICTURE = 4 * 2**20


class IsapiPtz:
    """A ``PtzDevice`` over ISAPI.

    Args:
        http: connections to the device, closed with it.
        clock: ours.
        channel: number of the video channel.
        delay_ms: age of the telemetry; ISAPI stamps none.
        pan, tilt, zoom: limits of the head, ours.
        tilt_sign: -1 where the device counts elevation upward already reversed; +1: its positive is down (usual).
    """

    def __init__(
        self, http: DeviceHttp, clock: Clock, channel: int = 1, *, delay_ms: float = 0.0,
        pan: tuple[float, float] = (0.0, 360.0), tilt: tuple[float, float] = (-90.0, 20.0),
        zoom: tuple[float, float] = (1.0, 30.0), tilt_sign: int = 1,
    ) -> None:  # fmt: skip
        self.http, self.delay_ms = http, delay_ms
        self._clock, self._sign = clock, tilt_sign
        self._limits = PtzAbilities(absolute=True, position=True, presets=True, pan=pan, tilt=tilt, zoom=zoom)
        self._root = f"/ISAPI/PTZCtrl/channels/{int(channel)}"
        self._picture = f"/ISAPI/Streaming/channels/{int(channel)}01/picture"
        self._fine: bool | None = None

    async def abilities(self) -> PtzAbilities:
        return self._limits

    async def status(self) -> PtzSample:
        sent = precise_ms(self._clock)
        position = await self._position()
        at = (sent + precise_ms(self._clock)) / 2 - self.delay_ms
        return PtzSample(at, position.azimuth, -self._sign * position.elevation, max(position.zoom, 1.0))

    async def _position(self) -> Position:
        """By ``absoluteEx`` (hundredths) where the device has it, else by ``status`` (tenths)."""
        if self._fine is not False:
            try:
                found = messages.read_absolute_ex(await self._get(f"{self._root}/absoluteEx"))
            except CameraError as error:
                if self._fine or error.reason not in (
                    "no_such",
                    "not_supported",
                    "not_isapi",
                    "device_fault",
                ):
                    raise
                self._fine = False
            else:
                self._fine = True
                return found
        return messages.read_status(await self._get(f"{self._root}/status"))

    async def absolute(self, pan: float, tilt: float, zoom: float, speed: float = 1.0) -> None:
        """ISAPI's absolute move has no speed on all devices, so it goes at the device's own."""
        limits = self._limits
        low, high = limits.tilt
        position = Position(
            pan % 360.0, -self._sign * min(max(tilt, low), high), min(max(zoom, limits.zoom[0]), limits.zoom[1])
        )  # fmt: skip
        if self._fine is None:
            await self._position()
        if self._fine:
            await self._put(f"{self._root}/absoluteEx", messages.absolute_ex(position))
        else:
            await self._put(f"{self._root}/absolute", messages.absolute(position))

    async def continuous(self, pan: float, tilt: float, zoom: float) -> None:
        await self._put(f"{self._root}/continuous", messages.continuous(pan, tilt, zoom))

    async def stop(self) -> None:
        await self.continuous(0.0, 0.0, 0.0)

    async def presets(self) -> list[Preset]:
        answer = await self._get(f"{self._root}/presets")
        return [Preset(number, name) for number, name in messages.read_presets(answer)]

    async def go_preset(self, token: str) -> None:
        await self._put(f"{self._root}/presets/{_number(token)}/goto", b"")

    async def set_preset(self, name: str, token: str | None = None) -> str:
        if token is None:
            taken = {p.token for p in await self.presets()}
            token = next((str(n) for n in range(1, FIRST_SPECIAL) if str(n) not in taken), None)
            if token is None:
                raise CameraError("presets_full", f"1-{FIRST_SPECIAL - 1}")
        number = _number(token)
        await self._put(f"{self._root}/presets/{number}", messages.preset(number, name))
        return number

    async def remove_preset(self, token: str) -> None:
        await self._call("DELETE", f"{self._root}/presets/{_number(token)}", b"")

    async def picture(self) -> bytes:
        """A JPEG of now."""
        answer = await self._get(self._picture)
        if not answer.startswith(b"\xff\xd8") or len(answer) > MAX_PICTURE:
            raise CameraError("no_picture", f"{len(answer)} bytes")
        return answer

    async def close(self) -> None:
        await self.http.close()

    async def _get(self, path: str) -> bytes:
        return await self._call("GET", path, b"")

    async def _put(self, path: str, body: bytes) -> None:
        answer = await self._call("PUT", path, body)
        if answer:
            messages.read(answer)

    async def _call(self, method: str, path: str, body: bytes) -> bytes:
        answer = await self.http.request(method, path, body, messages.CONTENT_TYPE if body else "")
        if answer.status < 300:
            return answer.body
        if answer.body.lstrip()[:1] == b"<":
            messages.read(answer.body)  # says more than the number does
        if answer.status in (404, 405):
            raise CameraError("no_such", f"HTTP {answer.status} {path}")
        raise CameraError("credentials" if answer.status == 403 else "device_fault", f"HTTP {answer.status}")


def _number(token: str) -> str:
    """A preset's number; nothing else may become part of a path."""
    if not (token.isascii() and token.isdigit() and 1 <= int(token) <= 300):
        raise CameraError("no_such", token[:20])
    return str(int(token))
