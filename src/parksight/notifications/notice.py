"""What other rooms say when a person must know something; see :meth:`parksight.notifications.service.Notifier.notify`.

Texts are translation keys with parameters, so that everybody reads them in their own language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Kind = Literal["user", "post", "role", "watch"]


@dataclass(frozen=True, slots=True)
class Text:
    """A translation key with its parameters (plain values)."""

    key: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom to tell, and why; make one with :func:`person`, :func:`post`, :func:`role` or :func:`watch`.

    Attributes:
        kind: ``user`` (id), ``post`` (code: who is on duty for it, else its holders), ``role`` (name: everybody with
            it who may see the notice's enterprise) or ``watch`` (role: those of them who are on duty now, else all).
        why: the reason a person reads; None says it in general words.
    """

    kind: Kind
    value: int | str
    why: Text | None = None


def person(user_id: int, why: Text | None = None) -> Recipient:
    """One person, e.g. an owner or participant; the accepted deputy is told too while they are away."""
    return Recipient("user", user_id, why)


def post(code: str, why: Text | None = None) -> Recipient:
    """Whoever is on duty for a post now; when nobody is, everybody who holds it."""
    return Recipient("post", code, why)


def role(name: str, why: Text | None = None) -> Recipient:
    """Everybody with a role, within their scope."""
    return Recipient("role", name, why)


def watch(name: str, why: Text | None = None) -> Recipient:
    """Those with a role who are on duty now; when nobody of them is, everybody with it, within their scope."""
    return Recipient("watch", name, why)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something people must know.

    Attributes:
        kind: stable name for preferences and statistics, e.g. ``alarms.raised``.
        priority: 1 (at once, also at night) to 4 (to be read some time).
        recipients: whom to tell; a person who fits several ways is told once, for the first reason.
        title, body: what it says; the title alone must be enough.
        subject: kind and key of the record; page: where to read on (a path of the site).
        enterprise_id: whose matter it is; nobody who may not see that enterprise is told. None: the zone's own,
            then enterprise people are told only when addressed as persons.
        dedupe_key: the same key within ``notifications.dedupe_s`` is counted instead of sent again; None: never.
        expires_at: no channel is used after this; None: no end.
    """

    kind: str
    priority: int
    recipients: Sequence[Recipient]
    title: Text
    body: Text | None = None
    subject: tuple[str, str] | None = None
    page: str | None = None
    enterprise_id: int | None = None
    dedupe_key: str | None = None
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.priority <= 4:
            raise ValueError(f"a notice has priority 1 to 4, not {self.priority}")
        if self.page is not None and (not self.page.startswith("/") or self.page.startswith("//")):
            raise ValueError(f"the page of a notice is a path of the site, not {self.page!r}")
