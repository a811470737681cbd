"""GB 30871-2022: safety of special work in enterprises that handle hazardous chemicals (特殊作业).

Level, upgrade, validity, gas tests, approver, distances, and conflicts between permits. Nothing here starts or stops
work: verdicts come with their reasons, a person or the case engine acts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin


class Work(StrEnum):
    """The eight types of special work."""

    HOT_WORK = "hot_work"
    CONFINED_SPACE = "confined_space"
    BLIND_PLATE = "blind_plate"
    HEIGHT = "height"
    LIFTING = "lifting"
    TEMPORARY_ELECTRICITY = "temporary_electricity"
    EXCAVATION = "excavation"
    ROAD_CLOSING = "road_closing"


#: Hot-work levels from the strictest on.
HOT_LEVELS = ("特级", "一级", "二级")
HEIGHT_LEVELS = ("Ⅰ", "Ⅱ", "Ⅲ", "Ⅳ")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether something is allowed, every reason against it, and the rules it rests on."""

    ok: bool
    reasons: tuple[str, ...]
    rules: tuple[Rule, ...]


def hot_work_level(
    *, fire_explosion_place: bool, on_running_equipment: bool = False,
    inside_major_hazard_flammable_dike: bool = False, pipe_rack: bool = False, fully_isolated: bool = False,
) -> str:  # fmt: skip
    """Level of hot work before any upgrade. GB 30871-2022, 5.1.

    Args:
        fully_isolated: whole shutdown, cleaned, replaced, isolated and approved: second level suffices.
    """
    if inside_major_hazard_flammable_dike or (fire_explosion_place and on_running_equipment):
        return "特级"
    if fully_isolated:
        return "二级"
    return "一级" if fire_explosion_place or pipe_rack else "二级"


def upgraded(level: str, *, rest_day: bool = False, holiday: bool = False, night: bool = False,
             wind_force: int = 0, special: bool = False) -> str:  # fmt: skip
    """Level at which hot work is managed: one level higher on rest days, holidays, at night, in wind >= 5 or other
    special cases (unavoidable open-air work); special level stays. GB 30871-2022, 5.1."""
    i = HOT_LEVELS.index(_known(level, HOT_LEVELS))
    return HOT_LEVELS[max(0, i - 1)] if rest_day or holiday or night or special or wind_force >= 5 else level


def height_level(height_m: float, hazard_factors: int, on: date, rules: RulePack | None = None) -> str:
    """Level of work at height: method A without, method B with one or more of the nine hazard factors. 8.1.

    Raises ValueError below 2 m: that is not work at height.
    """
    if not height_m >= 2:
        raise ValueError(f"work at height begins at 2 m, not {height_m} m")
    method = "B" if hazard_factors > 0 else "A"
    rows = (rules or builtin()).table("gb30871.height_level", on, method=method)
    fitting = [r for r in rows if height_m > float(r.key["above_m"]) or float(r.key["above_m"]) == 2]
    return str(max(fitting, key=lambda r: float(r.key["above_m"])).value)


def lifting_level(mass_t: float, on: date, rules: RulePack | None = None) -> str:
    """Level of lifting: above 100 t first, 40 t to 100 t second, below third. 9.1."""
    if not mass_t > 0:
        raise ValueError(f"a load has a mass above 0 t, not {mass_t}")
    pack = rules or builtin()
    if mass_t > pack.number("gb30871.lifting_mass", on, level="一级"):
        return "一级"
    return "二级" if mass_t >= pack.number("gb30871.lifting_mass", on, level="二级") else "三级"


def validity(
    work: Work, level: str, on: date, *, served: timedelta | None = None, rules: RulePack | None = None
) -> timedelta | None:
    """Longest validity of a permit; None where the standard states none.

    Temporary electricity for hot work or a confined space lasts no longer than the work it serves (``served``).
    """
    try:
        rule = (rules or builtin()).get("gb30871.validity", on, work=work.value, level=level)
    except RuleMissing:
        approver(work, level, on, rules)  # an unknown level must not read as "no limit"
        return None
    longest = timedelta(hours=rule.number)
    return min(longest, served) if served is not None else longest


def approver(work: Work, level: str, on: date, rules: RulePack | None = None) -> Rule:
    """Who approves a permit of this level; ``level`` is ``none`` for types without levels."""
    return (rules or builtin()).get("gb30871.approver", on, work=work.value, level=level)


def flammable_limit(lel_vol_percent: float, on: date, rules: RulePack | None = None) -> Rule:
    """Allowed concentration: 0.5 %vol where LEL >= 4 %vol, else 0.2 %vol. 5.3.2."""
    if not 0 < lel_vol_percent < 100:
        raise ValueError(f"a lower explosive limit lies in 0..100 %vol, not {lel_vol_percent}")
    rows = (rules or builtin()).table("gb30871.flammable_limit", on)
    fitting = [r for r in rows if lel_vol_percent >= float(r.key["lel_at_least"])]
    return max(fitting, key=lambda r: float(r.key["lel_at_least"]))


@dataclass(frozen=True, slots=True)
class GasTest:
    """A gas test before or during work.

    Attributes:
        sampled_at: when the sample was taken.
        flammable: measured %vol and LEL %vol of each flammable gas.
        oxygen: %vol, None when not measured.
        toxic: measured and allowed value of each toxic gas, in one unit (GBZ 2.1).
        calibrated_until: end of the instrument's calibration, None when not known.
    """

    sampled_at: datetime
    flammable: tuple[tuple[float, float], ...] = ()
    oxygen: float | None = None
    toxic: tuple[tuple[float, float], ...] = ()
    calibrated_until: datetime | None = None


def gas_test(
    work: Work,
    test: GasTest,
    start: datetime,
    *,
    oxygen_enriched: bool = False,
    rules: RulePack | None = None,
) -> Verdict:
    """Whether a gas test allows work to start at ``start``; every failed condition is a reason.

    NaN or missing readings never pass. GB 30871-2022, 5.3 and 6.4.
    """
    if work not in (Work.HOT_WORK, Work.CONFINED_SPACE):
        raise RuleMissing(f"GB 30871 asks for no gas test before {work.value}")
    pack = rules or builtin()
    on = start.date()
    reasons: list[str] = []
    used = [pack.get("gb30871.sample_before_start", on, work=work.value)]
    age = start - test.sampled_at
    if age > timedelta(minutes=used[0].number):
        reasons.append("sample_too_old")
    if age < timedelta(0):
        reasons.append("sample_after_start")
    if test.calibrated_until is None or test.calibrated_until < test.sampled_at:
        reasons.append("instrument_not_calibrated")
    if not test.flammable:
        reasons.append("flammable_not_measured")
    for measured, lel in test.flammable:
        rule = flammable_limit(lel, on, pack)
        used.append(rule)
        if not measured <= rule.number:
            reasons.append("flammable_too_high")
    if work is Work.CONFINED_SPACE:
        reasons += _oxygen(test.oxygen, oxygen_enriched, on, pack, used)
    elif oxygen_enriched:
        rule = pack.get("gb30871.oxygen_high", on, work=work.value, enriched="yes")
        used.append(rule)
        if test.oxygen is None or not test.oxygen <= rule.number:
            reasons.append("oxygen_too_high")
    if any(not measured <= allowed for measured, allowed in test.toxic):
        reasons.append("toxic_too_high")
    return Verdict(not reasons, tuple(dict.fromkeys(reasons)), tuple(used))


def _oxygen(value: float | None, enriched: bool, on: date, pack: RulePack, used: list[Rule]) -> list[str]:
    low = pack.get("gb30871.oxygen_low", on, work="confined_space")
    high = pack.get("gb30871.oxygen_high", on, work="confined_space", enriched="yes" if enriched else "no")
    used += [low, high]
    if value is None or math.isnan(value):
        return ["oxygen_not_measured"]
    if value < low.number:
        return ["oxygen_too_low"]
    return ["oxygen_too_high"] if value > high.number else []


def retest_needed(
    work: Work, level: str, interruption: timedelta, on: date, rules: RulePack | None = None
) -> bool:
    """Whether the gas must be tested again after a break of this length. 5.3, 6.4."""
    return interruption > timedelta(
        minutes=(rules or builtin()).number("gb30871.retest_break", on, work=work.value, level=level)
    )


def wind_stops(work: Work, force: int, on: date, rules: RulePack | None = None) -> bool:
    """Whether open-air work of this type must stop at a wind force (Beaufort)."""
    try:
        return force >= (rules or builtin()).number("gb30871.wind_stop", on, work=work.value)
    except RuleMissing:
        return False


@dataclass(frozen=True, slots=True)
class Permit:
    """A permit as the conflict check sees it; positions in metres in one plane."""

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

    Hot work near a release of flammable gas or liquid or solvent use, hot work near a blind plate, one guardian on
    two permits, and two unlinked permits on one piece of equipment.
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
        and b.key not in a.linked
        and a.key not in b.linked
    ):
        found.append(Conflict(a.key, b.key, "same_equipment_not_linked", distance, None, None))
    return found


def _known(level: str, levels: Sequence[str]) -> str:
    if level not in levels:
        raise ValueError(f"{level!r} is none of {', '.join(levels)}")
    return level
