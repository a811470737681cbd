"""Gas tests before and during special work. GB 30871-2022, 5.3 and 6.4."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from parksight.standards.gb30871.levels import Verdict, Work
from parksight.standards.rulepack import Rule, RuleMissing, RulePack, builtin


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
        distance_m: how far from the work the sample was taken, None when not recorded (then it is not judged).
    """

    sampled_at: datetime
    flammable: tuple[tuple[float, float], ...] = ()
    oxygen: float | None = None
    toxic: tuple[tuple[float, float], ...] = ()
    calibrated_until: datetime | None = None
    distance_m: float | None = None


def gas_test(
    work: Work,
    test: GasTest,
    start: datetime,
    *,
    oxygen_enriched: bool = False,
    rules: RulePack | None = None,
) -> Verdict:
    """Whether a gas test allows work to start at ``start``; every failed condition is a reason.

    NaN or missing readings never pass. Temporary electricity is tested where it leads into a fire or explosion place.
    The sample may be 30 minutes old, limits are inclusive. GB 30871-2022, 5.3, 6.4 and 10.
    """
    if work not in (Work.HOT_WORK, Work.CONFINED_SPACE, Work.TEMPORARY_ELECTRICITY):
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
    if test.distance_m is not None and work is Work.HOT_WORK:
        used.append(pack.get("gb30871.sample_radius", on, work=work.value))
        if not test.distance_m <= used[-1].number:
            reasons.append("sample_too_far")
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
    work: Work, level: str, interruption: timedelta, on: date, rules: RulePack | None = None, *,
    last_test: date | None = None,
) -> bool:  # fmt: skip
    """Whether the gas must be tested again after a break of this length, or on a new day. 5.3, 6.4.

    A break of exactly the allowed length needs no new test. ``on`` is the day on which work goes on; with
    ``last_test`` hot work is also tested again on each further day.
    """
    pack = rules or builtin()
    if interruption < timedelta(0):
        raise ValueError("a break cannot be shorter than nothing")
    if last_test is not None and last_test > on:
        raise ValueError("the last test lies after the day on which work goes on")
    longest = timedelta(minutes=pack.number("gb30871.retest_break", on, work=work.value, level=level))
    if interruption > longest:
        return True
    if last_test is None or last_test == on:
        return False
    try:
        return pack.get("gb30871.retest_daily", on, work=work.value).value == "yes"
    except RuleMissing:
        return False


def record_overdue(
    work: Work, last_record: datetime, now: datetime, on: date, rules: RulePack | None = None
) -> bool:
    """Whether the written gas record of continuous monitoring is overdue (confined space: every 2 h).

    False for work without such a rule.
    """
    pack = rules or builtin()
    try:
        rule = pack.get("gb30871.record_interval", on, work=work.value)
    except RuleMissing:
        if work is Work.CONFINED_SPACE:
            raise
        return False
    return now - last_record > timedelta(hours=rule.number)
