"""The XML of ISAPI's PTZ commands, written by hand and read with bounds. What is proven of it: QUALITY.md."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from parksight.gateways.cameras.protocols import CameraError

CONTENT_TYPE = "application/xml; charset=UTF-8"
MAX_ANSWER = 512 * 1024
MAX_PRESETS = 512
#: ``statusCode`` and ``subStatusCode`` of a ResponseStatus that stand for more than "no".
_SUB = {
    "notsupport": "not_supported", "lowprivilege": "credentials", "badauthorization": "credentials",
    "invalidoperation": "out_of_range", "badparameters": "out_of_range", "devicebusy": "busy",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Position:
    """Degrees as the device counts: azimuth clockwise, elevation positive downward, zoom as a factor."""

    azimuth: float
    elevation: float
    zoom: float


def read(data: bytes) -> Any:
    """The root element; CameraError ``not_isapi`` or what a ResponseStatus complains of."""
    if len(data) > MAX_ANSWER:
        raise CameraError("answer_too_big", f"{len(data)} bytes")
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise CameraError("not_isapi", str(error)[:200]) from error
    if local(root) == "ResponseStatus":
        code, sub = text(root, "statusCode"), text(root, "subStatusCode")
        if code not in ("", "0", "1"):
            words = f"{code} {text(root, 'statusString')} {sub}"[:200]
            raise CameraError(_SUB.get(sub.lower(), "device_fault"), words)
    return root


def read_status(data: bytes) -> Position:
    """``PTZStatus/AbsoluteHigh``: tenths of a degree, tenths of the zoom factor."""
    root = read(data)
    found = next((e for e in root.iter() if local(e) == "AbsoluteHigh"), None)
    if found is None:
        raise CameraError("no_position", local(root)[:60])
    return Position(
        _number(found, "azimuth") / 10, _number(found, "elevation") / 10, _number(found, "absoluteZoom") / 10
    )


def read_absolute_ex(data: bytes) -> Position:
    """``PTZAbsoluteEx``: degrees and factor with decimals."""
    root = read(data)
    if local(root) != "PTZAbsoluteEx":
        raise CameraError("not_isapi", local(root)[:60])
    return Position(_number(root, "azimuth"), _number(root, "elevation"), _number(root, "absoluteZoom"))


def read_presets(data: bytes) -> list[tuple[str, str]]:
    """(number, name) of the presets that are set; a device lists empty places too."""
    found: list[tuple[str, str]] = []
    for one in read(data).iter():
        if local(one) == "PTZPreset" and len(found) < MAX_PRESETS:
            number, name, enabled = text(one, "id"), text(one, "presetName"), text(one, "enabled").lower()
            if number.isascii() and number.isdigit() and enabled != "false":
                found.append((number[:6], (name or number)[:100]))
    return found


def read_time(data: bytes) -> str:
    return text(read(data), "localTime")[:40]


def absolute_ex(position: Position) -> bytes:
    return _document(
        "PTZAbsoluteEx",
        f"<elevation>{_n(position.elevation)}</elevation><azimuth>{_n(position.azimuth)}</azimuth>"
        f"<absoluteZoom>{_n(position.zoom)}</absoluteZoom>",
    )


def absolute(position: Position) -> bytes:
    """The older command: whole tenths."""
    return _document(
        "PTZData",
        f"<AbsoluteHigh><elevation>{_tenths(position.elevation)}</elevation>"
        f"<azimuth>{_tenths(position.azimuth)}</azimuth>"
        f"<absoluteZoom>{_tenths(position.zoom)}</absoluteZoom></AbsoluteHigh>",
    )


def continuous(pan: float, tilt: float, zoom: float) -> bytes:
    """Speeds -1..1 as whole hundredths; tilt positive upward."""
    return _document(
        "PTZData", f"<pan>{_speed(pan)}</pan><tilt>{_speed(tilt)}</tilt><zoom>{_speed(zoom)}</zoom>"
    )


def preset(number: str, name: str) -> bytes:
    return _document(
        "PTZPreset",
        f"<enabled>true</enabled><id>{escape(number)}</id><presetName>{escape(name)}</presetName>",
    )


def local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def text(element: Any, name: str) -> str:
    """Text of the first child of that name, whatever its namespace: makers changed it between firmwares."""
    for child in element:
        if local(child) == name:
            return (child.text or "").strip()
    return ""


def _number(element: Any, name: str) -> float:
    try:
        value = float(text(element, name))
    except ValueError as error:
        raise CameraError("not_isapi", f"{name} is no number") from error
    if not math.isfinite(value):
        raise CameraError("not_isapi", f"{name} is no number")
    return value


def _document(tag: str, inner: str) -> bytes:
    return f'<?xml version="1.0" encoding="UTF-8"?><{tag}>{inner}</{tag}>'.encode()


def _n(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"not a number a device can be told: {value}")
    return f"{value:.2f}"


def _tenths(value: float) -> int:
    return round(value * 10)


def _speed(value: float) -> int:
    return round(min(max(value, -1.0), 1.0) * 100)
