"""Real records in a temporary SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from parksight.gateways.directory import DeviceDirectory
from parksight.kernel.bus import Bus
from parksight.kernel.db import Database


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'records.sqlite'}", Bus())
    database.create_all()
    yield database
    database.close()


@pytest.fixture
def directory(db: Database) -> Iterator[DeviceDirectory]:
    made = DeviceDirectory(db)
    made.load()
    yield made
    made.close()
