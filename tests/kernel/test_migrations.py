"""Migrations: the same ones make exactly the models' schema on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError

from parksight.kernel import audit, migrate
from parksight.kernel.bus import Bus
from parksight.kernel.clock import SimulatedClock
from parksight.kernel.db import Base, Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import SYSTEM


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path, clock: SimulatedClock) -> Iterator[Database]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'records.sqlite'}"
    else:
        url = request.getfixturevalue("postgres_url")
    db = Database(url, Bus(), clock)
    yield db
    db.close()


def test_migrations_make_what_the_models_say(empty: Database) -> None:
    """Fails when a model changed without a migration: ``python -m parksight.kernel.migrate``."""
    assert migrate.current(empty) is None
    assert migrate.check(empty)
    migrate.upgrade(empty)
    assert migrate.current(empty) == migrate.head()
    assert migrate.check(empty) == []
    migrate.upgrade(empty)
    tables = set(inspect(empty.engine).get_table_names())
    assert tables == set(Base.metadata.tables) | {"alembic_version"}


def test_migrated_append_only_tables_refuse_changes(empty: Database) -> None:
    migrate.upgrade(empty)
    with empty.session() as session:
        audit.record(session, SYSTEM, action="test.thing.make", subject=("thing", 1))
    for sql in ("UPDATE kernel_audit SET actor='x'", "DELETE FROM kernel_audit"):
        with pytest.raises(DBAPIError, match="append-only"), empty.session() as session:
            session.execute(text(sql))


def test_a_lost_guard_and_a_changed_column_are_found(empty: Database) -> None:
    migrate.upgrade(empty)
    if empty.url.startswith("sqlite"):
        drop = ["DROP TRIGGER kernel_audit_no_update", "DROP TRIGGER kernel_audit_no_delete"]
    else:
        drop = ["DROP TRIGGER kernel_audit_append_only ON kernel_audit",
                "DROP TRIGGER kernel_audit_no_truncate ON kernel_audit"]  # fmt: skip
    with empty.session() as session:
        for sql in [*drop, "ALTER TABLE kernel_post DROP COLUMN duties"]:
            session.execute(text(sql))
    found = migrate.check(empty)
    assert any("kernel_audit is not guarded" in line for line in found)
    assert any("duties" in line for line in found)


def test_databases_of_others_and_of_later_versions_are_left_alone(empty: Database) -> None:
    with empty.session() as session:
        session.execute(text("CREATE TABLE somebody_elses (id integer)"))
    with pytest.raises(ProblemError, match=r"kernel\.migrate\.foreign"):
        migrate.upgrade(empty)
    assert inspect(empty.engine).get_table_names() == ["somebody_elses"]
    with empty.session() as session:
        session.execute(text("DROP TABLE somebody_elses"))
    migrate.upgrade(empty)
    with empty.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num='9999'"))
    with pytest.raises(ProblemError, match=r"kernel\.migrate\.newer"):
        migrate.upgrade(empty)
    with empty.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num='0001'"))
    with pytest.raises(ProblemError, match=r"kernel\.migrate\.unreleased"):
        migrate.upgrade(empty)


def test_all_rooms_are_found() -> None:
    names = migrate.import_models()
    rooms = {"parksight.kernel.identity.models", "parksight.kernel.audit.models", "parksight.registry.models"}
    assert rooms <= set(names)
