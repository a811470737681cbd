"""Channels as administrators set them up. They serve the whole zone, so only zone-wide callers have them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.errors import conflict, forbidden, invalid, not_found
from parksight.kernel.i18n import translate
from parksight.kernel.permissions import Caller
from parksight.kernel.sealing import Sealer
from parksight.kernel.settings import NotificationSettings
from parksight.notifications.chains import new_key
from parksight.notifications.channels import robots, webpush
from parksight.notifications.channels.base import PERSONAL, Message, Outcome, host_allowed
from parksight.notifications.channels.dispatch import send
from parksight.notifications.models import Channel, Delivery
from parksight.notifications.opening import Opener
from parksight.notifications.schemas import ChannelIn, ChannelOut, ChannelPatch

#: Secrets that a kind takes; those in the second place it cannot do without.
_SECRETS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "email": (frozenset({"password"}), frozenset()), "sms": (frozenset({"secret"}), frozenset()),
    "web_push": (frozenset(), frozenset()), "relay": (frozenset({"url"}), frozenset({"url"})),
    "wecom": (frozenset({"token"}), frozenset({"token"})),
    "dingtalk": (frozenset({"token", "sign"}), frozenset({"token"})),
    "feishu": (frozenset({"token", "sign"}), frozenset({"token"})),
}  # fmt: skip


class Channels:
    """
    Args:
        clock: time.
        settings: listed hosts.
        sealer: seals secrets.
        opener: opens them for a test.
    """

    def __init__(self, clock: Clock, settings: NotificationSettings, sealer: Sealer, opener: Opener) -> None:
        self._clock, self._settings, self._sealer, self._opener = clock, settings, sealer, opener

    def all(self, session: Session, caller: Caller) -> list[Channel]:
        zone_wide(caller)
        return list(session.scalars(select(Channel).order_by(Channel.kind, Channel.rank, Channel.id)))

    def one(self, session: Session, caller: Caller, channel_id: int) -> Channel:
        zone_wide(caller)
        row = session.get(Channel, channel_id)
        if row is None:
            raise not_found("notifications.channel", channel_id)
        return row

    def create(self, session: Session, caller: Caller, body: ChannelIn) -> Channel:
        """A new channel.

        Raises:
            ProblemError: 409 code taken; 422 a secret is missing or of no use to the kind.
        """
        zone_wide(caller)
        if session.scalar(select(Channel.id).where(Channel.code == body.code)) is not None:
            raise conflict("notifications.channel.code_taken", channel=body.code)
        kind, now = body.config.kind, self._clock.now()
        secrets = self._checked(kind, dict(body.secrets))
        if kind == "web_push":
            secrets["key"] = webpush.new_key()
        row = Channel(
            code=body.code, name=body.name, name_en=body.name_en, kind=kind, config=body.config.model_dump(),
            secret=self._sealer.seal(json.dumps(secrets)) if secrets else None, posts=list(body.posts),
            language=body.language, max_priority=body.max_priority, rank=body.rank, enabled=body.enabled,
            created_at=now, updated_at=now,
        )  # fmt: skip
        session.add(row)
        session.flush()
        after = body.model_dump(exclude={"secrets"})
        audit.record(
            session, caller, action="notifications.channel.create", subject=("notifications_channel", row.id),
            after=after,
        )  # fmt: skip
        return row

    def update(self, session: Session, caller: Caller, channel_id: int, body: ChannelPatch) -> Channel:
        """Change a channel; its kind stays.

        Raises:
            ProblemError: 404; 409 somebody else was faster; 422 other kind or unfit secrets.
        """
        row = self.one(session, caller, channel_id)
        if row.version != body.version:
            raise conflict("kernel.stale_version", seen=body.version, present=row.version)
        given = body.model_dump(exclude_unset=True, exclude={"version", "secrets", "config"})
        given = {k: v for k, v in given.items() if v is not None}
        if body.config is not None:
            if body.config.kind != row.kind:
                raise invalid("notifications.channel.other_kind", "/config/kind", channel=row.kind)
            # A secret goes only where it was entered for: a new server needs it entered anew.
            if self._target(row.kind, body.config.model_dump()) != self._target(row.kind, row.config) and (
                row.secret and row.kind != "web_push" and not body.secrets
            ):
                raise invalid("notifications.channel.secret_again", "/secrets")
            given["config"] = body.config.model_dump()
        before = {k: getattr(row, k) for k in given}
        if body.secrets:
            kept = json.loads(self._sealer.open(row.secret)) if row.secret else {}
            kept = {**{k: v for k, v in kept.items() if k == "key" or body.config is None}, **body.secrets}
            merged = self._checked(row.kind, {k: v for k, v in kept.items() if k != "key"})
            merged |= {"key": kept["key"]} if "key" in kept else {}
            row.secret = self._sealer.seal(json.dumps(merged))
        for key, value in given.items():
            setattr(row, key, value)
        row.version += 1
        row.updated_at = self._clock.now()
        audit.record(
            session, caller, action="notifications.channel.update", subject=("notifications_channel", row.id),
            before=before, after={**given, "secrets_changed": bool(body.secrets)},
        )  # fmt: skip
        return row

    def prepare_test(self, session: Session, caller: Caller, channel_id: int, language: str) -> Any:
        """A test message to the caller (or the group), ready for :meth:`test`; records it.

        Raises:
            ProblemError: 404; 409 when the caller has no address for a personal channel.
        """
        row = self.one(session, caller, channel_id)
        to: tuple[str, ...] = ()
        if row.kind in PERSONAL and caller.id is not None:
            to = self._opener.addresses(session, row.kind, caller.id)
        if row.kind in PERSONAL and not to:
            raise conflict("notifications.test.no_address")
        audit.record(
            session, caller, action="notifications.channel.test", subject=("notifications_channel", row.id)
        )
        message = Message(
            title=translate("notifications.test.title", language),
            body=translate("notifications.test.body", language, name=caller.name, channel=row.name), key=new_key(),
            to=to, link=self._opener.link("/"), priority=3, ttl_s=600,
        )  # fmt: skip
        return self._opener.setup(row), message

    def test(self, prepared: Any) -> tuple[Outcome, int]:
        """Send the test now, outside of any unit of work; outcome and milliseconds."""
        begun = self._clock.monotonic()
        outcome = send(*prepared)
        return outcome, int((self._clock.monotonic() - begun) * 1000)

    def shown(self, session: Session, rows: list[Channel]) -> list[ChannelOut]:
        since = self._clock.now() - timedelta(hours=24)
        figures: dict[int, dict[str, int]] = {row.id: {} for row in rows}
        counted = session.execute(
            select(Delivery.channel_id, Delivery.state, func.count())
            .where(Delivery.channel_id.in_(list(figures)), Delivery.created_at > since)
            .group_by(Delivery.channel_id, Delivery.state)
        )
        for channel_id, state, number in counted:
            if channel_id is not None:
                figures[channel_id][state] = number
        return [self._shown(row, figures[row.id]) for row in rows]

    def _shown(self, row: Channel, figures: dict[str, int]) -> ChannelOut:
        target = self._target(row.kind, row.config)
        named = sorted(json.loads(self._sealer.open(row.secret))) if row.secret else []
        host, port = target if target is not None else (None, None)
        allowed = host is None or host_allowed(self._settings.hosts, host, port)
        return ChannelOut(
            id=row.id, code=row.code, name=row.name, name_en=row.name_en or row.name, kind=row.kind,
            config=row.config, secrets=named, posts=row.posts, language=row.language,
            max_priority=row.max_priority, rank=row.rank, enabled=row.enabled, version=row.version, host=host,
            host_allowed=allowed, figures=figures, updated_at=row.updated_at,
        )  # fmt: skip

    @staticmethod
    def _target(kind: str, config: dict[str, Any]) -> tuple[str, int | None] | None:
        """Host and port a channel talks to; None where its secret or each browser says it."""
        if kind == "email":
            return config["host"], config["port"]
        url = config.get("url") or config.get("server") or robots.SERVERS.get(kind)
        if not url:
            return None
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or {"https": 443, "http": 80}.get(parts.scheme)

    @staticmethod
    def _checked(kind: str, secrets: dict[Any, str]) -> dict[str, str]:
        allowed, needed = _SECRETS[kind]
        given = {k for k, v in secrets.items() if v}
        if given - allowed or needed - given:
            raise invalid(
                "notifications.channel.secrets", "/secrets", wanted=", ".join(sorted(allowed)) or "-"
            )
        return {str(k): v for k, v in secrets.items() if v}


def zone_wide(caller: Caller) -> None:
    """Refuse callers that are limited to enterprises."""
    if caller.enterprises is not None:
        raise forbidden("notifications.channel.read")
