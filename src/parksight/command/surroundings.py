"""Environment and tanks: points against their limits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal, cast

from parksight.command import series
from parksight.command.moment import Moment
from parksight.command.repository import Limits, PointRow, Thing
from parksight.command.schemas import (
    EnvironmentPanel,
    EnvironmentRow,
    Named,
    TankPanel,
    TankRow,
)
from parksight.telemetry.protocols import Store

ENVIRONMENT = ("air", "emission", "water", "noise")
TANKS = "tank.level"
_ROWS = 9
#: Rows of one class beside each other at most, so that stacks do not crowd out the fence line.
_OF_A_KIND = 3
_TANKS = 14
_SPARK_MS = 360_000
_SPARK_COUNT = 60

Level = Literal[1, 2, 3, 4]


def _level(levels: Mapping[int, int], point: PointRow) -> Level | None:
    found = levels.get(point.id)
    return cast("Level", found) if found is not None else None


def _named(index: Mapping[int, Thing], key: int | None) -> Named | None:
    found = index.get(key) if key is not None else None
    return found.named if found else None


def environment(
    points: Sequence[PointRow],
    limits: Mapping[int, Limits],
    levels: Mapping[int, int],
    moment: Moment,
    store: Store,
    firms: Mapping[int, Thing],
    equipment: Mapping[int, Thing],
) -> EnvironmentPanel | None:
    """Every point with an upper limit is judged; the rows are those nearest to (or over) theirs."""
    candidates = [(p, u) for p in points if (u := limits.get(p.id, Limits()).upper) is not None and u > 0]
    if not candidates:
        return None
    ratio: dict[int, float] = {}
    for p, upper in candidates:
        value = moment.fresh(p)
        if value is not None:
            ratio[p.id] = _share(value, upper, limits[p.id].lower)
    chosen = _choose(candidates, ratio, levels)
    end = moment.at_ms // _SPARK_MS * _SPARK_MS
    start = end - _SPARK_COUNT * _SPARK_MS
    curves = series.dense(store, [p.id for p, _ in chosen], start, end, _SPARK_MS)
    rows = []
    for (p, upper), curve in zip(chosen, curves, strict=True):
        figure = moment.figure(p)
        rows.append(
            EnvironmentRow(
                point_id=p.id, name=p.name, name_en=p.name_en, kind=p.kind,
                enterprise=_named(firms, p.enterprise_id), thing=_named(equipment, p.thing_id),
                figure=figure, limit=upper, warn=None, scale=max(upper * 1.2, (figure.value or 0.0) * 1.05),
                level=_level(levels, p), stale=moment.stale(p), spark=series.spark(curve),
            )
        )  # fmt: skip
    return EnvironmentPanel(
        rows=rows,
        total=len(candidates),
        judged=len(ratio),
        exceeding=sum(r >= 1 for r in ratio.values()),
        unknown=len(candidates) - len(ratio),
    )


def _share(value: float, upper: float, lower: float | None) -> float:
    """How much of the room to the limit is used; 1 is at it. Between two limits (pH) from their middle."""
    if lower is None or lower >= upper:
        return value / upper
    return abs(value - (upper + lower) / 2) / ((upper - lower) / 2)


def _choose(
    candidates: Sequence[tuple[PointRow, float]], ratio: Mapping[int, float], levels: Mapping[int, int]
) -> list[tuple[PointRow, float]]:
    """Alarmed first, then by how near the limit; one screen holds a mixture, not one class."""
    ranked = sorted(candidates, key=lambda c: (levels.get(c[0].id, 9), -ratio.get(c[0].id, -1.0), c[0].id))
    seen: Counter[str] = Counter()
    out: list[tuple[PointRow, float]] = []
    for c in ranked:
        kind = c[0].kind
        if c[0].id not in levels and (seen[kind] >= _OF_A_KIND or c[0].id not in ratio):
            continue
        seen[kind] += 1
        out.append(c)
        if len(out) == _ROWS:
            break
    return out


def tanks(
    points: Sequence[PointRow],
    limits: Mapping[int, Limits],
    levels: Mapping[int, int],
    moment: Moment,
    firms: Mapping[int, Thing],
    equipment: Mapping[int, Thing],
) -> TankPanel | None:
    """Levels of the tanks with an alarm, then of those nearest to a limit; in the order of their codes."""
    rows: list[tuple[tuple[float, float, int], str, TankRow]] = []
    for p in points:
        own = limits.get(p.id, Limits())
        bottom = p.low if p.low is not None else own.low_low
        top = p.high if p.high is not None else own.high_high
        if p.kind != TANKS or bottom is None or top is None or top <= bottom:
            continue
        figure = moment.figure(p)
        level = _level(levels, p)
        margin = _margin(moment.fresh(p), own, top - bottom)
        row = TankRow(
            point_id=p.id, name=p.name, name_en=p.name_en, thing=_named(equipment, p.thing_id),
            enterprise=_named(firms, p.enterprise_id), figure=figure, low=own.lower, high=own.upper,
            bottom=bottom, top=top, level=level, stale=moment.stale(p),
        )  # fmt: skip
        # the margin is coarse on purpose: tanks should not change places at every poll
        rows.append(((level or 9, round(margin, 1), -p.priority), p.code, row))
    if not rows:
        return None
    rows.sort(key=lambda r: (r[0], r[1]))
    shown = sorted(rows[:_TANKS], key=lambda r: r[1])
    return TankPanel(rows=[r for _, _, r in shown], total=len(rows))


def _margin(value: float | None, own: Limits, span: float) -> float:
    """Distance to the nearest alarm limit as a share of the range; 1 where nothing can be said."""
    if value is None:
        return 1.0
    gaps = [own.upper - value] if own.upper is not None else []
    if own.lower is not None:
        gaps.append(value - own.lower)
    return min(gaps) / span if gaps else 1.0
