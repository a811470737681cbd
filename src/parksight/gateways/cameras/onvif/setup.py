"""Asks an ONVIF device once what it is: services, profiles, streams, head. By onvif-zeep-async; cost is no matter here.

The library sends through our own connections, so that Digest, time-outs, bounds and the address we reach the device by
(behind NAT its own are useless) hold for the set-up too.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from parksight.gateways.cameras.onvif import soap, spaces
from parksight.gateways.cameras.onvif.device import OnvifSetup, path_of
from parksight.gateways.cameras.onvif.spaces import Assumed, Node, Range
from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.http import DeviceHttp

log = structlog.get_logger(__name__)

MEDIA = "http://www.onvif.org/ver10/media/wsdl"
#: Profiles and nodes looked at; a device that names more is broken or malicious.
MAX_PROFILES = 64


def _library() -> Any:
    """The library's client module; loading it sets up the root logger, which is not its to do."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        return importlib.import_module("onvif.client")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


class _Transport:
    """What zeep sends through."""

    cache = None

    def __init__(self, http: DeviceHttp) -> None:
        self._http = http

    async def post_xml(self, address: str, envelope: Any, headers: dict[str, str]) -> Any:
        from requests import Response
        from zeep.wsdl import utils

        message = utils.etree_to_string(envelope)  # type: ignore[no-untyped-call]  # the library has no types
        answer = await self._http.request(
            "POST",
            path_of(address),
            message,
            headers.get("Content-Type", soap.CONTENT_TYPE),
        )
        # Before the library's lenient parser sees it: no DTD, no entities, no rubbish.
        try:
            fromstring(answer.body, forbid_dtd=True)
        except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
            raise CameraError("not_soap", f"HTTP {answer.status}: {error}"[:200]) from error
        out = Response()
        out._content = answer.body
        out.status_code = answer.status
        out.headers["Content-Type"] = answer.content_type
        return out

    async def aclose(self) -> None:
        """The connections belong to the device."""


class _Asker:
    """The library's services for one device."""

    def __init__(self, http: DeviceHttp, device_ms_ahead: float) -> None:
        self._http, self._ahead = http, timedelta(milliseconds=device_ms_ahead)
        self._open: list[Any] = []

    async def service(self, name: str, path: str) -> Any:
        library = await asyncio.to_thread(_library)
        definition = library.SERVICES[name]
        made = library.ONVIFService(
            f"http://device{path}", self._http.username, self._http.password,
            f"{library._WSDL_PATH}/{definition['wsdl']}", no_cache=True, dt_diff=self._ahead,
            binding_name=f"{{{definition['ns']}}}{definition['binding']}",
        )  # fmt: skip
        made.transport = _Transport(self._http)
        self._open.append(made)
        await made.setup()
        return made

    async def close(self) -> None:
        for one in self._open:
            await one.close()


async def discover(http: DeviceHttp, device_path: str, ahead_ms: float, assumed: Assumed) -> OnvifSetup:
    """What the device is.

    Args:
        http: connections to it.
        device_path: of its device service.
        ahead_ms: its clock less ours.
        assumed: limits to believe where it tells none in degrees.

    Raises:
        CameraError: it cannot be asked; ``no_media``: it has no media service or no profile.
    """
    asker = _Asker(http, ahead_ms)
    try:
        return await _discover(asker, device_path, assumed)
    finally:
        await asker.close()


async def _discover(asker: _Asker, device_path: str, assumed: Assumed) -> OnvifSetup:
    management = await asker.service("devicemgmt", device_path)
    paths = await _services(management)
    name, firmware = await _identity(management)
    if MEDIA not in paths:
        raise CameraError("no_media", name)
    media = await asker.service("media", paths[MEDIA])
    profiles = list(await _ask(media.GetProfiles()) or ())[:MAX_PROFILES]
    if not profiles:
        raise CameraError("no_media", name)
    main, sub = _choose(profiles)
    uris = [await _stream_uri(media, p) if p is not None else "" for p in (main, sub)]
    snapshot = await _optional(media.GetSnapshotUri({"ProfileToken": main.token}))
    head = next((p for p in (main, *profiles) if _ptz(p) is not None), None)
    found: dict[str, Any] = {
        "ptz_path": "",
        "profile": "",
        "spaces": None,
        "continuous": False,
        "presets": False,
    }
    if head is not None and soap.PTZ in paths:
        node = await _node(await asker.service("ptz", paths[soap.PTZ]), _ptz(head))
        found = {
            "ptz_path": paths[soap.PTZ], "profile": str(head.token), "spaces": spaces.choose(node, assumed),
            "continuous": node.continuous, "presets": node.presets > 0,
        }  # fmt: skip
    return OnvifSetup(
        **found, stream_uris=(uris[0], uris[1]), encodings=(_encoding(main), _encoding(sub)),
        snapshot_uri=str(getattr(snapshot, "Uri", "") or "")[:500], name=name, firmware=firmware,
    )  # fmt: skip


async def _ask(call: Any) -> Any:
    """One question; the library's errors in our words."""
    from zeep.exceptions import Error, Fault

    try:
        return await call
    except CameraError:
        raise
    except Fault as error:
        words = f"{error.message} {' '.join(str(getattr(c, 'text', c)) for c in error.subcodes or ())}"
        words = re.sub(r"\{[^}]*\}", "", words)  # namespaces say nothing to a person
        low = words.lower()
        reason = (
            "credentials"
            if "notauthorized" in low or "not authorized" in low or "failedauth" in low
            else "device_fault"
        )
        raise CameraError(reason, words[:300]) from error
    except (Error, ValueError, TypeError, AttributeError, KeyError) as error:
        raise CameraError("not_soap", f"{type(error).__name__}: {error}"[:300]) from error


async def _optional(call: Any) -> Any:
    """A question that many devices cannot answer; wrong credentials are an answer for all of them."""
    try:
        return await _ask(call)
    except CameraError as error:
        if error.reason not in ("device_fault", "not_soap", "not_supported"):
            raise
        log.debug("onvif_optional", reason=error.reason, detail=error.detail)
        return None


async def _services(management: Any) -> dict[str, str]:
    """Namespace to path of each service: by GetServices, of older devices by GetCapabilities."""
    found = await _optional(management.GetServices({"IncludeCapability": False}))
    paths = {str(s.Namespace): path_of(str(s.XAddr)) for s in found or () if s.Namespace and s.XAddr}
    if MEDIA in paths:
        return paths
    told = await _ask(management.GetCapabilities({"Category": "All"}))
    for namespace, name in ((MEDIA, "Media"), (soap.PTZ, "PTZ")):
        address = getattr(getattr(told, name, None), "XAddr", None)
        if address:
            paths[namespace] = path_of(str(address))
    return paths


async def _identity(management: Any) -> tuple[str, str]:
    told = await _optional(management.GetDeviceInformation())
    if told is None:
        return "", ""
    name = f"{told.Manufacturer or ''} {told.Model or ''}".strip()
    return name[:120], str(told.FirmwareVersion or "")[:60]


def _choose(profiles: Sequence[Any]) -> tuple[Any, Any | None]:
    """Main: the largest picture, one with a head before others. Sub: the smallest other in H.264, else any smaller."""
    ranked = sorted(profiles, key=lambda p: (_ptz(p) is not None, _area(p)), reverse=True)
    largest = max(_area(p) for p in profiles)
    main = next((p for p in ranked if _area(p) == largest), ranked[0])
    smaller = [p for p in profiles if p is not main and 0 < _area(p) < _area(main)]
    smaller.sort(key=lambda p: (_encoding(p) != "H264", _area(p)))
    return main, smaller[0] if smaller else None


def _area(profile: Any) -> int:
    resolution = getattr(getattr(profile, "VideoEncoderConfiguration", None), "Resolution", None)
    return int(resolution.Width or 0) * int(resolution.Height or 0) if resolution is not None else 0


def _encoding(profile: Any) -> str:
    return str(getattr(getattr(profile, "VideoEncoderConfiguration", None), "Encoding", "") or "")[:16]


def _ptz(profile: Any) -> Any | None:
    return getattr(profile, "PTZConfiguration", None)


async def _stream_uri(media: Any, profile: Any) -> str:
    wanted = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
    told = await _optional(media.GetStreamUri({"StreamSetup": wanted, "ProfileToken": profile.token}))
    return str(getattr(told, "Uri", "") or "")[:500]


async def _node(ptz: Any, configuration: Any) -> Node:
    """Spaces and limits: of the node, else of the configuration's options."""
    told = await _optional(ptz.GetNode({"NodeToken": configuration.NodeToken}))
    supported = getattr(told, "SupportedPTZSpaces", None)
    if supported is None:
        options = await _optional(ptz.GetConfigurationOptions({"ConfigurationToken": configuration.token}))
        supported = getattr(options, "Spaces", None)
    positions = list(getattr(supported, "AbsolutePanTiltPositionSpace", None) or ())
    zooms = list(getattr(supported, "AbsoluteZoomPositionSpace", None) or ())
    zoom = next((z for z in zooms if str(z.URI) == spaces.ZOOM_GENERIC), None)
    moves = list(getattr(supported, "ContinuousPanTiltVelocitySpace", None) or ())
    return Node(
        spherical=_ranges(positions, spaces.SPHERICAL), generic=_ranges(positions, spaces.GENERIC),
        zoom=_range(getattr(zoom, "XRange", None)),
        # A device that tells no spaces at all is tried; it will say no if it cannot.
        continuous=bool(moves) or supported is None,
        presets=int(getattr(told, "MaximumNumberOfPresets", 0) or 0) if told is not None else 1,
    )  # fmt: skip


def _ranges(positions: Sequence[Any], uri: str) -> tuple[Range, Range] | None:
    for one in positions:
        if str(one.URI) == uri:
            pan, tilt = _range(one.XRange), _range(one.YRange)
            if pan is not None and tilt is not None:
                return pan, tilt
    return None


def _range(told: Any) -> Range | None:
    try:
        low, high = float(told.Min), float(told.Max)
    except (AttributeError, TypeError, ValueError):
        return None
    # The whole circle for a bound of an endless head, which some devices tell as infinity.
    low, high = max(low, -360.0), min(high, 360.0)
    return (low, high) if low < high else None
