"""Events of alarms on the bus. One event carries all transitions of a written batch, so that a flood is one event."""

from __future__ import annotations

import msgspec

from parksight.kernel.bus import Event


class AlarmNotice(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm as linkage, cases and panels need it; instants in ms since the epoch."""

    id: int
    point_id: int
    point_code: str
    rule_id: int
    rule_version: int
    step: str
    priority: int
    condition: str
    raised_at: int
    recorded_at: int
    at: int
    value: float | None
    limit: float
    enterprise_id: int | None
    thing_id: int | None
    unit_id: int | None
    simulated: bool
    group_id: int | None = None
    suppressed: str | None = None


class AlarmsRaised(Event, frozen=True, kw_only=True):
    alarms: tuple[AlarmNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "alarms.raised"


class AlarmsCleared(Event, frozen=True, kw_only=True):
    alarms: tuple[AlarmNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "alarms.cleared"


class AlarmsDoubted(Event, frozen=True, kw_only=True):
    """The condition of open alarms became unknown, or known again (see ``condition``)."""

    alarms: tuple[AlarmNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "alarms.doubted"


class AlarmsKeptSilent(Event, frozen=True, kw_only=True):
    """Alarms came that are not announced: shelved, suppressed by design or out of service."""

    alarms: tuple[AlarmNotice, ...]

    @classmethod
    def subject(cls) -> str:
        return "alarms.kept_silent"


class AlarmsHandled(Event, frozen=True, kw_only=True):
    """People did something about alarms: ``handling`` is where their group stands now."""

    ids: tuple[int, ...]
    group_id: int | None
    enterprise_id: int | None
    handling: str
    by_name: str
    at: int
    cause: str | None = None

    @classmethod
    def subject(cls) -> str:
        return "alarms.handled"


class GroupsChanged(Event, frozen=True, kw_only=True):
    """A person split or merged groups, or silences, works and floods changed: look anew."""

    what: str
    ids: tuple[int, ...] = ()
    enterprise_id: int | None = None

    @classmethod
    def subject(cls) -> str:
        return "alarms.changed"


class ReactionsOrdered(Event, frozen=True, kw_only=True):
    """Linkage has something to do."""

    count: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.reactions.ordered"


class FloodBegan(Event, frozen=True, kw_only=True):
    """More than ten alarms were announced within ten minutes."""

    id: int
    at: int
    alarms: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.flood.began"


class FloodEnded(Event, frozen=True, kw_only=True):
    id: int
    at: int
    alarms: int
    peak: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.flood.ended"


class CameraRequested(Event, frozen=True, kw_only=True):
    """Linkage asks for a view of a place (lon, lat in degrees); whoever owns cameras answers.

    ``reaction_id`` is the same if the request comes twice (after a crash): answer it once.
    """

    reaction_id: int
    alarm_id: int
    longitude: float
    latitude: float
    radius_m: float
    preset: str
    cameras: tuple[int, ...]
    enterprise_id: int | None
    at: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.camera.requested"


class AlarmAcknowledged(Event, frozen=True, kw_only=True):
    id: int
    enterprise_id: int | None
    by_name: str
    at: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.acknowledged"


class RulesChanged(Event, frozen=True, kw_only=True):
    """Rules were made or changed; the evaluation compiles them anew."""

    count: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.rules.changed"


class ProposalsChanged(Event, frozen=True, kw_only=True):
    """Changes of rules were proposed or decided; reviewers look again."""

    count: int

    @classmethod
    def subject(cls) -> str:
        return "alarms.proposals.changed"
