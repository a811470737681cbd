"""Broker connections through the routes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import select
from tests.gateways.support import add_device

from parksight.gateways import room
from parksight.gateways.context import GatewayContext
from parksight.gateways.mqtt import SPEC
from parksight.gateways.mqtt.api import router
from parksight.gateways.mqtt.gateway import MqttGateway
from parksight.gateways.mqtt.models import MqttConnection
from parksight.gateways.mqtt.template import TemplateLibrary
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import MqttSettings, Settings
from parksight.kernel.web import current_caller
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.points.service import PointService

INTEGRATOR = Caller(1, "Integrator", grants=("gateways.*",), enterprises=None)
CONFIG: dict[str, Any] = {
    "host": "127.0.0.1",
    "port": 1,
    "sources": [{"topic": "park/{n}", "device": "{n}", "template": "values-object"}],
}


@pytest.fixture
def app(context: GatewayContext, db: Database, tmp_path: Path) -> FastAPI:
    made = FastAPI()
    made.state.db = db
    made.state.settings = Settings()
    gateway = MqttGateway(context, MqttSettings(), db, Sealer(tmp_path), TemplateLibrary())
    points = PointService(db, context.clock, LiveTable(Catalogue(db)))
    made.state.gateways = room.build(context, [gateway], [SPEC], points)
    made.include_router(router)
    add_handlers(made)
    made.dependency_overrides[current_caller] = lambda: INTEGRATOR
    return made


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers={"accept-language": "en"}) as made:
        yield made


PATH = "/api/v1/gateways/mqtt/connections"


def test_life_of_a_connection(client: TestClient, db: Database, tmp_path: Path) -> None:
    body = {"name": "plant", "config": CONFIG, "password": "s3cret-of-the-broker"}
    made = client.post(PATH, json=body).json()
    assert (made["name"], made["has_password"], made["connected"]) == ("plant", True, False)
    assert "s3cret" not in client.get(PATH).text
    with db.read() as session:
        row = session.scalars(select(MqttConnection)).one()
        assert row.password is not None
        assert Sealer(tmp_path).open(row.password) == "s3cret-of-the-broker"
        assert all("s3cret" not in e.body for e in session.scalars(select(AuditEntry)))
    assert client.post(PATH, json=body).json()["code"] == "gateways.mqtt.name_taken"
    changed = client.patch(
        f"{PATH}/{made['id']}", json={"version": 1, "password": "", "enabled": False}
    ).json()
    assert (changed["has_password"], changed["enabled"], changed["version"]) == (False, False, 2)
    stale = client.patch(f"{PATH}/{made['id']}", json={"version": 1, "enabled": True})
    assert (stale.status_code, stale.json()["code"]) == (409, "gateways.mqtt.changed_meanwhile")
    device = add_device(db, "D", "mqtt", "plant|E1")
    assert client.delete(f"{PATH}/{made['id']}").json()["code"] == "gateways.mqtt.in_use"
    with db.session() as session:
        from parksight.gateways.models import Device

        session.delete(session.get(Device, device))
    assert client.delete(f"{PATH}/{made['id']}").status_code == 204
    assert client.get(f"{PATH}/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (
            {"sources": [{"topic": "a/{n}", "device": "{n}", "template": "no-such"}]},
            "/config/sources/0/template",
        ),
        ({"version": "4"}, "/body/config/version"),
        ({"sources": []}, "/body/config"),
        ({"port": 70_000}, "/body/config/port"),
    ],
)
def test_wrong_connections_are_refused_with_place(
    client: TestClient, change: dict[str, Any], where: str
) -> None:
    answer = client.post(PATH, json={"name": "plant", "config": {**CONFIG, **change}})
    assert (answer.status_code, answer.json()["where"]) == (422, where)


def test_only_zone_wide_callers_with_permission(app: FastAPI, client: TestClient) -> None:
    limited = dataclasses.replace(INTEGRATOR, enterprises=frozenset({1}))
    app.dependency_overrides[current_caller] = lambda: limited
    assert client.get(PATH).status_code == 403
    reader = dataclasses.replace(INTEGRATOR, grants=("gateways.*.read",))
    app.dependency_overrides[current_caller] = lambda: reader
    assert client.get(PATH).json() == []
    assert client.post(PATH, json={"name": "plant", "config": CONFIG}).status_code == 403


def test_templates_are_listed(client: TestClient) -> None:
    names = [t["name"] for t in client.get("/api/v1/gateways/mqtt/templates").json()["templates"]]
    assert "values-object" in names
