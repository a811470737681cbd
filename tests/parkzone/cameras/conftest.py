"""Rooms of the camera tests: the scenery is built once, the servers listen on free ports."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

pytest.importorskip("av")

from parkzone.cameras.house import House
from parkzone.cameras.renderer import NoGraphicsError, Renderer
from parkzone.cameras.scenery import Scenery, scenery
from parkzone.seeds import DEFAULT_SEED


@pytest.fixture(scope="session")
def park_scenery() -> Scenery:
    return scenery(DEFAULT_SEED)


@pytest.fixture(scope="session")
def park_renderer(park_scenery: Scenery) -> Renderer:
    try:
        return Renderer(park_scenery, DEFAULT_SEED)
    except NoGraphicsError as error:
        pytest.skip(f"no OpenGL: {error}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def house(anyio_backend: str) -> AsyncIterator[House]:
    served = House(DEFAULT_SEED, "token-of-test")
    await served.start("127.0.0.1", 0, 0)
    yield served
    await served.stop()
