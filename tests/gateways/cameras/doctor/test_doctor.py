"""Each fault of a camera is told apart from every other, against peers that really have it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.gateways.cameras.clip import film
from tests.gateways.cameras.heads import HeadServer
from tests.gateways.cameras.peer import Faults, Peer

from parksight.gateways.cameras.doctor import head, video
from parksight.gateways.cameras.doctor.api import shown
from parksight.gateways.cameras.doctor.checks import Check
from parksight.gateways.cameras.doctor.video import Patience
from parksight.gateways.cameras.ptz.devices import Address
from parksight.gateways.cameras.ptz.heads import Heads, Mount
from parksight.gateways.cameras.rtsp.session import Target
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database
from parksight.kernel.i18n import LANGUAGES, has
from parksight.kernel.sealing import Sealer

pytestmark = pytest.mark.anyio
QUICK = Patience(answer=1.5, silence=1.5, key=2.5)


def first_fault(checks: list[Check]) -> tuple[str, str]:
    """Also proves: before it all is well, after it nothing is claimed, and every text exists in both languages."""
    names = [c.name for c in checks]
    assert names == list(dict.fromkeys(names))
    at = next((i for i, c in enumerate(checks) if c.verdict == "fail"), len(checks))
    assert all(c.verdict in ("ok", "warn", "unknown") for c in checks[:at])
    assert all(c.verdict == "unknown" for c in checks[at + 1 :])
    for check in checks:
        for language in LANGUAGES:
            out = shown(check, language)
            assert not out.title.startswith("gateways."), out
            assert not out.detail.startswith("gateways."), out
            assert "{" not in out.detail + (out.action or ""), out
            assert out.action or check.verdict in ("ok", "unknown"), out
        assert has(f"gateways.cameras.check.{check.name}")
    return (checks[at].name, checks[at].variant) if at < len(checks) else ("", "")


async def examine(url: str, **more: str) -> list[Check]:
    checks = await video.examine(Target(url, **more), SystemClock(), QUICK)
    assert [c.name for c in checks] == list(video.STEPS)
    return checks


def verdicts(checks: list[Check]) -> dict[str, str]:
    return {c.name: f"{c.verdict} {c.variant}" for c in checks}


async def test_a_sound_camera() -> None:
    async with Peer(film(), username="u", password="p") as peer:
        checks = await examine(peer.url, username="u", password="p")
        assert first_fault(checks) == ("", "")
        assert {c.verdict for c in checks} == {"ok"}


@pytest.mark.parametrize(
    ("faults", "more", "wanted"),
    [
        (Faults(mute=True), {"transport": "tcp"}, ("packets", "none")),
        (Faults(mute=True), {"transport": "udp"}, ("packets", "udp")),
        (Faults(no_tcp=True), {"transport": "tcp"}, ("transport", "refused_tcp")),
        (Faults(sdp="v=0\r\nm=audio 0 RTP/AVP 8\r\na=control:a\r\n"), {}, ("codec", "no_video")),
        (Faults(sdp="v=0\r\nm=video 0 RTP/AVP 26\r\na=control:a\r\n"), {}, ("codec", "fail")),
        (Faults(redirect="rtsp://127.0.0.1:1/x"), {}, ("stream", "redirects")),
    ],
)
async def test_faults_of_the_stream(faults: Faults, more: dict[str, str], wanted: tuple[str, str]) -> None:
    async with Peer(film(), faults=faults) as peer:
        if faults.redirect:
            faults.redirect = peer.url
        assert first_fault(await examine(peer.url, **more)) == wanted


async def test_udp_that_does_not_come_through_while_tcp_does() -> None:
    async with Peer(film(), faults=Faults(mute=True)) as peer:

        async def heal() -> None:
            while peer.requests.count("DESCRIBE") < 2:
                await asyncio.sleep(0.01)
            peer.faults.mute = False

        healing = asyncio.create_task(heal())
        checks = await examine(peer.url, transport="udp")
        await healing
        assert first_fault(checks) == ("packets", "udp_but_tcp")


async def test_wrong_password() -> None:
    async with Peer(film(), username="u", password="p") as peer:
        assert first_fault(await examine(peer.url, username="u", password="x")) == ("credentials", "fail")
        assert first_fault(await examine(peer.url)) == ("credentials", "fail")


async def test_no_key_picture() -> None:
    async with Peer(film()[1:25]) as peer:
        checks = await examine(peer.url)
        assert first_fault(checks) == ("key", "fail")


async def test_h265_and_a_wrong_clock_are_warned_of() -> None:
    async with Peer(film(codec="libx265"), codec="h265", faults=Faults(clock_off_s=3600.0)) as peer:
        checks = await examine(peer.url)
        assert first_fault(checks) == ("", "")
        assert verdicts(checks)["codec"] == "warn h265"
        assert verdicts(checks)["clock"] == "warn ahead"
        assert next(c for c in checks if c.name == "clock").params["seconds"] == pytest.approx(3600, abs=2)


async def test_a_clock_that_nothing_tells_is_unknown() -> None:
    async with Peer(film(), faults=Faults(no_report=True)) as peer:
        assert verdicts(await examine(peer.url))["clock"] == "unknown none"


async def test_name_and_port() -> None:
    assert first_fault(await examine("rtsp://no-such-camera.invalid/a")) == ("name", "fail")
    assert first_fault(await examine("http://127.0.0.1/a")) == ("name", "address")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert first_fault(await examine(f"rtsp://127.0.0.1:{port}/a")) == ("port", "closed")


async def test_a_port_that_drops_everything() -> None:
    """A full accept queue drops what comes, as a firewall does."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        held = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
            held.append(one)
        try:
            assert first_fault(await examine(f"rtsp://127.0.0.1:{port}/a")) == ("port", "filtered")
        finally:
            for one in held:
                one.close()


@asynccontextmanager
async def answering(raw: bytes | None) -> AsyncIterator[int]:
    """Answers whatever is asked with the same bytes; None: never."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            if raw is None:
                await asyncio.sleep(30)
            else:
                writer.write(raw)
                await writer.drain()
                await reader.read()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        (b"RTSP/1.0 404 Not Found\r\nCSeq: 1\r\n\r\n", ("stream", "fail")),
        (b"RTSP/1.0 403 Forbidden\r\nCSeq: 1\r\n\r\n", ("credentials", "forbidden")),
        (b"RTSP/1.0 453 Not Enough Bandwidth\r\nCSeq: 1\r\n\r\n", ("stream", "busy")),
        (b"RTSP/1.0 500 Oops\r\nCSeq: 1\r\n\r\n", ("stream", "answer")),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" * 4, ("port", "not_rtsp")),
        (None, ("stream", "timeout")),
    ],
)
async def test_what_the_service_says(raw: bytes | None, wanted: tuple[str, str]) -> None:
    async with answering(raw) as port:
        assert first_fault(await examine(f"rtsp://127.0.0.1:{port}/a")) == wanted


@asynccontextmanager
async def mounted(
    db: Database, folder: Path, server: HeadServer, password: str = "Pass-1234"
) -> AsyncIterator[Mount]:
    heads = Heads(db, SystemClock(), Sealer(folder).open)
    path = {"device_path": f"{server.prefix}/onvif/device_service"}
    heads._mount(Address(1, "onvif", "127.0.0.1", server.port, None, "admin", password, path))
    mount = heads.mounted(1)
    assert mount is not None
    try:
        yield mount
    finally:
        await heads.stop()


@pytest.mark.parametrize(
    ("device", "password", "wanted"),
    [
        ({"wsse": True}, "Pass-1234", ("", "")),
        ({"wsse": True}, "wrong", ("control_credentials", "credentials")),
        ({"position": False}, "Pass-1234", ("position", "fail")),
        ({"ptz": False}, "Pass-1234", ("", "")),
        ({"raw": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"}, "Pass-1234", ("control", "not_soap")),
        ({"raw": b"SSH-2.0\r\n"}, "Pass-1234", ("control", "not_http")),
    ],
)
async def test_faults_of_the_head(
    db: Database, tmp_path: Path, device: dict[str, object], password: str, wanted: tuple[str, str]
) -> None:
    async with HeadServer(**device) as server, mounted(db, tmp_path, server, password) as mount:
        checks = await head.examine(mount, "onvif")
        assert [c.name for c in checks] == list(head.STEPS)
        assert first_fault(checks) == wanted


async def test_a_device_whose_clock_is_wrong(db: Database, tmp_path: Path) -> None:
    async with HeadServer(wsse=True, ahead_ms=-7_200_000.0) as server, mounted(db, tmp_path, server) as mount:
        checks = await head.examine(mount, "onvif")
        assert verdicts(checks)["control_clock"] == "warn behind"
        assert verdicts(checks)["position"] == "ok ok"


async def test_a_head_that_is_not_there(db: Database, tmp_path: Path) -> None:
    async with HeadServer() as server:
        pass
    async with mounted(db, tmp_path, server) as mount:
        assert first_fault(await head.examine(mount, "onvif")) == ("control", "unreachable")
