from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from tests.kernel.postgres import postgres_server, postgres_url

from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database

__all__ = ["postgres_server", "postgres_url"]

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def light_hasher() -> PasswordHasher:
    """argon2id with the least work, so that tests spend their time elsewhere."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def sqlite_db(tmp_path: Path, clock: SimulatedClock) -> Iterator[Database]:
    db = Database(f"sqlite:///{tmp_path / 'records.sqlite'}", Bus(), clock)
    db.create_all()
    yield db
    db.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest, tmp_path: Path, clock: SimulatedClock) -> Iterator[Database]:
    """The same test on SQLite and on a real PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_url")
    made = Database(url, Bus(), clock)
    made.create_all()
    yield made
    made.close()
