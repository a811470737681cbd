"""How the composition root ties alarms to the rooms beside and below them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol, cast

from sqlalchemy.orm import Session

from parksight.alarms.providers import Source
from parksight.alarms.service import AlarmService
from parksight.alarms.workflow import HANDLING, handling
from parksight.cases.service import CaseService
from parksight.kernel.bus import Bus, Event
from parksight.kernel.settings import AlarmSettings

#: Point ids -> (device id, code, name, English name) (:func:`parksight.gateways.sources.sources_of`).
Lookup = Callable[[Session, Iterable[int]], Mapping[int, tuple[int, str, str, str]]]


class DeviceSources:
    """A :class:`~parksight.alarms.providers.Sources` from the gateways' mappings.

    Args:
        connected: whether a device is connected now; None when nobody can say.
    """

    def __init__(
        self, lookup: Lookup, connected: Callable[[int], bool | None] = lambda _device: None
    ) -> None:
        self._lookup = lookup
        self._connected = connected

    def of_points(self, session: Session, points: Iterable[int]) -> Mapping[int, Source]:
        return {
            point: Source(device, code, name, english, self._connected(device))
            for point, (device, code, name, english) in self._lookup(session, points).items()
        }


def declare(cases: CaseService, settings: AlarmSettings) -> None:
    """Make the handling of alarms known to the case engine."""
    cases.types.register(handling(settings))


def follow(cases: CaseService, alarms: AlarmService) -> None:
    """Let alarms follow their cases in the unit of work that moves them."""
    if alarms.desk is not None:
        cases.room.outside.follow(HANDLING, alarms.desk.followed)


class Death(Protocol):
    """What the gateways' event about a dead source says (:class:`parksight.gateways.events.SourceDied`)."""

    device_id: int
    points: tuple[int, ...]
    at_ms: int
    reason: str


def heed(bus: Bus, subject: str, alarms: AlarmService) -> None:
    """Let alarms know at once when a source is gone; ``subject``: of the gateways' event that says so."""

    def died(event: Event) -> None:
        death = cast(Death, event)
        alarms.lost(death.device_id, death.points, death.at_ms, death.reason)

    bus.subscribe(subject, died)
