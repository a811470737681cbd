"""A watched zone with the real case engine behind it, for tests of handling."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from parksight.alarms.workflow import HANDLING, handling
from parksight.cases.providers import Outside
from parksight.cases.service import CaseService
from parksight.cases.service.room import Room
from parksight.cases.timing import Timing
from parksight.cases.types import CaseTypes
from parksight.kernel.calendar import ZoneCalendar
from parksight.kernel.settings import AlarmSettings


def case_engine(settings: AlarmSettings, outside: Outside | None = None) -> CaseService:
    """The engine with the one kind of work alarms declare."""
    types = CaseTypes(handling(settings))
    return CaseService(
        Room(types, Timing(ZoneCalendar(), ZoneInfo("Asia/Shanghai")), outside=outside or Outside())
    )


__all__ = ["HANDLING", "case_engine"]
