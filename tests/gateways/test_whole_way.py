"""From a device on a socket through the real ingest into the real store, and what the diagnosis says of it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import io
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import numpy as np
import pyarrow as pa
import pytest
from fastapi import FastAPI
from tests.gateways.modbus.peers import pymodbus_server
from tests.gateways.support import add_device, add_point

from parksight.gateways import room
from parksight.gateways.api import router
from parksight.gateways.context import GatewayContext
from parksight.gateways.http import SPEC as HTTP
from parksight.gateways.http.api import router as push_router
from parksight.gateways.http.gateway import PATH, HttpGateway
from parksight.gateways.http.points import PointIndex
from parksight.gateways.modbus import SPEC as MODBUS
from parksight.gateways.modbus.gateway import ModbusGateway
from parksight.gateways.modbus.templates import TemplateLibrary
from parksight.kernel.db import Database
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import ModbusSettings, PushSettings, Settings
from parksight.kernel.web import current_caller
from parksight.telemetry.assembly import Telemetry
from parksight.telemetry.store import DuckDbStore

pytestmark = pytest.mark.anyio
CALLER = Caller(1, "Integrator", kind="token", grants=("*",), enterprises=None)


@dataclasses.dataclass
class House:
    """The platform from the gateways down."""

    telemetry: Telemetry
    store: DuckDbStore
    gateways: room.Gateways
    client: httpx.AsyncClient


@contextlib.asynccontextmanager
async def house(context: GatewayContext, db: Database, tmp_path: Path) -> AsyncIterator[House]:
    settings = Settings(data_dir=tmp_path)
    store = DuckDbStore(tmp_path / "observations", settings.store, settings.zone.timezone, context.clock)
    telemetry = Telemetry(settings, db, context.clock, store)
    real = dataclasses.replace(context, ingest=telemetry.pipeline)
    index = PointIndex(db)
    running = [
        HttpGateway(real, PushSettings(), index),
        ModbusGateway(real, ModbusSettings(), TemplateLibrary()),
    ]
    gateways = room.build(
        real, running, [HTTP, MODBUS], telemetry.points, live=telemetry.live, books=telemetry.pipeline.books
    )
    app = FastAPI()
    app.state.db, app.state.settings, app.state.gateways = db, settings, gateways
    app.include_router(push_router)
    app.include_router(router)
    app.dependency_overrides[current_caller] = lambda: CALLER
    add_handlers(app)
    db.bus.attach(asyncio.get_running_loop())
    await telemetry.start()
    await gateways.manager.start()
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://park", headers={"accept-language": "en"}
    ) as client:
        try:
            yield House(telemetry, store, gateways, client)
        finally:
            await gateways.manager.stop()
            await telemetry.stop()
            store.close()
            index.close()
            db.bus.detach()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_modbus_from_socket_to_store(context: GatewayContext, db: Database, tmp_path: Path) -> None:
    good, dead = add_point(db, "E01.P"), add_point(db, "E01.T", period_s=0.2)
    row = {"key": "a", "address": 0, "scale": 0.1}
    config = {"registers": [row, {**row, "key": "b", "address": 50}], "periods": {"normal": 0.05}}
    async with pymodbus_server({1: {0: 215}}) as port:
        device = add_device(
            db, "PLC1", "modbus", f"127.0.0.1:{port}/1", {"a": good, "b": dead}, config=config
        )
        async with house(context, db, tmp_path) as h:
            now = context.clock.now_ms()
            await until(lambda: h.telemetry.live.rows([good], now).count[0] >= 3)
            await until(lambda: h.gateways.context.activity.of(device).errors["modbus_illegal_address"] >= 1)
            stored = h.store.raw([good], now - 60_000, now + 60_000)
            assert len(stored) >= 3
            assert stored.value.tolist() == pytest.approx([21.5] * len(stored))
            found = (await h.client.get(f"/api/v1/devices/{device}/diagnosis")).json()
            verdicts = {c["check"]: c["verdict"] for c in found["checks"]}
            assert found["silent"], "one of its points never had a value"
            assert verdicts["connected"] == verdicts["accepted"] == "ok"
            assert verdicts["points_fresh"] == "fail"
            detail = next(c["detail"] for c in found["checks"] if c["check"] == "points_fresh")
            assert detail.startswith("1 of 2 points have no fresh value (1 never had one): E01.T")
            books = h.telemetry.pipeline.books.source(device)
            assert books.balanced


async def test_pushed_history_is_stored_whole(context: GatewayContext, db: Database, tmp_path: Path) -> None:
    points = [add_point(db, f"P{i}", "level", "m") for i in range(20)]
    n = 120_000
    async with house(context, db, tmp_path) as h:
        start = context.clock.now_ms() - 7 * 86_400_000
        table = pa.table(
            {
                "point_code": pa.array([f"P{i % 20}" for i in range(n)]).dictionary_encode(),
                "observed_at": pa.array(start + 1000 * (np.arange(n) // 20), pa.timestamp("ms", tz="UTC")),
                "value": np.arange(n) % 1000 / 10,
            }
        )
        sink = io.BytesIO()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        answer = await h.client.post(
            PATH, content=sink.getvalue(), params={"backfill": "true"},
            headers={"content-type": "application/vnd.apache.arrow.stream"},
        )  # fmt: skip
        assert answer.json() == {"received": n, "stored": n, "rejected": {}, "errors": []}
        rows = h.store.raw(points, start, start + 1000 * n)
        assert len(rows) == n
        again = await h.client.post(PATH, json={"readings": [{"point": "P1", "t": start, "v": 0.1}]})
        assert again.json()["rejected"] == {"duplicate": 1}


async def test_a_live_reading_reaches_the_live_table(
    context: GatewayContext, db: Database, tmp_path: Path
) -> None:
    point = add_point(db, "P1")
    add_device(db, "D1", "http", "D1", {"t": point}, simulated=True)
    async with house(context, db, tmp_path) as h:
        now = context.clock.now_ms()
        body = {"device": "D1", "readings": [{"address": "t", "t": now, "v": 3, "q": "good"}]}
        assert (await h.client.post(PATH, json=body)).json()["stored"] == 1
        row = h.telemetry.live.rows([point], now)
        assert (row.value[0], row.observed_at[0], row.quality[0]) == (3.0, now, 0x80)
