"""Rules run over stored observations, by the same evaluation that judges live readings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from parksight.alarms.evaluation import Evaluator, RuleRow, compile_rules
from parksight.alarms.tuning.history import History, portions
from parksight.alarms.tuning.spans import Collector, Span

#: Run before the span of interest, so that windows, means and delays are filled when it begins.
LEAD_MS = 86_400_000
#: Stored rows are history by nature: none is too old to be judged here.
_NO_HISTORY = 2**62
_HOUR_MS = 3_600_000


class Cancelled(Exception):  # noqa: N818 - a decision of a person, no error
    """Somebody does not want the result any more."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """Alarms of each set of rules, rows looked at, and the share of point-hours that have any."""

    spans: list[list[Span]]
    rows: int
    coverage: float


def periods(sets: Sequence[Sequence[RuleRow]]) -> dict[int, float]:
    """All points that some rules read, with their periods in seconds."""
    found: dict[int, float] = {}
    for rows in sets:
        for row in rows:
            found[row.point_id] = row.period_s
            found.update(row.inputs.values())
    return found


def replay(
    store: History, sets: Sequence[Sequence[RuleRow]], start: int, end: int, offset_ms: int,
    progress: Callable[[float], bool],
) -> Replayed:  # fmt: skip
    """Run sets of rules side by side over ``[start, end)``.

    Args:
        offset_ms: civil time minus UTC.
        progress: told the share done; False ends the run.

    Raises:
        Cancelled: ``progress`` said so.
    """
    points = periods(sets)
    begin = start - LEAD_MS
    plans = [compile_rules(rows, offset_ms) for rows in sets]
    evaluators = [Evaluator(plan, begin, _NO_HISTORY) for plan in plans]
    collectors = [Collector(start) for _ in sets]
    seconds = [begin for _ in sets]
    total, hours = 0, 0
    ids = sorted(points)
    for until, rows in portions(store, ids, [points[i] for i in ids], begin, end):
        for i, evaluator in enumerate(evaluators):
            happened, seconds[i] = evaluator.replay(rows, seconds[i], until - 1)
            collectors[i].add(happened)
        inside = rows.observed_at >= start
        total += int(inside.sum())
        hour = rows.observed_at[inside] // _HOUR_MS * 2**31 + rows.point[inside]
        hours += int(np.unique(hour).size)
        if not progress((until - begin) / (end - begin)):
            raise Cancelled
    possible = len(ids) * max(1, -(-(end - start) // _HOUR_MS))
    return Replayed([c.finish(end) for c in collectors], total, min(1.0, hours / possible) if ids else 0.0)
