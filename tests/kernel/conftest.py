from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from tests.kernel.postgres import postgres_server, postgres_url
from tests.kernel.site import Site, add_user, make_app, make_settings, serve

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


@pytest.fixture
def site(db: Database, clock: SimulatedClock, tmp_path: Path) -> Iterator[Site]:
    """The kernel's routes on a real socket, on both databases, with one account per kind."""
    yield from _site(db, clock, tmp_path)


@pytest.fixture
def quick_site(sqlite_db: Database, clock: SimulatedClock, tmp_path: Path) -> Iterator[Site]:
    """The same on SQLite only, for what does not touch SQL."""
    yield from _site(sqlite_db, clock, tmp_path)


def _site(db: Database, clock: SimulatedClock, folder: Path) -> Iterator[Site]:
    settings = make_settings(folder / "data", server={"max_body_mb": 1}, security={"sign_in_per_minute": 50})
    app = make_app(settings, db, clock)
    people = {
        "admin": add_user(app, "admin", "administrator"),
        "duty": add_user(app, "duty", "duty_operator"),
        "firm": add_user(app, "firm", "enterprise_user", scope_ids=[7]),
    }
    with serve(app) as address:
        yield Site(app, address, people)
