"""The whole park as chunks of triangles, and the painted ground; built once from the seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from parkzone.cameras.solids import Material, Soup, lone, placed, prisms, trees
from parkzone.geometry import frame, terrain
from parkzone.geometry.buildings import SUN, Building, Stand, build, villages
from parkzone.geometry.plan import AVENUES, STREETS, VERGE, Plan
from parkzone.geometry.roads import railway, river, roads
from parkzone.geometry.terrain import Relief
from parkzone.seeds import stream

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
#: The painted ground covers the zone: half extents in zone axes, m, and its resolution.
PAINT_U, PAINT_V, PAINT_M = 4900.0, 3200.0, 2.5
#: Half width of roads by rank, m.
ROAD_HALF = {1: 16.0, 2: 11.0, 3: 4.5}
_PIECE_M = 150.0
_TILE = 20
_TINTS = ((1.0, 1.0, 1.0), (0.92, 0.98, 1.08), (1.06, 0.98, 0.88), (0.9, 1.0, 0.92))

#: Colours 0..1 of bodies by form: walls at tone 0 and 1.
_WALLS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "shed": ((0.56, 0.62, 0.70), (0.82, 0.82, 0.80)),
    "box": ((0.60, 0.58, 0.55), (0.80, 0.78, 0.72)),
    "col": ((0.70, 0.71, 0.72), (0.85, 0.85, 0.84)),
    "tank": ((0.80, 0.81, 0.82), (0.93, 0.93, 0.91)),
    "pipe": ((0.46, 0.47, 0.48), (0.55, 0.54, 0.50)),
    "stack": ((0.84, 0.82, 0.80), (0.88, 0.86, 0.84)),
    "adm": ((0.72, 0.66, 0.58), (0.86, 0.84, 0.80)),
    "vil": ((0.76, 0.68, 0.58), (0.80, 0.74, 0.66)),
}
_ROOFS = {"shed": (0.36, 0.46, 0.58), "vil": (0.55, 0.30, 0.24), "tank": (0.86, 0.86, 0.84)}
_MATERIALS = {
    "shed": Material.SHED, "box": Material.SHED, "col": Material.TANK, "tank": Material.TANK,
    "pipe": Material.STEEL, "stack": Material.STACK, "adm": Material.WINDOWS, "vil": Material.WINDOWS,
}  # fmt: skip
_PAINT = {
    "E": (134, 134, 130), "M": (118, 116, 113), "C": (140, 138, 132), "F": (142, 140, 134), "N": (138, 138, 134),
    "T": (136, 132, 122), "W": (124, 126, 112), "U": (132, 131, 127), "L": (142, 142, 140), "A": (150, 148, 142),
    "R": (120, 130, 104), "S": (132, 128, 100), "V": (136, 124, 96), "G": (84, 108, 66),
}  # fmt: skip
_GRASS = (90, 112, 70)


@dataclass(frozen=True)
class Chunk:
    """A run of vertices and the ball around it; ``loose`` things are on no map (trees, lamps)."""

    first: int
    count: int
    centre: tuple[float, float, float]
    radius: float
    kind: str


@dataclass(frozen=True)
class Scenery:
    """What is rendered.

    Attributes:
        vertices: of :data:`solids.VERTEX`, triangle after triangle, chunk after chunk.
        paint: ground picture, RGB; row 0 at the smallest v.
        lamps: street lamps, (n, 3), for the night.
    """

    vertices: npt.NDArray[np.void]
    chunks: tuple[Chunk, ...]
    paint: U8
    lamps: F64


class _Collector:
    def __init__(self) -> None:
        self.parts: list[npt.NDArray[np.void]] = []
        self.chunks: list[Chunk] = []
        self.length = 0

    def close(self, soup: Soup, kind: str) -> None:
        rows = soup.vertices()
        if not len(rows):
            return
        low, high = rows["at"].min(axis=0), rows["at"].max(axis=0)
        centre = (low + high) / 2
        radius = float(np.linalg.norm(high - low)) / 2
        place = (float(centre[0]), float(centre[1]), float(centre[2]))
        self.chunks.append(Chunk(self.length, len(rows), place, radius, kind))
        self.parts.append(rows)
        self.length += len(rows)


def scenery(seed: int) -> Scenery:
    """Build everything; about a second."""
    plan = Plan()
    stands = [build(parcel, seed) for parcel in plan.parcels]
    relief = terrain.relief(seed)
    out = _Collector()
    _ground(out, relief, seed)
    _roads(out, plan, relief)
    for stand in stands:
        soup = Soup()
        _bodies(soup, stand.buildings, np.zeros(len(stand.buildings)))
        _fittings(soup, stand)
        out.close(soup, "bodies")
    cottages, soup = villages(seed), Soup()
    _bodies(soup, cottages, relief.at([b.u for b in cottages], [b.v for b in cottages]))
    out.close(soup, "bodies")
    _trees(out, stands, seed)
    return Scenery(np.concatenate(out.parts), tuple(out.chunks), _painted(plan, stands), _lamps())


def _bodies(soup: Soup, bodies: Sequence[Building], ground: F64) -> None:
    """All bodies, those with equally many corners at once."""
    alike: dict[tuple[int, bool], list[int]] = {}
    for i, body in enumerate(bodies):
        alike.setdefault((len(body.ring), body.radius > 0), []).append(i)
    for (_, smooth), rows in alike.items():
        chosen = [bodies[i] for i in rows]
        walls = np.array([_paint(b) for b in chosen])
        roofs = np.array([_ROOFS.get(b.form, tuple(w * 0.82)) for b, w in zip(chosen, walls, strict=True)])
        level = ground[rows]
        # what stands on the ground is let into it, so that no slope shows light under a wall
        base = level + np.array([b.base or -2.0 for b in chosen])
        prisms(
            soup, np.array([b.ring for b in chosen]), base, level + np.array([b.height for b in chosen]), walls, roofs,
            np.array([_MATERIALS[b.form] for b in chosen], np.uint8), smooth,
        )  # fmt: skip


def _paint(body: Building) -> F64:
    low, high = (np.array(c) for c in _WALLS[body.form])
    colour: F64 = low + (high - low) * body.tone
    if body.form == "box":  # units come in a few paints, fixed by where they stand
        colour = colour * _TINTS[int(abs(body.u * 7 + body.v * 3)) % len(_TINTS)]
    return colour


def _fittings(soup: Soup, stand: Stand) -> None:
    """Posts of pipe racks, solar panels and the low walls around tanks."""
    posts = []
    for rack in stand.of("pipe"):
        ring = np.array(rack.ring)
        low, high = ring.min(axis=0), ring.max(axis=0)
        long = int(np.argmax(high - low))
        for at in np.arange(low[long] + 2.0, high[long], 30.0):
            centre = (low + high) / 2
            centre[long] = at
            posts.append((centre[0], centre[1], 0.3, 0.3, -1.0, rack.base))
    if posts:
        lone(soup, np.array(posts), (0.45, 0.45, 0.46), Material.STEEL)
    if stand.panels:
        rings = np.array(stand.panels)
        k = len(rings)
        prisms(
            soup, rings, np.full(k, 1.2), np.full(k, 3.2), np.tile([0.10, 0.15, 0.28], (k, 1)),
            np.tile([0.12, 0.18, 0.36], (k, 1)), np.zeros(k, np.uint8), smooth=False,
        )  # fmt: skip
    walls = []
    for ring in (np.array(r) for r in stand.bunds):
        (u0, v0), (u1, v1) = ring.min(axis=0), ring.max(axis=0)
        u, v, w, d = (u0 + u1) / 2, (v0 + v1) / 2, (u1 - u0) / 2, (v1 - v0) / 2
        walls += [(u, v0, w, 0.2, -0.5, 1.1), (u, v1, w, 0.2, -0.5, 1.1), (u0, v, 0.2, d, -0.5, 1.1), (u1, v, 0.2, d, -0.5, 1.1)]  # fmt: skip
    if walls:
        lone(soup, np.array(walls), (0.62, 0.61, 0.58), Material.PLAIN)


def _ground(out: _Collector, relief: Relief, seed: int) -> None:
    """The terrain as the elevation grid has it, in tiles that can be left out when not in sight."""
    z = relief.z
    x, y = np.meshgrid((relief.lon - frame.LON0) * frame.KX, (relief.lat - frame.LAT0) * frame.KY)
    place = np.stack([*frame.to_uv(x, y), z], axis=-1)
    slope_n, slope_e = (np.asarray(g, np.float64) for g in np.gradient(z, terrain.STEP_M))
    normal = np.stack([*frame.to_uv(-slope_e, -slope_n), np.ones_like(z)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    rng = stream(seed, "fields")
    colour = np.array([0.36, 0.42, 0.26]) + rng.normal(0.0, 0.012, (*z.shape, 3))
    steep = np.clip(np.hypot(slope_n, slope_e) * 5.0, 0.0, 1.0)[..., None]
    colour = colour * (1 - steep) + np.array([0.24, 0.34, 0.18]) * steep
    rows, columns = np.arange(0, z.shape[0] - 1), np.arange(0, z.shape[1] - 1)
    for first in rows[::_TILE]:
        for left in columns[::_TILE]:
            j, i = (
                m.ravel() for m in np.meshgrid(rows[first : first + _TILE], columns[left : left + _TILE], indexing="ij")
            )  # fmt: skip
            corners = ((j, i), (j, i + 1), (j + 1, i + 1), (j, i), (j + 1, i + 1), (j + 1, i))
            soup = Soup(snapped=False)
            at = _gather(place, corners)
            soup.add(at, _gather(normal, corners), _gather(colour, corners), Material.GROUND, at[:, :2])
            out.close(soup, "ground")


def _gather(grid: F64, corners: Sequence[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]) -> F64:
    return np.stack([grid[c] for c in corners], axis=1).reshape(-1, grid.shape[-1])


@dataclass(frozen=True)
class _Band:
    """A band along a line on the ground; with ``gap`` broken into dashes."""

    half: float
    colour: tuple[float, float, float]
    shift: float = 0.0
    lift: float = 0.0
    gap: float = 0.0


def _band(soup: Soup, relief: Relief, points: F64, band: _Band) -> None:
    """In pieces short enough to follow the earth's curve and the hills."""
    for a, b in pairwise(points):
        length = float(np.linalg.norm(b - a))
        along = (b - a) / length
        across = np.array([-along[1], along[0]])
        cuts = np.linspace(0.0, length, max(2, math.ceil(length / (band.gap or _PIECE_M)) + 1))[:, None]
        starts, ends = cuts[:-1], cuts[1:]
        if band.gap:
            ends = starts + (ends - starts) * 0.4
        axis = a + across * band.shift
        left, right = axis + across * band.half, axis - across * band.half
        quad = (right + starts * along, right + ends * along, left + ends * along, left + starts * along)
        corners = np.stack([quad[k] for k in (0, 1, 2, 0, 2, 3)], axis=1).reshape(-1, 2)
        place = np.column_stack([corners, relief.at(corners[:, 0], corners[:, 1]) + band.lift])
        soup.add(place, np.broadcast_to([0.0, 0.0, 1.0], place.shape), band.colour, Material.ROAD, corners)


def _roads(out: _Collector, plan: Plan, relief: Relief) -> None:
    surface, marks = Soup(snapped=False), Soup(snapped=False)
    _river(surface)
    for road in roads(plan):
        points = np.array(road.points, np.float64)
        half = ROAD_HALF[road.rank]
        _band(surface, relief, points, _Band(half, (0.30, 0.30, 0.32)))
        if road.rank < 3:
            for side in (-1.0, 1.0):
                _band(marks, relief, points, _Band(0.12, (0.85, 0.85, 0.82), side * (half - 0.8)))
                _band(marks, relief, points, _Band(0.1, (0.82, 0.82, 0.80), side * half / 2, gap=40.0))
            _band(marks, relief, points, _Band(0.14, (0.86, 0.78, 0.40)))
    track = np.array(railway())
    _band(surface, relief, track, _Band(4.0, (0.40, 0.37, 0.34)))
    for shift in (-0.72, 0.72):
        _band(marks, relief, track, _Band(0.12, (0.55, 0.53, 0.52), shift, lift=0.2))
    out.close(surface, "roads")
    out.close(marks, "roads")


def _river(soup: Soup) -> None:
    ring = np.array(river())
    half = len(ring) // 2
    north, south = ring[:half], ring[half:][::-1]
    quad = (south[:-1], south[1:], north[1:], south[:-1], north[1:], north[:-1])
    corners = np.stack(quad, axis=1).reshape(-1, 2)
    place = np.column_stack([corners, np.zeros(len(corners))])
    soup.add(place, np.broadcast_to([0.0, 0.0, 1.0], place.shape), (0.30, 0.42, 0.50), Material.ROAD, corners)


def _trees(out: _Collector, stands: Sequence[Stand], seed: int) -> None:
    """Rows along the edges of parcels; on no map, as real trees are on none."""
    rng = stream(seed, "trees")
    for stand in stands:
        p = stand.parcel
        us, vs = np.arange(p.u0 + 6.0, p.u1 - 6.0, 34.0), np.arange(p.v0 + 14.0, p.v1 - 14.0, 34.0)
        rows = [np.column_stack([us, np.full_like(us, v)]) for v in (p.v0 + 4.0, p.v1 - 4.0)]
        rows += [np.column_stack([np.full_like(vs, u), vs]) for u in (p.u0 + 4.0, p.u1 - 4.0)]
        places = np.concatenate(rows)
        places = places[rng.random(len(places)) < 0.75]
        places = places + rng.uniform(-1.5, 1.5, places.shape)
        k = len(places)
        soup = Soup(snapped=False)
        trees(
            soup,
            places,
            rng.uniform(4.0, 8.0, k),
            np.array([0.20, 0.32, 0.15]) * rng.uniform(0.75, 1.25, (k, 1)),
        )
        out.close(soup, "loose")


def _lamps() -> F64:
    """Street lamps: one every 60 m on both sides of avenues and streets."""
    vs, us = np.arange(STREETS[0], STREETS[-1], 60.0), np.arange(AVENUES[0], AVENUES[-1], 60.0)
    spots = [
        np.column_stack([np.full_like(vs, u + s), vs + t])
        for u in AVENUES
        for s, t in ((-12.5, 0.0), (12.5, 30.0))
    ]
    spots += [
        np.column_stack([us + t, np.full_like(us, v + s)])
        for v in STREETS
        for s, t in ((-12.5, 0.0), (12.5, 30.0))
    ]
    return placed(np.concatenate(spots), 9.0)


def _painted(plan: Plan, stands: list[Stand]) -> U8:
    """Yards, greens and shadows, seen from above."""
    wide, high = int(2 * PAINT_U / PAINT_M), int(2 * PAINT_V / PAINT_M)
    picture = np.empty((high, wide, 3), np.uint8)
    picture[:] = _GRASS

    def pixels(ring: npt.ArrayLike) -> npt.NDArray[np.int32]:
        points = np.asarray(ring, np.float64)
        scaled = (points + np.array([PAINT_U, PAINT_V])) / PAINT_M * 16.0 - 8.0
        out: npt.NDArray[np.int32] = np.round(scaled).astype(np.int32)
        return out

    for cell in plan.cells:
        if cell.use == "G":
            cv2.fillPoly(picture, [pixels(cell.ring)], _PAINT["G"], shift=4)
    for stand in stands:
        p = stand.parcel
        edge = VERGE[3] * 0.5
        yard = [(p.u0 + edge, p.v0 + edge), (p.u1 - edge, p.v0 + edge), (p.u1 - edge, p.v1 - edge), (p.u0 + edge, p.v1 - edge)]  # fmt: skip
        cv2.fillPoly(picture, [pixels(yard)], _PAINT[p.use], shift=4)
        for ring in stand.bunds:
            cv2.fillPoly(picture, [pixels(ring)], (150, 148, 140), shift=4)
    shade = np.zeros((high, wide), np.uint8)
    hulls = []
    for body in (b for s in stands for b in s.buildings if b.form != "pipe"):
        outline = np.array(body.ring, np.float32)
        reach = np.array([SUN[0], SUN[1]], np.float32) * body.height * 0.5
        hulls.append(pixels(cv2.convexHull(np.concatenate([outline, outline + reach]))[:, 0, :]))
    for hull in hulls:
        cv2.fillConvexPoly(shade, hull, 70, shift=4)
    grain = stream(0, "grain").integers(0, 14, (high // 4, wide // 4), np.uint8)
    darker = cv2.add(shade, cv2.resize(grain, (wide, high), interpolation=cv2.INTER_LINEAR))
    return np.asarray(cv2.multiply(picture, cv2.merge([255 - darker] * 3), scale=1 / 255), np.uint8)
