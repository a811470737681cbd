"""The head routes and the joystick, against a device on a real socket."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import ASGIApp, Receive, Scope, Send
from tests.gateways.cameras.heads import HeadServer
from tests.gateways.cameras.ptz.test_control import QUICK, entries

from parksight.gateways import room
from parksight.gateways.cameras.ptz.api import router
from parksight.gateways.cameras.ptz.heads import Heads
from parksight.gateways.context import GatewayContext
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import ROLES, Caller
from parksight.kernel.sealing import Sealer
from parksight.kernel.web import current_caller
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.points.service import PointService

LI = Caller(1, "李值班", grants=ROLES["duty_operator"], enterprises=None)
READER = Caller(4, "Zhao", grants=("cameras.video.read",), enterprises=None)


class Signed:
    """Puts the caller where the kernel's middleware would."""

    def __init__(self, app: ASGIApp, who: Callable[[], Caller | None]) -> None:
        self.app, self.who = app, who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope.setdefault("state", {})["caller"] = self.who()
        await self.app(scope, receive, send)


@pytest.fixture
def server() -> HeadServer:
    return HeadServer(wsse=True)


@pytest.fixture
def who() -> list[Caller | None]:
    return [LI]


@pytest.fixture
def client(
    context: GatewayContext, db: Database, tmp_path: Path, server: HeadServer, who: list[Caller | None],
    make_camera: Callable[..., int],
) -> Iterator[TestClient]:  # fmt: skip
    heads = Heads(db, context.clock, Sealer(tmp_path).open, QUICK)
    points = PointService(db, context.clock, LiveTable(Catalogue(db)))

    @asynccontextmanager
    async def life(_app: FastAPI) -> AsyncIterator[None]:
        async with server:
            options = {"device_path": "/T01/onvif/device_service"}
            assert make_camera("T01", port=server.port, options=options) == 1
            assert make_camera("C01", port=server.port, options=options, enterprise="E1") == 2
            assert make_camera("C02") == 3
            await heads.start()
            yield
            await heads.stop()

    app = FastAPI(lifespan=life)
    app.state.db = db
    app.state.gateways = room.build(context, [heads], [], points)
    app.include_router(router)
    add_handlers(app)
    app.dependency_overrides[current_caller] = lambda: who[0]
    with TestClient(Signed(app, lambda: who[0]), headers={"accept-language": "en"}) as made:
        end = time.monotonic() + 30
        while made.get("/api/v1/cameras/1/ptz").json()["position"] is None:
            assert time.monotonic() < end
            time.sleep(0.05)
        yield made


def settled(client: TestClient) -> dict[str, Any]:
    end = time.monotonic() + 8
    while True:
        time.sleep(0.25)
        state: dict[str, Any] = client.get("/api/v1/cameras/1/ptz").json()
        if state["position"] and state["position"]["moving"] is False:
            return state
        assert time.monotonic() < end


def test_state_moves_presets_and_lock(
    client: TestClient, db: Database, server: HeadServer, who: list[Caller | None]
) -> None:
    path = "/api/v1/cameras/1/ptz"
    state = client.get(path).json()
    assert (state["state"], state["abilities"]["tilt"], state["lock"]) == ("ok", [-90.0, 20.0], None)
    assert state["counters"]["samples"] >= 1
    assert client.post(f"{path}/absolute", json={"pan": -20, "tilt": -30, "zoom": 3}).status_code == 204
    position = settled(client)["position"]
    assert (position["pan"], position["tilt"], position["zoom"]) == pytest.approx((-20, -30, 3), abs=0.01)
    refused = client.post(f"{path}/absolute", json={"pan": 0, "tilt": 60, "zoom": 3})
    assert (refused.status_code, refused.json()["code"]) == (422, "gateways.cameras.ptz.out_of_range")
    aim = client.post(f"{path}/centre", json={"u": 0.75, "v": 0.5}).json()
    assert aim["rough"] is True
    assert -20 < aim["pan"] < 5
    box = client.post(f"{path}/box", json={"u0": 0.25, "v0": 0.25, "u1": 0.75, "v1": 0.75}).json()
    assert box["zoom"] == pytest.approx(6.0, rel=0.02)
    token = client.post(f"{path}/presets", json={"name": "东门"}).json()["token"]
    assert {"token": token, "name": "东门"} in client.get(f"{path}/presets").json()
    assert client.post(f"{path}/presets/{token}/go").status_code == 204
    missing = client.post(f"{path}/presets/77/go")
    assert (missing.status_code, missing.json()["code"]) == (502, "gateways.cameras.error.no_such")
    assert "does not know" in missing.json()["detail"]
    assert client.post(f"{path}/lock", json={"minutes": 5, "reason": "watch"}).json()["mine"] is True
    who[0] = dataclasses.replace(LI, id=2, name="Wang")
    assert client.get(path).json()["lock"]["owner"] == "李值班"
    assert client.post(f"{path}/stop").json()["code"] == "gateways.cameras.ptz.locked"
    who[0] = READER
    assert client.get(path).status_code == 200
    for method, tail in (("post", "/stop"), ("post", "/lock"), ("delete", "/lock"), ("delete", "/presets/1")):
        body = {"json": {}} if method == "post" else {}
        assert getattr(client, method)(path + tail, **body).status_code == 403, tail
    assert entries(db, "cameras.ptz.preset_set")[0]["after"] == {"preset": token, "name": "东门"}


def test_scope(client: TestClient, who: list[Caller | None]) -> None:
    assert client.get("/api/v1/cameras/3/ptz").json()["code"] == "gateways.cameras.ptz.no_head"
    assert client.get("/api/v1/cameras/99/ptz").json()["code"] == "kernel.not_found"
    who[0] = dataclasses.replace(LI, grants=("cameras.*",), enterprises=frozenset({1}))
    assert client.get("/api/v1/cameras/2/ptz").status_code == 200
    assert client.get("/api/v1/cameras/1/ptz").status_code == 404  # the zone's own
    with client.websocket_connect("/api/v1/cameras/1/ptz/joystick") as socket:
        assert socket.receive()["code"] == 4404
    who[0] = dataclasses.replace(LI, grants=("cameras.*",), enterprises=frozenset({7}))
    for method, tail in (("get", ""), ("post", "/stop"), ("get", "/presets"), ("get", "/tours")):
        assert getattr(client, method)(f"/api/v1/cameras/2/ptz{tail}").status_code == 404


def test_tours(client: TestClient, server: HeadServer) -> None:
    path = "/api/v1/cameras/1/ptz/tours"
    body = {
        "name": "round",
        "steps": [{"preset": "1", "dwell_s": 2}, {"pose": {"pan": 0, "tilt": 0, "zoom": 1}}],
    }
    made = client.post(path, json=body).json()
    assert (made["version"], made["running"]) == (1, False)
    assert client.post(path, json=body).json()["code"] == "gateways.cameras.tour.name_taken"
    wrong = {"name": "x", "steps": [{"dwell_s": 5}]}
    assert client.post(path, json=wrong).status_code == 422
    one = f"{path}/{made['id']}"
    assert client.put(one, json={**body, "name": "night", "version": 1}).json()["version"] == 2
    assert (
        client.put(one, json={**body, "version": 1}).json()["code"]
        == "gateways.cameras.tour.changed_meanwhile"
    )
    assert client.get("/api/v1/cameras/2/ptz/tours").json() == []
    assert client.delete(f"/api/v1/cameras/2/ptz/tours/{made['id']}").status_code == 404
    assert client.post(f"{one}/start").status_code == 204
    assert client.get("/api/v1/cameras/1/ptz").json()["tour"]["name"] == "night"
    assert client.delete(one).json()["code"] == "gateways.cameras.tour.running"
    assert client.post("/api/v1/cameras/1/ptz/tour/stop").status_code == 204
    assert client.delete(one).status_code == 204
    assert server.seen["GotoPreset"] == 1


def test_joystick_stops_when_its_connection_ends(
    client: TestClient, db: Database, server: HeadServer
) -> None:
    with client.websocket_connect("/api/v1/cameras/1/ptz/joystick") as socket:
        assert socket.receive_json() == {"op": "hello", "renew_ms": 600}
        for _ in range(10):
            socket.send_json({"pan": 0.5})
            time.sleep(0.05)
        assert socket.receive_json()["op"] == "pose"
        assert server.body.moving
        socket.send_json({"pan": 7})
        message = socket.receive_json()
        while message["op"] == "pose":
            message = socket.receive_json()
        assert message["code"] == "bad_message"
    end = time.monotonic() + 3
    while not entries(db):
        assert time.monotonic() < end
        time.sleep(0.02)
    (entry,) = entries(db)
    assert (entry["action"], entry["after"]["ended"]) == ("cameras.ptz.drag", "connection_lost")
    assert entry["after"]["messages"] == 10
    assert not server.body.moving


def test_joystick_needs_a_session_and_the_right(client: TestClient, who: list[Caller | None]) -> None:
    for caller, code in ((None, 4401), (READER, 4403)):
        who[0] = caller
        with client.websocket_connect("/api/v1/cameras/1/ptz/joystick") as socket:
            assert socket.receive()["code"] == code


def test_joystick_that_floods_is_closed(client: TestClient, server: HeadServer) -> None:
    with client.websocket_connect("/api/v1/cameras/1/ptz/joystick") as socket:
        socket.receive_json()
        for _ in range(100):
            socket.send_json({"pan": 0.1})
        message = socket.receive()
        while message["type"] == "websocket.send":
            message = socket.receive()
        assert message["code"] == 1008
    assert not server.body.moving
