"""A running HJ 212 gateway over real records and real sockets."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from tests.gateways.hj212.cases import MN
from tests.gateways.support import RecordingIngest, add_device, add_point

from parksight.gateways.context import GatewayContext
from parksight.gateways.hj212.gateway import Hj212Gateway
from parksight.kernel.db import Database
from parksight.kernel.settings import Hj212Settings

# The first call of a compiled kernel compiles it. A long fuzz: FUZZ_EXAMPLES=20000 pytest tests/gateways/hj212.
settings.register_profile("hj212", deadline=None, max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")))
settings.load_profile("hj212")


@dataclass
class Station:
    """The gateway and what the tests look at."""

    gateway: Hj212Gateway
    context: GatewayContext
    db: Database
    ingest: RecordingIngest

    @property
    def port(self) -> int:
        return self.gateway.port

    def device(
        self, mn: str = MN, addresses: dict[str, int | dict[str, Any]] | None = None, **more: Any
    ) -> int:
        """A device on record; without addresses ``a21026-Rtd`` and ``a21002-Rtd`` are mapped."""
        number = len(self.context.directory.devices())
        if addresses is None:
            addresses = {
                f"{factor}-Rtd": add_point(self.db, f"D{number}.{factor}", "concentration", "mg/m3")
                for factor in ("a21026", "a21002")
            }
        made = add_device(self.db, f"D{number}", "hj212", mn, addresses, **more)
        self.context.directory.load()
        self.gateway.book.adopt(*self.gateway.book.prepare())
        return made


Starter = Callable[..., Any]


@pytest.fixture
async def start(context: GatewayContext, db: Database) -> AsyncIterator[Starter]:
    """Start a gateway with other limits; stopped at the end."""
    made: list[Hj212Gateway] = []

    async def starter(newest: Callable[[int], int | None] | None = None, **limits: Any) -> Station:
        options = {"port": 0, "flush_ms": 1, **limits}
        gateway = Hj212Gateway(context, Hj212Settings(**options), db, newest=newest, unseal=str)
        await gateway.start()
        made.append(gateway)
        while not gateway.decoder.ready:
            await asyncio.sleep(0.01)
        assert isinstance(context.ingest, RecordingIngest)
        return Station(gateway, context, db, context.ingest)

    yield starter
    for gateway in made:
        await gateway.stop()


@pytest.fixture
async def station(start: Starter) -> Station:
    """A gateway with one device, :data:`MN`."""
    made: Station = await start()
    made.device()
    return made
