"""Records: SQLAlchemy 2 on SQLite (WAL) by default, PostgreSQL beyond one machine.

One unit of work per request or job: :meth:`Database.session` commits at the end, rolls back on an error,
and only after a commit hands the events collected with :func:`emit` to the bus.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Integer, MetaData, TypeDecorator, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.types import DateTime

from parksight.kernel.bus import Bus, Event
from parksight.kernel.clock import Clock, SystemClock

_EVENTS = "parksight_events"
_CLOCK = "parksight_clock"


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes on every database; a naive one is refused instead of guessed."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime reached the database: attach its timezone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Declarative base of all tables. Table names are ``<module>_<noun>``."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - the name SQLAlchemy asks for
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        list[str]: JSON,
        int: BigInteger().with_variant(Integer, "sqlite"),
    }


class Database:
    """The engine and its units of work.

    Args:
        url: SQLAlchemy URL, ``sqlite:///path`` or ``postgresql+pg8000://…``.
        bus: receives events after each commit.
        clock: stamps what is written through these sessions; see :func:`clock_of`.
    """

    def __init__(self, url: str, bus: Bus, clock: Clock | None = None) -> None:
        self.url = url
        self.bus = bus
        self.clock: Clock = clock or SystemClock()
        sqlite = url.startswith("sqlite")
        kwargs: dict[str, Any] = {"pool_pre_ping": not sqlite}
        if sqlite:
            kwargs["connect_args"] = {"timeout": 30, "check_same_thread": False}
        self.engine: Engine = create_engine(url, **kwargs)
        if sqlite:
            _tune_sqlite(self.engine)
        info = {_CLOCK: self.clock}
        self._readers = sessionmaker(self.engine, expire_on_commit=False, info=info)
        # SQLite: take the write lock at BEGIN, so that two writers queue instead of failing half-way.
        writing = self.engine.execution_options(begin="IMMEDIATE")
        self._writers = sessionmaker(writing, expire_on_commit=False, info=info)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session for queries only; what it changes is rolled back."""
        with self._readers() as session:
            yield session

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A unit of work: commit at the end, roll back on an error, then publish its events."""
        with self._writers() as session:
            try:
                yield session
                session.commit()
            except BaseException:
                session.rollback()
                raise
            events: list[Event] = session.info.pop(_EVENTS, [])
        for item in events:
            self.bus.publish(item)

    def create_all(self) -> None:
        """Create every known table without migrations (tests only)."""
        Base.metadata.create_all(self.engine)

    def close(self) -> None:
        self.engine.dispose()


def emit(session: Session, item: Event) -> None:
    """Publish ``item`` once the unit of work is committed; a rolled-back one publishes nothing."""
    session.info.setdefault(_EVENTS, []).append(item)


def clock_of(session: Session) -> Clock:
    """The clock of the database this session belongs to."""
    clock: Clock = session.info.get(_CLOCK) or SystemClock()
    return clock


def _tune_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's BEGIN below, not the driver's late one
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "busy_timeout=30000",
            "recursive_triggers=ON",  # else INSERT OR REPLACE slips past the guard of append-only tables
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")
