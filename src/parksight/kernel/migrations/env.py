"""Alembic's entry point; run through :mod:`parksight.kernel.migrate`, which hands over the connection."""

from __future__ import annotations

from alembic import context

from parksight.kernel.migrate import configure_arguments

connection = context.config.attributes["connection"]
context.configure(connection=connection, **configure_arguments())
with context.begin_transaction():
    context.run_migrations()
