"""ONVIF heads over real sockets, and rubbish instead of answers."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateways.cameras.heads import HeadServer

from parksight.gateways.cameras.onvif import soap
from parksight.gateways.cameras.onvif.device import OnvifPtz
from parksight.gateways.cameras.onvif.setup import discover
from parksight.gateways.cameras.onvif.spaces import Assumed, Axis
from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.http import DeviceHttp
from parksight.kernel.clock import SystemClock

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    """The platform runs on uvloop, whose transports are not asyncio's."""
    return "asyncio", {"use_uvloop": request.param}


def head_of(server: HeadServer, *, password: str | None = None, timeout_s: float = 3.0) -> OnvifPtz:
    http = DeviceHttp(
        "127.0.0.1",
        server.port,
        username=server.user,
        password=password or server.password,
        timeout_s=timeout_s,
    )
    path = f"{server.prefix}/onvif/device_service"

    async def prepare():  # type: ignore[no-untyped-def]
        return await discover(http, path, made.device_clock.offset_ms or 0.0, Assumed())

    made = OnvifPtz(http, SystemClock(), path, prepare, delay_ms=0.0)
    return made


async def until_still(head: OnvifPtz, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while (await head.status()).moving:
        assert time.monotonic() < end
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    "device",
    [{}, {"wsse": True}, {"digest": True}, {"get_services": False}, {"wsse": True, "ahead_ms": 3_600_000.0}],
    ids=["open", "wsse", "digest", "old", "clock-one-hour-ahead"],
)
async def test_set_up_and_turn(device: dict[str, object]) -> None:
    async with HeadServer(**device) as server:
        head = head_of(server)
        try:
            setup = await head.setup()
            assert setup.profile == "full"
            assert setup.stream_uris == ("rtsp://192.168.1.64:554/full", "rtsp://192.168.1.64:554/small")
            assert (setup.encodings, setup.name, setup.firmware) == (("H264", "H264"), "Test Dome", "1.2")
            abilities = await head.abilities()
            assert (abilities.absolute, abilities.pan, abilities.tilt) == (
                True,
                (-180.0, 180.0),
                (-90.0, 20.0),
            )
            await head.absolute(350.0, -20.0, 5.0)  # 350 is -10 on this head
            assert (await head.status()).moving
            await until_still(head)
            at = await head.status()
            assert (at.pan, at.tilt, at.zoom) == pytest.approx((-10.0, -20.0, 5.0), abs=1e-3)
            assert (at.exact, abs(at.at_ms - time.time() * 1000) < 50) == (True, True)
        finally:
            await head.close()


async def test_generic_space_is_mapped_through_limits() -> None:
    async with HeadServer(generic=True) as server:
        head = head_of(server)
        await head.absolute(90.0, -45.0, 15.5)
        await until_still(head)
        assert (server.body.pan, server.body.tilt, server.body.zoom) == pytest.approx(
            (90.0, -45.0, 15.5), abs=1e-3
        )
        at = await head.status()
        assert (at.pan, at.tilt, at.zoom) == pytest.approx((90.0, -45.0, 15.5), abs=1e-3)
        await head.close()


async def test_continuous_stops_by_itself_and_by_us() -> None:
    async with HeadServer() as server:
        head = head_of(server)
        await head.continuous(0.5, 0.0, 0.0)
        await asyncio.sleep(0.2)
        await head.stop()
        where = server.body.pan
        assert where > 12.0
        await asyncio.sleep(0.1)
        server.body.advance()
        assert server.body.pan == where
        await head.continuous(0.1, 0.0, 0.0)
        await asyncio.sleep(1.3)  # nobody renews
        server.body.advance()
        assert not server.body.moving
        await head.close()


async def test_presets() -> None:
    async with HeadServer(wsse=True) as server:
        head = head_of(server)
        token = await head.set_preset("东门 <east>")
        assert [(p.token, p.name) for p in await head.presets()] == [
            ("1", "main gate"),
            (token, "东门 <east>"),
        ]
        await head.go_preset("1")
        await until_still(head)
        assert server.body.pan == pytest.approx(30.0)
        await head.remove_preset(token)
        with pytest.raises(CameraError) as caught:
            await head.go_preset(token)
        assert caught.value.reason == "no_such"
        await head.close()


async def test_wrong_password_and_no_head_are_told_apart() -> None:
    async with HeadServer(wsse=True) as server:
        head = head_of(server, password="wrong")
        with pytest.raises(CameraError) as caught:
            await head.status()
        assert caught.value.reason == "credentials"
        await head.close()
    async with HeadServer(ptz=False) as server:
        head = head_of(server)
        with pytest.raises(CameraError) as caught:
            await head.status()
        assert caught.value.reason == "no_ptz"
        assert (await head.setup()).stream_uris[0].startswith("rtsp://")
        await head.close()
    async with HeadServer(position=False) as server:
        head = head_of(server)
        with pytest.raises(CameraError) as caught:
            await head.status()
        assert caught.value.reason == "no_position"
        await head.close()


async def test_stop_does_not_queue_behind_a_status_that_hangs() -> None:
    async with HeadServer() as server:
        head = head_of(server, timeout_s=2.0)
        await head.setup()
        server.slow = 1.0
        hanging = asyncio.create_task(head.status())
        await asyncio.sleep(0.1)
        server.slow = 0.0
        began = time.monotonic()
        await head.stop()
        assert time.monotonic() - began < 0.5
        await hanging
        assert server.connections >= 2
        await head.close()


async def test_a_restarted_device_is_met_again() -> None:
    async with HeadServer() as server:
        head = head_of(server)
        await head.status()
        server.cut()
        await asyncio.sleep(0.05)
        assert (await head.status()).pan == pytest.approx(10.0)
        server.drop_after = 1  # closes after each answer without saying so
        for _ in range(5):
            await head.status()
        await head.close()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "not_soap"),
        (b"SSH-2.0-dropbear\r\n", "not_http"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 5_000_000, "answer_too_big"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: " + b"x" * 100_000, "answer_too_big"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "device_fault"),
        (b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n", "no_such"),
    ],
)
async def test_rubbish_has_a_reason(raw: bytes, reason: str) -> None:
    async with HeadServer() as server:
        head = head_of(server, timeout_s=1.0)
        await head.setup()
        server.raw = raw
        with pytest.raises(CameraError) as caught:
            await head.status()
        assert caught.value.reason == reason
        server.raw = None
        assert (await head.status()).pan == pytest.approx(10.0)
        await head.close()


def test_entities_are_refused() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'
    with pytest.raises(CameraError) as caught:
        soap.read(bomb)
    assert caught.value.reason == "not_soap"


_GOOD = (
    b'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:tt="http://www.onvif.org/ver10/schema" '
    b'xmlns:p="http://www.onvif.org/ver20/ptz/wsdl"><s:Body><p:GetStatusResponse><p:PTZStatus><tt:Position>'
    b'<tt:PanTilt x="1" y="2" space="u"/><tt:Zoom x="0.5"/></tt:Position><tt:MoveStatus><tt:PanTilt>IDLE'
    b"</tt:PanTilt></tt:MoveStatus><tt:UtcTime>2026-11-27T10:00:00.5Z</tt:UtcTime></p:PTZStatus>"
    b"</p:GetStatusResponse></s:Body></s:Envelope>"
)


def test_status_is_read() -> None:
    status = soap.read_status(_GOOD)
    assert (status.pan, status.tilt, status.zoom, status.moving) == (1.0, 2.0, 0.5, False)
    assert status.utc_ms == 1795773600500.0


@given(st.data())
def test_mutated_answers_are_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(_GOOD)
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from("cdi")):
            case "c":
                raw[at] = data.draw(st.integers(0, 255))
            case "d":
                del raw[at : at + data.draw(st.integers(1, 40))]
            case _:
                raw[at:at] = data.draw(st.binary(max_size=8))
        if not raw:
            return
    for reader in (soap.read_status, soap.read_presets, soap.read_time):
        with contextlib.suppress(CameraError):
            reader(bytes(raw))


@given(st.binary(max_size=300))
def test_bytes_are_read_or_refused(raw: bytes) -> None:
    for reader in (soap.read_status, soap.read_presets, soap.read_time):
        with pytest.raises(CameraError):
            reader(raw)


@given(st.text(max_size=40))
def test_instants(text: str) -> None:
    found = soap.instant(text)
    assert found is None or abs(found) < 1e15


@given(st.floats(-360, 360), st.floats(0.1, 720), st.floats(-2, 2), st.floats(0.01, 4), st.floats(0, 1))
def test_axis_maps_back(low: float, width: float, device: float, span: float, share: float) -> None:
    axis = Axis((device, device + span), (low, low + width))
    ours = low + share * width
    assert axis.from_device(axis.to_device(ours)) == pytest.approx(ours, abs=1e-6 * width + 1e-9)


def test_token_matches_the_profile() -> None:
    """Web Services Security UsernameToken Profile 1.0: Base64(SHA-1(nonce + created + password))."""
    made = soap.token("admin", "userpassword", 1_284_595_320_000.0, bytes.fromhex("2c" * 16))
    import base64
    import hashlib

    created = b"2010-09-16T00:02:00.000Z"
    wanted = base64.b64encode(hashlib.sha1(b"\x2c" * 16 + created + b"userpassword").digest()).decode()
    assert wanted in made
    assert created.decode() in made
