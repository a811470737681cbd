"""How the engine's small Protocols are answered by the rooms below: duty, notifications and the store of observations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.cases.providers import Message
from parksight.duty import presence
from parksight.duty.models import Desk
from parksight.kernel.errors import invalid
from parksight.kernel.permissions import Caller
from parksight.notifications.notice import Notice, Recipient, Text
from parksight.telemetry.points import repository as points
from parksight.telemetry.protocols import Columns

#: Longest window and most rows of an observation that is kept as evidence.
WINDOW = timedelta(days=7)
ROWS = 20_000


class DutyPresence:
    """Duty as :class:`parksight.cases.providers.Presence`."""

    def acting_for(self, session: Session, user_id: int, at: datetime) -> frozenset[int]:
        return presence.acting_for(session, user_id, at)

    def posts_of(self, session: Session, user_id: int, at: datetime) -> frozenset[int]:
        desks = {d.desk_id for d in presence.on_duty(session, at, user_ids=[user_id])}
        if not desks:
            return frozenset()
        return frozenset(
            session.scalars(select(Desk.post_id).where(Desk.id.in_(desks), Desk.post_id.is_not(None)))
        )

    def holders(self, session: Session, post_code: str, at: datetime) -> Sequence[int]:
        found = presence.holders(session, post_code, at)
        return list(dict.fromkeys(f if isinstance(f, int) else f.user_id for f in found))

    def instead_of(self, session: Session, user_id: int, at: datetime) -> int:
        return presence.deputy_of(session, user_id, at) or user_id


class Notifier(Protocol):
    """What is asked of notifications."""

    def notify(self, session: Session, notice: Notice) -> int: ...


class NoticeTeller:
    """Notifications as :class:`parksight.cases.providers.Teller`.

    Args:
        notifier: queues notices in the unit of work.
    """

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    def tell(self, session: Session, message: Message) -> None:
        why = Text(message.reason, dict(message.reason_params))
        single = message.cases[0] if len(message.cases) == 1 else None
        self._notifier.notify(
            session,
            Notice(
                kind=message.text.removesuffix(".many"), priority=message.priority,
                recipients=[Recipient("user", i, why) for i in message.recipients],
                title=Text(message.text, dict(message.params)),
                subject=("case", str(single)) if single is not None else None,
                page=f"/work/{single}" if single is not None else "/work?box=mine",
                enterprise_id=message.enterprise_id, dedupe_key=message.key,
            ),
        )  # fmt: skip


class Raw(Protocol):
    """What is asked of the store."""

    def raw(self, points: Sequence[int], start: int, end: int, limit: int | None = None) -> Columns: ...


class StoreReadings:
    """The store of observations as :class:`parksight.cases.providers.Readings`.

    Args:
        store: where observations live.
    """

    def __init__(self, store: Raw) -> None:
        self._store = store

    def window(
        self, session: Session, caller: Caller, point_id: int, start: datetime, end: datetime
    ) -> dict[str, Any]:  # fmt: skip
        """Readings as they stand now; 422 ``cases.evidence.window`` for too long a window or too many of them."""
        point = points.get(session, caller, point_id)
        from_ms, to_ms = round(start.timestamp() * 1000), round(end.timestamp() * 1000)
        if not timedelta(0) < end - start <= WINDOW:
            raise invalid("cases.evidence.window", "/end", days=WINDOW.days, rows=ROWS)
        rows = self._store.raw([point.id], from_ms, to_ms, ROWS + 1)
        if len(rows) > ROWS:
            raise invalid("cases.evidence.window", "/end", days=WINDOW.days, rows=ROWS)
        values = zip(rows.observed_at.tolist(), rows.value.tolist(), rows.quality.tolist(), strict=True)
        return {
            "point_id": point.id, "point_code": point.code, "unit": point.unit, "from_ms": from_ms, "to_ms": to_ms,
            "values": [list(v) for v in values],
        }  # fmt: skip
