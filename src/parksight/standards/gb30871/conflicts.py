"""Conflicts between permits in space and time. GB 30871-2022, 4, 5.2 and 7."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from parksight.standards.gb30871.levels import Work
from parksight.standards.rulepack import Rule, RulePack, builtin


@dataclass(frozen=True, slots=True)
class Permit:
    """A permit as the conflict check sees it; positions in metres in one plane, times half-open.

    Attributes:
        equipment: the equipment or pipe that is worked on.
        releases: ``flammable_gas``, ``flammable_liquid``, ``solvent`` or ``combustible_dust``, None when nothing.
        linked: keys of permits that are issued together with this one.

    Raises ValueError for a position that is not known, a time that runs backwards, or an unknown release: a
    conflict must not be missed for want of an input.
    """

    key: str
    work: Work
    x: float
    y: float
    begin: datetime
    end: datetime
    guardian: str | None = None
    equipment: str | None = None
    releases: str | None = None
    linked: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y)):
            raise ValueError(f"permit {self.key}: the position must be known")
        if not self.end > self.begin:
            raise ValueError(f"permit {self.key}: it must end after it begins")
        if self.releases is not None and self.releases not in _AGAINST_HOT_WORK:
            raise ValueError(
                f"permit {self.key}: {self.releases!r} is none of {', '.join(_AGAINST_HOT_WORK)}"
            )


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two permits that may not go on together, and why."""

    first: str
    second: str
    reason: str
    distance_m: float
    needed_m: float | None
    rule: Rule | None


def conflicts(permits: Sequence[Permit], on: date, rules: RulePack | None = None) -> list[Conflict]:
    """Conflicts in space and time among permits whose times overlap.

    Hot work near a release of flammable gas or liquid, solvent use or combustible dust (closer than the distance),
    hot work near a blind plate, two blind plates on one pipe (linked or not: one plate, one ticket, one at a time),
    one guardian on two permits, and two unlinked permits on one piece of equipment. Permits that touch only in time
    (one begins when the other ends) do not meet.
    """
    pack = rules or builtin()
    found: list[Conflict] = []
    ordered = sorted(permits, key=lambda p: p.begin)
    for i, a in enumerate(ordered):
        for b in ordered[i + 1 :]:
            if b.begin >= a.end:
                break
            found += _pair(a, b, on, pack)
    return found


#: What the other permit does, and the distance rule against hot work.
_AGAINST_HOT_WORK = {
    "flammable_gas": "flammable_gas_release",
    "flammable_liquid": "flammable_liquid_release",
    "solvent": "solvent_or_painting",
    "combustible_dust": "solvent_or_painting",
}


def _pair(a: Permit, b: Permit, on: date, pack: RulePack) -> list[Conflict]:
    distance = math.hypot(a.x - b.x, a.y - b.y)
    found: list[Conflict] = []
    for hot, other in ((a, b), (b, a)):
        if hot.work is not Work.HOT_WORK:
            continue
        names = [_AGAINST_HOT_WORK[other.releases]] if other.releases in _AGAINST_HOT_WORK else []
        if other.work is Work.BLIND_PLATE:
            names.append("blind_plate_to_hot_work")
        for name in names:
            rule = pack.get("gb30871.distance", on, between=name)
            if distance < rule.number:
                found.append(Conflict(hot.key, other.key, name, distance, rule.number, rule))
    if a.guardian is not None and a.guardian == b.guardian:
        found.append(Conflict(a.key, b.key, "same_guardian", distance, None, None))
    if (
        a.equipment is not None
        and a.equipment == b.equipment
        and (a.work, b.work) == (Work.BLIND_PLATE, Work.BLIND_PLATE)
    ):
        found.append(Conflict(a.key, b.key, "blind_plates_on_one_pipe", distance, None, None))
    elif (
        a.equipment is not None
        and a.equipment == b.equipment
        and b.key not in a.linked
        and a.key not in b.linked
    ):
        found.append(Conflict(a.key, b.key, "same_equipment_not_linked", distance, None, None))
    return found
