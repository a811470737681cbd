"""What alarms say at a handover of the watch: what stands, what is kept silent, what was closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.alarms import grouped
from parksight.alarms.models import Group, Suppression
from parksight.alarms.providers import Providers
from parksight.alarms.schemas import GroupOut
from parksight.duty.contributors import Item, Section
from parksight.kernel.permissions import Caller

#: Groups and silences that fit on a handover; the total is shown with them.
SHOWN = 100
READ = "alarms.alarm.read"
_URGENT = 2
#: Silences people decided on; those of the evaluation end by themselves.
_DECIDED = ("shelved", "out_of_service")


class AlarmItems:
    """A :class:`~parksight.duty.contributors.HandoverContributor`.

    Args:
        providers: names of sources.
    """

    name = "alarms"

    def __init__(self, providers: Providers) -> None:
        self._providers = providers

    def contribute(
        self, session: Session, caller: Caller, since: datetime, until: datetime
    ) -> Sequence[Section]:
        if not caller.may(READ):
            return []
        return [
            self._open(session, caller),
            self._silent(session, caller),
            self._closed(session, caller, since, until),
        ]

    def _open(self, session: Session, caller: Caller) -> Section:
        statement = grouped.listing(caller, "open", None, None)
        total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
        groups = grouped.shown(
            session, caller, list(session.scalars(statement.limit(SHOWN))), self._providers
        )
        items = [
            Item(
                key=f"group:{g.id}", text="alarms.handover.group",
                params={"what": _what(g), "n": g.size, "handling_key": f"alarms.handling.state.{g.handling}"},
                subject=("alarm_group", str(g.id)), page=f"/alarms?group={g.id}",
                severity="critical" if g.priority == 1 else "warning" if g.priority <= _URGENT else "info",
                since=datetime.fromtimestamp(g.opened_at / 1000, UTC),
            )
            for g in groups
        ]  # fmt: skip
        return Section("alarms", "alarms.handover.open", items, total)

    @staticmethod
    def _silent(session: Session, caller: Caller) -> Section:
        statement = caller.scoped(
            select(Suppression).where(Suppression.ended_at.is_(None), Suppression.kind.in_(_DECIDED)),
            Suppression.enterprise_id,
        )
        total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
        rows = session.scalars(statement.order_by(Suppression.from_at.desc()).limit(SHOWN))
        items = [
            Item(
                key=f"silence:{row.id}", text=f"alarms.handover.{row.kind}",
                params={"reason": row.reason, "owner": row.owner_name, "kept": row.kept_silent},
                page="/alarms?tab=silences", severity="warning", since=row.from_at,
            )
            for row in rows
        ]  # fmt: skip
        return Section("silences", "alarms.handover.silences", items, total)

    def _closed(self, session: Session, caller: Caller, since: datetime, until: datetime) -> Section:
        statement = grouped.listing(caller, "closed", None, None).where(
            Group.closed_at >= since, Group.closed_at <= until
        )
        total = session.scalar(select(func.count()).select_from(statement.order_by(None).subquery())) or 0
        groups = grouped.shown(
            session, caller, list(session.scalars(statement.limit(SHOWN))), self._providers
        )
        items = [
            Item(
                key=f"closed:{g.id}", text="alarms.handover.closed_group",
                params={"what": _what(g), "n": g.size, "cause_key": f"alarms.cause.{g.cause}"},
                subject=("alarm_group", str(g.id)), page=f"/alarms?group={g.id}&state=closed", open=False,
            )
            for g in groups
        ]  # fmt: skip
        return Section("alarms_closed", "alarms.handover.closed", items, total)


def _what(group: GroupOut) -> str:
    shown = group.worst or group.first_out
    point = shown.point if shown else None
    place = group.thing or group.unit or group.enterprise
    return (
        " ".join(x for x in (place.name if place else "", point.name if point else "") if x) or f"#{group.id}"
    )
