"""Opens channels and addresses for sending, and tests channels."""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.kernel.clock import Clock
from parksight.kernel.i18n import LANGUAGES
from parksight.kernel.identity.models import User
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import Settings
from parksight.notifications.channels.base import Setup
from parksight.notifications.models import Channel, Preference, PushSubscription


class Opener:
    """
    Args:
        settings: hosts, patience, public address, language.
        clock: time.
        sealer: opens secrets.
    """

    def __init__(self, settings: Settings, clock: Clock, sealer: Sealer) -> None:
        self._settings, self._clock, self._sealer = settings, clock, sealer

    def setup(self, channel: Channel) -> Setup:
        """A channel ready to send.

        Raises:
            ProblemError: its secret was sealed with another key.
        """
        secrets = json.loads(self._sealer.open(channel.secret)) if channel.secret else {}
        rules = self._settings.notifications
        return Setup(
            kind=channel.kind, config=channel.config, secrets=secrets, hosts=rules.hosts,
            timeout_s=rules.timeout_s, now_s=self._clock.now_ms() // 1000,
        )  # fmt: skip

    def addresses(self, session: Session, kind: str, user_id: int) -> tuple[str, ...]:
        """Where a person is reached by a kind of channel; empty when nowhere."""
        if kind == "web_push":
            if not self._settings.notifications.web_push:
                return ()
            rows = session.scalars(
                select(PushSubscription).where(PushSubscription.user_id == user_id).order_by(PushSubscription.id)
            )  # fmt: skip
            return tuple(self._sealer.open(r.sealed) for r in rows)
        user = session.get(User, user_id)
        if user is None or not user.active:
            return ()
        found = {"email": user.email, "sms": user.phone}.get(kind, "")
        return (found,) if found else ()

    def language(self, session: Session, user_id: int) -> str:
        """What a person reads."""
        preference, user = session.get(Preference, user_id), session.get(User, user_id)
        wishes: Sequence[str | None] = (
            preference.language if preference else None, user.language if user else None, self._settings.language
        )  # fmt: skip
        return next((w for w in wishes if w in LANGUAGES), LANGUAGES[0])

    def link(self, page: str | None) -> str:
        """The full address of a page; "" where people's address of the installation is not set."""
        public = self._settings.server.public_url
        return f"{public.rstrip('/')}{page or '/'}" if public else ""
