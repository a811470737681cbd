"""Who is behind a connection: session cookie, API token or device credential.

Works for requests and WebSockets alike. A resolved caller is remembered for a few seconds and forgotten at
once when anything about identity changes; "last seen" is written in the background, at most once a minute.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session
from starlette.requests import HTTPConnection

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.identity.models import ApiToken, Assignment, DeviceCredential, User, UserSession
from parksight.kernel.permissions import ROLES, Caller, narrow_all
from parksight.kernel.settings import Settings

log = structlog.get_logger(__name__)

TOKEN_PREFIX = "pst_"
DEVICE_PREFIX = "psd_"
#: What a device credential allows: handing over its own observations, nothing else.
DEVICE_GRANTS = ("gateways.observation.push",)
REMEMBER_S = 5.0
LAST_SEEN_S = 60
_MAX_REMEMBERED = 20_000


@dataclass(frozen=True)
class Identity:
    """A caller and how it proved itself.

    Attributes:
        method: ``session`` (cookie), ``token`` or ``device``.
        row_id: row of the session, token or credential.
        expires_at: absolute end; None for none.
        seen_at: last noted use.
    """

    caller: Caller
    method: str
    row_id: int
    expires_at: datetime | None
    seen_at: datetime | None


def new_token(prefix: str = "") -> str:
    """256 random bits, URL-safe."""
    return prefix + secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """How a token is kept: it has 256 random bits, so a plain SHA-256 cannot be searched."""
    return hashlib.sha256(token.encode()).hexdigest()


def csrf_token(session_token: str) -> str:
    """The token a page must repeat in ``X-CSRF-Token``: bound to the session, useless for another one."""
    return hmac.new(session_token.encode(), b"parksight csrf", hashlib.sha256).hexdigest()


def session_cookie(settings: Settings) -> str:
    """Name of the session cookie; the ``__Host-`` prefix makes browsers insist on TLS and on this host."""
    return "__Host-parksight_session" if settings.server.secure else "parksight_session"


def csrf_cookie(settings: Settings) -> str:
    """Name of the cookie from which the page's script reads the CSRF token."""
    return "__Host-parksight_csrf" if settings.server.secure else "parksight_csrf"


def caller_of(user: User, assignments: list[Assignment]) -> Caller:
    """The caller a person is, from their roles and scope."""
    grants = {pattern for a in assignments for pattern in ROLES.get(a.role, ())}
    departments = {int(i) for a in assignments if a.scope == "departments" for i in a.scope_ids}
    if user.department_id is not None:
        departments.add(user.department_id)
    limited = {int(i) for a in assignments if a.scope == "enterprises" for i in a.scope_ids}
    # The narrower scope wins should rows of different scope ever meet; the service refuses to store such.
    zone_wide = bool(assignments) and all(a.scope != "enterprises" for a in assignments)
    return Caller(
        id=user.id,
        name=user.name,
        grants=tuple(sorted(grants)),
        roles=tuple(sorted({a.role for a in assignments})),
        enterprises=None if zone_wide else frozenset(limited),
        departments=frozenset(departments),
        language=user.language,
        must_change_password=user.must_change_password,
    )


class CallerDirectory:
    """Finds the caller of a connection.

    Args:
        db: records.
        clock: for expiry.
        settings: cookie name, session and idle time.
    """

    def __init__(self, db: Database, clock: Clock, settings: Settings) -> None:
        self._db = db
        self._clock = clock
        self._settings = settings
        self._idle = timedelta(minutes=settings.security.idle_minutes)
        self._known: dict[str, tuple[Identity, float]] = {}
        self._generation = 0
        self._lock = threading.Lock()
        self._touching: dict[str, datetime] = {}
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="last-seen")

    def close(self) -> None:
        """Write what is pending and stop the background thread."""
        self._writer.shutdown(wait=True)

    def forget(self) -> None:
        """Drop everything remembered; the next request reads the records."""
        with self._lock:
            self._generation += 1
            self._known.clear()

    def forget_after(self, session: Session) -> None:
        """Forget once this unit of work is committed. Call it from every change to identity."""
        event.listen(session, "after_commit", lambda _session: self.forget(), once=True)

    def secret_of(self, conn: HTTPConnection) -> tuple[str, str] | None:
        """What the connection shows: ``(method, secret)``, or None when it shows nothing.

        Raises:
            ProblemError: 401 for an ``Authorization`` header of another scheme.
        """
        header = conn.headers.get("authorization")
        if header is not None:
            scheme, _, value = header.partition(" ")
            value = value.strip()
            if scheme.lower() != "bearer" or not value:
                raise ProblemError("kernel.token.scheme", HTTPStatus.UNAUTHORIZED)
            return ("device" if value.startswith(DEVICE_PREFIX) else "token"), value
        cookie = conn.cookies.get(session_cookie(self._settings))
        return ("session", cookie) if cookie else None

    def remembered(self, secret: str) -> Identity | None:
        """The identity if it was resolved moments ago; never touches the database."""
        key = token_hash(secret)
        with self._lock:
            entry = self._known.get(key)
        if entry is None or self._clock.monotonic() > entry[1]:
            return None
        identity = entry[0]
        now = self._clock.now()
        stale = identity.seen_at is None or (now - identity.seen_at).total_seconds() >= LAST_SEEN_S
        return None if stale or self._over(identity, now) else identity

    def resolve(self, method: str, secret: str) -> Identity | None:
        """The identity behind a secret; reads the records. None for an unknown, ended or expired session.

        Raises:
            ProblemError: 401 ``kernel.token.invalid`` for a token or credential that is not in force.
        """
        key = token_hash(secret)
        with self._lock:
            generation = self._generation
            # Taken before the records are read: a touch on its way counts, one that has arrived is read.
            touched = self._touching.get(key)
        finder: Callable[[Session, str], Identity | None] = {
            "session": self._session, "token": self._token, "device": self._device,
        }[method]  # fmt: skip
        now = self._clock.now()
        with self._db.read() as session:
            identity = finder(session, key)
        if identity is not None and touched is not None:
            identity = replace(identity, seen_at=max(touched, identity.seen_at or touched))
        if identity is None or self._over(identity, now):
            if method == "session":
                return None
            raise ProblemError("kernel.token.invalid", HTTPStatus.UNAUTHORIZED)
        if identity.seen_at is None or (now - identity.seen_at).total_seconds() >= LAST_SEEN_S:
            self._touch(key, identity, now)
            identity = replace(identity, seen_at=now)
        with self._lock:
            if generation == self._generation:
                if len(self._known) >= _MAX_REMEMBERED:
                    self._known.clear()
                self._known[key] = (identity, self._clock.monotonic() + REMEMBER_S)
        return identity

    def _over(self, identity: Identity, now: datetime) -> bool:
        if identity.expires_at is not None and now >= identity.expires_at:
            return True
        return (
            identity.method == "session"
            and identity.seen_at is not None
            and now - identity.seen_at >= self._idle
        )

    def _session(self, session: Session, key: str) -> Identity | None:
        found = session.execute(
            select(UserSession, User)
            .join(User, User.id == UserSession.user_id)
            .where(UserSession.token_hash == key, UserSession.ended_at.is_(None), User.active)
        ).first()
        if found is None:
            return None
        row, user = found
        caller = self._caller(session, user)
        return Identity(caller, "session", row.id, row.expires_at, row.last_seen_at)

    def _token(self, session: Session, key: str) -> Identity | None:
        found = session.execute(
            select(ApiToken, User)
            .join(User, User.id == ApiToken.user_id)
            .where(ApiToken.token_hash == key, ApiToken.revoked_at.is_(None), User.active)
        ).first()
        if found is None:
            return None
        row, user = found
        owner = self._caller(session, user)
        caller = replace(
            owner,
            kind="token",
            name=f"{owner.name} ({row.name})",
            grants=narrow_all([str(g) for g in row.grants], owner.grants),
        )
        return Identity(caller, "token", row.id, row.expires_at, row.last_used_at)

    def _device(self, session: Session, key: str) -> Identity | None:
        row = session.scalar(
            select(DeviceCredential).where(
                DeviceCredential.token_hash == key, DeviceCredential.revoked_at.is_(None)
            )
        )
        if row is None:
            return None
        caller = Caller(id=row.device_id, name=row.name, kind="device", grants=DEVICE_GRANTS)
        return Identity(caller, "device", row.id, row.expires_at, row.last_used_at)

    @staticmethod
    def _caller(session: Session, user: User) -> Caller:
        rows = session.scalars(select(Assignment).where(Assignment.user_id == user.id))
        return caller_of(user, list(rows))

    def _touch(self, key: str, identity: Identity, now: datetime) -> None:
        with self._lock:
            under_way = key in self._touching
            self._touching[key] = now
        if under_way:  # the one under way writes the newer instant too
            return
        try:
            self._writer.submit(self._write_touches, key, identity.method, identity.row_id)
        except RuntimeError:  # shutting down
            self._touching.pop(key, None)

    def _write_touches(self, key: str, method: str, row_id: int) -> None:
        while True:
            at = self._touching[key]
            try:
                self._write_touch(method, row_id, at)
            except Exception:
                log.exception("last_seen_not_written", method=method, row=row_id)
            with self._lock:
                if self._touching[key] == at:
                    del self._touching[key]
                    return

    def _write_touch(self, method: str, row_id: int, at: datetime) -> None:
        with self._db.session() as session:
            if method == "session":
                session.execute(update(UserSession).where(UserSession.id == row_id).values(last_seen_at=at))
            else:
                table = ApiToken if method == "token" else DeviceCredential
                session.execute(update(table).where(table.id == row_id).values(last_used_at=at))


def caller_from_connection(conn: HTTPConnection) -> Caller | None:
    """The caller of a request or WebSocket, None if it shows nothing. Reads records: call it in a thread.

    Requests and WebSockets that passed :func:`parksight.kernel.http.install` already carry it as
    ``conn.state.caller``; this is for code outside that path.
    """
    directory: CallerDirectory = conn.app.state.callers
    shown = directory.secret_of(conn)
    if shown is None:
        return None
    identity = directory.remembered(shown[1]) or directory.resolve(*shown)
    return identity.caller if identity else None
