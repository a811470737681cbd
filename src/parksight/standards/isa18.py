"""ISA-18.2 / IEC 62682 / EEMUA 191: performance of an alarm system, computed from a list of alarm events.

Times are seconds on any common axis. Figures hold per operator position and need 30 days of data to be compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from parksight.standards.rulepack import Rule, RulePack, builtin

F64 = npt.NDArray[np.float64]
PERIOD_S = 600.0


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood: from more than ``start`` alarms in 10 minutes until fewer than ``end``; times in seconds."""

    begin: float
    end: float
    alarms: int


@dataclass(frozen=True, slots=True)
class Performance:
    """Alarm-system metrics of one operator position.

    Rates are alarms per day, hour and 10 minutes on average; shares are fractions; ``top_ten`` lists (alarm, count).
    ``stale`` counts alarms that stood longer than 24 h at some time of the span, ``stale_peak`` the most on one day;
    ``standing`` those that stand at its end, each alarm once. ``enough_data`` is False below 30 days: then compare
    with care.
    """

    total: int
    days: float
    per_day: float
    per_hour: float
    per_10_min: float
    peak_10_min: int
    periods_over_10: float
    hours_over_30: float
    time_in_flood: float
    floods: tuple[Flood, ...]
    priority_share: dict[int, float]
    top_ten: tuple[tuple[int, int], ...]
    top_ten_share: float
    chattering: tuple[int, ...]
    stale: int
    stale_peak: int
    standing: int
    enough_data: bool


def performance(
    raised: npt.ArrayLike, alarm: npt.ArrayLike, priority: npt.ArrayLike, cleared: npt.ArrayLike,
    begin: float, end: float, *, flood_start: int = 10, flood_end: int = 5, chatter_repeats: int = 3,
    chatter_s: float = 60.0, stale_s: float = 86_400.0,
) -> Performance:  # fmt: skip
    """Metrics of the alarms raised in ``[begin, end)``; those raised before count as standing and stale only.

    The thresholds are those of :func:`thresholds`, which reads them from the rule pack.

    Args:
        raised: annunciation times, shape (n,), seconds, any order.
        alarm: which alarm (tag and type), integers, shape (n,).
        priority: integers, shape (n,).
        cleared: return-to-normal times, shape (n,), NaN while still active. An alarm that is raised again has
            returned in between, also where its return was not recorded.

    Raises ValueError for unequal shapes, an empty span, times that are not finite, or a return before its alarm.
    """
    t, a, p, c = (np.asarray(x, dtype=np.float64) for x in (raised, alarm, priority, cleared))
    if not t.shape == a.shape == p.shape == c.shape or t.ndim != 1:
        raise ValueError("raised, alarm, priority and cleared must be arrays of one length")
    if not end > begin:
        raise ValueError("the span must end after it begins")
    if not (np.isfinite(t).all() and np.isfinite(a).all() and np.isfinite(p).all()):
        raise ValueError("every alarm needs a finite time of annunciation, an identity and a priority")
    if np.any(c < t):
        raise ValueError("an alarm cannot return to normal before it was raised")
    order = np.lexsort((t, a))
    order = order[t[order] < end]
    t, c, names, levels = t[order], c[order], a[order].astype(np.int64), p[order].astype(np.int64)
    until = _until(t, names, c, end)
    now = t >= begin
    span, total = end - begin, int(now.sum())
    counts = _counts(t[now], begin, end, PERIOD_S)
    hours = _counts(t[now], begin, end, 3600.0)
    found = _floods(counts, begin, end, flood_start, flood_end)
    each, per_alarm = np.unique(names[now], return_counts=True)
    rank = np.lexsort((each, -per_alarm))[:10]
    kinds, per_level = np.unique(levels[now], return_counts=True)
    old = (until - t > stale_s) & (until > begin)
    return Performance(
        total=total,
        days=span / 86_400.0,
        per_day=total / (span / 86_400.0),
        per_hour=total / (span / 3600.0),
        per_10_min=total / (span / PERIOD_S),
        peak_10_min=int(counts.max(initial=0)),
        periods_over_10=float((counts > 10).mean()),
        hours_over_30=float((hours > 30).mean()),
        time_in_flood=sum(f.end - f.begin for f in found) / span,
        floods=found,
        priority_share={int(k): float(v) / total for k, v in zip(kinds, per_level, strict=True)},
        top_ten=tuple((int(each[i]), int(per_alarm[i])) for i in rank),
        top_ten_share=float(per_alarm[rank].sum()) / total if total else 0.0,
        chattering=_chattering(t[now], names[now], chatter_repeats, chatter_s),
        stale=int(np.unique(names[old]).size),
        stale_peak=_peak(np.maximum(t[old] + stale_s, begin), until[old], begin, end),
        standing=int(np.unique(names[until >= end]).size),
        enough_data=span >= 30 * 86_400.0,
    )


def thresholds(on: date, rules: RulePack | None = None) -> dict[str, float]:
    """The thresholds in force as keyword arguments of :func:`performance`."""
    pack = rules or builtin()
    return {
        "flood_start": int(pack.number("isa18.flood", on, edge="start")),
        "flood_end": int(pack.number("isa18.flood", on, edge="end")),
        "chatter_repeats": int(pack.number("isa18.chattering", on, what="repeats")),
        "stale_s": pack.number("isa18.stale", on, what="duration") * 3600.0,
    }


def floods(
    raised: npt.ArrayLike, begin: float, end: float, *, sliding: bool = False, start: int = 10, stop: int = 5
) -> tuple[Flood, ...]:
    """Floods of ``[begin, end)``: from more than ``start`` alarms in 10 minutes to fewer than ``stop``.

    Args:
        raised: annunciation times, s, any order, shape (n,).
        sliding: False counts in the regular 10-minute periods from ``begin`` on, as reports do; True in the ten
            minutes up to each moment, which also sees a burst across two periods: then a flood begins with the alarm
            that makes it more than ``start`` and ends when so many have aged out that fewer than ``stop`` remain.
    """
    t = np.sort(np.asarray(raised, dtype=np.float64))
    if not np.isfinite(t).all():
        raise ValueError("every alarm needs a finite time of annunciation")
    if not end > begin:
        raise ValueError("the span must end after it begins")
    t = t[(t >= begin) & (t < end)]
    if not sliding:
        return _floods(_counts(t, begin, end, PERIOD_S), begin, end, start, stop)
    # the count changes when an alarm comes in, and when one is ten minutes old
    times = np.concatenate([t, t + PERIOD_S])
    steps = np.concatenate([np.ones(t.size), -np.ones(t.size)])
    order = np.lexsort((steps, times))  # what ages out at a moment leaves before what comes in
    times, steps = times[order], steps[order]
    level, arrived = np.cumsum(steps), np.cumsum(steps > 0)
    marks = np.where(level > start, 1, np.where(level < stop, -1, 0))
    found = []
    for i, k in _turns(marks):
        first, last = int(arrived[i]) - start - 1, int(arrived[k]) if k is not None else t.size
        found.append(Flood(float(times[i]), end if k is None else min(float(times[k]), end), last - first))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Finding:
    """One metric against its target; ``ok`` is None where the span is too short to compare (below 30 days)."""

    measure: str
    value: float
    target: Rule
    ok: bool | None


#: Targets that must be undercut, not met ("<1 %", "<5", "<10").
_BELOW = frozenset(
    {"time_in_flood", "periods_over_10", "hours_over_30", "top_ten_share", "stale", "standing"}
)


def assess(
    found: Performance, on: date, rules: RulePack | None = None, *,
    priorities: Mapping[int, str] | None = None, unauthorised: int | None = None,
) -> tuple[Finding, ...]:  # fmt: skip
    """The metrics against their targets, each with the rule (and its mark) it was held to.

    Args:
        priorities: names of the priority numbers (``low``, ``medium``, ``high``, ``highest``): then each share is
            listed beside its target; ``ok`` is None, no tolerance is stated but for ``highest`` (below 1 %).
        unauthorised: suppressions and attribute changes without authority, counted from the audit; None to leave out.

    Rates are held to the acceptable figure; the manageable one is ``isa18.rate`` with ``kind=manageable``.
    """
    pack = rules or builtin()
    values: list[tuple[str, float, Rule]] = [
        (name, getattr(found, name), pack.get("isa18.rate", on, measure=name, kind="acceptable"))
        for name in ("per_day", "per_hour", "per_10_min")
    ]
    values += [
        (name, getattr(found, name), pack.get("isa18.share", on, measure=name))
        for name in ("time_in_flood", "periods_over_10", "hours_over_30", "top_ten_share")
    ]
    counts = {
        "peak_10_min": found.peak_10_min, "chattering": len(found.chattering), "stale": found.stale_peak,
        "standing": found.standing,
    }  # fmt: skip
    values += [(name, float(v), pack.get("isa18.count", on, measure=name)) for name, v in counts.items()]
    if unauthorised is not None:
        name = "unauthorised_suppression"
        values.append((name, float(unauthorised), pack.get("isa18.count", on, measure=name)))
    shares = [
        (
            f"priority_{word}",
            found.priority_share.get(level, 0.0),
            pack.get("isa18.priority_share", on, priority=word),
        )
        for level, word in (priorities or {}).items()
    ]
    listed = tuple(
        Finding(n, v, r, v < r.number if n == "priority_highest" and found.enough_data else None)
        for n, v, r in shares
    )
    return listed + tuple(
        Finding(
            name, value, rule,
            None if not found.enough_data else (value < rule.number if name in _BELOW else value <= rule.number),
        )
        for name, value, rule in values
    )  # fmt: skip


def _until(t: F64, names: npt.NDArray[np.int64], cleared: F64, end: float) -> F64:
    """When each alarm stopped standing; events sorted by alarm, then time."""
    until = np.where(np.isnan(cleared), np.inf, cleared)
    if t.size > 1:
        again = np.where(names[1:] == names[:-1], t[1:], np.inf)
        until[:-1] = np.minimum(until[:-1], again)
    return np.minimum(until, end)


def _counts(t: F64, begin: float, end: float, width: float) -> npt.NDArray[np.int64]:
    """Alarms of each period; the last one may be cut off by the end."""
    n = int(np.ceil((end - begin) / width))
    index = np.minimum(((t - begin) // width).astype(np.int64), n - 1)
    return np.bincount(index, minlength=n)


def _peak(begins: F64, ends: F64, begin: float, end: float) -> int:
    """Most intervals that touch one day of the span."""
    days = int(np.ceil((end - begin) / 86_400.0))
    change = np.zeros(days + 1, dtype=np.int64)
    first = np.clip(((begins - begin) // 86_400.0).astype(np.int64), 0, days - 1)
    last = np.clip(np.ceil((ends - begin) / 86_400.0).astype(np.int64), 1, days)
    np.add.at(change, first, 1)
    np.add.at(change, last, -1)
    return int(np.cumsum(change).max(initial=0))


def _turns(marks: npt.NDArray[np.int64]) -> list[tuple[int, int | None]]:
    """Where a flood begins (1) and ends (-1), zeros keeping the state; None while it goes on."""
    at = np.flatnonzero(marks)
    turns = at[np.concatenate([[True], marks[at[1:]] != marks[at[:-1]]])] if at.size else at
    ends = [int(i) for i in turns if marks[i] < 0]
    begins = [int(i) for i in turns if marks[i] > 0]
    return [(i, next((k for k in ends if k > i), None)) for i in begins]


def _floods(
    counts: npt.NDArray[np.int64], begin: float, end: float, start: int, stop: int
) -> tuple[Flood, ...]:
    marks = np.where(counts > start, 1, np.where(counts < stop, -1, 0))
    return tuple(
        Flood(begin + i * PERIOD_S, end if k is None else begin + k * PERIOD_S, int(counts[i:k].sum()))
        for i, k in _turns(marks)
    )


def _chattering(t: F64, a: npt.NDArray[np.int64], repeats: int, within: float) -> tuple[int, ...]:
    """Alarms raised ``repeats`` times or more within ``within`` seconds, ascending."""
    order = np.lexsort((t, a))
    ts, names = t[order], a[order]
    if len(ts) < repeats:
        return ()
    k = repeats - 1
    hit = (names[k:] == names[:-k]) & (ts[k:] - ts[:-k] <= within)
    return tuple(int(x) for x in np.unique(names[k:][hit]))
