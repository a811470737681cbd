"""How well the alarm system serves its operators, against ISA-18.2 / IEC 62682 / EEMUA 191."""

from __future__ import annotations

from pydantic import BaseModel

from parksight.alarms.schemas.alarms import FloodOut
from parksight.alarms.schemas.common import PointRef


class PerformanceFigure(BaseModel):
    """A measured figure beside the standard's.

    Attributes:
        name: key of its text, ``alarms.performance.<name>``.
        value: None when there is nothing to compute it from.
        acceptable: the pack's figure; ``manageable`` its upper bound where it has one. Same unit as ``value``.
        good: within the acceptable figure; None when it cannot be judged.
        confidence: ``two_sources``, ``one_source`` or ``own_unverified``.
        drill: query of the list of alarms the figure was computed from.
    """

    name: str
    value: float | None
    unit: str
    acceptable: float | None
    manageable: float | None
    good: bool | None
    confidence: str | None
    drill: str


class TopAlarm(BaseModel):
    rule_id: int
    rule_code: str
    step: str
    point: PointRef | None
    count: int
    share: float


class SuppressionCount(BaseModel):
    """Audit of silences begun in the window; ``unauthorised`` ones have no owner, reason or end."""

    kind: str
    begun: int
    running: int
    kept_silent: int
    unauthorised: int


class Performance(BaseModel):
    """Figures of a window, per operator position; instants in ms.

    Attributes:
        positions: operator positions the load is shared by.
        enough_data: at least 30 days, as the standards ask.
        annunciated: alarms announced; ``repeats`` came on top without being announced (chattering).
    """

    start: int
    end: int
    positions: int
    days: float
    enough_data: bool
    annunciated: int
    repeats: int
    figures: list[PerformanceFigure]
    priorities: dict[int, float]
    top: list[TopAlarm]
    chattering: list[TopAlarm]
    floods: list[FloodOut]
    suppressions: list[SuppressionCount]
    causes: dict[str, int]
