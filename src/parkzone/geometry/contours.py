"""Contour lines by marching squares: segments of every grid square at once, joined to lines by their ends."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from parkzone.geometry.frame import Point

F64 = npt.NDArray[np.float64]

# Edges of a square: 0 bottom, 1 right, 2 top, 3 left. Case bits: 1 lower left, 2 lower right, 4 upper right,
# 8 upper left above the level. The two ambiguous cases (5, 10) are joined so that high ground stays apart.
_CASES: dict[int, tuple[tuple[int, int], ...]] = {
    1: ((3, 0),), 2: ((0, 1),), 3: ((3, 1),), 4: ((1, 2),), 5: ((3, 0), (1, 2)), 6: ((0, 2),),
    7: ((3, 2),), 8: ((2, 3),), 9: ((2, 0),), 10: ((0, 1), (2, 3)), 11: ((2, 1),), 12: ((1, 3),),
    13: ((1, 0),), 14: ((0, 3),),
}  # fmt: skip


def contour_lines(xs: F64, ys: F64, heights: F64, level: float) -> list[list[Point]]:
    """Lines where ``heights`` (rows follow ``ys``, columns ``xs``) crosses ``level``.

    Closed lines end in their first point.
    """
    above = heights > level
    case = above[:-1, :-1] * 1 + above[:-1, 1:] * 2 + above[1:, 1:] * 4 + above[1:, :-1] * 8
    links: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}
    for row, column in np.argwhere((case > 0) & (case < 15)).tolist():
        for a, b in _CASES[int(case[row, column])]:
            first, second = _edge(row, column, a), _edge(row, column, b)
            links.setdefault(first, []).append(second)
            links.setdefault(second, []).append(first)
    lines = []
    # open lines start at the rim (one link), what remains is closed
    for start in [e for e, ends in links.items() if len(ends) == 1] + list(links):
        chain = _walk(links, start)
        if len(chain) > 1:
            lines.append([_crossing(xs, ys, heights, level, e) for e in chain])
    return lines


def _edge(row: int, column: int, side: int) -> tuple[int, int, int]:
    """Grid edge as (axis, row, column): axis 0 runs along x, 1 along y."""
    return ((0, row, column), (1, row, column + 1), (0, row + 1, column), (1, row, column))[side]


def _walk(
    links: dict[tuple[int, int, int], list[tuple[int, int, int]]], start: tuple[int, int, int]
) -> list[tuple[int, int, int]]:
    chain = [start]
    while links[chain[-1]]:
        here = chain[-1]
        onward = links[here].pop(0)
        links[onward].remove(here)
        chain.append(onward)
    return chain


def _crossing(xs: F64, ys: F64, heights: F64, level: float, edge: tuple[int, int, int]) -> Point:
    axis, row, column = edge
    other = (row, column + 1) if axis == 0 else (row + 1, column)
    a, b = float(heights[row, column]), float(heights[other])
    t = (level - a) / (b - a) if b != a else 0.5
    x = float(xs[column]) + (t * float(xs[column + 1] - xs[column]) if axis == 0 else 0.0)
    y = float(ys[row]) + (t * float(ys[row + 1] - ys[row]) if axis == 1 else 0.0)
    return x, y
