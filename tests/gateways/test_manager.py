"""The manager keeps gateways running and tells them of changes."""

from __future__ import annotations

import asyncio

import pytest

from parksight.gateways.context import GatewayContext
from parksight.gateways.events import DevicesChanged
from parksight.gateways.manager import GatewayManager, backoff
from parksight.gateways.protocols import ConnectionView, GatewayStatus
from parksight.kernel.db import Database, emit

pytestmark = pytest.mark.anyio


class Flaky:
    """A listener on a real port that can be told to fail or to die."""

    def __init__(self, name: str, failures: int = 0) -> None:
        self.name = name
        self.failures = failures
        self.starts = 0
        self.reloads = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self.starts += 1
        if self.starts <= self.failures:
            raise OSError("address in use")
        self._server = await asyncio.start_server(lambda r, w: w.close(), "127.0.0.1", 0)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def status(self) -> GatewayStatus:
        return GatewayStatus(self.name, self._server is not None, None, 0, {}, {}, {})

    def connections(self, limit: int = 1000) -> list[ConnectionView]:
        return []

    def reload_devices(self) -> None:
        self.reloads += 1


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_failing_gateway_is_tried_again_and_does_not_stop_the_others(context: GatewayContext) -> None:
    bad, good = Flaky("bad", failures=1), Flaky("good")
    manager = GatewayManager(context, [bad, good])
    await manager.start()
    try:
        assert good.status().running
        assert not bad.status().running
        assert "address in use" in (manager.supervision["bad"].last_error or "")
        await _until(lambda: bad.status().running)
        assert manager.supervision["bad"].restarts == 1
        await good.stop()
        await _until(lambda: good.status().running)
        assert good.starts == 2
    finally:
        await manager.stop()
    assert not good.status().running
    await manager.stop()


async def test_gateways_hear_of_changed_devices_and_logs_are_written(
    context: GatewayContext, db: Database
) -> None:
    gateway = Flaky("one")
    manager = GatewayManager(context, [gateway])
    db.bus.attach(asyncio.get_running_loop())
    await manager.start()
    try:
        context.activity.of(99).error("bad_crc")
        with db.session() as session:
            emit(session, DevicesChanged(ids=(1,)))
        await _until(lambda: gateway.reloads == 1)
        assert context.activity.get(99) is None, "devices no longer on record are forgotten"
        context.frames.add(1, 1, b"x")
    finally:
        await manager.stop()
    assert context.frames.flush() == 0, "stopping writes what was pending"


def test_backoff_grows_and_stays_bounded() -> None:
    for attempt in range(40):
        span = min(60.0, 2.0 ** min(attempt, 16))
        assert span / 2 <= backoff(attempt) <= span
