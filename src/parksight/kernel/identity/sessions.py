"""Signing in and out.

An attempt is counted before the password is looked at, so that parallel guesses cannot outrun the lock-out;
names that do not exist are counted and delayed in the same way as those that do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError, forbidden, invalid
from parksight.kernel.identity import totp
from parksight.kernel.identity.callers import CallerDirectory, caller_of, csrf_token, new_token, token_hash
from parksight.kernel.identity.models import Assignment, SignInFailure, User, UserSession
from parksight.kernel.identity.names import fold
from parksight.kernel.identity.passwords import Passwords
from parksight.kernel.permissions import Caller
from parksight.kernel.rate import SlidingWindow
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Settings

NOBODY = Caller(id=None, name="nobody", kind="system")


@dataclass(frozen=True)
class SignedIn:
    """A new session: the cookie's value, the CSRF token that goes with it, whose it is, when it ends."""

    token: str
    csrf: str
    user_id: int
    expires_at: datetime


class Sessions:
    """Starts and ends sessions.

    Args:
        db: records.
        clock: time.
        settings: session length, lock-out, rate.
        passwords: verifies them.
        sealer: opens TOTP secrets.
        callers: told when somebody's session ends.
    """

    def __init__(
        self,
        db: Database,
        clock: Clock,
        settings: Settings,
        passwords: Passwords,
        sealer: Sealer,
        callers: CallerDirectory,
    ) -> None:
        self._db = db
        self._clock = clock
        self._rules = settings.security
        self._passwords = passwords
        self._sealer = sealer
        self._callers = callers
        self.rate = SlidingWindow(settings.security.sign_in_per_minute, 60, clock)

    def sign_in(self, username: str, password: str, code: str | None, address: str, agent: str) -> SignedIn:
        """Check name, password and second factor; starts a session.

        Raises:
            ProblemError: 401 ``kernel.sign_in.refused`` (the same for a wrong name, password or code),
                401 ``kernel.sign_in.code_required`` (password right, second factor wanted),
                429 ``kernel.sign_in.locked`` or ``kernel.too_many_requests``.
        """
        self.rate.check(address)
        name_hash = hashlib.sha256(fold(username).encode("utf-8", "replace")).hexdigest()
        self._count_attempt(name_hash)
        with self._db.read() as session:
            user = session.scalar(select(User).where(User.username_key == fold(username), User.active))
        good = self._passwords.verify(user.password_hash if user else None, password)
        if user is None or not good:
            self._refused(user, "password")
            raise ProblemError("kernel.sign_in.refused", HTTPStatus.UNAUTHORIZED)
        if user.totp_confirmed_at is not None and not code:
            self._forgive(name_hash)
            raise ProblemError("kernel.sign_in.code_required", HTTPStatus.UNAUTHORIZED)
        with self._db.session() as session:
            fresh = session.get(User, user.id, with_for_update=True)
            method = "password"
            if fresh is not None and fresh.totp_confirmed_at is not None:
                method = totp.accept(session, self._sealer, fresh, code or "") or ""
            if fresh is not None and fresh.active and method:
                if fresh.password_hash and self._passwords.outdated(fresh.password_hash):
                    fresh.password_hash = self._passwords.hash(password)
                session.execute(delete(SignInFailure).where(SignInFailure.name_hash == name_hash))
                return self.start(session, fresh, method, address, agent)
        self._refused(user, "code")
        raise ProblemError("kernel.sign_in.refused", HTTPStatus.UNAUTHORIZED)

    def prove(self, caller: Caller, password: str, code: str | None) -> str:
        """Make sure it is the caller who sits there (before a signature); counted like an attempt to sign in.

        Call it outside any unit of work: it has its own.

        Returns:
            ``password`` or, with a second factor in force, ``password+totp``.

        Raises:
            ProblemError: 422 ``kernel.password.wrong`` or ``kernel.totp.wrong_code``, 401
                ``kernel.sign_in.code_required``, 403 for who is no person, 429 ``kernel.sign_in.locked``.
        """
        with self._db.read() as session:
            user = session.get(User, caller.id) if caller.kind == "user" and caller.id is not None else None
        if user is None or not user.active:
            raise forbidden("signed-in")
        name_hash = hashlib.sha256(user.username_key.encode("utf-8", "replace")).hexdigest()
        self._count_attempt(name_hash)
        if not self._passwords.verify(user.password_hash, password):
            self._refused(user, "password")
            raise invalid("kernel.password.wrong", "/password")
        second = user.totp_confirmed_at is not None
        if second and not code:
            self._forgive(name_hash)
            raise ProblemError("kernel.sign_in.code_required", HTTPStatus.UNAUTHORIZED)
        with self._db.session() as session:
            fresh = session.get_one(User, user.id, with_for_update=True)
            good = not second or bool(totp.accept(session, self._sealer, fresh, code or ""))
            if good:
                session.execute(delete(SignInFailure).where(SignInFailure.name_hash == name_hash))
        if not good:
            self._refused(user, "code")
            raise invalid("kernel.totp.wrong_code", "/code")
        return "password+totp" if second else "password"

    def start(self, session: Session, user: User, method: str, address: str, agent: str) -> SignedIn:
        """A new session for somebody who has proved who they are."""
        now = self._clock.now()
        token = new_token()
        expires = now + timedelta(hours=self._rules.session_hours)
        self._make_room(session, user.id, now)
        session.add(
            UserSession(
                token_hash=token_hash(token), user_id=user.id, created_at=now, last_seen_at=now,
                expires_at=expires, address=address[:64], agent=agent[:200], method=method,
            )
        )  # fmt: skip
        roles = list(session.scalars(select(Assignment).where(Assignment.user_id == user.id)))
        audit.record(
            session,
            caller_of(user, roles),
            action="kernel.session.start",
            subject=("user", user.id),
            after={"method": method, "address": address},
        )
        return SignedIn(token, csrf_token(token), user.id, expires)

    def end(self, session: Session, caller: Caller, row_id: int) -> None:
        """Sign out one session."""
        row = session.get(UserSession, row_id)
        if row is not None and row.ended_at is None:
            row.ended_at = self._clock.now()
            audit.record(session, caller, action="kernel.session.end", subject=("user", row.user_id))
        self._callers.forget_after(session)

    def end_all(self, session: Session, user_id: int, keep: int | None = None) -> None:
        """End all sessions of a user but ``keep``: after a new password, a changed role, a lost telephone."""
        statement = update(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None))
        if keep is not None:
            statement = statement.where(UserSession.id != keep)
        session.execute(statement.values(ended_at=self._clock.now()))
        self._callers.forget_after(session)

    def _make_room(self, session: Session, user_id: int, now: datetime) -> None:
        """Forget sessions that are over, and end the oldest ones beyond the limit."""
        session.execute(
            delete(UserSession).where(
                UserSession.user_id == user_id,
                (UserSession.expires_at < now) | UserSession.ended_at.is_not(None),
            )
        )
        newest_first = select(UserSession.id).where(UserSession.user_id == user_id)
        ids = list(session.scalars(newest_first.order_by(UserSession.id.desc())))
        for row_id in ids[self._rules.sessions_per_user - 1 :]:
            session.execute(delete(UserSession).where(UserSession.id == row_id))
            self._callers.forget_after(session)

    def _count_attempt(self, name_hash: str) -> None:
        now = self._clock.now()
        lock = timedelta(minutes=self._rules.lockout_minutes)
        with self._db.session() as session:
            row = session.get(SignInFailure, name_hash, with_for_update=True)
            if row is None:
                session.execute(delete(SignInFailure).where(SignInFailure.last_at < now - lock))
                try:
                    with session.begin_nested():
                        session.add(SignInFailure(name_hash=name_hash, failures=1, last_at=now))
                    return
                except IntegrityError:
                    row = session.get_one(SignInFailure, name_hash, with_for_update=True)
            if now - row.last_at >= lock:
                row.failures = 0
            if row.failures >= self._rules.lockout_attempts:
                wait = int((row.last_at + lock - now).total_seconds()) + 1
                raise ProblemError(
                    "kernel.sign_in.locked",
                    HTTPStatus.TOO_MANY_REQUESTS,
                    {"retry_after_s": wait, "minutes": (wait + 59) // 60},
                )
            row.failures += 1
            row.last_at = now

    def _forgive(self, name_hash: str) -> None:
        with self._db.session() as session:
            session.execute(
                update(SignInFailure)
                .where(SignInFailure.name_hash == name_hash, SignInFailure.failures > 0)
                .values(failures=SignInFailure.failures - 1)
            )

    def _refused(self, user: User | None, what: str) -> None:
        # What was typed is not noted: it is not rarely the password.
        subject = ("user", user.id) if user is not None else ("user", "unknown")
        with self._db.session() as session:
            audit.record(session, NOBODY, action="kernel.session.refuse", subject=subject, reason=what)
