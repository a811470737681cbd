"""ISA-18.2 / IEC 62682 / EEMUA 191: performance of an alarm system, computed from a list of alarm events.

Times are seconds on any common axis. Figures hold per operator position and need 30 days of data to be compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
PERIOD_S = 600.0


@dataclass(frozen=True, slots=True)
class Flood:
    """A flood: from the first 10-minute period with more than ``start`` alarms to the first with fewer than ``end``."""

    begin: float
    end: float
    alarms: int


@dataclass(frozen=True, slots=True)
class Performance:
    """Alarm-system metrics of one operator position.

    Rates are alarms per day, hour and 10 minutes on average; shares are fractions; ``top_ten`` lists (alarm, count).
    ``enough_data`` is False below 30 days: then compare with care.
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
    standing: int
    enough_data: bool


def performance(
    raised: npt.ArrayLike, alarm: npt.ArrayLike, priority: npt.ArrayLike, cleared: npt.ArrayLike,
    begin: float, end: float, *, flood_start: int = 10, flood_end: int = 5, chatter_repeats: int = 3,
    chatter_s: float = 60.0, stale_s: float = 86_400.0,
) -> Performance:  # fmt: skip
    """Metrics of the alarms raised in ``[begin, end)``.

    Args:
        raised: annunciation times, shape (n,), seconds, any order.
        alarm: which alarm (tag and type), integers, shape (n,).
        priority: integers, shape (n,).
        cleared: return-to-normal times, shape (n,), NaN while still active.

    Raises ValueError for unequal shapes, an empty span, or times that are not finite.
    """
    t, a, p, c = (np.asarray(x, dtype=np.float64) for x in (raised, alarm, priority, cleared))
    if not t.shape == a.shape == p.shape == c.shape or t.ndim != 1:
        raise ValueError("raised, alarm, priority and cleared must be arrays of one length")
    if not end > begin:
        raise ValueError("the span must end after it begins")
    if not np.isfinite(t).all():
        raise ValueError("every alarm needs a finite time of annunciation")
    order = np.argsort(t, kind="stable")
    order = order[(t[order] >= begin) & (t[order] < end)]
    t, c = t[order], c[order]
    names_of, levels_of = a[order].astype(np.int64), p[order].astype(np.int64)
    span = end - begin
    counts = np.bincount(((t - begin) // PERIOD_S).astype(np.int64), minlength=int(np.ceil(span / PERIOD_S)))
    hours = np.bincount(((t - begin) // 3600.0).astype(np.int64), minlength=int(np.ceil(span / 3600.0)))
    floods = _floods(counts, begin, end, flood_start, flood_end)
    names, per_alarm = np.unique(names_of, return_counts=True)
    rank = np.lexsort((names, -per_alarm))[:10]
    levels, per_level = np.unique(levels_of, return_counts=True)
    until = np.where(np.isnan(c), end, np.minimum(c, end))
    total = len(t)
    return Performance(
        total=total,
        days=span / 86_400.0,
        per_day=total / (span / 86_400.0),
        per_hour=total / (span / 3600.0),
        per_10_min=total / (span / PERIOD_S),
        peak_10_min=int(counts.max(initial=0)),
        periods_over_10=float((counts > 10).mean()),
        hours_over_30=float((hours > 30).mean()),
        time_in_flood=sum(f.end - f.begin for f in floods) / span,
        floods=floods,
        priority_share={int(k): float(v) / total for k, v in zip(levels, per_level, strict=True)},
        top_ten=tuple((int(names[i]), int(per_alarm[i])) for i in rank),
        top_ten_share=float(per_alarm[rank].sum()) / total if total else 0.0,
        chattering=_chattering(t, names_of, chatter_repeats, chatter_s),
        stale=int((until - t > stale_s).sum()),
        standing=int((np.isnan(c) | (c >= end)).sum()),
        enough_data=span >= 30 * 86_400.0,
    )


def _floods(
    counts: npt.NDArray[np.int64], begin: float, end: float, start: int, stop: int
) -> tuple[Flood, ...]:
    found: list[Flood] = []
    first: int | None = None
    for i, n in enumerate(counts):
        if first is None and n > start:
            first = i
        elif first is not None and n < stop:
            found.append(Flood(begin + first * PERIOD_S, begin + i * PERIOD_S, int(counts[first:i].sum())))
            first = None
    if first is not None:
        found.append(Flood(begin + first * PERIOD_S, end, int(counts[first:].sum())))
    return tuple(found)


def _chattering(t: F64, a: npt.NDArray[np.int64], repeats: int, within: float) -> tuple[int, ...]:
    """Alarms raised ``repeats`` times or more within ``within`` seconds, ascending."""
    order = np.lexsort((t, a))
    ts, names = t[order], a[order]
    if len(ts) < repeats:
        return ()
    k = repeats - 1
    hit = (names[k:] == names[:-k]) & (ts[k:] - ts[:-k] <= within)
    return tuple(int(x) for x in np.unique(names[k:][hit]))
