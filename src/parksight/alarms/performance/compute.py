"""The figures of the alarm performance page, each beside the standard's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from parksight.alarms import view
from parksight.alarms.flow.silences import unauthorised
from parksight.alarms.models import Flood, Suppression
from parksight.alarms.performance.events import Announced, Wanted
from parksight.alarms.repository import pick
from parksight.alarms.schemas.performance import Performance, PerformanceFigure, SuppressionCount, TopAlarm
from parksight.kernel.permissions import Caller
from parksight.standards import isa18
from parksight.standards.rulepack import builtin
from parksight.telemetry.models import Point
from parksight.telemetry.protocols import F64

__all__ = ["Wanted", "compute", "measure"]

_RATES = ("per_day", "per_hour", "per_10_min")
_UNITS = {
    "per_day": "1/d", "per_hour": "1/h", "per_10_min": "1/10min", "time_in_flood": "", "periods_over_10": "",
    "hours_over_30": "", "top_ten_share": "", "peak_10_min": "1/10min", "chattering": "", "stale": "", "standing": "",
}  # fmt: skip
_STATES = {"standing": "active", "stale": "active", "chattering": "all"}


def measure(found: Announced, start_s: float, end_s: float) -> isa18.Performance:
    """Metrics of the announcements of ``[start_s, end_s)`` with the thresholds in force at its end."""

    bounds: dict[str, Any] = isa18.thresholds(datetime.fromtimestamp(end_s, UTC).date())
    # Chattering is judged from what came, also where it was not announced again: those alarms carry repeats.
    return isa18.performance(
        found.at, found.identity, found.priority, found.cleared, start_s, end_s, **bounds
    )


def compute(
    session: Session, caller: Caller, wanted: Wanted, found: Announced, positions: int, now_ms: int
) -> Performance:
    """All figures of a window.

    Args:
        found: :func:`~parksight.alarms.performance.events.announced` of the same window.
        positions: operator positions that share the load; rates and peak are divided by them.
    """
    start_s, end_s = wanted.start.timestamp(), wanted.end.timestamp()
    measured = measure(found, start_s, end_s)
    inside = (found.at >= start_s) & (found.at < end_s)
    return Performance(
        start=view.ms(wanted.start), end=view.ms(wanted.end), positions=positions, days=measured.days,
        enough_data=measured.enough_data, annunciated=measured.total, repeats=int(_repeats(found, inside)),
        figures=_figures(session, caller, wanted, found, inside, measured, positions),
        priorities=measured.priority_share, top=_top(session, found, measured.top_ten, measured.total),
        chattering=_top(session, found, _chattering(found, inside, measured), measured.total),
        floods=[view.flood(f) for f in _floods(session, wanted)],
        suppressions=_suppressions(session, caller, wanted),
        causes=dict(Counter(c for c, i in zip(found.cause, inside, strict=True) if i and c)),
    )  # fmt: skip


def _repeats(found: Announced, inside: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    _, first = np.unique(found.alarm_id[inside], return_index=True)
    return int(found.repeats[inside][first].sum())


def _chattering(
    found: Announced, inside: np.ndarray[tuple[int], np.dtype[np.bool_]], measured: isa18.Performance
) -> list[tuple[int, int]]:
    """Alarms that chattered: by what was announced, or because repetitions were held back."""
    held = np.unique(found.identity[inside & (found.repeats > 0)])
    names = sorted({*measured.chattering, *(int(i) for i in held)})
    counts = [(n, int((found.identity[inside] == n).sum() + _repeats_of(found, inside, n))) for n in names]
    return sorted(counts, key=lambda c: (-c[1], c[0]))


def _repeats_of(found: Announced, inside: np.ndarray[tuple[int], np.dtype[np.bool_]], name: int) -> int:
    mine = inside & (found.identity == name)
    _, first = np.unique(found.alarm_id[mine], return_index=True)
    return int(found.repeats[mine][first].sum())


def _figures(
    session: Session, caller: Caller, wanted: Wanted, found: Announced,
    inside: np.ndarray[tuple[int], np.dtype[np.bool_]], measured: isa18.Performance, positions: int,
) -> list[PerformanceFigure]:  # fmt: skip
    pack, on = builtin(), wanted.end.date()
    window = f"start={view.ms(wanted.start)}&end={view.ms(wanted.end)}"
    out: list[PerformanceFigure] = []
    for finding in isa18.assess(measured, on, pack):
        name, value = finding.measure, finding.value
        if name == "chattering":
            value = float(len(_chattering(found, inside, measured)))
        if name in (*_RATES, "peak_10_min"):
            value /= positions
        manageable = None
        if name in _RATES:
            manageable = pack.number("isa18.rate", on, measure=name, kind="manageable")
        out.append(
            PerformanceFigure(
                name=name, value=value, unit=_UNITS[name], acceptable=finding.target.number, manageable=manageable,
                good=_good(name, value, finding.target.number) if measured.total else None,
                confidence=finding.target.confidence, drill=f"state={_STATES.get(name, 'all')}&{window}",
            )
        )  # fmt: skip
    for name, ends in (("acknowledge", found.acknowledged), ("close", found.closed)):
        waits = (ends - found.at)[inside]
        waits = waits[np.isfinite(waits) & (waits >= 0)]
        for word, share in (("median", 50.0), ("p95", 95.0)):
            out.append(
                PerformanceFigure(
                    name=f"{name}_{word}", value=_percentile(waits, share), unit="s", acceptable=None, manageable=None,
                    good=None, confidence=None, drill=f"state=all&{window}",
                )
            )  # fmt: skip
    rule = pack.get("isa18.count", on, measure="unauthorised_suppression")
    count = float(sum(s.unauthorised for s in _suppressions(session, caller, wanted)))
    out.append(
        PerformanceFigure(
            name="unauthorised_suppression", value=count, unit="", acceptable=rule.number, manageable=None,
            good=count <= rule.number, confidence=rule.confidence, drill=f"state=suppressed&{window}",
        )
    )  # fmt: skip
    return out


def _good(name: str, value: float, target: float) -> bool:
    """Shares and lasting alarms must stay below their figure, the others may reach it."""
    below = name.endswith(("_share", "_30", "_10", "_flood")) or name in ("stale", "standing")
    return value < target if below else value <= target


def _percentile(values: F64, share: float) -> float | None:
    return float(np.percentile(values, share)) if values.size else None


def _top(session: Session, found: Announced, top: Iterable[tuple[int, int]], total: int) -> list[TopAlarm]:
    rows = list(top)
    wanted = {found.names[name][2] for name, _ in rows}
    points = {p.id: p for p in session.scalars(select(Point).where(Point.id.in_(wanted)))}
    return [
        TopAlarm(
            rule_id=found.names[n][0], rule_code=found.names[n][1], step=found.names[n][4],
            point=view.point_ref(points.get(found.names[n][2])), count=count, share=count / total if total else 0.0,
        )
        for n, count in rows
    ]  # fmt: skip


def _floods(session: Session, wanted: Wanted) -> list[Flood]:
    if wanted.enterprise_id is not None or wanted.post is not None:
        return []  # floods are the whole desk's
    statement = select(Flood).where(Flood.started_at < wanted.end)
    statement = statement.where((Flood.ended_at.is_(None)) | (Flood.ended_at > wanted.start))
    return list(session.scalars(statement.order_by(Flood.id)))


def _suppressions(session: Session, caller: Caller, wanted: Wanted) -> list[SuppressionCount]:
    statement = pick(
        Suppression.kind, func.count(), func.sum(case((Suppression.ended_at.is_(None), 1), else_=0)),
        func.sum(Suppression.kept_silent), func.sum(case((unauthorised(), 1), else_=0)),
    ).where(Suppression.from_at >= wanted.start, Suppression.from_at < wanted.end)  # fmt: skip
    if wanted.enterprise_id is not None:
        statement = statement.where(Suppression.enterprise_id == wanted.enterprise_id)
    found = session.execute(caller.scoped(statement, Suppression.enterprise_id).group_by(Suppression.kind))
    return [
        SuppressionCount(
            kind=r[0], begun=r[1], running=int(r[2]), kept_silent=int(r[3] or 0), unauthorised=int(r[4])
        )
        for r in found
    ]
