"""Sessions with a real peer over real sockets, with the faults of real cameras."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.gateways.cameras.clip import film
from tests.gateways.cameras.peer import Faults, Peer

from parksight.gateways.cameras.protocols import AccessUnit, CameraError
from parksight.gateways.cameras.rtsp.session import Session, Target

pytestmark = pytest.mark.anyio


class Watching:
    """A session under way and what came of it."""

    def __init__(self, url: str, **options: object) -> None:
        self.units: list[AccessUnit] = []
        self.counters: Counter[str] = Counter()
        target = Target(url, connect_s=3, silence_s=2, **options)  # type: ignore[arg-type]
        self.session = Session(target, self.units.append, lambda: time.time() * 1000, self.counters)
        self.task = asyncio.create_task(self.session.run())

    async def until(self, what: Callable[[], bool], seconds: float = 10.0) -> None:
        end = time.monotonic() + seconds
        while not what():
            if self.task.done():
                self.task.result()
            assert time.monotonic() < end, (self.counters, len(self.units))
            await asyncio.sleep(0.01)

    async def pictures(self, number: int) -> list[AccessUnit]:
        await self.until(lambda: len(self.units) >= number)
        return self.units

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    async def reason(self) -> str:
        with pytest.raises(CameraError) as caught:
            async with asyncio.timeout(10):
                await self.task
        return caught.value.reason


def same(units: list[AccessUnit]) -> bool:
    """Whether the units are the film's pictures from its beginning, bit by bit."""
    return all(u.nals == nals for u, (nals, _) in zip(units, film(), strict=False))


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_every_picture_comes_bit_by_bit(transport: str) -> None:
    async with Peer(film()) as peer:
        watching = Watching(peer.url, transport=transport)
        units = await watching.pictures(30)
        await watching.end()
        assert watching.session.transport == transport
        assert same(units)
        assert units[0].key
        assert units[25].key
        assert not units[1].key
        assert [b.dts - a.dts for a, b in pairwise(units)] == [3600] * (len(units) - 1)
        assert all(u.wall_exact for u in units[1:])
        assert all(-5 < u.arrived_ms - u.wall_ms < 500 for u in units[1:])
        await asyncio.sleep(0.1)
        assert peer.requests[:3] == ["DESCRIBE", "SETUP", "PLAY"]
        assert "TEARDOWN" in peer.requests


async def test_h265_comes_bit_by_bit() -> None:
    clip = film(codec="libx265")
    async with Peer(clip, codec="h265") as peer:
        watching = Watching(peer.url)
        units = await watching.pictures(30)
        await watching.end()
        assert {u.codec for u in units} == {"h265"}
        assert all(u.nals == nals and u.key == key for u, (nals, key) in zip(units, clip, strict=False))


@pytest.mark.parametrize("algorithms", [("MD5",), ("SHA-256",), ("MD5", "SHA-256")])
async def test_digest(algorithms: tuple[str, ...]) -> None:
    async with Peer(film(), username="操作员", password='p"ä:s', algorithms=algorithms) as peer:
        watching = Watching(peer.url, username="操作员", password='p"ä:s')
        await watching.pictures(3)
        await watching.end()
        wrong = Watching(peer.url, username="操作员", password="wrong")
        assert await wrong.reason() == "credentials"
        assert await Watching(peer.url).reason() == "credentials"
        assert peer.requests.count("DESCRIBE") == 2 + 2 + 1  # who is refused does not try on and on


async def test_basic_and_a_nonce_that_grows_old() -> None:
    async with Peer(film(), username="a", password="b", algorithms=(), basic=True) as peer:
        watching = Watching(peer.url, username="a", password="b")
        await watching.pictures(3)
        await watching.end()
    async with Peer(film(), username="a", password="b", faults=Faults(stale_every=3)) as peer:
        watching = Watching(peer.url, username="a", password="b")
        await watching.pictures(3)
        await watching.end()


async def test_a_camera_without_tcp_is_asked_by_udp() -> None:
    async with Peer(film(), faults=Faults(no_tcp=True, shuffle=True)) as peer:
        watching = Watching(peer.url)
        units = await watching.pictures(30)
        await watching.end()
        assert watching.session.transport == "udp"
        assert same(units)
        assert watching.counters["reordered"] > 0
        assert watching.counters["lost"] == 0


@pytest.mark.parametrize("faults", [Faults(no_marker=True), Faults(no_aggregate=True, marker_per_nal=True)])
async def test_pictures_end_without_or_in_spite_of_markers(faults: Faults) -> None:
    async with Peer(film(), faults=faults) as peer:
        watching = Watching(peer.url)
        units = await watching.pictures(30)
        await watching.end()
        assert same(units)


async def test_a_picture_with_a_hole_is_left_out_until_the_next_key() -> None:
    async with Peer(film(), faults=Faults(loss=1.0, loss_pictures=(5,))) as peer:
        watching = Watching(peer.url, transport="udp")
        units = await watching.pictures(10)
        await watching.end()
        numbers = [next(i for i, (nals, _) in enumerate(film()) if nals == u.nals) for u in units]
        assert numbers[:10] == [0, 1, 2, 3, 4, 25, 26, 27, 28, 29]
        assert units[5].dts - units[4].dts == 21 * 3600  # the pause is told, not swallowed
        assert watching.counters["lost"] > 0
        assert watching.counters["waiting_for_key"] + watching.counters["holes"] == 19


async def test_thirty_percent_loss_on_udp_is_no_way_and_says_so() -> None:
    async with Peer(film(100, (640, 360)), faults=Faults(loss=0.3), fps=50) as peer:
        watching = Watching(peer.url, transport="udp")
        async with asyncio.timeout(20):
            with pytest.raises(CameraError) as caught:
                await watching.task
        assert caught.value.reason == "udp_loss"
        assert watching.counters["holes"] + watching.counters["waiting_for_key"] > 50


async def test_garbage_between_pictures_does_no_harm() -> None:
    for transport in ("tcp", "udp"):
        async with Peer(film(), faults=Faults(garbage=True)) as peer:
            watching = Watching(peer.url, transport=transport)
            units = await watching.pictures(30)
            await watching.end()
            assert same(units)
            assert watching.counters["foreign_source"] + watching.counters["bad_rtp"] > 10


@pytest.mark.parametrize("hours", [1.0, -1.0, 24.0])
async def test_a_wrong_clock_is_seen_and_taken_off(hours: float) -> None:
    async with Peer(film(), faults=Faults(clock_off_s=hours * 3600)) as peer:
        watching = Watching(peer.url)
        units = await watching.pictures(30)
        await watching.end()
        assert watching.session.track is not None
        skew = watching.session.track.timing.skew_ms
        assert skew == pytest.approx(hours * 3_600_000, abs=500)
        assert not any(u.wall_exact for u in units)
        assert all(0 <= u.arrived_ms - u.wall_ms < 500 for u in units)


async def test_a_wrong_clock_that_the_telemetry_knows_is_exact() -> None:
    async with Peer(film(), faults=Faults(clock_off_s=3600)) as peer:
        watching = Watching(peer.url)
        watching.session._offset = lambda: 3_600_000.0
        units = await watching.pictures(10)
        await watching.end()
        assert all(u.wall_exact for u in units[1:])
        assert all(-5 < u.arrived_ms - u.wall_ms < 500 for u in units[1:])


async def test_without_reports_the_time_is_the_arrival_less_the_least_delay() -> None:
    async with Peer(film(), faults=Faults(no_report=True)) as peer:
        watching = Watching(peer.url)
        units = await watching.pictures(30)
        await watching.end()
        assert not any(u.wall_exact for u in units)
        steps = [b.wall_ms - a.wall_ms for a, b in pairwise(units[15:])]
        assert all(abs(s - 40) < 20 for s in steps)
        assert all(0 <= u.arrived_ms - u.wall_ms < 500 for u in units)


@pytest.mark.parametrize(
    ("sdp", "reason"),
    [
        ("", "no_video"),
        ("v=0\r\nm=audio 0 RTP/AVP 0\r\n", "no_video"),
        ("\x00\x01\x02===\r\nm=\r\nm=video\r\na=rtpmap:\r\n", "no_video"),
        ("m=video 0 RTP/AVP 26\r\na=rtpmap:26 JPEG/90000\r\na=control:track1\r\n", "codec"),
    ],
)
async def test_a_description_without_a_usable_track_says_what_is_there(sdp: str, reason: str) -> None:
    async with Peer(film(), faults=Faults(sdp=sdp)) as peer:
        assert await Watching(peer.url).reason() == reason


async def test_a_malformed_description_with_a_usable_track_is_used() -> None:
    sdp = (
        "v=0\no=\nnonsense\n=\na=control\na=fmtp:\nm=application x RTP/AVP 107\na=rtpmap:abc ONVIF\n"
        "m=video 0 RTP/AVP 96\nb=\na=fmtp:96 sprop-parameter-sets=!!!,\na=rtpmap:96 h264\na=control:track1\n"
    )
    async with Peer(film(), faults=Faults(sdp=sdp)) as peer:
        watching = Watching(peer.url)
        assert same(await watching.pictures(10))
        await watching.end()


async def test_redirects_are_followed_and_not_for_ever() -> None:
    async with Peer(film()) as there, Peer(film(), faults=Faults(redirect=there.url)) as peer:
        watching = Watching(peer.url)
        await watching.pictures(3)
        await watching.end()
        assert watching.counters["redirects"] == 1
    async with Peer(film(), faults=Faults()) as peer:
        peer.faults.redirect = peer.url
        assert await Watching(peer.url).reason() == "redirects"


async def test_the_session_is_kept_alive_in_the_servers_time() -> None:
    async with Peer(film(), faults=Faults(timeout_s=5, no_get_parameter=True)) as peer:
        watching = Watching(peer.url)
        await watching.until(lambda: "OPTIONS" in peer.requests, 12)
        assert "GET_PARAMETER" in peer.requests
        assert 201 in peer.feedback  # receiver reports
        await watching.end()


async def test_a_camera_that_falls_silent_or_is_not_there_is_named() -> None:
    async with Peer(film()) as peer:
        watching = Watching(peer.url)
        await watching.pictures(5)
        peer.faults.mute = True
        assert await watching.reason() == "silent"
        peer.faults.mute = True
        assert await Watching(peer.url).reason() == "no_packets"
        peer.faults.mute = False
        cut = Watching(peer.url)
        await cut.pictures(7)
        await peer.cut()
        assert await cut.reason() == "connection_lost"
        url = peer.url
    assert await Watching(url).reason() == "refused"
    assert await Watching("rtsp://camera.invalid/x").reason() == "name"
    assert await Watching("http://127.0.0.1/x").reason() == "address"
