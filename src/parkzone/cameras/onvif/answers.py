"""The words of the ONVIF answers; element order as in the schemas (``onvif.xsd``, ``ptz.wsdl``, ``media.wsdl``)."""

from __future__ import annotations

from datetime import UTC, datetime
from xml.sax.saxutils import escape, quoteattr

from parkzone.cameras.cast import HIGHEST_TILT, LOWEST_TILT
from parkzone.cameras.head import Attitude
from parkzone.cameras.order import FPS, SIZES
from parkzone.cameras.source import Preset

DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
SCHEMA = "http://www.onvif.org/ver10/schema"
_ROOT = "http://www.onvif.org/ver10/tptz/"
SPHERICAL = _ROOT + "PanTiltSpaces/SphericalPositionSpaceDegrees"
GENERIC = _ROOT + "PanTiltSpaces/PositionGenericSpace"
ZOOM = _ROOT + "ZoomSpaces/PositionGenericSpace"
_PAN_SPEED = _ROOT + "PanTiltSpaces/VelocityGenericSpace"
_ZOOM_SPEED = _ROOT + "ZoomSpaces/VelocityGenericSpace"
_NAMES = (
    f'xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="{SCHEMA}" xmlns:tds="{DEVICE}" xmlns:trt="{MEDIA}" '
    f'xmlns:tptz="{PTZ}" xmlns:ter="http://www.onvif.org/ver10/error"'
)
#: Pan, tilt and zoom of the head in ONVIF's numbers.
PAN_RANGE, TILT_RANGE = (0.0, 360.0), (LOWEST_TILT, HIGHEST_TILT)


def envelope(body: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {_NAMES}><s:Body>{body}</s:Body></s:Envelope>'


def fault(code: str, subcodes: tuple[str, ...], words: str) -> str:
    nested = ""
    for sub in reversed(subcodes):
        nested = f"<s:Subcode><s:Value>ter:{sub}</s:Value>{nested}</s:Subcode>"
    return (
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{nested}</s:Code><s:Reason>"
        f'<s:Text xml:lang="en">{escape(words)}</s:Text></s:Reason></s:Fault>'
    )


def system_time(own_clock_s: float) -> str:
    at = datetime.fromtimestamp(own_clock_s, UTC)
    return (
        "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
        "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>CST-8</tt:TZ></tt:TimeZone><tt:UTCDateTime>"
        f"<tt:Time><tt:Hour>{at.hour}</tt:Hour><tt:Minute>{at.minute}</tt:Minute><tt:Second>{at.second}</tt:Second></tt:Time>"
        f"<tt:Date><tt:Year>{at.year}</tt:Year><tt:Month>{at.month}</tt:Month><tt:Day>{at.day}</tt:Day></tt:Date>"
        "</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
    )


def capabilities(base: str) -> str:
    return (
        "<tds:GetCapabilitiesResponse><tds:Capabilities>"
        f"<tt:Device><tt:XAddr>{base}/device_service</tt:XAddr></tt:Device>"
        f"<tt:Media><tt:XAddr>{base}/media_service</tt:XAddr><tt:StreamingCapabilities><tt:RTPMulticast>false"
        "</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities>"
        f"</tt:Media><tt:PTZ><tt:XAddr>{base}/ptz_service</tt:XAddr></tt:PTZ>"
        "</tds:Capabilities></tds:GetCapabilitiesResponse>"
    )


def services(base: str) -> str:
    rows = "".join(
        f"<tds:Service><tds:Namespace>{namespace}</tds:Namespace><tds:XAddr>{base}/{path}</tds:XAddr><tds:Version>"
        "<tt:Major>2</tt:Major><tt:Minor>60</tt:Minor></tds:Version></tds:Service>"
        for namespace, path in ((DEVICE, "device_service"), (MEDIA, "media_service"), (PTZ, "ptz_service"))
    )
    return f"<tds:GetServicesResponse>{rows}</tds:GetServicesResponse>"


def information(code: str) -> str:
    return (
        "<tds:GetDeviceInformationResponse><tds:Manufacturer>ParkZone (simulated)</tds:Manufacturer>"
        "<tds:Model>PZ-PTZ30</tds:Model><tds:FirmwareVersion>1.0</tds:FirmwareVersion>"
        f"<tds:SerialNumber>{escape(code)}</tds:SerialNumber><tds:HardwareId>simulated</tds:HardwareId>"
        "</tds:GetDeviceInformationResponse>"
    )


def _configuration(tag: str) -> str:
    return (
        f'<{tag} token="ptz1"><tt:Name>ptz</tt:Name><tt:UseCount>2</tt:UseCount><tt:NodeToken>node1</tt:NodeToken>'
        f"<tt:DefaultAbsolutePantTiltPositionSpace>{SPHERICAL}</tt:DefaultAbsolutePantTiltPositionSpace>"
        f"<tt:DefaultAbsoluteZoomPositionSpace>{ZOOM}</tt:DefaultAbsoluteZoomPositionSpace>"
        f"<tt:DefaultContinuousPanTiltVelocitySpace>{_PAN_SPEED}</tt:DefaultContinuousPanTiltVelocitySpace>"
        f"<tt:DefaultContinuousZoomVelocitySpace>{_ZOOM_SPEED}</tt:DefaultContinuousZoomVelocitySpace>"
        f"<tt:DefaultPTZTimeout>PT10S</tt:DefaultPTZTimeout></{tag}>"
    )


def profile(stream: str, tag: str = "trt:Profiles") -> str:
    wide, high = SIZES[stream]
    bounds = f'<tt:Bounds x="0" y="0" width="{wide}" height="{high}"/>'
    return (
        f'<{tag} token="{stream}" fixed="true"><tt:Name>{stream}</tt:Name>'
        '<tt:VideoSourceConfiguration token="vsc1"><tt:Name>source</tt:Name><tt:UseCount>2</tt:UseCount>'
        f"<tt:SourceToken>vs1</tt:SourceToken>{bounds}</tt:VideoSourceConfiguration>"
        f'<tt:VideoEncoderConfiguration token="vec_{stream}"><tt:Name>{stream}</tt:Name><tt:UseCount>1</tt:UseCount>'
        f"<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>{wide}</tt:Width><tt:Height>{high}</tt:Height>"
        "</tt:Resolution><tt:Quality>4</tt:Quality><tt:RateControl>"
        f"<tt:FrameRateLimit>{FPS}</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval>"
        "<tt:BitrateLimit>3000</tt:BitrateLimit></tt:RateControl><tt:H264>"
        f"<tt:GovLength>{2 * FPS}</tt:GovLength><tt:H264Profile>Baseline</tt:H264Profile></tt:H264><tt:Multicast>"
        "<tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port>"
        "<tt:TTL>0</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT60S</tt:SessionTimeout>"
        f"</tt:VideoEncoderConfiguration>{_configuration('tt:PTZConfiguration')}</{tag}>"
    )


def profiles() -> str:
    return f"<trt:GetProfilesResponse>{''.join(profile(s) for s in SIZES)}</trt:GetProfilesResponse>"


def one_profile(stream: str) -> str:
    return f"<trt:GetProfileResponse>{profile(stream, 'trt:Profile')}</trt:GetProfileResponse>"


def uri(operation: str, address: str) -> str:
    return (
        f"<trt:{operation}Response><trt:MediaUri><tt:Uri>{escape(address)}</tt:Uri><tt:InvalidAfterConnect>false"
        "</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot><tt:Timeout>PT0S</tt:Timeout>"
        f"</trt:MediaUri></trt:{operation}Response>"
    )


def _space_1d(tag: str, space: str, span: tuple[float, float]) -> str:
    return f"<tt:{tag}><tt:URI>{space}</tt:URI>{_range('XRange', span)}</tt:{tag}>"


def _space_2d(tag: str, space: str, x: tuple[float, float], y: tuple[float, float]) -> str:
    return f"<tt:{tag}><tt:URI>{space}</tt:URI>{_range('XRange', x)}{_range('YRange', y)}</tt:{tag}>"


def _range(tag: str, span: tuple[float, float]) -> str:
    return f"<tt:{tag}><tt:Min>{span[0]:g}</tt:Min><tt:Max>{span[1]:g}</tt:Max></tt:{tag}>"


def _spaces() -> str:
    unit = (-1.0, 1.0)
    return (
        _space_2d("AbsolutePanTiltPositionSpace", SPHERICAL, PAN_RANGE, TILT_RANGE)
        + _space_1d("AbsoluteZoomPositionSpace", ZOOM, (0.0, 1.0))
        + _space_2d("ContinuousPanTiltVelocitySpace", _PAN_SPEED, unit, unit)
        + _space_1d("ContinuousZoomVelocitySpace", _ZOOM_SPEED, unit)
    )


def _node(tag: str) -> str:
    return (
        f'<{tag} token="node1" FixedHomePosition="false"><tt:Name>head</tt:Name>'
        f"<tt:SupportedPTZSpaces>{_spaces()}</tt:SupportedPTZSpaces>"
        "<tt:MaximumNumberOfPresets>64</tt:MaximumNumberOfPresets><tt:HomeSupported>true</tt:HomeSupported>"
        f"</{tag}>"
    )


def nodes() -> str:
    return f"<tptz:GetNodesResponse>{_node('tptz:PTZNode')}</tptz:GetNodesResponse>"


def node() -> str:
    return f"<tptz:GetNodeResponse>{_node('tptz:PTZNode')}</tptz:GetNodeResponse>"


def configurations() -> str:
    return f"<tptz:GetConfigurationsResponse>{_configuration('tptz:PTZConfiguration')}</tptz:GetConfigurationsResponse>"


def options() -> str:
    return (
        "<tptz:GetConfigurationOptionsResponse><tptz:PTZConfigurationOptions>"
        f"<tt:Spaces>{_spaces()}</tt:Spaces><tt:PTZTimeout><tt:Min>PT1S</tt:Min><tt:Max>PT60S</tt:Max></tt:PTZTimeout>"
        "</tptz:PTZConfigurationOptions></tptz:GetConfigurationOptionsResponse>"
    )


def status(at_s: float | None, attitude: Attitude, zoom: float, decimals: int) -> str:
    """``at_s``: moment of the position by the camera's clock; None: it does not say."""
    word = "MOVING" if attitude.moving else "IDLE"
    stamped = "" if at_s is None else f"<tt:UtcTime>{utc(at_s)}</tt:UtcTime>"
    return (
        "<tptz:GetStatusResponse><tptz:PTZStatus><tt:Position>"
        f'<tt:PanTilt x="{attitude.pan:.{decimals}f}" y="{attitude.tilt:.{decimals}f}" space="{SPHERICAL}"/>'
        f'<tt:Zoom x="{zoom:.6f}" space="{ZOOM}"/></tt:Position>'
        f"<tt:MoveStatus><tt:PanTilt>{word}</tt:PanTilt><tt:Zoom>{word}</tt:Zoom></tt:MoveStatus>{stamped}"
        "</tptz:PTZStatus></tptz:GetStatusResponse>"
    )


def presets(known: list[Preset], zoom_of: dict[str, float]) -> str:
    rows = "".join(
        f"<tptz:Preset token={quoteattr(p.token)}><tt:Name>{escape(p.name)}</tt:Name><tt:PTZPosition>"
        f'<tt:PanTilt x="{p.pan:.2f}" y="{p.tilt:.2f}" space="{SPHERICAL}"/>'
        f'<tt:Zoom x="{zoom_of[p.token]:.6f}" space="{ZOOM}"/></tt:PTZPosition></tptz:Preset>'
        for p in known
    )
    return f"<tptz:GetPresetsResponse>{rows}</tptz:GetPresetsResponse>"


def utc(at_s: float) -> str:
    at = datetime.fromtimestamp(at_s, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
