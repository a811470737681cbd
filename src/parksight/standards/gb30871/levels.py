"""Levels of special work, their upgrade, validity, approvers and requirements. GB 30871-2022."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from parksight.standards.calendar import WorkingCalendar
from parksight.standards.rulepack import Confidence, Rule, RuleMissing, RulePack, builtin, weakest

#: First day of the 2022 edition.
IN_FORCE = date(2022, 10, 1)


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

    @property
    def confidence(self) -> Confidence:
        """The weakest mark among the rules it rests on."""
        return weakest(self.rules)


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
             wind_force: int = 0, special: bool = False, open_air: bool = True, rules: RulePack | None = None) -> str:  # fmt: skip
    """Level at which hot work is managed: one level higher on rest days, holidays, at night, in wind >= 5 (unavoidable
    open-air work) or other special cases; however many of them meet, by one level; special level stays.
    GB 30871-2022, 5.1."""
    i = HOT_LEVELS.index(_known(level, HOT_LEVELS))
    windy = open_air and wind_stops(Work.HOT_WORK, wind_force, IN_FORCE, rules)
    return HOT_LEVELS[max(0, i - 1)] if rest_day or holiday or night or special or windy else level


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What of a span of work asks for the upgrade; ``rules`` are the hours that count as night (unverified)."""

    rest_day: bool
    holiday: bool
    night: bool
    rules: tuple[Rule, ...]

    def upgrade(self, level: str) -> str:
        """The level at which hot work of this span is managed."""
        return upgraded(level, rest_day=self.rest_day, holiday=self.holiday, night=self.night)


def circumstances(
    begin: datetime, end: datetime, calendar: WorkingCalendar, rules: RulePack | None = None
) -> Circumstances:
    """Whether any moment of ``[begin, end)`` lies on a rest day, a statutory holiday, or at night.

    Give the hours that are worked, not the whole validity of a ticket: a second-level ticket holds 72 h and would always
    touch a night. Times are civil times of the zone. Make-up working days are working days. When night begins the standard does not
    say: ``gb30871.night`` (22:00 to 06:00) is a marked default.

    Raises:
        ValueError: the span is empty or reversed.
        CalendarNotPublished: the span leads beyond the published calendar.
    """
    if not end > begin:
        raise ValueError("work must end after it begins")
    pack = rules or builtin()
    dusk, dawn = (pack.get("gb30871.night", begin.date(), edge=e) for e in ("from", "to"))
    last = (end - timedelta(microseconds=1)).date()
    days = [begin.date() + timedelta(days=i) for i in range((last - begin.date()).days + 1)]
    holiday = any(day in calendar.holidays for day in days)
    rest = any(not calendar.is_working_day(day) and day not in calendar.holidays for day in days)
    night = any(_touches_night(day, begin, end, dusk.number, dawn.number) for day in days)
    return Circumstances(rest, holiday, night, (dusk, dawn))


def _touches_night(day: date, begin: datetime, end: datetime, dusk: float, dawn: float) -> bool:
    midnight = datetime.combine(day, time(), tzinfo=begin.tzinfo)
    spans = [(0.0, dawn), (dusk, 24.0)] if dawn <= dusk else [(dusk, dawn)]
    return any(
        begin < midnight + timedelta(hours=b) and midnight + timedelta(hours=a) < end
        for a, b in spans
        if b > a
    )


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


def height_approval_level(
    level: str, conditions: Collection[str], on: date, rules: RulePack | None = None
) -> str:
    """Level that approves work at height under further conditions (Table B.1 notes): at least that of each of them.

    Conditions: ``slope_over_45_deg``, ``over_openings``, ``near_hazardous_equipment``, ``no_platform``,
    ``inside_vessel``, ``near_vents``, ``abnormal_temperature``, ``snow``, ``rain``, ``night_by_artificial_light``,
    ``live_conductors``, ``no_foothold``. RuleMissing for any other.
    """
    pack = rules or builtin()
    found = [pack.get("gb30871.height_condition", on, condition=c) for c in conditions]
    ranks = [HEIGHT_LEVELS.index(str(rule.value)) for rule in found]
    return HEIGHT_LEVELS[max([HEIGHT_LEVELS.index(_known(level, HEIGHT_LEVELS)), *ranks])]


def excavation_as_confined_space(
    depth_m: float, gas_may_collect: bool, on: date, rules: RulePack | None = None
) -> bool:
    """Whether digging follows the rules of confined spaces: deeper than 1.2 m where hazardous gas may collect. 11."""
    if not depth_m >= 0:
        raise ValueError(f"a depth is 0 m or more, not {depth_m}")
    return gas_may_collect and depth_m > (rules or builtin()).number("gb30871.excavation_confined_depth", on)


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

    Temporary electricity for hot work or a confined space lasts no longer than the work it serves (``served``);
    otherwise 15 days are usual (:func:`usual_validity`) and 30 days the most.

    Raises:
        RuleMissing: the level does not exist for this work.
        ValueError: ``served`` is given for other work.
    """
    if served is not None and work is not Work.TEMPORARY_ELECTRICITY:
        raise ValueError("only temporary electricity serves other work")
    try:
        rule = (rules or builtin()).get("gb30871.validity", on, work=work.value, level=level)
    except RuleMissing:
        approver(work, level, on, rules)  # an unknown level must not read as "no limit"
        return None
    longest = timedelta(hours=rule.number)
    return min(longest, served) if served is not None else longest


def usual_validity(work: Work, level: str, on: date, rules: RulePack | None = None) -> Rule:
    """The usual validity where the standard names one beside the longest (temporary electricity, 15 days), h."""
    return (rules or builtin()).get("gb30871.validity_normal", on, work=work.value, level=level)


def term(
    work: Work, level: str, begin: datetime, end: datetime, *, served: timedelta | None = None,
    rules: RulePack | None = None,
) -> Verdict:  # fmt: skip
    """Whether a permit may be written for ``begin`` to ``end``: reasons ``ends_before_begin``, ``longer_than_allowed``.

    ``level`` is the level at which the work is managed, after any upgrade.
    """
    pack, on = rules or builtin(), begin.date()
    longest = validity(work, level, on, served=served, rules=pack)
    used = () if longest is None else (pack.get("gb30871.validity", on, work=work.value, level=level),)
    if end <= begin:
        return Verdict(False, ("ends_before_begin",), used)
    over = longest is not None and end - begin > longest
    return Verdict(not over, ("longer_than_allowed",) if over else (), used)


def approver(work: Work, level: str, on: date, rules: RulePack | None = None) -> Rule:
    """Who approves a permit of this level; ``level`` is ``none`` for types without levels."""
    return (rules or builtin()).get("gb30871.approver", on, work=work.value, level=level)


def requirements(work: Work, level: str, on: date, rules: RulePack | None = None) -> tuple[Rule, ...]:
    """What a permit of this level needs besides approval (key ``what``): ``continuous_monitoring``, ``full_video``,
    ``plan``; empty when nothing. RuleMissing when the level does not exist for this work."""
    pack = rules or builtin()
    approver(work, level, on, pack)
    try:
        return tuple(pack.table("gb30871.requires", on, work=work.value, level=level))
    except RuleMissing:
        return ()


def new_ticket_needed(changes: Collection[str], on: date, rules: RulePack | None = None) -> bool:
    """Whether changes ask for a new ticket: ``content``, ``scope``, ``place``, ``validity`` (exceeded),
    ``process_conditions``, ``method``, ``environment``. RuleMissing for an unknown word. 4."""
    pack = rules or builtin()
    return bool([pack.get("gb30871.new_ticket", on, change=c) for c in changes])


def wind_stops(work: Work, force: int, on: date, rules: RulePack | None = None) -> bool:
    """Whether open-air work of this type must stop at a wind force (Beaufort)."""
    try:
        return force >= (rules or builtin()).number("gb30871.wind_stop", on, work=work.value)
    except RuleMissing:
        return False


def distance_kept(between: str, metres: float, on: date, rules: RulePack | None = None) -> Verdict:
    """Whether a safety distance is kept; equal counts as kept.

    ``between`` is ``flammable_gas_release``, ``flammable_liquid_release``, ``solvent_or_painting``,
    ``oxygen_to_acetylene_bottles``, ``bottles_to_fire_point``, ``blind_plate_to_hot_work``, ``fixed_hot_work_zone``,
    ``railway``, or ``welder_to_fire_point`` (at most: farther away the welder is a fire point of its own).

    Raises ValueError for a distance that is not known.
    """
    if not (metres >= 0 and math.isfinite(metres)):
        raise ValueError(f"a distance is 0 m or more, not {metres}")
    rule = (rules or builtin()).get("gb30871.distance", on, between=between)
    ok = metres <= rule.number if rule.sense == "max" else metres >= rule.number
    return Verdict(ok, () if ok else (between,), (rule,))


def _known(level: str, levels: Sequence[str]) -> str:
    if level not in levels:
        raise ValueError(f"{level!r} is none of {', '.join(levels)}")
    return level
