"""Full-text search over cases: number, title, description, entered texts and every comment, Chinese and English.

On SQLite a trigram FTS5 table follows the records by triggers and finds any run of three characters at once; shorter
words are looked for in the same table row by row. Other databases look at the records themselves: the answers are the
same and only the speed differs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    cast,
    column,
    exists,
    literal,
    literal_column,
    or_,
    select,
    table,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from parksight.cases.models import Case, CaseEvent

MAX_QUERY = 200
MAX_WORDS = 8
_TRIGRAM = 3
_FTS = table("cases_search_fts", column("case_id"), column("body"))

#: Rows of cases have the case's number, those of comments the negative one of their history entry.
_STATEMENTS = (
    "CREATE VIRTUAL TABLE cases_search_fts USING fts5(body, case_id UNINDEXED, tokenize='trigram')",
    """CREATE VIEW cases_search_text AS SELECT c.id AS case_id, c.number || ' ' || c.title || ' ' || c.description
        || ' ' || coalesce((SELECT group_concat(atom, ' ') FROM json_tree(c.fields) WHERE type = 'text'), '') AS body
        FROM cases_case c""",
    """CREATE TRIGGER cases_search_ai AFTER INSERT ON cases_case BEGIN
        INSERT INTO cases_search_fts(rowid, case_id, body)
        SELECT case_id, case_id, body FROM cases_search_text WHERE case_id = new.id; END""",
    """CREATE TRIGGER cases_search_au AFTER UPDATE OF title, description, fields ON cases_case BEGIN
        DELETE FROM cases_search_fts WHERE rowid = old.id;
        INSERT INTO cases_search_fts(rowid, case_id, body)
        SELECT case_id, case_id, body FROM cases_search_text WHERE case_id = new.id; END""",
    """CREATE TRIGGER cases_search_ei AFTER INSERT ON cases_event WHEN new.comment IS NOT NULL BEGIN
        INSERT INTO cases_search_fts(rowid, case_id, body) VALUES (-new.id, new.case_id, new.comment); END""",
    """INSERT INTO cases_search_fts(rowid, case_id, body)
        SELECT case_id, case_id, body FROM cases_search_text""",
    """INSERT INTO cases_search_fts(rowid, case_id, body)
        SELECT -id, case_id, comment FROM cases_event WHERE comment IS NOT NULL""",
)


def install(engine: Engine) -> None:
    """Create the trigram table and its triggers where the database has them, and fill it (idempotent)."""
    if engine.dialect.name != "sqlite":
        return
    # the write lock from the start: other rooms write already, and a read that turns into a write would fail
    with engine.execution_options(begin="IMMEDIATE").begin() as connection:
        if not _installed(connection):
            for statement in _STATEMENTS:
                connection.execute(text(statement))


def _installed(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return False
    found = connection.execute(text("SELECT 1 FROM sqlite_master WHERE name = 'cases_search_ei'")).scalar()
    return found is not None


def matching(session: Session, query: str) -> ColumnElement[bool]:
    """Condition on :class:`Case`: every word of the query is somewhere in it."""
    connection = session.connection()
    installed, decodes = _installed(connection), connection.dialect.name == "postgresql"
    words = query.replace("\0", " ").split()[:MAX_WORDS]
    return and_(literal(True), *(_indexed(w) if installed else _scanned(w, decodes) for w in words))


def _indexed(word: str) -> ColumnElement[bool]:
    if len(word) < _TRIGRAM:
        return Case.id.in_(select(_FTS.c.case_id).where(_like(_FTS.c.body, word)))
    phrase = '"' + word.replace('"', '""') + '"'
    found = literal_column("cases_search_fts").op("MATCH")(literal(phrase))
    return Case.id.in_(select(_FTS.c.case_id).where(found))


def _scanned(word: str, decodes: bool) -> ColumnElement[bool]:
    commented = exists().where(CaseEvent.case_id == Case.id, _like(CaseEvent.comment, word))
    texts: list[Any] = [Case.number, Case.title, Case.description]
    if decodes:  # JSON text keeps other scripts escaped, JSONB does not
        texts.append(cast(cast(Case.fields, JSONB), String))
    return or_(*(_like(c, word) for c in texts), commented)


def _like(column_: Any, word: str) -> ColumnElement[bool]:
    pattern = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    clause: ColumnElement[bool] = column_.ilike(f"%{pattern}%", escape="\\")
    return clause
