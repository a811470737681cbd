"""Real records in a temporary SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from tests.gateways.support import RecordingIngest

from parksight.gateways.activity import ActivityBook
from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import DeviceDirectory
from parksight.gateways.frames import FrameLog
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SystemClock
from parksight.kernel.db import Database

# A shared machine may stall any example; time is measured in bench/, not here.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


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


@pytest.fixture
def context(db: Database, directory: DeviceDirectory, tmp_path: Path) -> Iterator[GatewayContext]:
    """Everything a gateway needs, over real records and a recording ingest (``context.ingest``)."""
    made = GatewayContext(
        ingest=RecordingIngest(),
        directory=directory,
        frames=FrameLog(tmp_path / "frames.sqlite"),
        activity=ActivityBook(),
        unknown=UnknownDevices(db),
        clock=SystemClock(),
        bus=db.bus,
    )
    yield made
    made.frames.close()
