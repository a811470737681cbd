"""The way to the head: control port, sign-in, clock, position."""

from __future__ import annotations

from parksight.gateways.cameras.doctor.checks import Check, fail, ok, unknown, warn
from parksight.gateways.cameras.doctor.video import CLOCK_S
from parksight.gateways.cameras.onvif.device import OnvifPtz
from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.heads import Mount

STEPS = ("control", "control_clock", "control_credentials", "position")
_SILENT = frozenset({"unreachable", "timeout", "connection_lost"})
_UNREACHED = frozenset(
    {"unreachable", "timeout", "connection_lost", "not_http", "not_soap", "not_isapi", "no_such"}
)


async def examine(mount: Mount | None, protocol: str) -> list[Check]:
    """Every step in order. A camera that is video only has none of them."""
    if protocol not in ("onvif", "isapi") or mount is None:
        return [unknown(name, "none") for name in STEPS]
    where: dict[str, object] = {
        "host": mount.address.host,
        "port": mount.address.port,
        "protocol": protocol.upper(),
    }
    device = mount.head.device
    found: list[Check] = []
    error: CameraError | None = None
    ahead: float | None = None
    try:
        if isinstance(device, OnvifPtz):
            ahead = await device.read_clock() / 1000
        sample = await device.status()
    except CameraError as raised:
        error = raised
    if error is not None and error.reason in _UNREACHED:
        variant = "unreachable" if error.reason in _SILENT else error.reason
        found.append(Check("control", "fail", variant, {**where, "detail": error.detail}))
        return [*found, *(unknown(name) for name in STEPS[1:])]
    # The clock comes before the sign-in: a device tells it to anybody, and a wrong one spoils the sign-in.
    found += [Check("control", "ok", "ok", where), _clock(ahead)]
    if error is not None and error.reason in ("credentials", "sign_in_unsupported"):
        far = ahead is not None and abs(ahead) > CLOCK_S
        variant = "clock" if far and error.reason == "credentials" else error.reason
        found.append(
            fail(
                "control_credentials", variant, user=mount.address.username or "-", detail=error.detail,
                seconds=round(abs(ahead or 0.0)),
            )
        )  # fmt: skip
        return [*found, unknown("position")]
    found.append(ok("control_credentials", user=mount.address.username or "-"))
    if error is None:
        found.append(
            ok("position", pan=round(sample.pan, 2), tilt=round(sample.tilt, 2), zoom=round(sample.zoom, 2))
        )
    elif error.reason == "no_ptz":
        found.append(unknown("position", "fixed"))
    elif error.reason in ("no_position", "other_space"):
        found.append(fail("position", "fail", detail=error.detail))
    else:
        found.append(fail("position", "fault", detail=f"{error.reason} {error.detail}"))
    return found


def _clock(ahead: float | None) -> Check:
    if ahead is None:
        return unknown("control_clock", "none")
    if abs(ahead) <= CLOCK_S:
        return ok("control_clock", seconds=round(ahead, 1))
    return warn("control_clock", "ahead" if ahead > 0 else "behind", seconds=round(abs(ahead)))
