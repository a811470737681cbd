"""The services of identity, built once; on ``app.state.identity``."""

from __future__ import annotations

from dataclasses import dataclass

from argon2 import PasswordHasher

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.identity.accounts import Accounts
from parksight.kernel.identity.callers import CallerDirectory
from parksight.kernel.identity.oidc import Oidc
from parksight.kernel.identity.organisations import Organisations
from parksight.kernel.identity.passwords import Passwords
from parksight.kernel.identity.second_factor import SecondFactor
from parksight.kernel.identity.sessions import Sessions
from parksight.kernel.identity.tokens import Tokens
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Settings


@dataclass(frozen=True)
class IdentityServices:
    """Everything about people and who they are."""

    callers: CallerDirectory
    sealer: Sealer
    sessions: Sessions
    accounts: Accounts
    organisations: Organisations
    second_factor: SecondFactor
    tokens: Tokens
    oidc: Oidc

    @classmethod
    def build(
        cls, settings: Settings, db: Database, clock: Clock, hasher: PasswordHasher | None = None
    ) -> IdentityServices:
        """The services on one database.

        Args:
            settings: lengths, limits, data folder.
            db: records.
            clock: time.
            hasher: argon2 parameters; the strong default without.
        """
        callers = CallerDirectory(db, clock, settings)
        sealer = Sealer(settings.data_dir)
        passwords = Passwords(settings.security.password_min_length, hasher)
        sessions = Sessions(db, clock, settings, passwords, sealer, callers)
        return cls(
            callers=callers,
            sealer=sealer,
            sessions=sessions,
            accounts=Accounts(clock, passwords, sessions, callers),
            organisations=Organisations(),
            second_factor=SecondFactor(clock, passwords, sealer, callers, settings.zone.name),
            tokens=Tokens(clock, settings.security, callers),
            oidc=Oidc(settings, db, clock, sessions, sealer, callers),
        )
