"""What both forms of paper need to say a case in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from parksight.cases.schemas import CaseRow, PartyOut
from parksight.kernel.i18n import translate


@dataclass(frozen=True)
class Reader:
    """For whom it is printed.

    Attributes:
        language: of the texts.
        zone: name of the zone, printed on every page.
        tz: the zone's civil time.
        types: code of a type -> its title.
        states: (type, state) -> title.
    """

    language: str
    zone: str
    tz: ZoneInfo
    types: Mapping[str, str]
    states: Mapping[tuple[str, str], str]

    def say(self, key: str, **params: object) -> str:
        return translate(f"cases.paper.{key}", self.language, **params)

    def when(self, at: datetime | None) -> str | None:
        return None if at is None else at.astimezone(self.tz).strftime("%Y-%m-%d %H:%M:%S")

    def party(self, party: PartyOut | None) -> str | None:
        if party is None:
            return None
        return (party.name_en if self.language == "en" and party.name_en else party.name) or party.key

    def type(self, case: CaseRow) -> str:
        return self.types.get(case.type, case.type)

    def state(self, case: CaseRow) -> str:
        return self.states.get((case.type, case.state), case.state)

    def light(self, case: CaseRow) -> str:
        return self.say(f"light.{case.light}")

    def marks(self, case: CaseRow) -> list[str]:
        return [self.say(m) for m in ("simulated", "drill", "late") if getattr(case, m)]
