"""What browsers are told of alarms, live; one message per enterprise and kind of change, however big the burst."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from parksight.alarms import grouped, repository, view
from parksight.alarms.events import (
    AlarmAcknowledged,
    AlarmNotice,
    AlarmsHandled,
    FloodBegan,
    FloodEnded,
    GroupsChanged,
)
from parksight.alarms.models import Alarm, Group
from parksight.alarms.providers import Providers
from parksight.kernel.bus import Bus, Event
from parksight.kernel.db import Database
from parksight.kernel.permissions import SYSTEM

log = structlog.get_logger(__name__)

TOPIC = "alarms"
READ = "alarms.alarm.read"


class Push(Protocol):
    """What the live hub offers (:class:`parksight.telemetry.live.hub.LiveHub`)."""

    def register_topic(self, name: str, permission: str) -> None: ...

    def publish_topic(self, topic: str, data: Any, enterprise_id: int | None = None) -> None: ...

    def has_subscribers(self, topic: str) -> bool: ...


class Standing:
    """Alarms and their groups as the lists show them, read once for all browsers that hear of them."""

    def __init__(self, db: Database, providers: Providers) -> None:
        self._db = db
        self._providers = providers

    def of(self, notices: list[AlarmNotice], enterprise_id: int | None) -> dict[str, Any]:
        """``rows`` and ``groups``. A group that holds alarms of others is left out: not everybody who hears may see it."""
        with self._db.read() as session:
            statement = repository.joined(SYSTEM).where(Alarm.id.in_({n.id for n in notices}))
            rows = [view.alarm(found) for found in repository.found(session, statement)]
            wanted = select(Group).where(Group.id.in_({r.group_id for r in rows if r.group_id is not None}))
            if enterprise_id is not None:
                wanted = wanted.where(Group.enterprise_id == enterprise_id)
            records = session.scalars(wanted).all()
            known = Counter(r.group_id for r in rows)
            whole = [g for g in records if g.size == known[g.id]]  # most are: a new alarm founds its group
            rest = [g for g in records if g.size != known[g.id]]
            groups = [
                *grouped.of_members(session, whole, rows, self._providers),
                *grouped.shown(session, SYSTEM, rest, self._providers),
            ]
        return {
            "rows": [r.model_dump(mode="json") for r in rows],
            "groups": [g.model_dump(mode="json") for g in groups],
        }


class Pusher:
    """
    Args:
        hub: live push; None where nobody watches.
        most: newest alarms named in one message; ``total`` says how many there were.
        standing: how those alarms stand, so that no browser has to ask; a message of more than ``most`` goes without.
    """

    def __init__(self, hub: Push | None, most: int, standing: Standing) -> None:
        self.hub = hub
        self.most = most
        self._standing = standing
        if hub is not None:
            hub.register_topic(TOPIC, READ)

    def subscribe(self, bus: Bus) -> list[Callable[[], None]]:
        """Follow what people and time do."""
        subjects = (AlarmAcknowledged, AlarmsHandled, GroupsChanged, FloodBegan, FloodEnded)
        return [bus.subscribe(event.subject(), self._heard) for event in subjects]

    def tell(self, notices: Iterable[tuple[str, AlarmNotice]]) -> None:
        if self.hub is None:
            return
        watched = self.hub.has_subscribers(TOPIC)
        groups: dict[tuple[int | None, str], list[AlarmNotice]] = defaultdict(list)
        for subject, notice in notices:
            groups[notice.enterprise_id, subject].append(notice)
        for (enterprise_id, subject), alarms in groups.items():
            shown = [msgspec.to_builtins(n) for n in alarms[-self.most :]]
            data = {"what": subject, "total": len(alarms), "alarms": shown}
            if watched and len(alarms) <= self.most:
                data |= self._rows(alarms, enterprise_id)
            self._say(data, enterprise_id)

    def _rows(self, alarms: list[AlarmNotice], enterprise_id: int | None) -> dict[str, Any]:
        try:
            return self._standing.of(alarms, enterprise_id)
        except SQLAlchemyError:
            log.exception("alarm_rows_unread", alarms=len(alarms))
            return {}  # browsers ask for themselves

    def _say(self, data: dict[str, Any], enterprise_id: int | None) -> None:
        if self.hub is not None:
            self.hub.publish_topic(TOPIC, data, enterprise_id=enterprise_id)

    def _heard(self, event: Event) -> None:
        match event:
            case AlarmAcknowledged():
                data: dict[str, Any] = {
                    "what": "acknowledged",
                    "ids": [event.id],
                    "by": event.by_name,
                    "at": event.at,
                }
                self._say(data, event.enterprise_id)
            case AlarmsHandled():
                data = {
                    "what": "handled", "ids": list(event.ids[: self.most]), "group": event.group_id,
                    "handling": event.handling, "cause": event.cause, "by": event.by_name, "at": event.at,
                }  # fmt: skip
                self._say(data, event.enterprise_id)
            case GroupsChanged():
                self._say({"what": event.what, "ids": list(event.ids[: self.most])}, event.enterprise_id)
            case FloodBegan():
                self._say(
                    {"what": "flood_began", "id": event.id, "at": event.at, "alarms": event.alarms}, None
                )
            case FloodEnded():
                self._say(
                    {"what": "flood_ended", "id": event.id, "at": event.at, "alarms": event.alarms}, None
                )
            case _:
                pass
