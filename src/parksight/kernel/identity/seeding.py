"""The first account of a zone, made by whoever sits at the machine."""

from __future__ import annotations

from sqlalchemy.orm import Session

from parksight.kernel.bus import Bus
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.identity.models import User
from parksight.kernel.identity.schemas import AssignmentBody, UserCreate
from parksight.kernel.identity.services import IdentityServices
from parksight.kernel.permissions import ENTERPRISE_ROLES, SYSTEM
from parksight.kernel.settings import Settings


def create_account(
    session: Session, settings: Settings, clock: Clock, *, username: str, name: str, role: str, password: str
) -> User:
    """An account made by whoever sits at the machine: the first administrator of a new zone.

    Raises:
        ProblemError: unknown or enterprise role, taken name, weak password.
    """
    if role in ENTERPRISE_ROLES:
        raise ProblemError("kernel.user.role_scope", 422, {"role": role, "scope": "zone"}, "/role")
    services, db = _services(settings, clock)
    try:
        body = UserCreate(
            username=username, name=name, password=password, assignments=[AssignmentBody(role=role)]
        )
        user = services.accounts.create(session, SYSTEM, body)
        user.must_change_password = False  # its owner has just typed it
        return user
    finally:
        services.callers.close()
        db.close()


def _services(settings: Settings, clock: Clock) -> tuple[IdentityServices, Database]:
    """Services for use outside the server; the caller's session does the writing."""
    db = Database(settings.records_url, Bus(), clock)
    return IdentityServices.build(settings, db, clock), db
