"""What browsers are told of alarms, live; one message per enterprise and kind of change, however big the burst."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from parksight.alarms.events import (
    AlarmAcknowledged,
    AlarmNotice,
    AlarmsHandled,
    FloodBegan,
    FloodEnded,
    GroupsChanged,
)
from parksight.kernel.bus import Bus, Event

TOPIC = "alarms"
READ = "alarms.alarm.read"


class Push(Protocol):
    """What the live hub offers (:class:`parksight.telemetry.live.hub.LiveHub`)."""

    def register_topic(self, name: str, permission: str) -> None: ...

    def publish_topic(self, topic: str, data: Any, enterprise_id: int | None = None) -> None: ...


class Pusher:
    """
    Args:
        hub: live push; None where nobody watches.
        most: newest alarms named in one message; ``total`` says how many there were.
    """

    def __init__(self, hub: Push | None, most: int) -> None:
        self.hub = hub
        self.most = most
        if hub is not None:
            hub.register_topic(TOPIC, READ)

    def subscribe(self, bus: Bus) -> list[Callable[[], None]]:
        """Follow what people and time do."""
        subjects = (AlarmAcknowledged, AlarmsHandled, GroupsChanged, FloodBegan, FloodEnded)
        return [bus.subscribe(event.subject(), self._heard) for event in subjects]

    def tell(self, notices: Iterable[tuple[str, AlarmNotice]]) -> None:
        if self.hub is None:
            return
        groups: dict[tuple[int | None, str], list[AlarmNotice]] = defaultdict(list)
        for subject, notice in notices:
            groups[notice.enterprise_id, subject].append(notice)
        for (enterprise_id, subject), alarms in groups.items():
            shown = [msgspec.to_builtins(n) for n in alarms[-self.most :]]
            self._say({"what": subject, "total": len(alarms), "alarms": shown}, enterprise_id)

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
