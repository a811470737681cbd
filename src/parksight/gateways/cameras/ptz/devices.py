"""From a camera's link to a device that can be turned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from parksight.gateways.cameras.isapi.device import IsapiPtz
from parksight.gateways.cameras.onvif.device import OnvifPtz, OnvifSetup
from parksight.gateways.cameras.onvif.setup import discover
from parksight.gateways.cameras.onvif.spaces import Assumed
from parksight.gateways.cameras.protocols import PtzDevice
from parksight.gateways.cameras.ptz.http import DeviceHttp
from parksight.kernel.clock import Clock

DEVICE_PATH = "/onvif/device_service"


@dataclass(frozen=True, slots=True)
class Address:
    """A link with its password opened; what ``CameraLink`` says, and its version to see changes by.

    ``options`` read here: ``telemetry_delay_ms``, ``device_path``, ``tls``, ``allow_basic``, ``tilt_sign`` and the head's
    ranges ``pan_range``, ``tilt_range``, ``zoom_range`` (degrees, degrees, factors).
    """

    camera_id: int
    protocol: str
    host: str | None
    port: int | None
    channel: str | None
    username: str | None
    password: str | None
    options: dict[str, Any] = field(default_factory=dict)
    simulated: bool = False
    version: int = 1

    def range(self, name: str, otherwise: tuple[float, float]) -> tuple[float, float]:
        value = self.options.get(f"{name}_range")
        return (float(value[0]), float(value[1])) if value else otherwise

    @property
    def delay_ms(self) -> float:
        return float(self.options.get("telemetry_delay_ms") or 0.0)

    def http(self, timeout_s: float) -> DeviceHttp:
        tls = bool(self.options.get("tls"))
        return DeviceHttp(
            self.host or "", self.port or (443 if tls else 80), tls=tls, username=self.username,
            password=self.password, timeout_s=timeout_s, allow_basic=bool(self.options.get("allow_basic")),
        )  # fmt: skip


#: Makes the device of an address; None: this camera has no head that we could turn.
Maker = Callable[[Address, Clock, float], PtzDevice | None]


def onvif(address: Address, clock: Clock, timeout_s: float) -> OnvifPtz | None:
    if not address.host:
        return None
    http = address.http(timeout_s)
    path = str(address.options.get("device_path") or DEVICE_PATH)
    assumed = Assumed(
        address.range("pan", (-180.0, 180.0)), address.range("tilt", (-90.0, 90.0)), address.range("zoom", (1.0, 30.0))
    )  # fmt: skip

    async def prepare() -> OnvifSetup:
        return await discover(http, path, made.device_clock.offset_ms or 0.0, assumed)

    made = OnvifPtz(http, clock, path, prepare, delay_ms=address.delay_ms)
    return made


def isapi(address: Address, clock: Clock, timeout_s: float) -> IsapiPtz | None:
    if not address.host:
        return None
    return IsapiPtz(
        address.http(timeout_s), clock, int(address.channel or 1), delay_ms=address.delay_ms,
        pan=address.range("pan", (0.0, 360.0)), tilt=address.range("tilt", (-90.0, 20.0)),
        zoom=address.range("zoom", (1.0, 30.0)), tilt_sign=-1 if address.options.get("tilt_sign") == -1 else 1,
    )  # fmt: skip


#: The protocols with heads; GB/T 28181 adds its own.
MAKERS: dict[str, Maker] = {"onvif": onvif, "isapi": isapi}
