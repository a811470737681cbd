"""Energy load: the sum over all incoming meters, today against yesterday, utilities, enterprises.

Quarter-hour means are the usual demand interval of Chinese industrial supply contracts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from parksight.command import series
from parksight.command.moment import Moment, of_kind
from parksight.command.repository import PointRow, Thing
from parksight.command.schemas import (
    Coverage,
    Drill,
    EnergyPanel,
    EnterpriseEnergy,
    Figure,
    LoadPoint,
    Utility,
)
from parksight.telemetry.protocols import F64, Store
from parksight.telemetry.units import UNITS

METERS = "energy.active_power"
QUARTER_MS = 15 * 60_000
_SPARK_MS = 450_000
_SPARK_COUNT = 48
_RANKED = 10
#: Share of the meters that must have answered in both quarters for a comparison with yesterday.
_COMPARABLE = 0.8


@dataclass(frozen=True, slots=True)
class Medium:
    """A utility: class of its points and the unit its sum is shown in."""

    key: str
    kind: str
    unit: str


MEDIA = (
    Medium("steam", "energy.steam", "t/h"),
    Medium("gas", "energy.gas", "Nm3/h"),
    Medium("water", "energy.water", "m3/h"),
    Medium("pv", "energy.pv", "MW"),
)
KINDS = (METERS, *(m.kind for m in MEDIA))


def factor(symbol: str, into: str) -> float | None:
    """Multiplier from one unit into another of the same dimension; None where there is none."""
    a, b = UNITS.get(symbol), UNITS.get(into)
    if a is None or b is None or a.dimension != b.dimension or a.shift != b.shift:
        return None
    return float(a.factor / b.factor)


def midnight(at_ms: int, zone: ZoneInfo) -> int:
    """Start of the zone's civil day that an instant falls in, ms."""
    local = datetime.fromtimestamp(at_ms / 1000, zone)
    return int(local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def _day_before(start_ms: int, zone: ZoneInfo) -> int:
    noon = datetime.fromtimestamp(start_ms / 1000, zone) - timedelta(hours=12)
    return midnight(int(noon.timestamp() * 1000), zone)


def build(
    points: Sequence[PointRow], moment: Moment, store: Store, zone: ZoneInfo, firms: dict[int, Thing]
) -> EnergyPanel | None:
    """The panel, None where the zone has no meter at all."""
    meters = [p for p in points if p.kind == METERS and factor(p.unit, "MW") is not None]
    if not meters:
        return None
    scale = np.array([factor(p.unit, "MW") for p in meters], dtype=float)[:, None]
    ids = [p.id for p in meters]
    today_start = midnight(moment.at_ms, zone)
    before_start = _day_before(today_start, zone)
    today = series.dense(store, ids, today_start, moment.at_ms, QUARTER_MS) * scale
    before = series.dense(store, ids, before_start, today_start, QUARTER_MS) * scale
    change, coverage = _change(today, before, moment.at_ms - today_start)
    now = _power(moment, meters, of_kind(METERS))
    return EnergyPanel(
        now=now,
        change=change,
        change_coverage=coverage,
        width_ms=QUARTER_MS,
        today=_curve(today, today_start),
        yesterday=_curve(before, before_start),
        meters=len(meters),
        utilities=_utilities(points, moment, store),
        ranking=_ranking(meters, moment, firms, now),
    )


def _power(moment: Moment, meters: Sequence[PointRow], drill: Drill) -> Figure:
    """Sum in MW; meters may speak kW and MW side by side."""
    by_unit: dict[str, list[PointRow]] = defaultdict(list)
    for p in meters:
        by_unit[p.unit].append(p)
    parts = [moment.total(ps, "MW", factor(u, "MW") or 0.0, drill) for u, ps in by_unit.items()]
    known = [p for p in parts if p.value is not None]
    first = parts[0]
    return first.model_copy(
        update={
            "value": sum(p.value for p in known if p.value is not None) if known else None,
            "observed_at": min((p.observed_at for p in known if p.observed_at is not None), default=None),
            "period_s": max((p.period_s for p in known if p.period_s is not None), default=None),
            "coverage": Coverage(
                n=sum(p.coverage.n for p in parts if p.coverage), of=sum(len(ps) for ps in by_unit.values())
            ),
            "simulated": any(p.simulated for p in parts),
        }
    )


def _curve(matrix: F64, start: int) -> list[LoadPoint]:
    values, counts = series.sums(matrix)
    return [
        LoadPoint(start=start + i * QUARTER_MS, value=v, n=n)
        for i, (v, n) in enumerate(zip(values, counts, strict=True))
    ]


def _change(today: F64, before: F64, elapsed_ms: int) -> tuple[float | None, Coverage | None]:
    """Relative change of the last complete quarter against yesterday's, over meters known in both."""
    last = elapsed_ms // QUARTER_MS - 1
    if last < 0 or last >= today.shape[1] or last >= before.shape[1]:
        return None, None
    both = np.isfinite(today[:, last]) & np.isfinite(before[:, last])
    coverage = Coverage(n=int(both.sum()), of=today.shape[0])
    then = float(before[both, last].sum())
    if coverage.n < _COMPARABLE * coverage.of or then <= 0:
        return None, coverage
    return float(today[both, last].sum()) / then - 1, coverage


def _utilities(points: Sequence[PointRow], moment: Moment, store: Store) -> list[Utility]:
    end = moment.at_ms // _SPARK_MS * _SPARK_MS
    start = end - _SPARK_COUNT * _SPARK_MS
    out = []
    for medium in MEDIA:
        mine = [p for p in points if p.kind == medium.kind and factor(p.unit, medium.unit) is not None]
        if not mine:
            continue
        scale = factor(mine[0].unit, medium.unit) or 0.0
        mine = [p for p in mine if p.unit == mine[0].unit]
        matrix = series.dense(store, [p.id for p in mine], start, end, _SPARK_MS) * scale
        spoke = np.isfinite(matrix).any(axis=1)
        values, _ = series.sums(matrix[spoke], 0.9) if spoke.any() else ([None] * _SPARK_COUNT, [])
        out.append(
            Utility(
                key=medium.key,
                figure=moment.total(mine, medium.unit, scale, of_kind(medium.kind)),
                spark=values,
            )
        )
    return out


def _ranking(
    meters: Sequence[PointRow], moment: Moment, firms: dict[int, Thing], whole: Figure
) -> list[EnterpriseEnergy]:
    by_firm: dict[int, list[PointRow]] = defaultdict(list)
    for p in meters:
        if p.enterprise_id in firms:
            by_firm[p.enterprise_id].append(p)
    rows = []
    for firm, mine in by_firm.items():
        drill = of_kind(METERS, enterprise_id=str(firm))
        figure = _power(moment, mine, drill)
        share = figure.value / whole.value if figure.value is not None and whole.value else None
        rows.append(EnterpriseEnergy(enterprise=firms[firm].named, figure=figure, share=share))
    rows = [r for r in rows if r.figure.value is not None]
    rows.sort(key=lambda r: (-(r.figure.value or 0.0), r.enterprise.id))
    return rows[:_RANKED]
