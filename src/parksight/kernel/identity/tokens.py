"""API tokens of people and credentials of devices: shown once, kept as a hash, narrowed, revocable."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.errors import conflict, forbidden, invalid, not_found
from parksight.kernel.identity.callers import (
    DEVICE_PREFIX,
    TOKEN_PREFIX,
    CallerDirectory,
    new_token,
    token_hash,
)
from parksight.kernel.identity.models import ApiToken, DeviceCredential
from parksight.kernel.identity.schemas import TokenCreate
from parksight.kernel.permissions import Caller, covers
from parksight.kernel.settings import SecuritySettings

MAX_TOKENS = 50
MAX_CREDENTIALS = 4


class Tokens:
    """Issues and revokes tokens and device credentials.

    Args:
        clock: time.
        rules: longest life of a token.
        callers: told when one is revoked.
    """

    def __init__(self, clock: Clock, rules: SecuritySettings, callers: CallerDirectory) -> None:
        self._clock = clock
        self._rules = rules
        self._callers = callers

    def issue(self, session: Session, caller: Caller, body: TokenCreate) -> tuple[ApiToken, str]:
        """A token for the caller's own programs.

        Returns:
            The row and the token, which is not kept anywhere.

        Raises:
            ProblemError: 403 for a token asking for a token, or for grants the caller does not have; 422
                ``kernel.token.too_long``; 409 ``kernel.token.too_many``.
        """
        if caller.kind != "user" or caller.id is None:
            raise forbidden("signed-in")
        for i, pattern in enumerate(body.grants):
            if not any(covers(own, pattern) for own in caller.grants):
                raise invalid("kernel.token.beyond", f"/grants/{i}", grant=pattern)
        if body.days > self._rules.token_days:
            raise invalid("kernel.token.too_long", "/days", days=self._rules.token_days)
        in_force = select(func.count()).where(
            ApiToken.user_id == caller.id,
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > self._clock.now(),
        )
        if (session.scalar(in_force) or 0) >= MAX_TOKENS:
            raise conflict("kernel.token.too_many", limit=MAX_TOKENS)
        token = new_token(TOKEN_PREFIX)
        now = self._clock.now()
        row = ApiToken(
            user_id=caller.id, name=body.name, token_hash=token_hash(token), hint=token[:8],
            grants=sorted(set(body.grants)), created_at=now, expires_at=now + timedelta(days=body.days),
        )  # fmt: skip
        session.add(row)
        session.flush()
        after = {"name": row.name, "grants": row.grants, "expires_at": row.expires_at}
        subject = ("api_token", row.id)
        audit.record(session, caller, action="kernel.token.issue", subject=subject, after=after)
        return row, token

    def revoke(self, session: Session, caller: Caller, token_id: int) -> None:
        """Revoke one's own token, or anybody's with ``kernel.user.write``; twice is the same as once."""
        row = session.get(ApiToken, token_id)
        if row is None or (row.user_id != caller.id and not caller.may("kernel.user.write")):
            raise not_found("token", token_id)
        if row.revoked_at is None:
            row.revoked_at = self._clock.now()
            audit.record(session, caller, action="kernel.token.revoke", subject=("api_token", row.id))
            self._callers.forget_after(session)

    def issue_for_device(
        self, session: Session, caller: Caller, device_id: int, name: str, days: int | None = None
    ) -> tuple[DeviceCredential, str]:
        """A credential for a device that pushes over HTTP; the caller's right is the gateway room's to check.

        Args:
            session: unit of work.
            caller: for the history.
            device_id: row of the gateways' device.
            name: shown in lists and histories.
            days: life; None for no end.
        """
        in_force = select(func.count()).where(
            DeviceCredential.device_id == device_id, DeviceCredential.revoked_at.is_(None)
        )
        if (session.scalar(in_force) or 0) >= MAX_CREDENTIALS:
            raise conflict("kernel.device_credential.too_many", limit=MAX_CREDENTIALS)
        token = new_token(DEVICE_PREFIX)
        now = self._clock.now()
        row = DeviceCredential(
            device_id=device_id, name=name[:120], token_hash=token_hash(token), hint=token[:8],
            created_at=now, expires_at=now + timedelta(days=days) if days is not None else None,
        )  # fmt: skip
        session.add(row)
        session.flush()
        audit.record(
            session,
            caller,
            action="kernel.device_credential.issue",
            subject=("device", device_id),
            after={"credential_id": row.id, "name": row.name, "expires_at": row.expires_at},
        )
        return row, token

    def revoke_for_device(self, session: Session, caller: Caller, credential_id: int) -> None:
        """Revoke a device's credential; twice is the same as once."""
        row = session.get(DeviceCredential, credential_id)
        if row is None:
            raise not_found("device_credential", credential_id)
        if row.revoked_at is None:
            row.revoked_at = self._clock.now()
            audit.record(
                session,
                caller,
                action="kernel.device_credential.revoke",
                subject=("device", row.device_id),
                before={"credential_id": row.id},
            )
            self._callers.forget_after(session)
