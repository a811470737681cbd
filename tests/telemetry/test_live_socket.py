"""The live WebSocket over real sockets: subscriptions, scope, limits, slow clients, end of session."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from tests.telemetry.kit import NOW, add_points, batch, columns
from tests.telemetry.site import Site
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from parksight.kernel.identity.models import UserSession
from parksight.kernel.settings import LiveSettings
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    live = LiveSettings(tick_ms=50, max_clients=3, max_points_per_client=20, queue_messages=2)
    with Site(tmp_path, live) as made:
        add_points(made.db, 10, first=1, enterprise_id=1)
        add_points(made.db, 10, first=11, enterprise_id=2)
        add_points(made.db, 10, first=21)
        made.telemetry.catalogue.invalidate(None)
        made.telemetry.hub.register_topic("alarms", "alarms.alarm.read")
        yield made


def dial(site: Site, user: int | None, **options: Any) -> connect:
    headers = {} if user is None else {"authorization": f"Bearer {site.token(user)}"}
    return connect(
        f"ws://127.0.0.1:{site.port}/api/v1/live", additional_headers=headers, open_timeout=10, **options
    )


async def hear(ws: ClientConnection, op: str, **having: Any) -> dict[str, Any]:
    """The next message of a kind."""
    while True:
        message: dict[str, Any] = json.loads(await asyncio.wait_for(ws.recv(), 10))
        if message["op"] == op and all(message.get(k) == v for k, v in having.items()):
            return message


async def ending(ws: ClientConnection) -> int:
    """Read until the server closes; its code."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await ws.recv()
    assert ws.close_code is not None
    return ws.close_code


async def say(ws: ClientConnection, **message: Any) -> None:
    await ws.send(json.dumps(message))


async def submit(site: Site, *args: Any, **options: Any) -> None:
    await asyncio.to_thread(site.submit, batch(*args, **options))


async def test_subscribe_snapshot_and_changes(site: Site) -> None:
    await submit(site, [1, 2], NOW, [1.5, 2.5])
    while site.telemetry.hub._any_dirty:  # sent out to nobody
        await asyncio.sleep(0.01)
    async with dial(site, site.user("administrator")) as ws:
        hello = await hear(ws, "hello")
        assert (hello["tick_ms"], hello["limits"]["points"], hello["server_ms"]) == (50, 20, NOW)
        await say(ws, op="subscribe", points=[1, 2, 3, 999, -5], topics=["ingest", "gossip"])
        done = await hear(ws, "subscribed")
        assert (done["points"], done["refused"]) == ([1, 2, 3], [-5, 999])
        assert (done["topics"], done["refused_topics"]) == (["ingest"], ["gossip"])
        assert (await hear(ws, "values"))["v"] == [1, 1.5, NOW, 0, 2, 2.5, NOW, 0]
        await submit(site, [2, 3, 4], NOW + 1000, [3.5, float("nan"), 1.0], [0, 3, 0], received=NOW + 1000)
        await hear(ws, "values", v=[2, 3.5, NOW + 1000, 0, 3, None, NOW + 1000, 3])
        site.clock.advance(2)  # figures of the door go out once a second
        while (await hear(ws, "topic", topic="ingest"))["data"]["stored"] != 5:
            site.clock.advance(2)
        await say(ws, op="unsubscribe", points=[2], topics=["ingest"])
        await hear(ws, "unsubscribed")
        await submit(site, [1, 2], NOW + 2000, 9.0, received=NOW + 2000)
        assert (await hear(ws, "values"))["v"] == [1, 9.0, NOW + 2000, 0]


async def test_a_reading_from_the_future_does_not_hide_the_next(site: Site) -> None:
    async with dial(site, site.user("administrator")) as ws:
        await say(ws, op="subscribe", points=[1])
        await hear(ws, "values", v=[])
        await submit(site, [1], NOW + 3_600_000, 1.0)
        assert (await hear(ws, "values"))["v"] == [1, 1.0, NOW, 0x20]
        await submit(site, [1], NOW + 1000, 2.0, received=NOW + 1000)
        assert (await hear(ws, "values"))["v"] == [1, 2.0, NOW + 1000, 0]


async def test_enterprises_hear_their_own_only(site: Site) -> None:
    user = site.user("enterprise_user", [1])
    async with dial(site, user) as ws, dial(site, site.user("administrator")) as zone:
        for socket in (ws, zone):
            await say(socket, op="subscribe", points=[1, 11, 21], topics=["alarms"])
        done = await hear(ws, "subscribed")
        assert (done["points"], done["refused"], done["topics"]) == ([1], [11, 21], ["alarms"])
        await hear(zone, "subscribed")
        await submit(site, [1, 11, 21], NOW, 5.0)
        assert (await hear(zone, "values", v=[1, 5.0, NOW, 0, 11, 5.0, NOW, 0, 21, 5.0, NOW, 0]))["v"]
        assert (await hear(ws, "values", v=[1, 5.0, NOW, 0]))["v"]
        for owner in (2, None, 1):
            site.telemetry.hub.publish_topic("alarms", {"of": owner}, owner)
        assert (await hear(ws, "topic"))["data"] == {"of": 1}
        assert [(await hear(zone, "topic"))["data"]["of"] for _ in range(3)] == [2, None, 1]
        # The point moves to another enterprise: the first one hears it no more.
        with site.db.session() as session:
            session.get_one(Point, 1).enterprise_id = 2
        site.db.bus.publish(PointsChanged(ids=(1,)))
        while len(site.telemetry.hub.clients) and any(
            c.caller.enterprises is not None and len(c.ids) for c in site.telemetry.hub.clients
        ):
            await asyncio.sleep(0.01)
        await submit(site, [1], NOW + 1, 6.0, received=NOW + 1)
        await hear(zone, "values", v=[1, 6.0, NOW + 1, 0])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ws.recv(), 0.3)


async def test_who_may_not_is_turned_away(site: Site) -> None:
    async with dial(site, None) as ws:
        assert (await ending(ws)) == 4401
    cookie, _ = site.cookie(site.user("administrator"))
    for origin, admitted in (("http://evil.example", False), (f"http://127.0.0.1:{site.port}", True)):
        dialled = connect(
            f"ws://127.0.0.1:{site.port}/api/v1/live", additional_headers={"cookie": cookie, "origin": origin}
        )
        if admitted:
            async with dialled as ws:
                await hear(ws, "hello")
        else:
            with pytest.raises(InvalidStatus):
                await dialled
    async with dial(site, site.user("nobody_role")) as ws:
        assert (await ending(ws)) == 4403


async def test_the_end_of_the_session_ends_the_connection(site: Site) -> None:
    site.telemetry.hub.recheck_s = 0.05
    cookie, row = site.cookie(site.user("administrator"))
    headers = {"cookie": cookie, "origin": f"http://127.0.0.1:{site.port}"}
    async with connect(f"ws://127.0.0.1:{site.port}/api/v1/live", additional_headers=headers) as ws:
        await hear(ws, "hello")
        with site.db.session() as session:
            session.execute(
                update(UserSession).where(UserSession.id == row).values(ended_at=datetime.now(UTC))
            )
        site.app.state.callers.forget()
        assert (await ending(ws)) == 4401


async def test_limits_are_enforced_and_counted(site: Site) -> None:
    user = site.user("administrator")
    async with dial(site, user) as first, dial(site, user), dial(site, user):
        await say(first, op="subscribe", points=list(range(1, 31)))
        done = await hear(first, "subscribed")
        assert (len(done["points"]), len(done["refused"])) == (20, 10)
        async with dial(site, user) as fourth:
            assert (await ending(fourth)) == 1013
        figures = site.telemetry.hub.figures()
        assert (figures["clients"], figures["counters"]["refused_clients"]) == (3, 1)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "[]",
        "{",
        '{"op":"fly"}',
        '{"op":"subscribe","points":["1"]}',
        '{"op":"subscribe","points":[1e99]}',
    ],
)
async def test_bad_messages_are_answered(site: Site, message: str) -> None:
    async with dial(site, site.user("administrator")) as ws:
        await ws.send(message)
        assert (await hear(ws, "error"))["code"] == "telemetry.live.bad_message"
        await say(ws, op="subscribe", points=[1])
        assert (await hear(ws, "subscribed"))["points"] == [1]


async def test_too_many_or_too_long_messages_end_the_connection(site: Site) -> None:
    user = site.user("administrator")
    async with dial(site, user) as ws:
        with contextlib.suppress(ConnectionClosed):
            for _ in range(200):
                await say(ws, op="subscribe")
        assert (await ending(ws)) == 1008
        assert site.telemetry.hub.counters["closed_for_rate"] == 1
    async with dial(site, user) as ws:
        await ws.send(" " * 300_000)
        assert (await ending(ws)) == 1009


async def test_a_slow_client_gets_the_newest_values_and_is_counted(site: Site) -> None:
    user = site.user("administrator")
    async with dial(site, user) as ws, dial(site, user) as fast:
        for socket in (ws, fast):
            await say(socket, op="subscribe", points=[1, 2], topics=["alarms"])
            await hear(socket, "values", v=[])
        hub = site.telemetry.hub

        def fill() -> None:  # on the server's loop, without a pause: no sender gets its turn
            for i in range(50):
                hub._live.update(batch_rows(i))
                hub.touch(batch_rows(i).point)
                hub.publish_topic("alarms", {"n": i})
                hub.tick()

        site.loop.call_soon_threadsafe(fill)
        values, topics = [], []
        while not values or values[-1][1] != 49.0:
            message = json.loads(await asyncio.wait_for(ws.recv(), 10))
            if message["op"] == "values":
                values.append(message["v"])
            elif message["op"] == "topic":
                topics.append(message["data"]["n"])
        assert len(values) < 10
        assert values[-1] == [1, 49.0, NOW + 49, 0, 2, 49.0, NOW + 49, 0]
        assert topics[-1] == 49
        assert hub.figures()["counters"]["collapsed"] > 0
        async with asyncio.timeout(10):
            while hub.figures()["slow_clients"]:
                await asyncio.sleep(0.01)


def batch_rows(i: int) -> Any:
    return columns([(p, NOW + i, float(i), 0, NOW + i) for p in (1, 2)])


async def test_equal_interests_are_encoded_once(site: Site) -> None:
    user = site.user("administrator")
    async with dial(site, user) as one, dial(site, user) as two, dial(site, user) as other:
        for socket, points in ((one, [1, 2]), (two, [2, 1]), (other, [1])):
            await say(socket, op="subscribe", points=points)
            await hear(socket, "values", v=[])
        before = site.telemetry.hub.counters["encoded"]
        await submit(site, [1, 2], NOW, 4.0)
        for socket in (one, two, other):
            await hear(socket, "values")
        assert site.telemetry.hub.counters["encoded"] - before == 2
        assert site.telemetry.hub.figures()["interests"] == 2
    while site.telemetry.hub.clients:
        await asyncio.sleep(0.01)
    assert site.telemetry.hub.figures()["interests"] == 0


async def test_garbage_disturbs_nobody(site: Site) -> None:
    dice = random.Random(11)
    words = [
        '{"op":',
        '"subscribe"',
        '"unsubscribe"',
        ',"points":',
        "[1,2]",
        "[-9e99]",
        "null",
        ',"topics":',
        "}",
        '"\\ud800"',
    ]
    async with dial(site, site.user("administrator")) as ws, dial(site, site.user("administrator")) as quiet:
        await say(quiet, op="subscribe", points=[1])
        await hear(quiet, "subscribed")
        for i in range(50):
            text = "".join(dice.choices(words, k=dice.randrange(1, 8)))
            await ws.send(text.encode() if i % 3 == 0 else bytes(dice.randbytes(20)) if i % 3 == 1 else text)
        await say(ws, op="subscribe", points=[2])
        await hear(ws, "subscribed", points=[2])
        await submit(site, [1], NOW, 3.0)
        await hear(quiet, "values", v=[1, 3.0, NOW, 0])
        assert site.telemetry.hub.counters["bad_messages"] > 30


async def test_the_first_word_of_a_quiet_topic_does_not_wait_for_the_tick(site: Site) -> None:
    """The first message leaves at once, those right after it keep to the tick and nothing is lost or out of order."""
    hub = site.telemetry.hub
    hub.settings = LiveSettings(tick_ms=2000)  # how long a topic must have been quiet
    async with dial(site, site.user("administrator")) as ws:
        await hear(ws, "hello")
        await say(ws, op="subscribe", points=[], topics=["alarms"])
        await hear(ws, "subscribed")
        await asyncio.to_thread(hub.publish_topic, "alarms", {"n": 1})
        assert (await hear(ws, "topic"))["data"] == {"n": 1}
        for n in (2, 3):
            await asyncio.to_thread(hub.publish_topic, "alarms", {"n": n})
        assert [(await hear(ws, "topic"))["data"]["n"] for _ in range(2)] == [2, 3]
        assert hub.counters["topics_at_once"] == 1
