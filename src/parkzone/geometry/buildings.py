"""What stands on a parcel: seeded buildings by land use.

Forms: ``shed``, ``box``, ``col`` (column), ``tank``, ``pipe`` (rack), ``stack``, ``adm`` (office),
``vil`` (house).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely.geometry import MultiPoint, Polygon
from shapely.geometry.base import BaseGeometry

from parkzone.geometry.frame import Point, circle, rectangle
from parkzone.geometry.plan import Parcel
from parkzone.seeds import stream

#: Shift of a shadow per metre of height: low winter sun in the south-west.
SUN = (0.56, 0.38)
#: Villages around the zone: u, v, cottages, spread in metres.
VILLAGES = ((-5600, 2300, 70, 300), (5500, -1500, 80, 320), (-1700, -4300, 60, 300), (2400, 3900, 50, 280))


@dataclass(frozen=True)
class Building:
    """One body: footprint in zone axes, height and base in metres, tone 0..1 for drawing.

    ``storage`` marks tanks that hold a substance (clarifiers and cooling towers are tanks only in form).
    """

    form: str
    ring: tuple[Point, ...]
    height: float
    base: float
    tone: float
    u: float
    v: float
    radius: float = 0.0
    storage: bool = False


@dataclass
class Stand:
    """Everything that stands on one parcel."""

    parcel: Parcel
    buildings: list[Building] = field(default_factory=list)
    bunds: list[list[Point]] = field(default_factory=list)
    panels: list[list[Point]] = field(default_factory=list)

    def of(self, form: str) -> list[Building]:
        return [b for b in self.buildings if b.form == form]

    def shadows(self) -> BaseGeometry:
        """Union of the cast shadows of all bodies, in zone axes; may be empty."""
        hulls = []
        for b in self.buildings:
            if b.form == "pipe":
                continue
            reach = b.height * 0.9
            cast = [(u + SUN[0] * reach, v + SUN[1] * reach) for u, v in b.ring]
            hulls.append(MultiPoint([*b.ring, *cast]).convex_hull)
        return shapely.union_all([h for h in hulls if h.geom_type == "Polygon"])


class _Builder:
    """Places bodies on one parcel, keeping a margin to its edge."""

    def __init__(self, parcel: Parcel, rng: np.random.Generator, margin: float = 18.0) -> None:
        self.rng = rng
        self.stand = Stand(parcel)
        self.u0, self.u1 = parcel.u0 + margin, parcel.u1 - margin
        self.v0, self.v1 = parcel.v0 + margin, parcel.v1 - margin
        self.w, self.h = self.u1 - self.u0, self.v1 - self.v0

    def at(self, a: float, b: float) -> Point:
        return self.u0 + self.w * a, self.v0 + self.h * b

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def chance(self, p: float) -> bool:
        return float(self.rng.random()) < p

    def box(
        self, form: str, u: float, v: float, width: float, depth: float, height: float,
        tone: float | None = None, turn: float = 0.0,
    ) -> None:  # fmt: skip
        self._add(form, rectangle(u, v, width, depth, turn), height, tone, u, v)

    def round(
        self, form: str, u: float, v: float, radius: float, height: float, corners: int,
        tone: float | None = None, storage: bool = False,
    ) -> None:  # fmt: skip
        self._add(form, circle(u, v, radius, corners), height, tone, u, v, radius, storage)

    def _add(
        self, form: str, ring: list[Point], height: float, tone: float | None, u: float, v: float,
        radius: float = 0.0, storage: bool = False,
    ) -> None:  # fmt: skip
        tone = round(self.between(0, 1), 2) if tone is None else tone
        base = 5.0 if form == "pipe" else 0.0
        body = Building(form, tuple(ring), round(height, 1), base, tone, u, v, round(radius, 1), storage)
        self.stand.buildings.append(body)


def _day_tanks(b: _Builder, count: int = 2) -> None:
    """Small storage tanks in one bund in the north-west corner."""
    v = b.v1 + 8
    for k in range(count):
        b.round("tank", b.u0 + 12 + 16 * k, v, 5.0, 9.0, 20, tone=0.6, storage=True)
    b.stand.bunds.append(rectangle(b.u0 + 4 + 8 * count, v, 16 * count + 4, 15))


def _vent(b: _Builder) -> None:
    """A short exhaust stack at the north-east corner."""
    b.round("stack", b.u1 - 10, b.v1 + 8, 1.0, 20.0, 12)


def _sheds(b: _Builder, low: float, high: float, roofs: float = 0.4) -> None:
    """Rows of halls with yards between them and an office at the gate."""
    u = b.u0
    while u < b.u1 - 80:
        width = min(float(b.rng.choice([120, 150, 180, 210])), b.u1 - u)
        if b.u1 - (u + width) < 80:
            width = b.u1 - u
        v = b.v0
        while v < b.v1 - 50:
            depth = min(float(b.rng.choice([64, 84, 104, 132])), b.v1 - v)
            cu, cv = u + width / 2, v + depth / 2
            if b.chance(0.86):
                height = b.between(low, high)
                b.box("shed", cu, cv, width - 16, depth - 18, height)
                if b.chance(roofs):
                    b.box("box", u + width * b.between(0.3, 0.7), cv, width * 0.12, depth * 0.25, height + 4)
            elif b.chance(0.5):
                for k in range(3):
                    b.box("box", u + 24 + k * 26, cv, 13, depth * 0.4, b.between(6, 12))
            v += depth
        u += width
    b.box("adm", b.u0 + 34, b.v0 - 4, 58, 16, 16.0, tone=0.8)


def _process(b: _Builder) -> None:
    """Pipe racks, columns, vessels, a stack, and a tank group in its bund along the north side."""
    top = b.h * 0.30
    low_h = b.h - top - 30
    for k in range(3):
        b.box("pipe", b.u0 + b.w / 2, b.v0 + low_h * (0.2 + 0.3 * k), b.w * 0.95, 5, 8)
    for k in range(2):
        b.box("pipe", b.u0 + b.w * (0.33 + 0.34 * k), b.v0 + b.h / 2, 5, b.h * 0.95, 8)
    for _ in range(max(12, int(b.w * low_h / 4200))):
        u, v = b.between(b.u0 + 14, b.u1 - 14), b.between(b.v0 + 30, b.v0 + low_h - 14)
        kind = float(b.rng.random())
        if kind < 0.55:
            b.box("box", u, v, b.between(14, 38), b.between(12, 28), b.between(7, 24))
        elif kind < 0.85:
            b.round("col", u, v, b.between(2.6, 5.0), b.between(22, 54), 12)
        else:
            b.round("col", u, v, b.between(7, 11), b.between(9, 16), 16)
    for k in range(2):
        u, v = b.at(0.22 + 0.5 * k + b.between(-0.05, 0.05), 0.08)
        b.round("stack", u, v, 3.0, b.between(55, 90), 12)
    b.box("adm", b.u0 + 44, b.v0 - 2, 76, 20, 18.0)
    _tank_rows(b, b.u0, b.u1, b.v1 - top, b.v1, columns=4, rows=2, radius=(11, 17))


def _tank_rows(
    b: _Builder,
    u0: float,
    u1: float,
    v0: float,
    v1: float,
    columns: int,
    rows: int,
    radius: tuple[float, float],
) -> None:
    wide, deep = (u1 - u0) / columns, (v1 - v0) / rows
    for i in range(columns):
        group = b.between(*radius)
        for j in range(rows):
            r = min(group * b.between(0.85, 1.0), deep * 0.36, wide * 0.36)
            b.round(
                "tank",
                u0 + wide * (i + 0.5),
                v0 + deep * (j + 0.5),
                r,
                b.between(11, 20),
                28,
                tone=0.5,
                storage=True,
            )
        b.stand.bunds.append(rectangle(u0 + wide * (i + 0.5), (v0 + v1) / 2, wide - 8, v1 - v0 - 4))


def _tank_farm(b: _Builder) -> None:
    _tank_rows(b, b.u0, b.u1, b.v0 + 60, b.v1, columns=5, rows=3, radius=(28, 38))
    b.box("pipe", b.u0 + b.w / 2, b.v0 + 34, b.w * 0.96, 6, 8)
    b.box("adm", b.u0 + 60, b.v0 + 6, 80, 22, 14.0)
    for k in range(6):
        b.box("box", b.u0 + 170 + 46 * k, b.v0 + 8, 22, 14, 7.0)
    _vent(b)


def _metals(b: _Builder) -> None:
    """Tall melting halls, slag yard, stacks."""
    _sheds(b, 14, 26, roofs=0.6)
    for k in range(2):
        u, v = b.at(0.3 + 0.4 * k, 0.5 + b.between(-0.1, 0.1))
        b.round("stack", u, v, 3.4, b.between(60, 95), 12)
    for _ in range(3):
        u, v = b.at(b.between(0.7, 0.95), b.between(0.05, 0.2))
        b.round("tank", u, v, b.between(10, 18), b.between(5, 10), 20, tone=0.1)
    _day_tanks(b)


def _equipment(b: _Builder) -> None:
    _sheds(b, 10, 17)
    _day_tanks(b)
    _vent(b)


def _food(b: _Builder) -> None:
    _sheds(b, 9, 14)
    for k in range(4):
        u, v = b.at(0.12 + 0.07 * k, 0.93)
        b.round("tank", u, v, 7.0, 17.0, 20, tone=0.7, storage=True)
    u, v = b.at(0.9, 0.9)
    b.round("stack", u, v, 1.6, b.between(35, 45), 12)


def _energy(b: _Builder) -> None:
    _sheds(b, 10, 17)
    u, v = b.at(0.88, 0.06)
    b.round("stack", u, v, 1.5, b.between(25, 35), 12)
    for k in range(10):
        u, v = b.at(0.3 + 0.05 * k, 0.02)
        b.box("box", u, v, 12, 6, 3.2, tone=0.9)
    _day_tanks(b)


def _waste(b: _Builder) -> None:
    """Clarifiers, digesters, an incinerator line with its stack."""
    for i in range(3):
        for j in range(3):
            u, v = b.at(0.14 + 0.2 * i, 0.4 + 0.24 * j)
            b.round("tank", u, v, min(b.w * 0.085, 30.0), 4.0, 28, tone=0.2)
    for j in range(4):
        u, v = b.at(0.82, 0.2 + 0.2 * j)
        b.box("box", u, v, b.w * 0.28, b.h * 0.1, b.between(6, 14), tone=0.2)
    u, v = b.at(0.3, 0.12)
    b.box("shed", u, v, b.w * 0.5, b.h * 0.14, 22.0)
    u, v = b.at(0.62, 0.1)
    b.round("stack", u, v, 2.8, 80.0, 12)
    _day_tanks(b)


def _utilities(b: _Builder) -> None:
    """Boiler hall, cooling towers, switchyard."""
    u, v = b.at(0.35, 0.75)
    b.box("shed", u, v, b.w * 0.5, b.h * 0.2, 42.0)
    for k in range(2):
        u, v = b.at(0.25 + 0.25 * k, 0.93)
        b.round("stack", u, v, 3.6, 100.0 + 20.0 * k, 14)
    for k in range(3):
        u, v = b.at(0.84, 0.2 + 0.27 * k)
        b.round("tank", u, v, 24.0, 38.0, 28, tone=0.4)
    for i in range(7):
        for j in range(5):
            u, v = b.at(0.08 + 0.085 * i, 0.08 + 0.1 * j)
            b.box("box", u, v, 9, 14, b.between(5, 9))
    u, v = b.at(0.35, 0.56)
    b.box("box", u, v, b.w * 0.4, 22, 14.0)
    _day_tanks(b)


def _logistics(b: _Builder) -> None:
    for i in range(3):
        for j in range(2):
            u, v = b.at(0.18 + 0.32 * i, 0.66 + 0.22 * j)
            b.box("shed", u, v, b.w * 0.28, b.h * 0.16, b.between(10, 14))
    for i in range(14):
        for j in range(8):
            if b.chance(0.7):
                u, v = b.at(0.04 + 0.068 * i, 0.05 + 0.06 * j)
                b.box("box", u, v, 34, 10, float(b.rng.choice([3.0, 5.5, 8.0])))


def _offices(b: _Builder) -> None:
    for a, c, w, d, storeys in (
        (0.20, 0.60, 90, 44, 46), (0.36, 0.30, 48, 48, 72), (0.50, 0.65, 120, 40, 26),
        (0.72, 0.35, 90, 70, 22), (0.80, 0.72, 60, 60, 38), (0.18, 0.20, 110, 34, 16),
        (0.60, 0.20, 44, 72, 18), (0.45, 0.45, 60, 60, 54), (0.88, 0.52, 50, 80, 30),
        (0.10, 0.42, 46, 90, 20), (0.62, 0.85, 150, 36, 24), (0.30, 0.86, 110, 40, 18),
    ):  # fmt: skip
        u, v = b.at(a, c)
        height = storeys * b.between(0.8, 1.15)
        b.box("adm", u, v, w, d, height, tone=0.9)
        b.box("adm", u, v, w * 0.5, d * 0.5, height + 5, tone=1.0)


def _housing(b: _Builder) -> None:
    for i in range(9):
        for j in range(7):
            if b.chance(0.85):
                u, v = b.at(0.06 + 0.11 * i, 0.08 + 0.14 * j)
                b.box("vil", u, v, 62, 15, float(b.rng.choice([18.0, 18.0, 33.0, 51.0])), tone=0.1)


def _solar(b: _Builder) -> None:
    v = b.v0 + 10
    while v < b.v1 - 10:
        for a in (0.255, 0.745):
            b.stand.panels.append(rectangle(b.u0 + b.w * a, v, b.w * 0.45, 8))
        v += 16
    b.box("box", b.u0 + b.w / 2, b.v0 + 4, 30, 10, 4.0)


def _reserve(b: _Builder) -> None:
    """Levelled land with a site hut; some old cottages remain."""
    for _ in range(int(b.rng.integers(2, 9))):
        u, v = b.at(b.between(0.05, 0.95), b.between(0.05, 0.95))
        b.box(
            "vil",
            u,
            v,
            b.between(12, 24),
            b.between(9, 13),
            b.between(4, 7),
            tone=0.1,
            turn=b.between(-0.2, 0.2),
        )


_FILL: dict[str, Callable[[_Builder], None]] = {
    "E": _equipment, "M": _metals, "C": _process, "T": _tank_farm, "F": _food, "N": _energy,
    "W": _waste, "U": _utilities, "L": _logistics, "A": _offices, "R": _housing, "S": _solar, "V": _reserve,
}  # fmt: skip


def build(parcel: Parcel, seed: int) -> Stand:
    """Buildings of one parcel; the same seed and parcel always give the same."""
    builder = _Builder(parcel, stream(seed, "buildings", parcel.code))
    _FILL[parcel.use](builder)
    return builder.stand


def villages(seed: int) -> list[Building]:
    """Cottages around the zone, outside its boundary."""
    builder = _Builder(Parcel("OUT", "V", "", -1.0, 1.0, -1.0, 1.0), stream(seed, "villages"))
    inside = Polygon([(-5000, -3100), (4900, -3100), (4900, 3100), (-5000, 3100)])
    for cu, cv, count, spread in VILLAGES:
        for _ in range(count):
            u = cu + float(builder.rng.normal(0, spread))
            v = cv + float(builder.rng.normal(0, spread * 0.5))
            if inside.contains(shapely.Point(u, v)):
                continue
            w, d = builder.between(14, 30), builder.between(10, 16)
            builder.box("vil", u, v, w, d, builder.between(4, 8), tone=0.1, turn=builder.between(-0.2, 0.2))
    return builder.stand.buildings
