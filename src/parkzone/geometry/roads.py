"""Roads of the grid, approach roads, the railway and the river."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parkzone.geometry.frame import Point
from parkzone.geometry.plan import AVENUES, MAIN_AVENUE, MAIN_STREET, SPLIT, STREETS, Plan

_U = AVENUES[MAIN_AVENUE]
#: Approach roads: code, names, axis.
LINKS: tuple[tuple[str, str, str, tuple[Point, ...]], ...] = (
    ("RD-W", "开发区西连接线", "West link", ((-4760, 0), (-5400, 60), (-6100, 240), (-7300, 520))),
    ("RD-E", "开发区东连接线", "East link", ((4660, 0), (5300, -70), (6100, 140), (7200, 560))),
    ("RD-N", "国道北线", "North highway", ((_U, 2890), (-60, 3300), (180, 3800), (260, 4900))),
    ("RD-SO", "国道南线", "South highway", ((_U, -2870), (-190, -3300), (-130, -3900), (-420, -5000))),
)
_NUMERALS = "一二三四五六七八九十"


@dataclass(frozen=True)
class Road:
    """A road axis; ``rank`` 1 main, 2 street, 3 lane between two parcels."""

    code: str
    name: str
    name_en: str
    rank: int
    points: tuple[Point, ...]


def _street_name(index: int) -> tuple[str, str]:
    if index == MAIN_STREET:
        return "青原大路", "Qingyuan Road"
    side, n = ("北", index - MAIN_STREET) if index > MAIN_STREET else ("南", MAIN_STREET - index)
    return f"{side}{_NUMERALS[n - 1]}路", f"{'North' if side == '北' else 'South'} Road {n}"


def _avenue_name(index: int) -> tuple[str, str]:
    if index == MAIN_AVENUE:
        return "中央大街", "Central Avenue"
    side, n = ("东", index - MAIN_AVENUE) if index > MAIN_AVENUE else ("西", MAIN_AVENUE - index)
    return f"{side}{_NUMERALS[n - 1]}街", f"{'East' if side == '东' else 'West'} Street {n}"


def _built(plan: Plan, *cells: tuple[int, int]) -> bool:
    return any(plan.use_at(*cell) != "G" for cell in cells)


def roads(plan: Plan) -> list[Road]:
    """Every road; stretches with green on both sides are left out."""
    out: list[Road] = []
    for r, v in enumerate(STREETS):
        built = [c for c in range(len(AVENUES) - 1) if _built(plan, (c, r - 1), (c, r))]
        name, name_en = _street_name(r)
        points: tuple[Point, ...] = ((AVENUES[built[0]], v), (AVENUES[built[-1] + 1], v))
        out.append(Road(f"RD-S{r}", name, name_en, 1 if r == MAIN_STREET else 2, points))
    for c, u in enumerate(AVENUES):
        built = [r for r in range(len(STREETS) - 1) if _built(plan, (c - 1, r), (c, r))]
        name, name_en = _avenue_name(c)
        points = ((u, STREETS[built[0]]), (u, STREETS[built[-1] + 1]))
        out.append(Road(f"RD-A{c}", name, name_en, 1 if c == MAIN_AVENUE else 2, points))
    for cell in plan.cells:
        count = SPLIT.get(cell.use, 1)
        for i in range(1, count):
            u = cell.u0 + (cell.u1 - cell.u0) * i / count
            label = f"{cell.column + 1:02d}{chr(65 + cell.row)}{i}"
            out.append(Road(f"RD-L{label}", f"支路{label}", f"Lane {label}", 3, ((u, cell.v0), (u, cell.v1))))
    for code, name, name_en, axis in LINKS:
        out.append(Road(code, name, name_en, 1, axis))
    return out


def railway() -> list[Point]:
    """Axis of the freight railway north of the zone."""
    return [(float(u), 3340.0 + 150.0 * math.sin(u / 1500.0)) for u in range(-7200, 7300, 120)]


def river() -> list[Point]:
    """Outline of the river south of the zone, an open ring."""
    axis = [
        (float(u), -3620.0 + 190.0 * math.sin(u / 980.0) + 80.0 * math.sin(u / 410.0 + 1.0))
        for u in range(-7200, 7300, 90)
    ]
    north = [(u, v + 62.0 + 16.0 * math.sin(u / 430.0)) for u, v in axis]
    south = [(u, v - 60.0 - 20.0 * math.cos(u / 560.0)) for u, v in reversed(axis)]
    return north + south
