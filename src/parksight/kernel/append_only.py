"""Tables whose rows are written once: the database itself refuses UPDATE and DELETE.

The statements hang on the table, so that ``create_all`` and the migrations install the same ones.
"""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

_KEY = "parksight_append_only"

_FUNCTION = (
    "CREATE OR REPLACE FUNCTION parksight_append_only() RETURNS trigger AS $$ BEGIN "
    "RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END $$ LANGUAGE plpgsql"
)
_CALL = "EXECUTE FUNCTION parksight_append_only()"


def statements(table: str, dialect: str) -> list[str]:
    """SQL that makes ``table`` append-only on ``sqlite`` or ``postgresql``."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in ("UPDATE", "DELETE")
        ]
    if dialect == "postgresql":
        return [
            _FUNCTION,
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {_CALL}",
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {_CALL}",
        ]
    raise ValueError(f"no append-only guard is known for {dialect}: use SQLite or PostgreSQL")


def append_only(table: Table) -> Table:
    """Guard a table; call it once below the model: ``append_only(Model.__table__)``."""
    table.info[_KEY] = True
    for dialect in ("sqlite", "postgresql"):
        for sql in statements(table.name, dialect):
            ddl = DDL(sql).execute_if(dialect=dialect)  # type: ignore[no-untyped-call]  # untyped upstream
            event.listen(table, "after_create", ddl)
    return table


def is_append_only(table: Table) -> bool:
    return bool(table.info.get(_KEY))
