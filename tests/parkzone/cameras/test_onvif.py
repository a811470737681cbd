"""ONVIF with onvif-zeep-async as client, and requests that are none."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parkzone.cameras.cast import filmers
from parkzone.cameras.head import Head
from parkzone.cameras.house import PASSWORD, USERNAME, House
from parkzone.cameras.onvif.device import OnvifDevice
from parkzone.cameras.onvif.security import Tokens
from parkzone.cameras.source import Source
from parkzone.seeds import DEFAULT_SEED

SPHERICAL = "http://www.onvif.org/ver10/tptz/PanTiltSpaces/SphericalPositionSpaceDegrees"
ZOOM = "http://www.onvif.org/ver10/tptz/ZoomSpaces/PositionGenericSpace"


async def _service(house: House, name: str, password: str = PASSWORD, dt_diff: Any = None) -> Any:
    from onvif.client import _WSDL_PATH, SERVICES, ONVIFService

    definition = SERVICES[name]
    address = f"http://127.0.0.1:{house.http_port}/T09/onvif/{name}_service"
    service = ONVIFService(
        address, USERNAME, password, f"{_WSDL_PATH}/{definition['wsdl']}", no_cache=True, dt_diff=dt_diff,
        binding_name=f"{{{definition['ns']}}}{definition['binding']}",
    )  # fmt: skip
    await service.setup()
    return service


@pytest.mark.anyio
async def test_a_real_client_sets_up_and_turns_the_head(house: House) -> None:
    device = await _service(house, "devicemgmt")
    media = await _service(house, "media")
    ptz = await _service(house, "ptz")
    try:
        assert "imulated" in (await device.GetDeviceInformation()).Manufacturer
        names = {s.Namespace for s in await device.GetServices({"IncludeCapability": False})}
        assert "http://www.onvif.org/ver20/ptz/wsdl" in names
        assert (await device.GetCapabilities({"Category": "All"})).PTZ.XAddr.startswith("http://127.0.0.1:")
        assert (await device.GetSystemDateAndTime()).UTCDateTime.Date.Year >= 2026
        profiles = await media.GetProfiles()
        assert [p.token for p in profiles] == ["main", "sub"]
        assert profiles[0].VideoEncoderConfiguration.Resolution.Width == 1280
        setup = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
        uri = await media.GetStreamUri({"StreamSetup": setup, "ProfileToken": "sub"})
        assert uri.Uri == f"rtsp://127.0.0.1:{house.rtsp_port}/T09/sub"
        node = await ptz.GetNode({"NodeToken": profiles[0].PTZConfiguration.NodeToken})
        assert node.SupportedPTZSpaces.AbsolutePanTiltPositionSpace[0].URI == SPHERICAL
        before = await ptz.GetStatus({"ProfileToken": "main"})
        wish = (before.Position.PanTilt.x + 20.0) % 360.0
        await ptz.AbsoluteMove({
            "ProfileToken": "main",
            "Position": {"PanTilt": {"x": wish, "y": -10.0, "space": SPHERICAL}, "Zoom": {"x": 0.1, "space": ZOOM}},
        })  # fmt: skip
        during = await ptz.GetStatus({"ProfileToken": "main"})
        assert during.MoveStatus.PanTilt == "MOVING"
        await asyncio.sleep(2.5)
        after = await ptz.GetStatus({"ProfileToken": "main"})
        assert after.MoveStatus.PanTilt == "IDLE"
        assert after.Position.PanTilt.x == pytest.approx(wish, abs=0.011)
        assert after.Position.PanTilt.y == pytest.approx(-10.0, abs=0.011)
        assert after.Position.Zoom.x == pytest.approx(0.1, abs=1e-4)
        assert after.UtcTime is not None
        token = await ptz.SetPreset({"ProfileToken": "main", "PresetName": "here"})
        assert token in [p.token for p in await ptz.GetPresets({"ProfileToken": "main"})]
        await ptz.ContinuousMove({"ProfileToken": "main", "Velocity": {"PanTilt": {"x": 0.5, "y": 0.0}}})
        await asyncio.sleep(0.5)
        await ptz.Stop({"ProfileToken": "main", "PanTilt": True, "Zoom": True})
        await asyncio.sleep(0.6)
        moved = await ptz.GetStatus({"ProfileToken": "main"})
        assert moved.MoveStatus.PanTilt == "IDLE"
        assert 3.0 < (moved.Position.PanTilt.x - wish) % 360.0 < 40.0
        await ptz.GotoPreset({"ProfileToken": "main", "PresetToken": token})
        await ptz.RemovePreset({"ProfileToken": "main", "PresetToken": token})
    finally:
        for one in (device, media, ptz):
            await one.close()


@pytest.mark.anyio
async def test_wrong_password_and_wrong_clock_are_refused(house: House) -> None:
    from zeep.exceptions import Fault

    stranger = await _service(house, "ptz", password="wrong")
    with pytest.raises(Fault, match="not Authorized"):
        await stranger.GetStatus({"ProfileToken": "main"})
    await stranger.close()
    house.studio.sources["T09"].turn_knobs({"clock_offset_s": 3600.0})
    late = await _service(house, "ptz")
    with pytest.raises(Fault, match="not Authorized"):
        await late.GetStatus({"ProfileToken": "main"})
    await late.close()


@pytest.mark.anyio
async def test_control_needs_its_token_and_turns_knobs(house: House) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{house.http_port}") as client:
        assert (await client.get("/control/cameras")).status_code == 401
        client.headers["authorization"] = "Bearer token-of-test"
        view = (await client.get("/control/cameras")).json()
        assert len(view["cameras"]) == 25
        assert view["simulated"] is True
        assert view["crew"]["running"] is False
        answer = await client.post("/control/cameras/T03", json={"packet_loss": 0.3, "encoder_step_deg": 0.1})
        assert answer.json()["knobs"] == {"packet_loss": 0.3, "encoder_step_deg": 0.1}
        assert house.studio.sources["T03"].head.encoder_step_deg == 0.1
        assert (await client.post("/control/cameras/T03", json={"packet_loss": 3})).status_code == 422
        assert (await client.post("/control/cameras/T03", json={"reset": True})).json()["knobs"] == {}
        assert (await client.post("/control/cameras/XX", json={})).status_code == 404
        fire = {"kind": "smoke", "lon": 120.77, "lat": 41.8, "height": 5.0, "size": 4.0}
        assert (await client.put("/control/fires/a", json=fire)).status_code == 200
        assert "a" in house.studio.fires
        assert (await client.put("/control/fires/b", json={**fire, "kind": "snow"})).status_code == 422
        assert (await client.delete("/control/fires/a")).json() == {"out": True}
        assert (await client.put("/control/light", json={"at": 1.7e9})).json() == {"light_s": 1.7e9}


@settings(max_examples=80, deadline=None)
@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_rubbish_is_answered_by_a_fault(data: bytes) -> None:
    filmer = filmers(DEFAULT_SEED)["T01"]
    source = Source(filmer, Head(filmer.rest, 0.0), lambda: 100.0)
    device = OnvifDevice(source, Tokens("u", "p"), lambda s: s, lambda: "")
    status, text = device.answer(data, "http://x")
    assert status == 400
    assert "Fault" in text
    assert not math.isnan(source.head.true(1.0).pan)


def test_a_nonce_counts_once() -> None:
    import base64
    import hashlib
    from datetime import UTC, datetime

    from defusedxml.ElementTree import fromstring

    created = datetime.fromtimestamp(1000, UTC).isoformat()
    digest = base64.b64encode(hashlib.sha1(b"n" + created.encode() + b"p").digest()).decode()
    header = fromstring(
        f"<h><UsernameToken><Username>u</Username><Password Type='x#PasswordDigest'>{digest}</Password>"
        f"<Nonce>{base64.b64encode(b'n').decode()}</Nonce><Created>{created}</Created></UsernameToken></h>"
    )
    tokens = Tokens("u", "p")
    assert tokens.check(header, 1000.0)
    assert not tokens.check(header, 1000.0)
    assert not Tokens("u", "p").check(header, 2000.0)
