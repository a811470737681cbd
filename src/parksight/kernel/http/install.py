"""Wires the kernel onto a FastAPI application."""

from __future__ import annotations

from collections.abc import Mapping

from argon2 import PasswordHasher
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.files.service import Files
from parksight.kernel.http.context import RequestContext
from parksight.kernel.http.guards import Authentication, BodyGuard, HostGuard
from parksight.kernel.http.metrics import HttpMetrics
from parksight.kernel.http.problems import add_handlers
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.settings import Settings

_MB = 2**20


def install(
    app: FastAPI,
    settings: Settings,
    *,
    db: Database,
    clock: Clock,
    metrics: CollectorRegistry | None = None,
    body_limits: Mapping[str, int] | None = None,
    hasher: PasswordHasher | None = None,
) -> None:
    """Put middleware, error handlers and the kernel's services onto ``app``; call it once, before routes run.

    Args:
        app: the application.
        settings: the effective settings.
        db: records.
        clock: the platform's time.
        metrics: registry to use; a new one otherwise.
        body_limits: path prefix to largest request body in bytes, where it is not ``server.max_body_mb``.
        hasher: argon2 parameters; the strong default without.

    Sets ``app.state.{settings, db, clock, bus, metrics, identity, callers, files}``. Reads, if the composition
    root sets them, ``app.state.{ingest_counters, health_checks}``. Call
    ``app.state.callers.close()`` at shutdown.
    """
    registry = metrics or CollectorRegistry()
    figures = HttpMetrics(registry)
    identity = IdentityServices.build(settings, db, clock, hasher)
    state = app.state
    state.settings, state.db, state.clock, state.bus = settings, db, clock, db.bus
    state.metrics, state.identity, state.callers = registry, identity, identity.callers
    state.files = Files(settings, clock)
    limits = {"/api/v1/files": (settings.files.max_mb + 1) * _MB, **(body_limits or {})}
    # Added inside out: the last one added sees a request first.
    app.add_middleware(Authentication, settings=settings, directory=identity.callers, metrics=figures)
    app.add_middleware(
        BodyGuard, default=settings.server.max_body_mb * _MB, by_prefix=limits, metrics=figures
    )
    app.add_middleware(HostGuard, settings=settings, metrics=figures)
    app.add_middleware(RequestContext, settings=settings, metrics=figures)
    add_handlers(app)
