"""Tells the browsers which cases changed; they ask for what they want to see of them."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, Protocol

from parksight.cases.access import READ
from parksight.cases.events import CaseChanged, CaseMoved, CaseNotice, CasesOpened, CasesOverdue
from parksight.cases.types import CaseTypes
from parksight.kernel.bus import Bus, Event

TOPIC = "cases"
#: Cases a message names; of a larger burst only the number is told.
NAMED = 50


class Push(Protocol):
    """What the live hub offers (:class:`parksight.telemetry.live.hub.LiveHub`)."""

    def register_topic(self, name: str, permission: str) -> None: ...

    def publish_topic(self, topic: str, data: Any, enterprise_id: int | None = None) -> None: ...


class Announcer:
    """
    Args:
        bus: carries the events of cases.
        hub: live push.
        types: cases that their enterprise is not to see are told to the zone only; those of types for some roles
            are told to nobody.
    """

    def __init__(self, bus: Bus, hub: Push, types: CaseTypes) -> None:
        self._hub = hub
        self._types = types
        hub.register_topic(TOPIC, READ)
        self._unsubscribe = bus.subscribe("cases.>", self._announce)

    def close(self) -> None:
        self._unsubscribe()

    def _announce(self, event: Event) -> None:
        if isinstance(event, CasesOpened):
            self._tell("opened", event.cases)
        elif isinstance(event, CasesOverdue):
            self._tell("overdue", event.cases)
        elif isinstance(event, CaseMoved):
            self._tell("moved", (event.case,))
        elif isinstance(event, CaseChanged):
            self._tell(event.what, (event.case,))

    def _tell(self, what: str, cases: tuple[CaseNotice, ...]) -> None:
        groups: dict[int | None, list[CaseNotice]] = defaultdict(list)
        for case in cases:
            declared = self._types.get(case.type)
            if declared is None or "*" not in declared.type.visibility.roles:
                continue
            groups[case.enterprise_id if declared.type.visibility.enterprise else None].append(case)
        for enterprise_id, told in groups.items():
            data = {
                "what": what, "total": len(told),
                "cases": [
                    {
                        "id": c.id, "number": c.number, "type": c.type, "state": c.state, "phase": c.phase,
                        "priority": c.priority, "version": c.version, "at": c.at,
                    }
                    for c in told[:NAMED]
                ],
            }  # fmt: skip
            self._hub.publish_topic(TOPIC, data, enterprise_id=enterprise_id)
