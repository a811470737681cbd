"""Pushes through the real route."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.gateways.support import RecordingIngest, add_device, add_point

from parksight.gateways import room
from parksight.gateways.context import GatewayContext
from parksight.gateways.http import SPEC
from parksight.gateways.http.api import router
from parksight.gateways.http.gateway import PATH, HttpGateway
from parksight.gateways.http.points import PointIndex
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import PushSettings, Settings
from parksight.kernel.web import current_caller
from parksight.telemetry.catalogue import Catalogue
from parksight.telemetry.ingest import IngestFailed
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.points.service import PointService
from parksight.telemetry.quality import QualityFlag

T0 = 1_795_452_524_304
INTEGRATOR = Caller(1, "Integrator", kind="token", grants=("gateways.*",), enterprises=None)


@pytest.fixture
def app(context: GatewayContext, db: Database) -> Iterator[FastAPI]:
    points = PointIndex(db)
    settings = PushSettings(max_body_mb=2, max_in_flight_mb=3, wait_s=0.1)
    gateway = HttpGateway(context, settings, points)
    made = FastAPI()
    made.state.db = db
    made.state.settings = Settings()
    made.state.gateways = room.build(
        context, [gateway], [SPEC], PointService(db, context.clock, LiveTable(Catalogue(db)))
    )
    gateway._running = True
    made.include_router(router)
    add_handlers(made)
    made.dependency_overrides[current_caller] = lambda: INTEGRATOR
    yield made
    points.close()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, headers={"accept-language": "en"}) as made:
        yield made


@pytest.fixture
def ingest(context: GatewayContext) -> RecordingIngest:
    assert isinstance(context.ingest, RecordingIngest)
    return context.ingest


def arrow(**columns: Any) -> bytes:
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def test_addresses_of_a_device_are_converted(
    client: TestClient, db: Database, context: GatewayContext, ingest: RecordingIngest
) -> None:
    point = add_point(db, "TK1.T")
    device = add_device(
        db, "D1", "http", "D1", {"t1": {"point_id": point, "source_unit": "K"}}, simulated=True
    )
    context.directory.load()
    readings = [
        {"address": "t1", "t": T0, "v": 300, "q": "good"},
        {"address": "t2", "t": T0, "v": 1},
        {"address": "t1", "t": "soon", "v": 1},
        {"address": "t1", "v": 1},
    ]
    answer = client.post(PATH, json={"device": "D1", "readings": readings}).json()
    assert (answer["received"], answer["stored"]) == (4, 1)
    assert answer["rejected"] == {"unmapped": 1, "bad_time": 1, "no_time": 1}
    assert {(e["row"], e["reason"]) for e in answer["errors"]} == {
        (1, "unmapped"),
        (2, "bad_time"),
        (3, "no_time"),
    }
    assert ingest.rejected == {"bad_time": 1, "no_time": 1}
    stored = ingest.rows()[0]
    assert stored[0] == point
    assert stored[2] == pytest.approx(26.85)
    assert stored[3] == QualityFlag.SIMULATED
    assert ingest.batches[0].source == device
    activity = context.activity.of(device)
    assert (activity.frames, activity.stored, dict(activity.unmapped)) == (1, 1, {"t2": 1})
    assert context.frames.read(device)[0].deviations == ("bad_time", "no_time", "unmapped")


def test_a_device_without_a_clock(
    client: TestClient, db: Database, context: GatewayContext, ingest: RecordingIngest
) -> None:
    point = add_point(db, "P1")
    add_device(db, "D1", "http", "D1", {"a": point}, config={"time": "arrival"})
    context.directory.load()
    before = context.clock.now_ms()
    assert (
        client.post(PATH, json={"device": "D1", "readings": [{"address": "a", "v": 1}]}).json()["stored"] == 1
    )
    assert before <= ingest.rows()[0][1] <= context.clock.now_ms()


def test_arrow_history(client: TestClient, db: Database, ingest: RecordingIngest) -> None:
    points = [add_point(db, f"P{i}") for i in range(5)]
    n = 60_000
    body = arrow(
        point_code=pa.array([f"P{i % 6}" for i in range(n)]),
        observed_at=pa.array(T0 + np.arange(n), pa.timestamp("ms", tz="UTC")),
        value=np.arange(n, dtype=np.float64),
    )
    answer = client.post(
        PATH,
        content=body,
        params={"backfill": True},
        headers={"content-type": "application/vnd.apache.arrow.stream"},
    ).json()
    assert answer["received"] == n
    assert answer["rejected"] == {"unmapped": n // 6}
    assert answer["stored"] == n - n // 6
    assert len(answer["errors"]) == 20
    (batch,) = ingest.batches
    assert batch.backfill
    assert batch.point[:6].tolist() == [*points, -1]
    assert batch.observed_at[-1] == T0 + n - 1
    assert batch.value[-1] == n - 1


def test_csv_for_a_device(client: TestClient, db: Database, context: GatewayContext) -> None:
    point = add_point(db, "P1")
    add_device(db, "D1", "http", "D1", {"a": point})
    context.directory.load()
    answer = client.post(
        PATH,
        content=f"address,t,v\na,{T0},1.5\n",
        params={"device": "D1"},
        headers={"content-type": "text/csv"},
    ).json()
    assert answer == {"received": 1, "stored": 1, "rejected": {}, "errors": []}


def test_device_credentials_reach_only_their_own_points(
    app: FastAPI, client: TestClient, db: Database, context: GatewayContext
) -> None:
    mine, other = add_point(db, "MINE"), add_point(db, "OTHER")
    device = add_device(db, "D1", "http", "D1", {"a": mine})
    add_device(db, "D2", "http", "D2", {"a": other})
    context.directory.load()
    caller = Caller(device, "D1 key", kind="device", grants=("gateways.observation.push",))
    app.dependency_overrides[current_caller] = lambda: caller
    readings = [{"point": p, "t": T0, "v": 1} for p in ("MINE", "OTHER")] + [
        {"address": "a", "t": T0, "v": 1}
    ]
    answer = client.post(PATH, json={"readings": readings}).json()
    assert (answer["stored"], answer["rejected"]) == (2, {"unmapped": 1})
    refused = client.post(PATH, json={"device": "D2", "readings": []})
    assert (refused.status_code, refused.json()["code"]) == (403, "gateways.push.other_device")
    with db.session() as session:
        from parksight.gateways.models import Device

        found = session.get(Device, device)
        assert found is not None
        found.enabled = False
    context.directory.load()
    assert client.post(PATH, json={"readings": []}).json()["code"] == "gateways.push.device_disabled"


def test_enterprise_tokens_reach_only_their_enterprise(
    app: FastAPI, client: TestClient, db: Database, context: GatewayContext
) -> None:
    add_point(db, "MINE", enterprise_id=1)
    add_point(db, "OTHER", enterprise_id=2)
    add_device(db, "D2", "http", "D2", enterprise_id=2)
    context.directory.load()
    app.dependency_overrides[current_caller] = lambda: dataclasses.replace(
        INTEGRATOR, enterprises=frozenset({1})
    )
    readings = [{"point": p, "t": T0, "v": 1} for p in ("MINE", "OTHER")]
    answer = client.post(PATH, json={"readings": readings}).json()
    assert (answer["stored"], answer["rejected"]) == (1, {"unmapped": 1})
    assert client.post(PATH, json={"device": "D2", "readings": []}).status_code == 404


def test_unreadable_pushes_are_refused_counted_and_kept(
    client: TestClient, context: GatewayContext, ingest: RecordingIngest
) -> None:
    answer = client.post(PATH, content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "gateways.push.not_json")
    assert "UTF-8" in answer.json()["action"]
    assert ingest.rejected == {"http_not_json": 1}
    assert context.frames.read(0)[0].data == b"{"
    assert client.post(PATH, content=b"x", headers={"content-type": "text/html"}).status_code == 415
    assert client.post(PATH, json={"device": "NOBODY", "readings": []}).status_code == 404
    context.unknown.flush()
    assert context.unknown.counters["frames"] == 1


def test_limits(client: TestClient, db: Database, ingest: RecordingIngest) -> None:
    add_point(db, "P1")
    large = client.post(PATH, content=b" " * (2 * 2**20 + 1), headers={"content-type": "application/json"})
    assert (large.status_code, large.json()["code"]) == (413, "gateways.push.too_large")
    ingest.full = True
    body = {"readings": [{"point": "P1", "t": T0, "v": 1}]}
    full = client.post(PATH, json=body)
    assert (full.status_code, full.headers["retry-after"]) == (429, "2")
    ingest.full = False
    ingest.fail = IngestFailed("disk full")
    broken = client.post(PATH, json=body)
    assert (broken.status_code, broken.json()["code"]) == (503, "gateways.push.not_durable")
    ingest.fail = None
    assert client.post(PATH, json=body).json()["stored"] == 1


def test_status_counts(app: FastAPI, client: TestClient, db: Database) -> None:
    add_point(db, "P1")
    readings = [{"point": "P1", "t": T0, "v": 1}, {"point": "P9", "t": T0, "v": 1}]
    client.post(PATH, json={"readings": readings})
    gateway = app.state.gateways.manager.get("http")
    status = gateway.status()
    assert status.counters["readings"] == 2
    assert status.counters["stored"] == 1
    assert status.rejected == {"unmapped": 1}
    (seen,) = gateway.connections()
    assert (seen.key, seen.readings) == ("Integrator", 2)
