from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from argon2 import PasswordHasher
from tests.kernel.postgres import PostgresServer, postgres_server, postgres_url
from tests.kernel.site import Site, add_user, make_app, make_settings, serve

from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Database

__all__ = ["postgres_server", "postgres_url"]

START = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def quiet_log() -> Iterator[None]:
    """Without it every line is rendered in colours for a person, tracebacks with all variables."""
    kept = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**kept)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def light_hasher() -> PasswordHasher:
    """argon2id with the least work, so that tests spend their time elsewhere."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with all tables, to be copied: making them anew costs a second each time."""
    file = tmp_path_factory.mktemp("template") / "records.sqlite"
    made = Database(f"sqlite:///{file}", Bus())
    made.create_all()
    with made.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    made.close()
    return file


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """The same as a PostgreSQL database."""
    name = postgres_server.create()
    made = Database(postgres_server.url(name), Bus())
    made.create_all()
    made.close()
    return name


@pytest.fixture
def sqlite_db(tmp_path: Path, clock: SimulatedClock, sqlite_template: Path) -> Iterator[Database]:
    shutil.copyfile(sqlite_template, tmp_path / "records.sqlite")
    db = Database(f"sqlite:///{tmp_path / 'records.sqlite'}", Bus(), clock)
    yield db
    db.close()


@pytest.fixture
def postgres_db(
    clock: SimulatedClock, postgres_server: PostgresServer, postgres_template: str
) -> Iterator[Database]:
    name = postgres_server.create(postgres_template)
    db = Database(postgres_server.url(name), Bus(), clock)
    yield db
    db.close()
    postgres_server.drop(name)


@pytest.fixture(params=["sqlite_db", pytest.param("postgres_db", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest) -> Database:
    """The same test on SQLite and on a real PostgreSQL."""
    made: Database = request.getfixturevalue(request.param)
    return made


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
