"""The schema of the records: one set of migrations for SQLite and PostgreSQL.

For developers::

    python -m parksight.kernel.migrate initial              # while the first release is built: one revision anew
    python -m parksight.kernel.migrate revision "message"   # afterwards: what changed since the last one
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal, cast

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import ops
from alembic.script import ScriptDirectory

from parksight.kernel.append_only import is_append_only, statements
from parksight.kernel.bus import Bus
from parksight.kernel.db import Base, Database, UtcDateTime
from parksight.kernel.errors import ProblemError

_FOLDER = Path(__file__).parent / "migrations"
#: While the first release is being built its one revision is made anew; the letter tells its states apart.
_INITIAL = "0001"


def import_models() -> list[str]:
    """Import every ``models`` module of the house, so that all tables are known; returns their names."""

    def walk(folder: Traversable, module: str) -> Iterator[str]:
        for entry in sorted(folder.iterdir(), key=lambda e: e.name):
            if entry.is_file() and entry.name == "models.py":
                yield f"{module}.models"
            elif entry.is_dir() and not entry.name.startswith(("_", ".")) and "." not in entry.name:
                if entry.name == "models":
                    yield f"{module}.models"
                elif entry.name not in ("static", "locales", "migrations"):
                    yield from walk(entry, f"{module}.{entry.name}")

    names = list(walk(files("parksight"), "parksight"))
    for name in names:
        importlib.import_module(name)
    return names


def configure_arguments() -> dict[str, Any]:
    """How Alembic compares and writes our tables."""
    return {
        "target_metadata": Base.metadata,
        "render_as_batch": True,
        "render_item": _render_item,
        "compare_type": _compare_type,
        "process_revision_directives": _guard_append_only,
    }


def _render_item(kind: str, item: Any, _context: AutogenContext) -> str | Literal[False]:
    """Plain types in migrations: they must not depend on code that changes later."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def _compare_type(_context: Any, _inspected: Any, _column: Any, found: Any, wanted: Any) -> bool | None:
    """SQLite keeps no difference between kinds of integers and of texts; anything else is compared."""
    wanted = wanted.impl if isinstance(wanted, sa.TypeDecorator) else wanted
    for family in (sa.Integer, sa.String, sa.DateTime, sa.Boolean, sa.JSON, sa.Float):
        if isinstance(found, family) and isinstance(wanted, family):
            return False
    return None


def _guard_append_only(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Write the guards of new append-only tables into the migration that makes them."""
    for script in directives:
        upgrade: ops.UpgradeOps = script.upgrade_ops
        made = [item.table_name for item in upgrade.ops if isinstance(item, ops.CreateTableOp)]
        for name in made:
            if is_append_only(Base.metadata.tables[name]):
                upgrade.ops.append(ops.ExecuteSQLOp(_ForEachDialect(name)))


class _ForEachDialect(str):
    """Rendered by Alembic as ``op.execute(…)``; the string tells which table to guard."""

    __slots__ = ()

    def __new__(cls, table: str) -> _ForEachDialect:
        return super().__new__(cls, f"{_MARK}{table}")


_MARK = "parksight:append-only:"


def _config(connection: sa.Connection | None = None, folder: Path = _FOLDER) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    return config


def head() -> str | None:
    """The newest revision this version knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(db: Database) -> str | None:
    """The revision the database is at; None for an empty one."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(db: Database) -> None:
    """Bring the database to the present schema; does nothing when it is there already.

    Raises:
        ProblemError: ``kernel.migrate.newer`` for a database of a later version, ``kernel.migrate.unreleased`` for one
            of a state before the first release, ``kernel.migrate.foreign`` for tables that no migration made.
    """
    import_models()
    present = current(db)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if present is not None and present not in known and present.startswith(_INITIAL):
        raise ProblemError("kernel.migrate.unreleased", 500, {"revision": present})
    if present is not None and present not in known:
        raise ProblemError("kernel.migrate.newer", 500, {"revision": present})
    if present == head():
        return
    if present is None and sa.inspect(db.engine).get_table_names():
        raise ProblemError("kernel.migrate.foreign", 500)
    with db.engine.execution_options(begin="IMMEDIATE").connect() as connection:
        command.upgrade(_config(connection), "head")
        connection.commit()


def check(db: Database) -> list[str]:
    """How the database differs from the models, in words; empty when it fits."""
    import_models()
    out: list[str] = []
    if current(db) != head():
        out.append(f"revision {current(db)} instead of {head()}")
    with db.engine.connect() as connection:
        options = {k: v for k, v in configure_arguments().items() if k in ("compare_type",)}
        context = MigrationContext.configure(connection, opts=options)
        out.extend(str(difference) for difference in compare_metadata(context, Base.metadata))
        if connection.dialect.name == "sqlite":
            query = "SELECT tbl_name FROM sqlite_master WHERE type='trigger'"
        else:
            query = "SELECT event_object_table FROM information_schema.triggers"
        guarded = set(connection.execute(sa.text(query)).scalars())
    wanted = {table.name for table in Base.metadata.sorted_tables if is_append_only(table)}
    out.extend(f"table {name} is not guarded against changes" for name in sorted(wanted - guarded))
    return out


def make_revision(message: str, *, initial: bool = False) -> Path:
    """Write a migration from the difference between the last one and the models (for developers).

    Args:
        message: says why.
        initial: throw away what is there and write everything as revision 0001.

    Returns:
        The new file.
    """
    import_models()
    versions = _FOLDER / "versions"
    first = _next_state(head())
    if initial:
        for file in versions.glob("*.py"):
            file.unlink()
    with tempfile.TemporaryDirectory() as folder:
        db = Database(f"sqlite:///{folder}/empty.sqlite", Bus())
        try:
            with db.engine.connect() as connection:
                config = _config(connection)
                if not initial:
                    command.upgrade(config, "head")
                    connection.commit()
                number = first if initial else _next_number(versions.glob("*.py"))
                made = command.revision(config, message=message, autogenerate=True, rev_id=number)
        finally:
            db.close()
    script = cast(Any, made[0] if isinstance(made, list) else made)
    path = Path(script.path)
    path.write_text(_with_guards(path.read_text("utf-8")), "utf-8")
    for tool in (("check", "-q", "--fix"), ("format", "-q")):
        subprocess.run([sys.executable, "-m", "ruff", *tool, str(path)], check=False)  # noqa: S603
    return path


def _next_state(revision: str | None) -> str:
    """``0001`` → ``0001b`` → ``0001c``: the initial revision in its next state."""
    letter = (revision or "").removeprefix(_INITIAL)[:1] or "a"
    return f"{_INITIAL}{chr(ord(letter) + 1)}"


def _next_number(existing: Iterable[Path]) -> str:
    return f"{max((int(file.name[:4]) for file in existing), default=0) + 1:04d}"


def _with_guards(source: str) -> str:
    """Turn the marks of append-only tables into the statements of each database."""
    lines: list[str] = []
    for line in source.splitlines():
        if _MARK not in line:
            lines.append(line)
            continue
        table = line.split(_MARK)[1].split("'")[0].split('"')[0]
        indent = line[: len(line) - len(line.lstrip())]
        for dialect in ("sqlite", "postgresql"):
            lines.append(f'{indent}if op.get_bind().dialect.name == "{dialect}":')
            lines.extend(f"{indent}    op.execute({sql!r})" for sql in statements(table, dialect))
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """The developer's command."""
    if arguments == ["initial"]:
        sys.stdout.write(f"{make_revision('The first schema', initial=True)}\n")
        return 0
    if len(arguments) == 2 and arguments[0] == "revision":
        sys.stdout.write(f"{make_revision(arguments[1])}\n")
        return 0
    sys.stderr.write(__doc__ or "")
    return 2


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
