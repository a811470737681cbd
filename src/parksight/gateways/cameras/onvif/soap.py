"""SOAP 1.2 messages of the hot path: written by hand, signed by WS-UsernameToken, read with bounds.

Namespaces, element names and their order: ONVIF PTZ Service Specification and Core Specification, as in the WSDL that
``onvif-zeep-async`` ships (``ptz.wsdl``, ``devicemgmt.wsdl``, ``onvif.xsd``).
"""

from __future__ import annotations

import base64
import hashlib
import math
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from parksight.gateways.cameras.protocols import CameraError

CONTENT_TYPE = "application/soap+xml; charset=utf-8"
#: A status has 1 KB; the longest answer we read on the hot path is a list of presets.
MAX_ANSWER = 512 * 1024
MAX_PRESETS = 512

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
ERROR_NS = "http://www.onvif.org/ver10/error"
_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DIGEST = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
_BASE64 = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0#Base64Binary"
_OPEN = (
    f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP12}" xmlns:p="{PTZ}" xmlns:d="{DEVICE}" '
    f'xmlns:t="{SCHEMA}"><s:Header>'
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def token(username: str, password: str, device_ms: float, nonce: bytes | None = None) -> str:
    """``wsse:Security``: Base64(SHA-1(nonce + created + password)), created by the device's clock."""
    nonce = secrets.token_bytes(16) if nonce is None else nonce
    created = utc_text(device_ms)
    # SHA-1 because the token profile 1.0 says so.
    digest = hashlib.sha1(nonce + created.encode() + password.encode(), usedforsecurity=False).digest()
    return (
        f'<w:Security s:mustUnderstand="1" xmlns:w="{_WSSE}" xmlns:u="{_WSU}"><w:UsernameToken>'
        f"<w:Username>{escape(username)}</w:Username>"
        f'<w:Password Type="{_DIGEST}">{base64.b64encode(digest).decode()}</w:Password>'
        f'<w:Nonce EncodingType="{_BASE64}">{base64.b64encode(nonce).decode()}</w:Nonce>'
        f"<u:Created>{created}</u:Created></w:UsernameToken></w:Security>"
    )


def envelope(body: str, security: str = "") -> bytes:
    return f"{_OPEN}{security}</s:Header><s:Body>{body}</s:Body></s:Envelope>".encode()


def get_time() -> str:
    return "<d:GetSystemDateAndTime/>"


def get_status(profile: str) -> str:
    return f"<p:GetStatus>{_profile(profile)}</p:GetStatus>"


def absolute_move(
    profile: str, pan: float, tilt: float, zoom: float, spaces: tuple[str, str], speed: float | None
) -> str:
    """Values already in the spaces they are for; ``speed`` 0..1 of the generic speed spaces, None: as fast as it goes."""
    wanted = ""
    if speed is not None:
        wanted = f'<p:Speed><t:PanTilt x="{_n(speed)}" y="{_n(speed)}"/><t:Zoom x="{_n(speed)}"/></p:Speed>'
    return (
        f"<p:AbsoluteMove>{_profile(profile)}<p:Position>"
        f'<t:PanTilt x="{_n(pan)}" y="{_n(tilt)}" space={quoteattr(spaces[0])}/>'
        f'<t:Zoom x="{_n(zoom)}" space={quoteattr(spaces[1])}/></p:Position>{wanted}</p:AbsoluteMove>'
    )


def continuous_move(profile: str, pan: float, tilt: float, zoom: float, seconds: float) -> str:
    """``seconds``: after which the device stops by itself, should nobody tell it to any more."""
    return (
        f"<p:ContinuousMove>{_profile(profile)}<p:Velocity>"
        f'<t:PanTilt x="{_n(pan)}" y="{_n(tilt)}"/><t:Zoom x="{_n(zoom)}"/></p:Velocity>'
        f"<p:Timeout>PT{_n(seconds)}S</p:Timeout></p:ContinuousMove>"
    )


def stop(profile: str) -> str:
    return f"<p:Stop>{_profile(profile)}<p:PanTilt>true</p:PanTilt><p:Zoom>true</p:Zoom></p:Stop>"


def get_presets(profile: str) -> str:
    return f"<p:GetPresets>{_profile(profile)}</p:GetPresets>"


def goto_preset(profile: str, preset: str) -> str:
    return f"<p:GotoPreset>{_profile(profile)}{_preset(preset)}</p:GotoPreset>"


def set_preset(profile: str, name: str, preset: str | None) -> str:
    known = _preset(preset) if preset is not None else ""
    return f"<p:SetPreset>{_profile(profile)}<p:PresetName>{escape(name)}</p:PresetName>{known}</p:SetPreset>"


def remove_preset(profile: str, preset: str) -> str:
    return f"<p:RemovePreset>{_profile(profile)}{_preset(preset)}</p:RemovePreset>"


def _profile(text: str) -> str:
    return f"<p:ProfileToken>{escape(text)}</p:ProfileToken>"


def _preset(text: str) -> str:
    return f"<p:PresetToken>{escape(text)}</p:PresetToken>"


def _n(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"not a number a device can be told: {value}")
    return f"{value:.6f}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class Status:
    """``PTZStatus`` as it came; the position's numbers mean what their spaces say (empty: the node's default)."""

    pan: float | None
    tilt: float | None
    zoom: float | None
    pan_tilt_space: str
    zoom_space: str
    moving: bool | None
    utc_ms: float | None
    error: str


def read(data: bytes) -> Any:
    """The first element of the body.

    Raises:
        CameraError: ``not_soap``, ``answer_too_big``; of a fault ``credentials``, ``no_position_fault`` or
            ``device_fault`` with the device's own words.
    """
    if len(data) > MAX_ANSWER:
        raise CameraError("answer_too_big", f"{len(data)} bytes")
    try:
        root = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise CameraError("not_soap", str(error)[:200]) from error
    for namespace in (SOAP12, SOAP11):
        body = root.find(f"{{{namespace}}}Body")
        if body is not None and len(body):
            first = body[0]
            if first.tag == f"{{{namespace}}}Fault":
                raise fault(first)
            return first
    raise CameraError("not_soap", "no body")


def fault(element: Any) -> CameraError:
    """What a fault means: its subcodes first, else its words."""
    texts = [(e.text or "").strip() for e in element.iter()]
    codes = {t.rpartition(":")[2] for t in texts if t and " " not in t}
    words = "; ".join(t for t in texts if t)[:300]
    lower = words.lower()
    if codes & {"NotAuthorized", "FailedAuthentication", "InvalidSecurity"} or "not authorized" in lower:
        return CameraError("credentials", words)
    if codes & {"NoPTZProfile", "PTZNotSupported"}:
        return CameraError("no_ptz", words)
    if "NoStatus" in codes:
        return CameraError("no_position", words)
    if codes & {"NoToken", "NoProfile"}:
        return CameraError("no_such", words)
    if codes & {
        "InvalidPosition",
        "InvalidVelocity",
        "InvalidSpeed",
        "InvalidTranslation",
        "SpaceNotSupported",
    }:
        return CameraError("out_of_range", words)
    if "ActionNotSupported" in codes:
        return CameraError("not_supported", words)
    return CameraError("device_fault", words)


def read_status(data: bytes) -> Status:
    """A ``GetStatusResponse``; CameraError when it is none."""
    first = expect(read(data), "GetStatusResponse")
    status = next(iter(first), None)
    if status is None:
        raise CameraError("not_soap", "no PTZStatus")
    where, moves = status.find(f"{{{SCHEMA}}}Position"), status.find(f"{{{SCHEMA}}}MoveStatus")
    head = where.find(f"{{{SCHEMA}}}PanTilt") if where is not None else None
    lens = where.find(f"{{{SCHEMA}}}Zoom") if where is not None else None
    words = [(m.text or "").strip().upper() for m in moves] if moves is not None else []
    moving = True if "MOVING" in words else (False if words and set(words) == {"IDLE"} else None)
    utc = status.findtext(f"{{{SCHEMA}}}UtcTime")
    return Status(
        pan=number(head, "x"), tilt=number(head, "y"), zoom=number(lens, "x"),
        pan_tilt_space=head.get("space", "") if head is not None else "",
        zoom_space=lens.get("space", "") if lens is not None else "",
        moving=moving, utc_ms=instant(utc) if utc else None,
        error=(status.findtext(f"{{{SCHEMA}}}Error") or "")[:200],
    )  # fmt: skip


def read_presets(data: bytes) -> list[tuple[str, str]]:
    """(token, name) of a ``GetPresetsResponse``; without token nothing can be recalled, so it is left out."""
    first = expect(read(data), "GetPresetsResponse")
    found: list[tuple[str, str]] = []
    for one in first.iterfind(f"{{{PTZ}}}Preset"):
        mark = one.get("token")
        if mark and len(found) < MAX_PRESETS:
            found.append((mark, (one.findtext(f"{{{SCHEMA}}}Name") or mark)[:100]))
    return found


def read_time(data: bytes) -> float:
    """The device's UTC, ms (whole seconds), of a ``GetSystemDateAndTimeResponse``."""
    first = expect(read(data), "GetSystemDateAndTimeResponse")
    told = first.find(f".//{{{SCHEMA}}}UTCDateTime")
    if told is None:
        raise CameraError("no_time", "no UTCDateTime")
    parts = []
    for group, names in (("Date", ("Year", "Month", "Day")), ("Time", ("Hour", "Minute", "Second"))):
        for name in names:
            text = told.findtext(f"{{{SCHEMA}}}{group}/{{{SCHEMA}}}{name}")
            try:
                parts.append(int(text or ""))
            except ValueError as error:
                raise CameraError("no_time", f"{name} {text!r}"[:100]) from error
    year, month, day, hour, minute, second = parts
    try:
        at = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise CameraError("no_time", str(error)) from error
    return (at - _EPOCH) / timedelta(milliseconds=1)


def expect(element: Any, name: str) -> Any:
    if element.tag.rpartition("}")[2] != name:
        raise CameraError("not_soap", f"{element.tag.rpartition('}')[2][:60]} instead of {name}")
    return element


def number(element: Any, attribute: str) -> float | None:
    """A finite number, or None."""
    if element is None:
        return None
    try:
        value = float(element.get(attribute, ""))
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def instant(text: str) -> float | None:
    """``xs:dateTime`` as ms; one without zone is taken as UTC, as the field's name promises. None: unreadable."""
    text = text.strip()
    try:
        at = datetime.fromisoformat(text[:40])
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return (at - _EPOCH) / timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        return None


def utc_text(ms: float) -> str:
    at = _EPOCH + timedelta(milliseconds=round(ms))
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
