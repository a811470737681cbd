"""ISAPI heads over real sockets; what is proven by them is said in QUALITY.md."""

from __future__ import annotations

import asyncio
import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.gateways.cameras.heads import HeadServer

from parksight.gateways.cameras.isapi import messages
from parksight.gateways.cameras.isapi.device import IsapiPtz
from parksight.gateways.cameras.protocols import CameraError
from parksight.gateways.cameras.ptz.http import DeviceHttp
from parksight.kernel.clock import SystemClock

pytestmark = pytest.mark.anyio


def head_of(server: HeadServer, password: str | None = None) -> IsapiPtz:
    http = DeviceHttp("127.0.0.1", server.port, username=server.user, password=password or server.password)
    return IsapiPtz(http, SystemClock(), 1)


@pytest.mark.parametrize("fine", [True, False])
async def test_turn_and_ask(fine: bool) -> None:
    async with HeadServer(digest=True, absolute_ex=fine) as server:
        head = head_of(server)
        await head.absolute(-30.0, -12.3, 4.5)
        deadline = time.monotonic() + 5
        while server.body.goal is not None:
            await asyncio.sleep(0.05)
            await head.status()
            assert time.monotonic() < deadline
        at = await head.status()
        assert (at.pan, at.tilt, at.zoom) == pytest.approx((330.0, -12.3, 4.5), abs=0.01)
        assert (at.moving, at.exact) == (None, False)
        asked = "GET PTZCtrl/channels/1/absoluteEx" if fine else "GET PTZCtrl/channels/1/status"
        assert server.seen[asked] > 2
        assert server.seen["challenged"] == 1  # the nonce is used again
        await head.close()


async def test_continuous_and_stop() -> None:
    async with HeadServer() as server:
        head = head_of(server)
        await head.continuous(0.5, 0.25, 0.0)
        await asyncio.sleep(0.2)
        await head.stop()
        assert (server.body.pan > 12, server.body.tilt > -5, server.body.moving) == (True, True, False)
        await head.close()


async def test_presets_and_picture() -> None:
    async with HeadServer() as server:
        head = head_of(server)
        assert await head.set_preset("西门 & 北门") == "2"
        assert [(p.token, p.name) for p in await head.presets()] == [("1", "main gate"), ("2", "西门 & 北门")]
        await head.go_preset("1")
        assert server.body.goal == (30.0, -10.0, 4.0)
        await head.remove_preset("2")
        for wrong in ("2/../../System/reboot", "0", "x", "999", "²"):
            with pytest.raises(CameraError) as caught:
                await head.go_preset(wrong)
            assert caught.value.reason == "no_such"
        assert (await head.picture()).startswith(b"\xff\xd8")
        await head.close()


async def test_faults_have_reasons() -> None:
    async with HeadServer(digest=True) as server:
        head = head_of(server, "wrong")
        with pytest.raises(CameraError) as caught:
            await head.status()
        assert caught.value.reason == "credentials"
        await head.close()
    async with HeadServer() as server:
        head = head_of(server)
        server.fail = {"PUT PTZCtrl/channels/1/continuous"}
        with pytest.raises(CameraError) as caught:
            await head.continuous(1, 0, 0)
        assert caught.value.reason == "not_supported"
        await head.close()


@given(st.binary(max_size=200))
def test_bytes_are_read_or_refused(raw: bytes) -> None:
    for reader in (messages.read_status, messages.read_absolute_ex):
        with pytest.raises(CameraError):
            reader(raw)
    with contextlib.suppress(CameraError):
        messages.read_presets(raw)


@given(st.text(max_size=20), st.text(max_size=20))
def test_presets_of_any_name(number: str, name: str) -> None:
    raw = f"<L><PTZPreset><id>{number}</id><presetName>{name}</presetName></PTZPreset></L>".encode(
        errors="ignore"
    )
    with contextlib.suppress(CameraError):
        for token, shown in messages.read_presets(raw):
            assert token.isdigit()
            assert len(shown) <= 100
