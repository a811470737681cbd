"""Search over all kinds: code, Chinese and English names, kind words and a few details.

One table of entries is written with each change of a record. On SQLite a trigram FTS5 table follows it by
triggers and finds any run of three characters, Chinese too; shorter words and other databases use LIKE on the
same table, so that the answers are the same and only the speed differs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    case,
    column,
    delete,
    func,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from parksight.kernel.permissions import Caller
from parksight.registry import labels
from parksight.registry.kinds import BY_NOUN
from parksight.registry.models import SearchEntry
from parksight.registry.schemas import SearchHit

MAX_QUERY = 100
MAX_WORDS = 8
_TRIGRAM = 3

_FTS = (
    """CREATE VIRTUAL TABLE IF NOT EXISTS registry_search_fts USING fts5(
        code, name, name_en, detail, content='registry_search', content_rowid='id', tokenize='trigram')""",
    """CREATE TRIGGER IF NOT EXISTS registry_search_ai AFTER INSERT ON registry_search BEGIN
        INSERT INTO registry_search_fts(rowid, code, name, name_en, detail)
        VALUES (new.id, new.code, new.name, new.name_en, new.detail); END""",
    """CREATE TRIGGER IF NOT EXISTS registry_search_ad AFTER DELETE ON registry_search BEGIN
        INSERT INTO registry_search_fts(registry_search_fts, rowid, code, name, name_en, detail)
        VALUES ('delete', old.id, old.code, old.name, old.name_en, old.detail); END""",
    """CREATE TRIGGER IF NOT EXISTS registry_search_au AFTER UPDATE ON registry_search BEGIN
        INSERT INTO registry_search_fts(registry_search_fts, rowid, code, name, name_en, detail)
        VALUES ('delete', old.id, old.code, old.name, old.name_en, old.detail);
        INSERT INTO registry_search_fts(rowid, code, name, name_en, detail)
        VALUES (new.id, new.code, new.name, new.name_en, new.detail); END""",
)


def install(engine: Engine) -> None:
    """Create the trigram table and its triggers where the database has them (idempotent)."""
    if engine.dialect.name != "sqlite":
        return
    with engine.execution_options(begin="IMMEDIATE").begin() as connection:
        if has_trigrams(connection):
            return
        for statement in _FTS:
            connection.execute(text(statement))
        connection.execute(text("INSERT INTO registry_search_fts(registry_search_fts) VALUES ('rebuild')"))


def has_trigrams(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return False
    found = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'registry_search_au'")).scalar()
    return found is not None


def put(session: Session, noun: str, records: Iterable[Any]) -> None:
    """Enter records of one kind, or enter them anew."""
    rows = [_entry(noun, record) for record in records]
    if not rows:
        return
    make = sqlite_insert if session.get_bind().dialect.name == "sqlite" else postgresql_insert
    statement = make(SearchEntry)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in ("kind", "record_id")}
    session.execute(statement.on_conflict_do_update(index_elements=["kind", "record_id"], set_=changed), rows)


def remove(session: Session, noun: str, ids: Sequence[int]) -> None:
    """Take records out."""
    session.execute(delete(SearchEntry).where(SearchEntry.kind == noun, SearchEntry.record_id.in_(ids)))


def _entry(noun: str, record: Any) -> dict[str, Any]:
    kind = BY_NOUN[noun]
    word = getattr(record, "industry", None) or getattr(record, "kind", None)
    details = [
        labels.both(f"{kind.label}.{word}") if kind.label and word else "",
        labels.both(f"registry.noun.{noun}"),
    ]
    details += [getattr(record, name, None) or "" for name in ("credit_code", "address", "post")]
    west, east = getattr(record, "min_lon", None), getattr(record, "max_lon", None)
    south, north = getattr(record, "min_lat", None), getattr(record, "max_lat", None)
    return {
        "kind": noun,
        "record_id": record.id,
        "enterprise_id": record.id if noun == "enterprise" else record.enterprise_id,
        "code": record.code,
        "name": record.name,
        "name_en": record.name_en,
        "detail": " ".join(d for d in details if d),
        "lon": None if west is None or east is None else (west + east) / 2,
        "lat": None if south is None or north is None else (south + north) / 2,
    }


def find(
    session: Session, caller: Caller, query: str, *, nouns: Sequence[str] = (), limit: int = 20
) -> list[SearchHit]:
    """What matches every word of the query, best first, within what the caller may see.

    Exact code comes first, then code and name that begin with the query, then names that contain it, then
    details; within those by length of the name.
    """
    words = query.casefold().split()[:MAX_WORDS]
    readable = [n for n in BY_NOUN if caller.may(f"registry.{n}.read") and (not nouns or n in nouns)]
    if not words or not readable:
        return []
    statement = select(SearchEntry).where(SearchEntry.kind.in_(readable))
    if caller.enterprises is not None:
        zone_ground = (SearchEntry.kind == "place") & SearchEntry.enterprise_id.is_(None)
        statement = statement.where(or_(SearchEntry.enterprise_id.in_(caller.enterprises), zone_ground))
    long_words = [w for w in words if len(w) >= _TRIGRAM]
    if long_words and has_trigrams(session.connection()):
        expression = " AND ".join('"' + w.replace('"', '""') + '"' for w in long_words)
        fts = table("registry_search_fts", column("rowid"))
        hits = select(fts.c.rowid).where(
            literal_column("registry_search_fts").op("MATCH")(literal(expression))
        )
        statement = statement.where(SearchEntry.id.in_(hits))
        words = [w for w in words if len(w) < _TRIGRAM]
    for word in words:
        statement = statement.where(or_(*(_like(c, f"%{_escaped(word)}%") for c in _TEXTS)))
    whole = _escaped(query.strip().casefold())
    rank = case(
        (func.lower(SearchEntry.code) == query.strip().casefold(), 0),
        (_like(SearchEntry.code, f"{whole}%"), 1),
        (_like(SearchEntry.name, f"{whole}%") | _like(SearchEntry.name_en, f"{whole}%"), 2),
        (_like(SearchEntry.name, f"%{whole}%") | _like(SearchEntry.name_en, f"%{whole}%"), 3),
        else_=4,
    )
    ordered = statement.order_by(rank, func.length(SearchEntry.name), SearchEntry.code, SearchEntry.id)
    return [_hit(row) for row in session.scalars(ordered.limit(limit))]


_TEXTS = (SearchEntry.code, SearchEntry.name, SearchEntry.name_en, SearchEntry.detail)


def _escaped(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _like(column_: Any, pattern: str) -> ColumnElement[bool]:
    clause: ColumnElement[bool] = column_.ilike(pattern, escape="\\")
    return clause


def _hit(row: SearchEntry) -> SearchHit:
    position = None if row.lon is None or row.lat is None else (row.lon, row.lat)
    return SearchHit(
        kind=row.kind, id=row.record_id, code=row.code, name=row.name, name_en=row.name_en,
        enterprise_id=row.enterprise_id, position=position, href=href(row.kind, row.record_id),
    )  # fmt: skip


def href(noun: str, record_id: int) -> str:
    """API address of a record."""
    return f"/api/v1/{BY_NOUN[noun].name}/{record_id}"
