"""Putting the second factor on and off; checking codes at sign-in is in :mod:`.totp`."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.errors import conflict, invalid, not_found
from parksight.kernel.identity import totp
from parksight.kernel.identity.callers import CallerDirectory
from parksight.kernel.identity.models import RecoveryCode, User
from parksight.kernel.identity.passwords import Passwords
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer


class SecondFactor:
    """One's own second factor.

    Args:
        clock: time.
        passwords: asked again before it is taken off.
        sealer: keeps the shared secret.
        callers: told about changes.
        issuer: shown in the authenticator.
    """

    def __init__(
        self, clock: Clock, passwords: Passwords, sealer: Sealer, callers: CallerDirectory, issuer: str
    ) -> None:
        self._clock = clock
        self._passwords = passwords
        self._sealer = sealer
        self._callers = callers
        self._issuer = issuer

    def state(self, session: Session, caller: Caller) -> tuple[bool, int]:
        """Whether it is on, and how many recovery codes are left."""
        user = self._own(session, caller)
        left = select(func.count()).where(RecoveryCode.user_id == user.id, RecoveryCode.used_at.is_(None))
        return user.totp_confirmed_at is not None, session.scalar(left) or 0

    def begin(self, session: Session, caller: Caller) -> tuple[str, str]:
        """A new secret and its URI; not in force before :meth:`confirm`."""
        user = self._own(session, caller)
        if user.totp_confirmed_at is not None:
            raise conflict("kernel.totp.already_on")
        secret = totp.new_secret()
        user.totp_secret = self._sealer.seal(secret)
        user.totp_last_step = 0
        return secret, totp.provisioning_uri(secret, user.username, self._issuer)

    def confirm(self, session: Session, caller: Caller, code: str) -> list[str]:
        """Switch it on with a first code; returns the recovery codes, which are shown this once."""
        user = self._own(session, caller)
        if user.totp_confirmed_at is not None:
            raise conflict("kernel.totp.already_on")
        if user.totp_secret is None:
            raise conflict("kernel.totp.not_begun")
        step = totp.matching_step(self._sealer.open(user.totp_secret), code, self._clock.now())
        if step is None:
            raise invalid("kernel.totp.wrong_code", "/code")
        user.totp_last_step = step
        user.totp_confirmed_at = self._clock.now()
        codes = totp.new_recovery_codes(session, user)
        audit.record(session, caller, action="kernel.user.totp_on", subject=("user", user.id))
        self._callers.forget_after(session)
        return codes

    def off(self, session: Session, caller: Caller, password: str) -> None:
        """Take it off again; asks for the password, so that an unattended screen is not enough."""
        user = self._own(session, caller)
        if not self._passwords.verify(user.password_hash, password):
            raise invalid("kernel.password.wrong", "/password")
        user.totp_secret, user.totp_confirmed_at = None, None
        session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
        audit.record(session, caller, action="kernel.user.totp_off", subject=("user", user.id))
        self._callers.forget_after(session)

    @staticmethod
    def _own(session: Session, caller: Caller) -> User:
        user = session.get(User, caller.id, with_for_update=True) if caller.kind == "user" else None
        if user is None:
            raise not_found("user", caller.id)
        return user
