"""The second factor: time-based codes (RFC 6238, SHA-1, 6 digits, 30 s) and single-use recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from parksight.kernel.db import clock_of
from parksight.kernel.identity.models import RecoveryCode, User
from parksight.kernel.sealing import Sealer

STEP_S = 30
#: Steps of clock difference that are tolerated on either side (RFC 6238 5.2 advises one).
WINDOW = 1
RECOVERY_CODES = 10
_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"


def new_secret() -> str:
    """160 random bits in base32."""
    return pyotp.random_base32()


def provisioning_uri(secret: str, username: str, issuer: str) -> str:
    """What the authenticator's camera reads."""
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name=issuer)


def matching_step(secret: str, code: str, at: datetime, after: int = 0) -> int | None:
    """The 30-second step a code belongs to, if it is in the window and later than ``after``; else None."""
    digits = code.strip().replace(" ", "")
    if len(digits) != 6 or not (digits.isascii() and digits.isdigit()):
        return None
    totp = pyotp.TOTP(secret)
    now = int(at.timestamp()) // STEP_S
    found = None
    for step in range(now - WINDOW, now + WINDOW + 1):
        if hmac.compare_digest(totp.generate_otp(step), digits) and step > after:
            found = step
    return found


def _code_hash(code: str) -> str:
    return hashlib.sha256(code.strip().lower().replace("-", "").replace(" ", "").encode()).hexdigest()


def new_recovery_codes(session: Session, user: User) -> list[str]:
    """Ten fresh codes of some 74 bits each, replacing the old ones; only their hashes are kept."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user.id))
    codes = [
        "-".join("".join(secrets.choice(_LETTERS) for _ in range(5)) for _ in range(3)) for _ in range(10)
    ]
    session.add_all(RecoveryCode(user_id=user.id, code_hash=_code_hash(code)) for code in codes)
    return codes


def accept(session: Session, sealer: Sealer, user: User, code: str) -> str | None:
    """Use up a code: ``totp`` or ``recovery`` when it fits, None when it does not."""
    now = clock_of(session).now()
    if user.totp_secret is None:
        return None
    step = matching_step(sealer.open(user.totp_secret), code, now, user.totp_last_step)
    if step is not None:
        user.totp_last_step = step
        return "totp"
    row = session.scalar(
        select(RecoveryCode).where(
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == _code_hash(code),
            RecoveryCode.used_at.is_(None),
        )
    )
    if row is None:
        return None
    row.used_at = now
    return "recovery"
