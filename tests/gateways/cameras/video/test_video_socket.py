"""From a camera to a browser's WebSocket: real peer, real server, real client."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from tests.gateways.cameras.clip import film
from tests.gateways.cameras.peer import Faults, Peer
from tests.gateways.cameras.video.mp4 import boxes, fragment
from tests.gateways.cameras.video.site import BARE_CAMERA, CAMERA, FIRM_CAMERA, Site
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from parksight.gateways.cameras import wire
from parksight.gateways.cameras.protocols import AccessUnit, FramePose, PtzSample
from parksight.gateways.cameras.video.nal import split_lengths

pytestmark = pytest.mark.anyio


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Site(tmp_path) as made:
        yield made


def link(site: Site, url: str, camera: int = CAMERA, **more: Any) -> None:
    """Enter a link through the real route."""
    with site.client(site.user("integrator")) as client:
        found = client.get(f"/api/v1/cameras/{camera}/link")
        version = found.json()["version"] if found.status_code == 200 else None
        body = {"protocol": "rtsp", "main_url": url, "version": version, **more}
        answer = client.put(f"/api/v1/cameras/{camera}/link", json=body)
        assert answer.status_code == 200, answer.text


async def entered(site: Site, url: str, camera: int = CAMERA, **more: Any) -> None:
    await asyncio.to_thread(link, site, url, camera, **more)


def dial(site: Site, user: int, camera: int = CAMERA, query: str = "", **options: Any) -> connect:
    headers = {"authorization": f"Bearer {site.token(user)}"}
    return connect(
        f"ws://127.0.0.1:{site.port}/api/v1/cameras/{camera}/video{query}",
        additional_headers=headers, max_size=None, open_timeout=10, **options,
    )  # fmt: skip


async def hear(
    ws: ClientConnection, kind: wire.Kind | None = None, seconds: float = 10
) -> tuple[wire.Head, bytes]:
    """The next message (of a kind)."""
    async with asyncio.timeout(seconds):
        while True:
            message = await ws.recv()
            assert isinstance(message, bytes)
            head = wire.unpack(message)
            if kind is None or head.kind is kind:
                return head, message[wire.SIZE :]


async def state(ws: ClientConnection, wanted: str, seconds: float = 10) -> dict[str, Any]:
    while True:
        told: dict[str, Any] = json.loads((await hear(ws, wire.Kind.STATE, seconds))[1])
        if told["state"] == wanted:
            return told


def opened(init: bytes) -> tuple[dict[str, Any], bytes]:
    size = struct.unpack_from("<I", init)[0]
    return json.loads(init[4 : 4 + size]), init[4 + size :]


async def until(what: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        await asyncio.sleep(0.02)


async def test_pictures_arrive_as_mp4_that_a_player_decodes(site: Site) -> None:
    async with Peer(film(), username="op", password="secret") as peer:
        await entered(site, peer.url, username="op", password="secret", simulated=True)
        async with dial(site, site.user("duty_operator")) as ws:
            first = await hear(ws)
            assert first[0].kind is wire.Kind.STATE
            head, payload = await hear(ws, wire.Kind.INIT)
            told, segment = opened(payload)
            assert told == {"codec": "avc1.42c00c", "width": 320, "height": 180, "simulated": True}
            assert [name for name, _ in boxes(segment)] == [b"ftyp", b"moov"]
            whole, heads = segment, []
            for number in range(30):
                head, data = await hear(ws, wire.Kind.FRAME)
                sample = fragment(data)
                assert (sample.dts, sample.sequence, sample.key) == (
                    head.dts,
                    head.sequence,
                    bool(head.flags & wire.Flag.KEY),
                )
                assert split_lengths(sample.data)[-1] == film()[number][0][-1]
                whole += data
                heads.append(head)
            assert heads[0].flags & wire.Flag.KEY
            assert all(h.flags & wire.Flag.WALL_EXACT for h in heads[1:])
            assert not any(h.pose for h in heads)
            now = site.clock.now_ms()
            assert -100 < now - heads[-1].wall_ms < 2000
        with av.open(io.BytesIO(whole), format="mp4") as container:
            stream = container.streams.video[0]
            decoded = list(container.decode(stream))
        assert len(decoded) == 30
        assert [round(f.pts * 90000 * float(stream.time_base)) for f in decoded] == [h.dts for h in heads]
        bright = [int(f.to_ndarray(format="gray")[8:24, 8:24].mean()) for f in decoded]
        assert all(abs(b - 5 * i) < 12 for i, b in enumerate(bright))


async def test_raw_form_is_what_webcodecs_takes(site: Site) -> None:
    async with Peer(film()) as peer:
        await entered(site, peer.url)
        async with dial(site, site.user("duty_operator"), query="?form=raw") as ws:
            told, config = opened((await hear(ws, wire.Kind.INIT))[1])
            assert config[0] == 1
            assert "avc1." + config[1:4].hex() == told["codec"]
            head, data = await hear(ws, wire.Kind.FRAME)
            assert head.flags & wire.Flag.KEY
            assert [n[0] & 31 for n in split_lengths(data)][-1] == 5


async def test_who_joins_later_gets_a_picture_at_once_and_the_camera_one_connection(site: Site) -> None:
    async with Peer(film(group=50)) as peer:
        await entered(site, peer.url)
        user = site.user("duty_operator")
        async with dial(site, user) as first:
            for _ in range(20):
                await hear(first, wire.Kind.FRAME)
            asked = time.monotonic()
            async with dial(site, user) as second, dial(site, user, query="?form=raw") as third:
                for ws in (second, third):
                    assert (await hear(ws))[0].kind is wire.Kind.INIT
                    head, _ = await hear(ws, wire.Kind.FRAME)
                    assert head.flags & wire.Flag.KEY
                assert time.monotonic() - asked < 1.0  # the next key picture is more than a second away
            assert peer.playing == 1
        await until(lambda: peer.playing == 0, 5)  # a little after the last viewer left
        assert peer.requests[-1] == "TEARDOWN"


async def test_pose_of_a_registered_head_rides_with_each_picture(site: Site) -> None:
    class Track:
        def add(self, sample: PtzSample) -> None: ...

        def at(self, wall_ms: float) -> FramePose:
            return FramePose(wall_ms % 360, -5.0, 2.0, 0.5, moving=True)

    site.gateway.track_of = lambda camera: Track() if camera == CAMERA else None
    async with Peer(film()) as peer:
        await entered(site, peer.url)
        async with dial(site, site.user("duty_operator")) as ws:
            head, _ = await hear(ws, wire.Kind.FRAME)
            assert head.pose is not None
            assert head.pose.pan == pytest.approx(head.wall_ms % 360, abs=1e-3)
            assert (head.pose.moving, head.pose.zoom, head.pose.roll) == (True, 2.0, 0.5)


async def test_the_picture_comes_back_by_itself(site: Site) -> None:
    peer = Peer(film())
    async with peer:
        await entered(site, peer.url)
        async with dial(site, site.user("duty_operator")) as ws:
            for _ in range(7):
                await hear(ws, wire.Kind.FRAME)
            await peer.cut()  # in the middle of a group
            told = await state(ws, "lost")
            assert told["reason"] == "connection_lost"
            assert told["text"]
            assert told["action"]
            await hear(ws, wire.Kind.INIT)
            assert (await hear(ws, wire.Kind.FRAME))[0].flags & wire.Flag.KEY
    async with Peer(film(), port=peer.port) as back, dial(site, site.user("duty_operator")) as ws:
        assert (await hear(ws, wire.Kind.FRAME, 20))[0].flags & wire.Flag.KEY
        assert back.playing == 1


async def test_a_camera_switched_off_and_on_again(site: Site) -> None:
    peer = Peer(film())
    async with peer:
        await entered(site, peer.url)
        ws = await dial(site, site.user("duty_operator"))
        await hear(ws, wire.Kind.FRAME)
    assert (await state(ws, "lost"))["reason"] in ("connection_lost", "refused")
    await asyncio.sleep(2)
    async with Peer(film(), port=peer.port):
        assert (await state(ws, "playing", 20))["reason"] is None
        assert (await hear(ws, wire.Kind.FRAME))[0].flags & wire.Flag.KEY
    await ws.close()


async def test_heavy_loss_on_udp_ends_on_tcp(site: Site) -> None:
    async with Peer(film(100, (640, 360)), faults=Faults(loss=0.3), fps=50) as peer:
        await entered(site, peer.url, options={"transport": "udp"})
        async with dial(site, site.user("duty_operator")) as ws:
            assert (await state(ws, "lost", 25))["reason"] == "udp_loss"
            peer.faults.loss = 0.0  # TCP loses nothing
            await hear(ws, wire.Kind.FRAME, 20)
        relay = site.gateway.relays_of(CAMERA)[0]
        assert relay.source.state.transport == "tcp"


async def test_h265_says_what_to_do(site: Site) -> None:
    async with Peer(film(codec="libx265"), codec="h265") as peer:
        await entered(site, peer.url)
        async with dial(site, site.user("duty_operator")) as ws:
            told = await state(ws, "unsupported")
            assert told["reason"] == "h265_in_browser"
            assert told["detail"].startswith("hvc1.1.")
            assert "H.264" in told["action"]
            with site.client(site.user("duty_operator")) as client:
                answer = await asyncio.to_thread(client.get, f"/api/v1/cameras/{CAMERA}/snapshot")
            assert answer.status_code == 200, answer.text


async def test_a_viewer_who_does_not_read_jumps_and_harms_nobody(site: Site, tmp_path: Path) -> None:
    clip = film(100, (1280, 720), kbit=6000)
    async with Peer(clip) as peer:
        await entered(site, peer.url)
        user = site.user("duty_operator")
        async with dial(site, user) as good, dial(site, user, max_queue=1) as bad:
            await hear(bad, wire.Kind.INIT)
            relay = site.gateway.relays_of(CAMERA)[0]
            last, begun = None, time.monotonic()
            while sum(v.dropped for v in relay.viewers) == 0:
                head, _ = await hear(good, wire.Kind.FRAME)
                if last is not None:
                    assert head.sequence == last + 1
                last = head.sequence
                assert time.monotonic() - begun < 60
            waiting = max(v._held for v in relay.viewers)
            assert waiting <= site.settings.cameras.queue_kb * 1024
            sequences = []
            while not sequences or sequences[-1] < last:
                head, _ = await hear(bad, wire.Kind.FRAME)
                if sequences and head.sequence != sequences[-1] + 1:
                    assert head.flags & wire.Flag.KEY
                sequences.append(head.sequence)


async def test_only_who_may_see_it_sees_it(site: Site) -> None:
    async def refused(user: int, camera: int) -> int | None:
        async with dial(site, user, camera) as ws:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    await asyncio.wait_for(ws.recv(), 10)
            return ws.close_code

    async with Peer(film()) as peer:
        await entered(site, peer.url)
        await entered(site, peer.url, FIRM_CAMERA)
        manager = site.user("enterprise_manager", enterprise=1)
        assert await refused(manager, CAMERA) == 4404
        assert await refused(site.user("enterprise_manager", enterprise=2), FIRM_CAMERA) == 4404
        assert await refused(site.user("energy_manager"), CAMERA) == 4403
        assert await refused(site.user("duty_operator"), 99) == 4404
        assert await refused(site.user("duty_operator"), BARE_CAMERA) == 1013
        async with dial(site, manager, FIRM_CAMERA) as ws:
            await hear(ws, wire.Kind.FRAME)
        cookie, _ = site.cookie(site.user("duty_operator"))
        url = f"ws://127.0.0.1:{site.port}/api/v1/cameras/{CAMERA}/video"
        async with connect(
            url, additional_headers={"cookie": cookie, "origin": f"http://127.0.0.1:{site.port}"}
        ) as ws:
            await hear(ws, wire.Kind.FRAME)
        with pytest.raises(InvalidStatus):
            async with connect(url, additional_headers={"cookie": cookie, "origin": "http://evil.example"}):
                pass


async def test_consumers_get_units_and_a_broken_one_harms_nobody(site: Site) -> None:
    async with Peer(film()) as peer:
        await entered(site, peer.url)
        await until(lambda: site.gateway.linked(CAMERA) is not None)
        got: list[AccessUnit] = []

        def broken(_unit: AccessUnit) -> None:
            raise RuntimeError("a consumer's fault")

        def begin() -> list[Callable[[], None]]:
            return [site.gateway.subscribe(CAMERA, "main", take) for take in (broken, got.append)]

        async def call(what: Callable[[], Any]) -> Any:
            async def run() -> Any:
                return what()

            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(run(), site.loop))

        ends = await call(begin)
        await until(lambda: len(got) >= 30)
        assert got[0].key
        relay = site.gateway.relays_of(CAMERA)[0]
        assert relay.counters["consumer_failed"] >= 30
        for end in ends:
            await call(end)
            await call(end)  # twice is once
        await until(lambda: peer.playing == 0, 5)


async def test_snapshot_status_metrics_and_page(site: Site) -> None:
    async with Peer(film(), faults=Faults(clock_off_s=3600)) as peer:
        await entered(site, peer.url)
        with site.client(site.user("duty_operator")) as client:

            async def get(path: str) -> Any:
                return await asyncio.to_thread(client.get, path)

            answer = await get(f"/api/v1/cameras/{CAMERA}/snapshot?width=160")
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
            with av.open(io.BytesIO(answer.content), format="jpeg_pipe") as picture:
                frame = next(picture.decode(video=0))
            assert (frame.width, frame.height) == (160, 90)
            assert abs(int(answer.headers["x-captured-at"]) - site.clock.now_ms()) < 3000
            async with dial(site, site.user("duty_operator")) as ws:
                for _ in range(60):
                    await hear(ws, wire.Kind.FRAME)
                told = (await get(f"/api/v1/cameras/{CAMERA}/video/status")).json()
                [stream] = told["streams"]
                assert (stream["state"], stream["viewers"], stream["codec"]) == ("playing", 1, "avc1.42c00c")
                assert stream["skew_ms"] == pytest.approx(3_600_000, abs=500)
                assert stream["fps"] > 5
                assert stream["bit_rate"] > 1000
                listed = {g["name"]: g for g in (await get("/api/v1/gateways")).json()}
                assert listed["cameras"]["running"]
                assert listed["cameras"]["counters"]["clocks_wrong"] == 1
                figures = site.app.state.metrics
                from prometheus_client import generate_latest

                text = generate_latest(figures).decode()
                assert 'parksight_gateway_count{counter="streams_playing",gateway="cameras"} 1.0' in text
            assert (await get(f"/api/v1/cameras/{BARE_CAMERA}/snapshot")).status_code == 404
            assert (await get("/api/v1/cameras/99/snapshot")).status_code == 404
