"""What a camera does when it is asked by ONVIF."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

from parkzone.cameras.cast import MOST_ZOOM
from parkzone.cameras.onvif import answers
from parkzone.cameras.onvif.security import NotSoapError, Tokens, local, read
from parkzone.cameras.source import Source

#: Asked without signing in, as the standard wants it.
OPEN = ("GetSystemDateAndTime", "GetCapabilities", "GetServices", "GetWsdlUrl", "GetHostname")
_DURATION = re.compile(r"^PT(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$")


class _FaultError(Exception):
    def __init__(self, code: str, subcodes: tuple[str, ...], words: str) -> None:
        super().__init__(words)
        self.code, self.subcodes, self.words = code, subcodes, words


class OnvifDevice:
    """One camera.

    Args:
        stream_url: address of a stream; snapshot_url: of the photograph.
    """

    def __init__(
        self, source: Source, tokens: Tokens, stream_url: Callable[[str], str], snapshot_url: Callable[[], str]
    ) -> None:  # fmt: skip
        self.source, self._tokens = source, tokens
        self._stream_url, self._snapshot_url = stream_url, snapshot_url

    def answer(self, data: bytes, base: str) -> tuple[int, str]:
        """HTTP status and SOAP answer; ``base`` is the address of the services as the client sees it."""
        try:
            header, request = read(data)
        except NotSoapError as error:
            return 400, answers.envelope(answers.fault("Sender", ("WellFormed",), str(error)))
        operation = local(request)
        try:
            if operation not in OPEN and not self._tokens.check(header, self.source.own_clock()):
                raise _FaultError("Sender", ("NotAuthorized",), "Sender not Authorized")
            return 200, answers.envelope(self._answer(operation, request, base))
        except _FaultError as error:
            status = 400 if error.code == "Sender" else 500
            return status, answers.envelope(answers.fault(error.code, error.subcodes, error.words))

    def _answer(self, operation: str, request: Any, base: str) -> str:
        simple: dict[str, Callable[[], str]] = {
            "GetSystemDateAndTime": lambda: answers.system_time(self.source.own_clock()),
            "GetCapabilities": lambda: answers.capabilities(base),
            "GetServices": lambda: answers.services(base),
            "GetDeviceInformation": lambda: answers.information(self.source.code),
            "GetProfiles": answers.profiles,
            "GetNodes": answers.nodes,
            "GetNode": answers.node,
            "GetConfigurations": answers.configurations,
            "GetConfigurationOptions": answers.options,
        }
        if operation in simple:
            return simple[operation]()
        asked: dict[str, Callable[[Any], str]] = {
            "GetProfile": lambda r: answers.one_profile(self._profile(r)),
            "GetStreamUri": lambda r: answers.uri("GetStreamUri", self._stream_url(self._profile(r))),
            "GetSnapshotUri": lambda r: answers.uri("GetSnapshotUri", self._snapshot_url()),
            "GetStatus": self._status, "AbsoluteMove": self._absolute, "ContinuousMove": self._continuous,
            "Stop": self._stop, "GetPresets": self._presets, "GotoPreset": self._go_preset,
            "SetPreset": self._set_preset, "RemovePreset": self._remove_preset, "GotoHomePosition": self._home,
        }  # fmt: skip
        if operation not in asked:
            raise _FaultError("Receiver", ("ActionNotSupported",), f"{operation[:60]} is not supported")
        return asked[operation](request)

    def _profile(self, request: Any) -> str:
        token = _child_text(request, "ProfileToken")
        if token not in ("main", "sub"):
            raise _FaultError("Sender", ("InvalidArgVal", "NoProfile"), "no such profile")
        return token

    # -- head ----------------------------------------------------------------------------------------------

    def _status(self, request: Any) -> str:
        self._profile(request)
        at, attitude = self.source.told()
        knobs = self.source.knobs
        # a coarse encoder tells no more digits than it has
        step = knobs.encoder_step_deg
        decimals = min(4, max(0, math.ceil(-math.log10(step) - 1e-9))) if step > 0 else 4
        return answers.status(at if knobs.stamp_utc else None, attitude, _to_generic(attitude.zoom), decimals)

    def _absolute(self, request: Any) -> str:
        self._profile(request)
        where = _child(request, "Position")
        turn, lens = _child(where, "PanTilt"), _child(where, "Zoom")
        pan = tilt = zoom = None
        if turn is not None:
            if turn.get("space", answers.SPHERICAL) != answers.SPHERICAL:
                raise _FaultError("Sender", ("InvalidArgVal", "SpaceNotSupported"), "degrees only")
            pan, tilt = _number(turn, "x"), _number(turn, "y")
        if lens is not None:
            share = _number(lens, "x")
            if not -1e-6 <= share <= 1.0 + 1e-6:
                raise _FaultError("Sender", ("InvalidArgVal", "InvalidPosition"), "zoom beyond 0..1")
            zoom = 1.0 + min(max(share, 0.0), 1.0) * (MOST_ZOOM - 1.0)
        if tilt is not None and not answers.TILT_RANGE[0] - 0.01 <= tilt <= answers.TILT_RANGE[1] + 0.01:
            raise _FaultError("Sender", ("InvalidArgVal", "InvalidPosition"), "tilt beyond its stops")
        speed = 1.0
        wanted = _child(_child(request, "Speed"), "PanTilt")
        if wanted is not None:
            speed = max(abs(_number(wanted, "x")), abs(_number(wanted, "y")))
        self.source.head.absolute(self.source.clock(), pan, tilt, zoom, speed or 1.0)
        self.source.touch()
        return "<tptz:AbsoluteMoveResponse/>"

    def _continuous(self, request: Any) -> str:
        self._profile(request)
        velocity = _child(request, "Velocity")
        turn, lens = _child(velocity, "PanTilt"), _child(velocity, "Zoom")
        pan, tilt = (_number(turn, "x"), _number(turn, "y")) if turn is not None else (0.0, 0.0)
        zoom = _number(lens, "x") if lens is not None else 0.0
        limit = 10.0
        if text := _child_text(request, "Timeout"):
            found = _DURATION.fullmatch(text)
            if not found:
                raise _FaultError(
                    "Sender", ("InvalidArgVal", "TimeoutNotSupported"), "timeout not understood"
                )
            limit = min(60.0, 60.0 * float(found[1] or 0) + float(found[2] or 0))
        self.source.head.continuous(self.source.clock(), pan, tilt, zoom, limit)
        self.source.touch()
        return "<tptz:ContinuousMoveResponse/>"

    def _stop(self, request: Any) -> str:
        self._profile(request)
        self.source.head.stop(self.source.clock())
        self.source.touch()
        return "<tptz:StopResponse/>"

    # -- presets -------------------------------------------------------------------------------------------

    def _presets(self, request: Any) -> str:
        self._profile(request)
        known = list(self.source.presets.values())
        return answers.presets(known, {p.token: _to_generic(p.zoom) for p in known})

    def _known(self, request: Any) -> str:
        self._profile(request)
        token = _child_text(request, "PresetToken")
        if token not in self.source.presets:
            raise _FaultError("Sender", ("InvalidArgVal", "NoToken"), "no such preset")
        return token

    def _go_preset(self, request: Any) -> str:
        self.source.go_preset(self._known(request))
        return "<tptz:GotoPresetResponse/>"

    def _home(self, request: Any) -> str:
        self._profile(request)
        self.source.go_preset("home")
        return "<tptz:GotoHomePositionResponse/>"

    def _set_preset(self, request: Any) -> str:
        self._profile(request)
        token = self._known(request) if _child_text(request, "PresetToken") else None
        try:
            token = self.source.set_preset(_child_text(request, "PresetName") or "preset", token)
        except ValueError as error:
            raise _FaultError("Receiver", ("Action", "TooManyPresets"), str(error)) from error
        return (
            f"<tptz:SetPresetResponse><tptz:PresetToken>{token}</tptz:PresetToken></tptz:SetPresetResponse>"
        )

    def _remove_preset(self, request: Any) -> str:
        token = self._known(request)
        if token == "home":  # a preset's name
            raise _FaultError("Receiver", ("Action",), "the home position stays")
        del self.source.presets[token]
        return "<tptz:RemovePresetResponse/>"


def _to_generic(zoom: float) -> float:
    return (zoom - 1.0) / (MOST_ZOOM - 1.0)


def _child(element: Any, name: str) -> Any:
    if element is None:
        return None
    return next((e for e in element if local(e) == name), None)


def _child_text(element: Any, name: str) -> str:
    found = _child(element, name)
    return (found.text or "").strip() if found is not None else ""


def _number(element: Any, attribute: str) -> float:
    try:
        value = float(element.get(attribute, ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _FaultError("Sender", ("InvalidArgVal", "InvalidPosition"), f"{attribute} is no number")
    return value
