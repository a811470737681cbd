"""Heads to speak with over real sockets: one HTTP server that is an ONVIF and an ISAPI device, with faults on demand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import math
import re
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

SCHEMA = "http://www.onvif.org/ver10/schema"
SPHERICAL = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees"
GENERIC = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/PositionGenericSpace"
ZOOM = "http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace"
SPEED = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/VelocityGenericSpace"
ZOOM_SPEED = "http://www.onvif.org/ver10/tptz/ZoomSpaces/VelocityGenericSpace"
MOST_ZOOM = 30.0


@dataclass
class Body:
    """A head that turns: constant speed, a stop by itself after the time a continuous move was given."""

    pan: float = 10.0
    tilt: float = -5.0
    zoom: float = 1.0
    speed: float = 60.0
    goal: tuple[float, float, float] | None = None
    velocity: tuple[float, float, float] = (0.0, 0.0, 0.0)
    until: float = math.inf
    at: float = field(default_factory=time.monotonic)

    def advance(self) -> None:
        now = time.monotonic()
        begin, self.at = self.at, now
        dt = now - begin
        if any(self.velocity):
            run = max(min(now, self.until) - begin, 0.0)
            self.pan += self.velocity[0] * self.speed * run
            self.tilt += self.velocity[1] * self.speed * run
            self.zoom = min(max(self.zoom + self.velocity[2] * 10 * run, 1.0), MOST_ZOOM)
            if now >= self.until:
                self.velocity = (0.0, 0.0, 0.0)
        elif self.goal is not None:
            step = self.speed * dt
            left = (self.goal[0] - self.pan, self.goal[1] - self.tilt)
            far = max(abs(left[0]), abs(left[1]))
            share = 1.0 if far <= step else step / far
            self.pan, self.tilt = self.pan + share * left[0], self.tilt + share * left[1]
            self.zoom += share * (self.goal[2] - self.zoom)
            if share == 1.0:
                self.goal = None
        self.pan = (self.pan + 180) % 360 - 180

    @property
    def moving(self) -> bool:
        return self.goal is not None or any(self.velocity)

    def stop(self) -> None:
        self.advance()
        self.goal, self.velocity = None, (0.0, 0.0, 0.0)


class HeadServer:
    """The device.

    Attributes:
        ahead_ms: its clock less ours.
        digest: ask for HTTP Digest; ``wsse``: ask for a UsernameToken of at most 5 s of age by its clock.
        generic: no degrees; ``stamp``: UtcTime in the status; ``position`` False: a status without one.
        fault: name of a request to answer with a fault, ``slow``: seconds to wait before any answer.
        raw: answer every request with these bytes.
    """

    def __init__(self, **more: Any) -> None:
        self.body = Body()
        self.user, self.password = "admin", "Pass-1234"
        self.ahead_ms = 0.0
        self.digest = self.wsse = False
        self.generic, self.stamp, self.position, self.ptz = False, True, True, True
        self.absolute_ex = True
        self.get_services = True
        self.slow = 0.0
        self.fail: set[str] = set()
        self.raw: bytes | None = None
        self.drop_after: int | None = None
        self.seen: Counter[str] = Counter()
        self.log: list[tuple[float, str]] = []
        self.presets: dict[str, tuple[str, tuple[float, float, float]]] = {
            "1": ("main gate", (30.0, -10.0, 4.0))
        }
        self.port = 0
        self.connections = 0
        self.prefix = "/T01"
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        for name, value in more.items():
            assert hasattr(self, name), name
            setattr(self, name, value)

    async def __aenter__(self) -> HeadServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.close()
        await self._server.wait_closed()

    def cut(self) -> None:
        """Close what is open, as a device that restarts."""
        for writer in list(self._writers):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        answered = 0
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                line, *rest = head.split("\r\n")
                method, path, _ = line.split(" ", 2)
                headers = {k.strip().lower(): v.strip() for k, _, v in (r.partition(":") for r in rest if r)}
                data = await reader.readexactly(int(headers.get("content-length", 0)))
                if self.slow:
                    await asyncio.sleep(self.slow)
                if self.raw is not None:
                    writer.write(self.raw)
                else:
                    writer.write(self._answer(method, path, headers, data))
                await writer.drain()
                answered += 1
                if self.drop_after is not None and answered >= self.drop_after:
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, method: str, path: str, headers: dict[str, str], data: bytes) -> bytes:
        if self.digest and not self._signed(method, path, headers.get("authorization", "")):
            self.seen["challenged"] += 1
            ask = (
                'WWW-Authenticate: Digest realm="cam", qop="auth", nonce="abc123", opaque="o", algorithm=MD5'
            )
            return _http(401, b"", "text/plain", ask)
        if path.startswith("/ISAPI/"):
            return self._isapi(method, path, data)
        return self._onvif(path, data)

    def _signed(self, method: str, path: str, header: str) -> bool:
        p = dict(re.findall(r'(\w+)="?([^",]+)"?', header))
        if p.get("username") != self.user or p.get("uri") != path:
            return False
        h = lambda s: hashlib.md5(s.encode()).hexdigest()  # noqa: E731
        a, b = h(f"{self.user}:cam:{self.password}"), h(f"{method}:{path}")
        return p["response"] == h(f"{a}:abc123:{p['nc']}:{p['cnonce']}:auth:{b}")

    # --- ONVIF

    def _onvif(self, path: str, data: bytes) -> bytes:
        if not path.startswith(self.prefix + "/onvif/"):
            return _http(404, b"", "text/plain")
        root = ET.fromstring(data)
        request = next(e for e in root if e.tag.endswith("Body"))[0]
        name = request.tag.rpartition("}")[2]
        self.seen[name] += 1
        self.log.append((time.monotonic(), name))
        if self.wsse and name != "GetSystemDateAndTime" and not self._token(root):
            return _fault("ter:NotAuthorized", "Sender not authorized")
        if name in self.fail:
            return _fault("ter:ActionNotSupported", "not here")
        answer = getattr(self, f"_{name}", None)
        if answer is None:
            return _fault("ter:ActionNotSupported", name)
        body = answer(request)
        return body if isinstance(body, bytes) else _soap(body)

    def _token(self, root: Any) -> bool:
        values = {e.tag.rpartition("}")[2]: (e.text or "") for e in root.iter()}
        if values.get("Username") != self.user:
            return False
        created = values["Created"]
        age = self.now() - datetime.fromisoformat(created).timestamp()
        digest = hashlib.sha1(
            base64.b64decode(values["Nonce"]) + created.encode() + self.password.encode()
        ).digest()
        return abs(age) < 5 and base64.b64encode(digest).decode() == values["Password"]

    def now(self) -> float:
        return time.time() + self.ahead_ms / 1000

    def _GetSystemDateAndTime(self, _: Any) -> str:
        t = datetime.fromtimestamp(self.now(), UTC)
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{t.hour}</tt:Hour><tt:Minute>{t.minute}</tt:Minute><tt:Second>{t.second}</tt:Second></tt:Time>"
            f"<tt:Date><tt:Year>{t.year}</tt:Year><tt:Month>{t.month}</tt:Month><tt:Day>{t.day}</tt:Day></tt:Date>"
            "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def _url(self, name: str) -> str:
        # The device's own address, useless behind NAT: only its path may be believed.
        return f"http://192.168.1.64{self.prefix}/onvif/{name}_service"

    def _GetServices(self, _: Any) -> str | bytes:
        if not self.get_services:
            return _fault("ter:ActionNotSupported", "GetServices")
        names = [
            ("http://www.onvif.org/ver10/device/wsdl", "device"),
            ("http://www.onvif.org/ver10/media/wsdl", "media"),
        ]
        if self.ptz:
            names.append(("http://www.onvif.org/ver20/ptz/wsdl", "ptz"))
        services = "".join(
            f"<tds:Service><tds:Namespace>{n}</tds:Namespace><tds:XAddr>{self._url(u)}</tds:XAddr>"
            "<tds:Version><tt:Major>2</tt:Major><tt:Minor>0</tt:Minor></tds:Version></tds:Service>"
            for n, u in names
        )
        return f"<tds:GetServicesResponse>{services}</tds:GetServicesResponse>"

    def _GetCapabilities(self, _: Any) -> str:
        return (
            "<tds:GetCapabilitiesResponse><tds:Capabilities>"
            f"<tt:Media><tt:XAddr>{self._url('media')}</tt:XAddr><tt:StreamingCapabilities/></tt:Media>"
            f"<tt:PTZ><tt:XAddr>{self._url('ptz')}</tt:XAddr></tt:PTZ>"
            "</tds:Capabilities></tds:GetCapabilitiesResponse>"
        )

    def _GetDeviceInformation(self, _: Any) -> str:
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Test</tds:Manufacturer><tds:Model>Dome</tds:Model>"
            "<tds:FirmwareVersion>1.2</tds:FirmwareVersion><tds:SerialNumber>7</tds:SerialNumber>"
            "<tds:HardwareId>h</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )

    def _GetProfiles(self, _: Any) -> str:
        def profile(token: str, width: int, height: int, codec: str, ptz: bool) -> str:
            head = (
                '<tt:PTZConfiguration token="ptz0"><tt:Name>p</tt:Name><tt:UseCount>1</tt:UseCount>'
                "<tt:NodeToken>node0</tt:NodeToken></tt:PTZConfiguration>"
            )
            return (
                f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token}</tt:Name>'
                f'<tt:VideoEncoderConfiguration token="v{token}"><tt:Name>v</tt:Name><tt:UseCount>1</tt:UseCount>'
                f"<tt:Encoding>{codec}</tt:Encoding><tt:Resolution><tt:Width>{width}</tt:Width>"
                f"<tt:Height>{height}</tt:Height></tt:Resolution><tt:Quality>1</tt:Quality>"
                "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
                "<tt:Port>0</tt:Port><tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
                "<tt:SessionTimeout>PT60S</tt:SessionTimeout></tt:VideoEncoderConfiguration>"
                f"{head if ptz else ''}</trt:Profiles>"
            )

        profiles = (
            profile("small", 640, 360, "H264", self.ptz)
            + profile("full", 1920, 1080, "H264", self.ptz)
            + profile("tiny", 320, 180, "JPEG", False)
        )
        return f"<trt:GetProfilesResponse>{profiles}</trt:GetProfilesResponse>"

    def _GetStreamUri(self, request: Any) -> str:
        token = request.find("{*}ProfileToken").text
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>rtsp://192.168.1.64:554/{token}</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
        )

    def _GetNode(self, _: Any) -> str:
        def space(tag: str, uri: str, x: tuple[float, float], y: tuple[float, float] | None) -> str:
            second = f"<tt:YRange><tt:Min>{y[0]}</tt:Min><tt:Max>{y[1]}</tt:Max></tt:YRange>" if y else ""
            return (
                f"<tt:{tag}><tt:URI>{uri}</tt:URI><tt:XRange><tt:Min>{x[0]}</tt:Min><tt:Max>{x[1]}</tt:Max></tt:XRange>"
                f"{second}</tt:{tag}>"
            )

        spherical = "" if self.generic else space(
            "AbsolutePanTiltPositionSpace", SPHERICAL, (-180, 180), (-90, 20)
        )  # fmt: skip
        return (
            '<tptz:GetNodeResponse><tptz:PTZNode token="node0" FixedHomePosition="false"><tt:Name>n</tt:Name>'
            "<tt:SupportedPTZSpaces>"
            + space("AbsolutePanTiltPositionSpace", GENERIC, (-1, 1), (-1, 1))
            + spherical
            + space("AbsoluteZoomPositionSpace", ZOOM, (0, 1), None)
            + space("ContinuousPanTiltVelocitySpace", SPEED, (-1, 1), (-1, 1))
            + space("ContinuousZoomVelocitySpace", ZOOM_SPEED, (-1, 1), None)
            + "</tt:SupportedPTZSpaces><tt:MaximumNumberOfPresets>100</tt:MaximumNumberOfPresets>"
            "<tt:HomeSupported>false</tt:HomeSupported></tptz:PTZNode></tptz:GetNodeResponse>"
        )

    def _GetStatus(self, _: Any) -> str:
        self.body.advance()
        b = self.body
        x, y = (b.pan / 180, b.tilt / 90) if self.generic else (b.pan, b.tilt)
        where = (
            f'<tt:Position><tt:PanTilt x="{x:.6f}" y="{y:.6f}" space="{GENERIC if self.generic else SPHERICAL}"/>'
            f'<tt:Zoom x="{(b.zoom - 1) / (MOST_ZOOM - 1):.6f}" space="{ZOOM}"/></tt:Position>'
        )
        state = "MOVING" if b.moving else "IDLE"
        stamp = (
            datetime.fromtimestamp(self.now(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
        return (
            f"<tptz:GetStatusResponse><tptz:PTZStatus>{where if self.position else ''}"
            f"<tt:MoveStatus><tt:PanTilt>{state}</tt:PanTilt><tt:Zoom>IDLE</tt:Zoom></tt:MoveStatus>"
            f"{f'<tt:UtcTime>{stamp}</tt:UtcTime>' if self.stamp else ''}</tptz:PTZStatus></tptz:GetStatusResponse>"
        )

    def _AbsoluteMove(self, request: Any) -> str | bytes:
        head, lens = request.find(".//{*}PanTilt"), request.find(".//{*}Zoom")
        x, y, z = float(head.get("x")), float(head.get("y")), float(lens.get("x"))
        if head.get("space") == GENERIC:
            if not (-1 <= x <= 1 and -1 <= y <= 1):
                return _fault("ter:InvalidPosition", "out of range")
            x, y = x * 180, y * 90
        elif not (-180 <= x <= 180 and -90 <= y <= 20):
            return _fault("ter:InvalidPosition", "out of range")
        self.body.stop()
        self.body.goal = (x, y, 1 + z * (MOST_ZOOM - 1))
        return "<tptz:AbsoluteMoveResponse/>"

    def _ContinuousMove(self, request: Any) -> str:
        head, lens = request.find(".//{*}PanTilt"), request.find(".//{*}Zoom")
        limit = re.fullmatch(r"PT([\d.]+)S", request.find("{*}Timeout").text)
        assert limit is not None
        self.body.stop()
        self.body.velocity = (float(head.get("x")), float(head.get("y")), float(lens.get("x")))
        self.body.until = time.monotonic() + float(limit.group(1))
        return "<tptz:ContinuousMoveResponse/>"

    def _Stop(self, _: Any) -> str:
        self.body.stop()
        return "<tptz:StopResponse/>"

    def _GetPresets(self, _: Any) -> str:
        rows = "".join(
            f'<tptz:Preset token="{t}"><tt:Name>{escape(n)}</tt:Name></tptz:Preset>'
            for t, (n, _) in self.presets.items()
        )
        return f"<tptz:GetPresetsResponse>{rows}</tptz:GetPresetsResponse>"

    def _GotoPreset(self, request: Any) -> str | bytes:
        token = request.find("{*}PresetToken").text
        if token not in self.presets:
            return _fault("ter:NoToken", "no such preset")
        self.body.stop()
        self.body.goal = self.presets[token][1]
        return "<tptz:GotoPresetResponse/>"

    def _SetPreset(self, request: Any) -> str:
        known = request.find("{*}PresetToken")
        token = known.text if known is not None else str(len(self.presets) + 1)
        self.body.advance()
        self.presets[token] = (
            request.find("{*}PresetName").text,
            (self.body.pan, self.body.tilt, self.body.zoom),
        )
        return (
            f"<tptz:SetPresetResponse><tptz:PresetToken>{token}</tptz:PresetToken></tptz:SetPresetResponse>"
        )

    def _RemovePreset(self, request: Any) -> str | bytes:
        if self.presets.pop(request.find("{*}PresetToken").text, None) is None:
            return _fault("ter:NoToken", "no such preset")
        return "<tptz:RemovePresetResponse/>"

    # --- ISAPI

    def _isapi(self, method: str, path: str, data: bytes) -> bytes:
        name = f"{method} {path.removeprefix('/ISAPI/')}"
        self.seen[name] += 1
        self.log.append((time.monotonic(), name))
        b = self.body
        b.advance()
        root = "/ISAPI/PTZCtrl/channels/1/"
        if name in self.fail:
            return _isapi_status(4, "Invalid Operation", "notSupport", 403)
        if path == "/ISAPI/Streaming/channels/101/picture":
            return _http(200, b"\xff\xd8" + b"x" * 100 + b"\xff\xd9", "image/jpeg")
        if not path.startswith(root):
            return _isapi_status(4, "Invalid Operation", "invalidOperation", 404)
        what = path.removeprefix(root)
        values = (
            {e.tag.rpartition("}")[2]: (e.text or "") for e in ET.fromstring(data).iter()} if data else {}
        )
        if what == "status":
            return _xml(
                '<PTZStatus version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema"><AbsoluteHigh>'
                f"<elevation>{round(-b.tilt * 10)}</elevation><azimuth>{round(b.pan % 360 * 10)}</azimuth>"
                f"<absoluteZoom>{round(b.zoom * 10)}</absoluteZoom></AbsoluteHigh></PTZStatus>"
            )
        if what == "absoluteEx":
            if not self.absolute_ex:
                return _isapi_status(4, "Invalid Operation", "notSupport", 403)
            if method == "GET":
                return _xml(
                    f"<PTZAbsoluteEx><elevation>{-b.tilt:.2f}</elevation><azimuth>{b.pan % 360:.2f}</azimuth>"
                    f"<absoluteZoom>{b.zoom:.2f}</absoluteZoom></PTZAbsoluteEx>"
                )
            b.stop()
            b.goal = (
                (float(values["azimuth"]) + 180) % 360 - 180,
                -float(values["elevation"]),
                float(values["absoluteZoom"]),
            )
        elif what == "absolute":
            b.stop()
            b.goal = (
                (float(values["azimuth"]) / 10 + 180) % 360 - 180,
                -float(values["elevation"]) / 10,
                float(values["absoluteZoom"]) / 10,
            )
        elif what == "continuous":
            b.stop()
            b.velocity = (
                float(values["pan"]) / 100,
                float(values["tilt"]) / 100,
                float(values["zoom"]) / 100,
            )
            b.until = math.inf
        elif what == "presets":
            rows = "".join(
                f"<PTZPreset><enabled>true</enabled><id>{t}</id><presetName>{escape(n)}</presetName></PTZPreset>"
                for t, (n, _) in self.presets.items()
            )
            empty = (
                "<PTZPreset><enabled>false</enabled><id>9</id><presetName>Preset 9</presetName></PTZPreset>"
            )
            return _xml(f"<PTZPresetList>{rows}{empty}</PTZPresetList>")
        elif (found := re.fullmatch(r"presets/(\d+)(/goto)?", what)) is not None:
            number, go = found.groups()
            if method == "PUT" and not go:
                self.presets[number] = (values["presetName"], (b.pan, b.tilt, b.zoom))
            elif number not in self.presets:
                return _isapi_status(4, "Invalid Operation", "badParameters", 400)
            elif method == "DELETE":
                del self.presets[number]
            else:
                b.stop()
                b.goal = self.presets[number][1]
        else:
            return _isapi_status(4, "Invalid Operation", "notSupport", 404)
        return _isapi_status(1, "OK", "ok", 200)


def _http(status: int, body: bytes, kind: str, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def _xml(text: str) -> bytes:
    return _http(200, f'<?xml version="1.0" encoding="UTF-8"?>{text}'.encode(), "application/xml")


def _isapi_status(code: int, words: str, sub: str, status: int) -> bytes:
    body = (
        f'<ResponseStatus version="2.0" xmlns="http://www.hikvision.com/ver20/XMLSchema"><requestURL>/</requestURL>'
        f"<statusCode>{code}</statusCode><statusString>{words}</statusString><subStatusCode>{sub}</subStatusCode>"
        "</ResponseStatus>"
    )
    return _http(status, body.encode(), "application/xml")


_OPEN = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tptz="http://www.onvif.org/ver20/ptz/wsdl" '
    'xmlns:ter="http://www.onvif.org/ver10/error">'
)


def _soap(body: str, status: int = 200) -> bytes:
    data = f"{_OPEN}<s:Body>{body}</s:Body></s:Envelope>".encode()
    return _http(status, data, "application/soap+xml; charset=utf-8")


def _fault(code: str, words: str) -> bytes:
    return _soap(
        f"<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>{code}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{words}</s:Text></s:Reason></s:Fault>',
        400,
    )
