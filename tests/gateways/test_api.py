"""Devices through the real routes, over real records."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.gateways.support import NOW, add_point

from parksight.gateways import room
from parksight.gateways.api import router
from parksight.gateways.context import GatewayContext
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.gateways.spec import Proposal, ProtocolSpec, Strict
from parksight.kernel import audit
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import Settings
from parksight.kernel.web import current_caller
from parksight.registry.models import Enterprise
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.points.service import PointService

INTEGRATOR = Caller(1, "Integrator", grants=("gateways.*", "telemetry.*"), enterprises=None)


class Config(Strict):
    password: str = "123456"
    retries: int = 3


def _mn(address: str) -> str:
    if len(address) < 4:
        raise ValueError("an MN has at least 4 characters")
    return address.upper()


def _propose(address: str, sample: str) -> Proposal:
    if address == "a01001-Rtd":
        return Proposal(address, "温度", "Temperature", "temperature", "degC", "weather", sample)
    return Proposal(address, address, address, None, None, "", sample)


SPEC = ProtocolSpec("hj212", Config, address=_mn, propose=_propose)


class QuietGateway:
    """A gateway without a protocol: the routes only need its figures."""

    name = "hj212"

    def __init__(self) -> None:
        self.running = False
        self.reloads = 0

    async def start(self) -> None:
        self.running = True

    async def stop(self) -> None:
        self.running = False

    def status(self) -> GatewayStatus:
        return GatewayStatus(
            "hj212", self.running, "127.0.0.1:8612", 1, {"connections": 10}, {"frames": 7}, {}
        )

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        return [ConnectionView("1", None, "127.0.0.1:50000", 1, None)]

    def reload_devices(self) -> None:
        self.reloads += 1


@pytest.fixture
def gateway() -> QuietGateway:
    return QuietGateway()


@pytest.fixture
def app(context: GatewayContext, db: Database, gateway: QuietGateway) -> FastAPI:
    made = FastAPI()
    live = LiveTable(Catalogue(db))
    points = PointService(db, context.clock, live)
    made.state.db = db
    made.state.settings = Settings()
    made.state.gateways = room.build(context, [gateway], [SPEC], points, live=live)
    made.include_router(router)
    add_handlers(made)
    made.dependency_overrides[current_caller] = lambda: INTEGRATOR
    return made


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers={"accept-language": "en"}) as made:
        yield made


def device(**more: Any) -> dict[str, Any]:
    return {"code": "E01.CEMS", "protocol": "hj212", "name": "Stack 1", "address": "mn0001", **more}


def test_device_life(client: TestClient, db: Database, gateway: QuietGateway) -> None:
    made = client.post("/api/v1/devices", json=device(config={"retries": 5}))
    assert made.status_code == 201
    body = made.json()
    assert (body["address"], body["version"], body["mappings"]) == ("MN0001", 1, 0)
    changed = client.patch(f"/api/v1/devices/{body['id']}", json={"version": 1, "enabled": False}).json()
    assert (changed["enabled"], changed["version"]) == (False, 2)
    stale = client.patch(f"/api/v1/devices/{body['id']}", json={"version": 1, "enabled": True})
    assert (stale.status_code, stale.json()["code"]) == (409, "gateways.device.changed_meanwhile")
    assert client.delete(f"/api/v1/devices/{body['id']}").status_code == 204
    assert client.get(f"/api/v1/devices/{body['id']}").status_code == 404
    with db.read() as session:
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.seq)).all()
        assert audit.verify(session).sound
    assert actions == ["gateways.device.create", "gateways.device.update", "gateways.device.delete"]


@pytest.mark.parametrize(
    ("change", "status", "code", "where"),
    [
        ({"protocol": "profinet"}, 422, "gateways.protocol_unknown", "/protocol"),
        ({"address": ""}, 422, "gateways.device.address_needed", "/address"),
        ({"address": "mn"}, 422, "gateways.device.address_wrong", "/address"),
        ({"config": {"retries": "many"}}, 422, "gateways.device.config_wrong", "/config/retries"),
        ({"config": {"colour": 1}}, 422, "gateways.device.config_wrong", "/config/colour"),
        ({"policy": {"x": 1}}, 422, "gateways.device.config_wrong", "/policy/x"),
        ({"enterprise_id": 77}, 404, "kernel.not_found", None),
        ({"code": "has space"}, 422, "kernel.invalid_input", "/body/code"),
        ({"surprise": 1}, 422, "kernel.invalid_input", "/body/surprise"),
    ],
)
def test_wrong_devices_are_refused_with_place_and_remedy(
    client: TestClient, change: dict[str, Any], status: int, code: str, where: str | None
) -> None:
    answer = client.post("/api/v1/devices", json=device(**change))
    body = answer.json()
    assert (answer.status_code, body["code"], body.get("where")) == (status, code, where)
    if code.startswith("gateways."):
        assert body["detail"] != code
        assert "{" not in body["detail"] + body["action"]


def test_code_and_address_are_unique(client: TestClient) -> None:
    assert client.post("/api/v1/devices", json=device()).status_code == 201
    same_code = client.post("/api/v1/devices", json=device(address="mn0002")).json()
    same_address = client.post("/api/v1/devices", json=device(code="E02.CEMS")).json()
    assert same_code["code"] == "gateways.device.code_taken"
    assert same_address["code"] == "gateways.device.address_taken"
    assert "E01.CEMS" in same_address["detail"]


def test_import_reports_each_row(client: TestClient, db: Database) -> None:
    point = add_point(db, "E01.T1")
    rows = [
        device(mappings=[{"address": "a01001-Rtd", "point": "E01.T1"}], simulated=True),
        device(code="E02.CEMS"),
        device(code="E03.CEMS", address="mn0003", mappings=[{"address": "x", "point": "E01.NONE"}]),
        device(code="E04.CEMS", address="mn0004"),
    ]
    report = client.post("/api/v1/devices/import", json=rows).json()
    assert [r["outcome"] for r in report["rows"]] == ["created", "refused", "refused", "created"]
    assert report["rows"][1]["problem"]["code"] == "gateways.device.address_taken"
    assert report["rows"][2]["problem"]["where"] == "/mappings/0"
    listed = client.get("/api/v1/devices").json()
    assert [(d["code"], d["mappings"]) for d in listed["items"]] == [("E01.CEMS", 1), ("E04.CEMS", 0)]
    with db.read() as session:
        found = session.get(Point, point)
        assert found is not None
        assert found.simulated
    rows[0]["name"] = "Stack one"
    again = client.post("/api/v1/devices/import", params={"update": True}, json=[rows[0], rows[3]]).json()
    assert [r["outcome"] for r in again["rows"]] == ["updated", "unchanged"]


def test_mappings_are_checked_and_replaced(client: TestClient, db: Database, context: GatewayContext) -> None:
    point = add_point(db, "E01.T1")
    made = client.post("/api/v1/devices", json=device()).json()
    path = f"/api/v1/devices/{made['id']}/mappings"
    wrong = [
        ([{"address": "a"}], "gateways.mapping.point_needed", "/mappings/0"),
        ([{"address": "a", "point_id": 999}], "gateways.mapping.point_unknown", "/mappings/0"),
        (
            [{"address": "a", "point_id": point, "scale": 0}],
            "gateways.mapping.scale_zero",
            "/mappings/0/scale",
        ),
        (
            [{"address": "a", "point_id": point}, {"address": "a", "point_id": point}],
            "gateways.mapping.twice",
            "/mappings/1/address",
        ),
        (
            [{"address": "a", "point_id": point, "source_unit": "kPa"}],
            "telemetry.unit.not_convertible",
            "/mappings/0/source_unit",
        ),
    ]
    for rows, code, where in wrong:
        body = client.put(path, json=rows).json()
        assert (body["code"], body["where"]) == (code, where)
    put = client.put(path, json=[{"address": "a", "point": "E01.T1", "source_unit": "K"}]).json()
    assert [(m["address"], m["point"], m["problem"]) for m in put] == [("a", "E01.T1", None)]
    assert context.directory.resolve(made["id"], "a") == point
    client.put(path, json=[{"address": "b", "point_id": point}])
    assert [m["address"] for m in client.get(path).json()] == ["b"]


def test_unknown_device_becomes_a_known_one(
    client: TestClient, db: Database, context: GatewayContext
) -> None:
    fields = {"a01001-Rtd": "21.5", "a99999-Rtd": "3"}
    context.unknown.seen("hj212", "MN0009", 1_000, peer="10.0.0.9:4", frame=b"##0101\xff", fields=fields)
    (row,) = client.get("/api/v1/devices/unknown").json()["items"]
    assert (row["address"], row["count"], row["fields"]) == ("MN0009", 1, 2)
    detail = client.get(f"/api/v1/devices/unknown/{row['id']}").json()
    assert detail["sample_text"] == "##0101\\xff"
    assert [(p["quantity"], p["sample"]) for p in detail["proposals"]] == [
        ("temperature", "21.5"),
        (None, "3"),
    ]
    points = [
        {"address": "a01001-Rtd", "code": "E09.T", "name": "温度", "quantity": "temperature", "unit": "degC"},
        {"address": "a99999-Rtd", "code": "E09.X", "name": "X"},
    ]
    path = f"/api/v1/devices/unknown/{row['id']}/onboard"
    body = {"device": device(code="E09.CEMS", address="MN0009"), "points": points}
    refused = client.post(path, json=body).json()
    assert (refused["code"], refused["where"]) == ("gateways.onboard.field_needed", "/points/1/quantity")
    assert client.get("/api/v1/devices").json()["total"] == 0, "nothing may be kept of a refused onboarding"
    points[1] |= {"quantity": "pressure", "unit": "furlong"}
    assert client.post(path, json=body).json()["code"] == "gateways.onboard.point_wrong"
    points[1]["unit"] = "kPa"
    done = client.post(path, json=body)
    assert done.status_code == 201
    assert len(done.json()["points_created"]) == 2
    assert client.get("/api/v1/devices/unknown").json()["total"] == 0
    assert (
        context.directory.resolve(done.json()["device"]["id"], "a01001-Rtd") in done.json()["points_created"]
    )


def test_enterprise_callers_see_only_their_own(app: FastAPI, client: TestClient, db: Database) -> None:
    with db.session() as session:
        session.add_all(
            [Enterprise(id=i, code=f"E{i}", name=f"E{i}", created_at=NOW, updated_at=NOW) for i in (1, 2)]
        )
    other = client.post("/api/v1/devices", json=device(enterprise_id=2)).json()["id"]
    own = client.post("/api/v1/devices", json=device(code="own", address="mn0002", enterprise_id=1)).json()[
        "id"
    ]
    add_point(db, "OTHER", enterprise_id=2)
    limited = dataclasses.replace(INTEGRATOR, enterprises=frozenset({1}))
    app.dependency_overrides[current_caller] = lambda: limited
    assert [d["id"] for d in client.get("/api/v1/devices").json()["items"]] == [own]
    for path in ("", "/mappings", "/frames", "/diagnosis"):
        assert client.get(f"/api/v1/devices/{other}{path}").status_code == 404
    assert client.patch(f"/api/v1/devices/{other}", json={"version": 1}).status_code == 404
    assert client.delete(f"/api/v1/devices/{other}").status_code == 404
    stolen = client.put(f"/api/v1/devices/{own}/mappings", json=[{"address": "a", "point": "OTHER"}])
    assert stolen.json()["code"] == "gateways.mapping.point_unknown"
    assert client.post("/api/v1/devices", json=device(code="x", address="mn0003")).status_code == 403
    assert client.get("/api/v1/devices/unknown").status_code == 404
    assert client.get("/api/v1/gateways/hj212/connections").json()["total"] == 0


def test_permissions_are_asked(app: FastAPI, client: TestClient) -> None:
    app.dependency_overrides[current_caller] = lambda: dataclasses.replace(
        INTEGRATOR, grants=("gateways.device.read",)
    )
    assert client.get("/api/v1/devices").status_code == 200
    assert client.post("/api/v1/devices", json=device()).status_code == 403
    assert client.get("/api/v1/gateways").status_code == 403


def test_frames_are_shown_readable(client: TestClient, context: GatewayContext) -> None:
    made = client.post("/api/v1/devices", json=device()).json()["id"]
    context.frames.add(made, 5_000, b"##0012\r\n\xff", peer="p", deviations=["crc_case"])
    body = client.get(f"/api/v1/devices/{made}/frames").json()
    assert body["total"] == 1
    assert body["items"][0]["text"] == "##0012\\x0d\n\\xff"
    assert body["items"][0]["deviations"] == ["crc_case"]


def test_diagnosis_names_the_first_cause(client: TestClient, context: GatewayContext) -> None:
    made = client.post("/api/v1/devices", json=device()).json()["id"]
    context.unknown.seen("hj212", "MN0O01", context.clock.now_ms(), frame=b"x")
    context.unknown.flush()
    english = client.get(f"/api/v1/devices/{made}/diagnosis").json()
    assert english["cause"] == "gateway_running"
    by_name = {c["check"]: c for c in english["checks"]}
    assert by_name["enabled"]["verdict"] == "ok"
    assert "MN0O01" in by_name["ever_heard"]["detail"]
    chinese = client.get(f"/api/v1/devices/{made}/diagnosis", headers={"accept-language": "zh"}).json()
    assert chinese["checks"][0]["title"] == "设备是否启用"


def test_gateways_are_listed(client: TestClient) -> None:
    (gateway,) = client.get("/api/v1/gateways").json()
    assert (gateway["name"], gateway["running"], gateway["counters"]) == ("hj212", False, {"frames": 7})
    assert client.get("/api/v1/gateways/opcua").status_code == 404
    (protocol,) = client.get("/api/v1/gateways/protocols").json()
    assert "retries" in protocol["config_schema"]["properties"]
