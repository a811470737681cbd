"""The plan of the zone: street grid, cells, "2 districts + 2 parks", functional zones, parcels.

Cells are the blocks between two avenues and two streets; each has a land use, each use belongs to a
functional zone, and the zones make up the districts and parks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import sqrt

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from parkzone.geometry.frame import Point

#: Area of the core zone, m2.
CORE_AREA_M2 = 56.12e6
#: Avenues (constant u) and streets (constant v), metres.
AVENUES = (-4760.0, -3860.0, -2950.0, -1990.0, -1060.0, -120.0, 830.0, 1800.0, 2780.0, 3740.0, 4660.0)
STREETS = (-2870.0, -2180.0, -1460.0, -720.0, 0.0, 730.0, 1480.0, 2200.0, 2890.0)
MAIN_AVENUE, MAIN_STREET = 5, 4
#: Land use of each cell, north row first, west to east.
LAND_USE = (
    "GVEERRFVSG",
    "VEEERAFFSS",
    "EEEEAAFFNN",
    "MEECCAFFNN",
    "MMMCTCCNNS",
    "MMMCTCCNLV",
    "WMWCCUULLV",
    "GWVVGULLVG",
)
#: Half the width of a street with its green strips, m.
VERGE = {1: 34.0, 2: 24.0, 3: 11.0}


@dataclass(frozen=True)
class Area:
    """A named polygon of the plan."""

    code: str
    name: str
    name_en: str
    kind: str
    parent: str | None
    shape: BaseGeometry


#: Land use -> functional zone; reserve land and green belong to the district around them.
ZONES: dict[str, tuple[str, str, str, str]] = {
    # code: name, English name, land uses, parent
    "Z1": ("冶金循环产业区", "Metals recycling zone", "M", "P2"),
    "Z2": ("环保装备制造产业区", "Environmental equipment zone", "E", "D2"),
    "Z3": ("化工新材料区", "Chemicals and new materials zone", "CT", "P1"),
    "Z4": ("综合服务区", "Service centre", "AR", "D1"),
    "Z5": ("农产品精深加工区", "Food processing zone", "F", "D1"),
    "Z6": ("储能光伏区", "Storage and photovoltaics zone", "NS", "D2"),
    "Z7": ("环保处置区", "Waste treatment zone", "W", "P2"),
    "Z8": ("公用工程与物流区", "Utilities and logistics zone", "UL", "D2"),
}
DISTRICTS: dict[str, tuple[str, str, str]] = {
    "D1": ("产城融合区", "Integrated town district", "district"),
    "D2": ("高新产业区", "High-tech industry district", "district"),
    "P1": ("青原化工产业园", "Qingyuan Chemical Park", "park"),
    "P2": ("循环经济产业园", "Circular Economy Park", "park"),
}
#: Industrial uses: into how many parcels a cell is split.
SPLIT = {
    "E": 2,
    "M": 2,
    "C": 2,
    "T": 1,
    "F": 3,
    "N": 3,
    "A": 1,
    "R": 1,
    "S": 1,
    "W": 2,
    "U": 2,
    "L": 1,
    "V": 1,
}
USE_NAMES = {
    "E": ("工业用地", "industrial"), "M": ("工业用地", "industrial"), "C": ("三类工业用地", "chemical"),
    "T": ("危险化学品仓储用地", "hazardous storage"), "F": ("工业用地", "industrial"),
    "N": ("工业用地", "industrial"), "S": ("光伏用地", "photovoltaic"), "W": ("环卫用地", "waste treatment"),
    "U": ("公用设施用地", "utilities"), "L": ("物流仓储用地", "logistics"), "A": ("商务办公用地", "offices"),
    "R": ("居住用地", "housing"), "V": ("储备用地", "reserve"), "G": ("绿地", "green"),
}  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A block of the grid; ``row`` counts from the south, ``column`` from the west."""

    column: int
    row: int
    use: str
    u0: float
    u1: float
    v0: float
    v1: float

    @property
    def ring(self) -> list[Point]:
        return [(self.u0, self.v0), (self.u1, self.v0), (self.u1, self.v1), (self.u0, self.v1)]


@dataclass(frozen=True)
class Parcel:
    """A piece of land inside a cell, street verges taken off."""

    code: str
    use: str
    zone: str
    u0: float
    u1: float
    v0: float
    v1: float

    @property
    def centre(self) -> Point:
        return (self.u0 + self.u1) / 2, (self.v0 + self.v1) / 2

    @property
    def width(self) -> float:
        return self.u1 - self.u0

    @property
    def depth(self) -> float:
        return self.v1 - self.v0

    @property
    def area_m2(self) -> float:
        return self.width * self.depth

    @property
    def ring(self) -> list[Point]:
        return [(self.u0, self.v0), (self.u1, self.v0), (self.u1, self.v1), (self.u0, self.v1)]


class Plan:
    """The whole plan; pure geometry without chance."""

    @cached_property
    def cells(self) -> list[Cell]:
        rows = len(LAND_USE)
        return [
            Cell(c, r, LAND_USE[rows - 1 - r][c], AVENUES[c], AVENUES[c + 1], STREETS[r], STREETS[r + 1])
            for r in range(rows)
            for c in range(len(AVENUES) - 1)
        ]

    @cached_property
    def boundary(self) -> Polygon:
        """Outline with cut corners, scaled to exactly the core area."""
        u0, u1, v0, v1 = AVENUES[0] - 60, AVENUES[-1] + 60, STREETS[0] - 60, STREETS[-1] + 60
        ring = [
            (u0 + 560, v0), (u1 - 700, v0), (u1, v0 + 420), (u1, v1 - 520), (u1 - 380, v1),
            (u0 + 900, v1), (u0, v1 - 640), (u0, v0 + 470),
        ]  # fmt: skip
        raw = Polygon(ring)
        k = sqrt(CORE_AREA_M2 / raw.area)
        cu, cv = raw.centroid.x, raw.centroid.y
        return Polygon([(cu + (u - cu) * k, cv + (v - cv) * k) for u, v in ring])

    @cached_property
    def areas(self) -> list[Area]:
        """Boundary, districts and parks, functional zones; every square metre is in one district or park."""
        out = [
            Area(
                "ZONE",
                "青原经济开发区",
                "Qingyuan Economic Development Zone",
                "boundary",
                None,
                self.boundary,
            )
        ]
        zone_shapes = {
            code: shapely.union_all([Polygon(c.ring) for c in self.cells if c.use in uses])
            for code, (_, _, uses, _) in ZONES.items()
        }
        claims: dict[str, list[BaseGeometry]] = {code: [] for code in DISTRICTS}
        for code, (_, _, _, parent) in ZONES.items():
            claims[parent].append(zone_shapes[code])
        rest = self.boundary
        shapes = {code: shapely.union_all(parts).intersection(rest) for code, parts in claims.items()}
        rest = rest.difference(shapely.union_all(list(shapes.values())))
        # reserve land, green and the rim go to the town in the east and the high-tech district elsewhere
        middle = (AVENUES[4] + AVENUES[5]) / 2
        far = 1e5
        east = Polygon([(middle, -far), (far, -far), (far, far), (middle, far)])
        shapes["D1"] = shapely.union_all([shapes["D1"], rest.intersection(east)])
        shapes["D2"] = shapely.union_all([shapes["D2"], rest.difference(east)])
        for code, (name, name_en, kind) in DISTRICTS.items():
            out.append(Area(code, name, name_en, kind, "ZONE", _polygons(shapes[code])))
        for code, (name, name_en, _, parent) in ZONES.items():
            trimmed = zone_shapes[code].intersection(self.boundary).buffer(-8, join_style="mitre")
            out.append(Area(code, name, name_en, "zone", parent, _polygons(trimmed)))
        return out

    @cached_property
    def parcels(self) -> list[Parcel]:
        """All parcels in a stable order, code ``<cell>-<n>``."""
        out: list[Parcel] = []
        for cell in self.cells:
            if cell.use == "G":
                continue
            zone = next((code for code, z in ZONES.items() if cell.use in z[2]), "")
            left = VERGE[1 if cell.column == MAIN_AVENUE else 2]
            right = VERGE[1 if cell.column + 1 == MAIN_AVENUE else 2]
            low = VERGE[1 if cell.row == MAIN_STREET else 2]
            high = VERGE[1 if cell.row + 1 == MAIN_STREET else 2]
            u0, u1, v0, v1 = cell.u0 + left, cell.u1 - right, cell.v0 + low, cell.v1 - high
            count = SPLIT[cell.use]
            step = (u1 - u0) / count
            for i in range(count):
                a = u0 + i * step + (VERGE[3] if i else 0)
                b = u0 + (i + 1) * step - (VERGE[3] if i < count - 1 else 0)
                out.append(
                    Parcel(f"{cell.column + 1:02d}{chr(65 + cell.row)}-{i + 1}", cell.use, zone, a, b, v0, v1)
                )
        return out

    def use_at(self, column: int, row: int) -> str:
        """Land use of a cell; green outside the grid."""
        if 0 <= column < len(AVENUES) - 1 and 0 <= row < len(STREETS) - 1:
            return LAND_USE[len(LAND_USE) - 1 - row][column]
        return "G"


def _polygons(shape: BaseGeometry) -> BaseGeometry:
    parts = [p for p in shapely.get_parts(shape) if p.geom_type == "Polygon" and p.area > 100.0]
    return shapely.union_all(parts)
