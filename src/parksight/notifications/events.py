"""What notifications tell the house, after the unit of work is committed."""

from __future__ import annotations

from parksight.kernel.bus import Event


class NoticePosted(Event, frozen=True):
    """Somebody has something in the inbox; the pages of these people hear of it at once."""

    notice_id: int
    kind: str
    priority: int
    users: tuple[int, ...]
    titles: dict[str, str]
    page: str | None
    again: bool

    @classmethod
    def subject(cls) -> str:
        return "notifications.posted"


class InboxRead(Event, frozen=True):
    """Somebody has read something, perhaps in another window."""

    user_id: int

    @classmethod
    def subject(cls) -> str:
        return "notifications.read"


class DeliveriesQueued(Event, frozen=True):
    """There is something to send."""

    @classmethod
    def subject(cls) -> str:
        return "notifications.queued"
