"""Back-history against a real HTTP server that keeps what it is sent and loses some of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from parksight.gateways.http.columnar import parse_arrow
from parkzone.api import Api, ApiError
from parkzone.engine import Engine
from parkzone.history import REFERENCE, History, HistoryProgress
from parkzone.park import Park

from .conftest import MIDNIGHT_MS

NOW_MS = MIDNIGHT_MS + 5 * 3_600_000 + 20 * 60_000 + 7_000
HOUR = 3_600_000


class Keeper:
    """Keeps the reference point's rows per hour and counts all; answers 429 now and then, as a full platform does."""

    def __init__(self, full_first: int = 0, fail: bool = False) -> None:
        self.minutes: set[int] = set()
        self.order: list[int] = []
        self.rows = 0
        self.devices: set[str] = set()
        self.full = full_first
        self.fail = fail
        self.sample: dict[str, float] = {}

    async def push(self, request: Request) -> JSONResponse:
        if self.full:
            self.full -= 1
            return JSONResponse({"title": "full"}, 429, {"retry-after": "0"})
        if self.fail:
            return JSONResponse({"detail": "no such device"}, 404)
        assert request.query_params["backfill"] == "true"
        self.devices.add(request.query_params["device"])
        body = await request.body()
        parsed = parse_arrow(body, 2_000_000, 10)  # the platform's own reader takes it
        table = pa.ipc.open_stream(body).read_all()
        assert len(parsed.rows.value) == table.num_rows
        codes = np.array(table["point_code"].combine_chunks().dictionary.to_pylist())
        index = table["point_code"].combine_chunks().indices.to_numpy()
        at = table["observed_at"].to_numpy()
        mine = codes[index] == REFERENCE
        self.minutes |= set(at[mine].tolist())
        self.order.append(int(at.max()))
        self.rows += table.num_rows
        values = table["value"].to_numpy()
        self.sample = {
            str(c): float(v)
            for c, v in zip(codes[index][at == at.max()], values[at == at.max()], strict=True)
        }
        return JSONResponse(
            {"received": table.num_rows, "stored": table.num_rows, "rejected": {}, "errors": []}
        )

    async def buckets(self, request: Request) -> JSONResponse:
        q = {k: int(v) for k, v in request.query_params.items()}
        assert (q["points"], q["width_ms"]) == (4711, 60_000)
        assert q["end"] - q["start"] <= 24 * HOUR
        return JSONResponse(
            {"series": [{"start": sorted(m for m in self.minutes if q["start"] <= m < q["end"])}]}
        )

    async def point(self, request: Request) -> JSONResponse:
        return JSONResponse({"id": 4711})


@asynccontextmanager
async def served(keeper: Keeper) -> AsyncIterator[Api]:
    app = Starlette(
        routes=[
            Route("/api/v1/ingest/observations", keeper.push, methods=["POST"]),
            Route("/api/v1/observations/buckets", keeper.buckets),
            Route("/api/v1/points/by-code/{code}", keeper.point),
        ]
    )
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    api = Api(f"http://127.0.0.1:{port}", "token")
    try:
        yield api
    finally:
        await api.close()
        server.should_exit = True
        await task


def send(engine: Engine, keeper: Keeper, days: float) -> HistoryProgress:
    async def scenario() -> HistoryProgress:
        async with served(keeper) as api:
            history = History(engine, api, days, lambda _p: None)
            await history.run()
            return history.progress

    return asyncio.run(scenario())


@pytest.fixture(scope="module")
def engine(park: Park) -> Engine:
    return Engine(park, lambda: NOW_MS)


def test_history_is_whole_newest_first_and_joins_the_present(engine: Engine) -> None:
    keeper = Keeper(full_first=2)
    progress = send(engine, keeper, 0.25)
    assert progress.phase == "done", progress
    alive = len(engine.points) - int(engine.missing.sum())
    first, last = (NOW_MS - 6 * HOUR) // HOUR * HOUR, NOW_MS // 60_000 * 60_000
    minutes = (last - first) // 60_000
    assert progress.sent == progress.stored == progress.total == keeper.rows == alive * minutes
    assert len(keeper.minutes) == minutes
    # two requests may overtake each other; beyond that the newest hour is first
    assert all(a > b - 2 * HOUR for a, b in zip(keeper.order, keeper.order[1:], strict=False))
    assert keeper.order[0] > keeper.order[-1]
    assert len(keeper.devices) == 2
    # the live engine shows the same numbers at the same instant
    there = {
        p.code: v
        for p, v in zip(
            engine.points, engine.model.values(np.array([first + 59 * 60_000]))[:, 0].tolist(), strict=True
        )
    }
    assert {c: there[c] for c in list(keeper.sample)[:500]} == {
        c: keeper.sample[c] for c in list(keeper.sample)[:500]
    }


def test_a_dead_device_spoke_until_it_died(engine: Engine) -> None:
    dead = [engine.points[i].code for i in np.flatnonzero(engine.missing)]
    assert dead
    keeper = Keeper()
    # only the oldest hour is wanted
    keeper.minutes = set(range(NOW_MS // HOUR * HOUR - 53 * HOUR, NOW_MS, 60_000))
    progress = send(engine, keeper, 54 / 24)
    assert progress.phase == "done"
    assert progress.total == keeper.rows == 60 * len(engine.points)
    assert set(dead) <= set(keeper.sample)


def test_what_is_there_already_is_not_sent_again(engine: Engine) -> None:
    keeper = Keeper()
    send(engine, keeper, 0.25)
    before = keeper.rows
    again = send(engine, keeper, 0.25)
    assert (again.phase, again.total, keeper.rows) == ("done", 0, before)


def test_a_hole_is_filled_and_nothing_else(engine: Engine) -> None:
    keeper = Keeper()
    send(engine, keeper, 0.25)
    hole = NOW_MS // HOUR * HOUR - 3 * HOUR
    keeper.minutes -= set(range(hole + 10 * 60_000, hole + 35 * 60_000, 60_000))
    keeper.minutes.remove(hole + 2 * HOUR + 60_000)  # a single minute is not worth it
    before = keeper.rows
    again = send(engine, keeper, 0.25)
    assert again.phase == "done"
    assert keeper.rows - before == again.total == 25 * (len(engine.points) - int(engine.missing.sum()))


def test_a_platform_that_goes_away_is_waited_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper = Keeper()

    async def scenario() -> HistoryProgress:
        async with served(keeper) as api:
            real, failures = api.client.post, [httpx.ConnectError("refused"), httpx.ReadError("reset")]

            async def flaky(*args: Any, **kwargs: Any) -> httpx.Response:
                if failures:
                    raise failures.pop()
                return await real(*args, **kwargs)

            monkeypatch.setattr(api.client, "post", flaky)
            history = History(engine, api, 0.0, lambda _p: None)
            await history.run()
            return history.progress

    progress = asyncio.run(scenario())
    assert (progress.phase, progress.sent) == ("done", progress.total)
    assert progress.total > 0


def test_a_refusal_ends_it_and_is_shown(engine: Engine) -> None:
    progress = send(engine, Keeper(fail=True), 0.1)
    assert progress.phase == "failed"
    assert progress.error is not None
    assert "no such device" in progress.error


def test_no_days_no_history_beyond_this_hour(engine: Engine) -> None:
    keeper = Keeper()
    progress = send(engine, keeper, 0.0)
    assert progress.phase == "done"
    assert min(keeper.minutes) == NOW_MS // HOUR * HOUR


def test_an_error_carries_the_platforms_words() -> None:
    async def refuse(request: Request) -> JSONResponse:
        return JSONResponse({"title": "Forbidden", "detail": "needs registry.import"}, 403)

    class Door(Keeper):
        async def point(self, request: Request) -> Any:
            return await refuse(request)

    async def scenario() -> None:
        async with served(Door()) as api:
            with pytest.raises(ApiError, match=r"403 needs registry\.import"):
                await api.get("/points/by-code/x")

    asyncio.run(scenario())
