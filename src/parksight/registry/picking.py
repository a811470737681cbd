"""What is at a place of the map: nearest first, outlines that hold the position before near points."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import shapely
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.kernel.permissions import Caller
from parksight.registry import geometry
from parksight.registry.kinds import BY_NOUN
from parksight.registry.layers import revision
from parksight.registry.schemas import PickHit
from parksight.registry.search import href

MAX_RADIUS_M = 5_000.0
#: Drawn, but nothing anybody asks for by pointing at it.
_SCENERY = frozenset({"shadow", "contour"})
_NOUNS = ("place", "enterprise", "site", "unit", "equipment", "camera")
#: Things before the ground they stand on, when both are at distance 0.
_ORDER = {noun: i for i, noun in enumerate(("equipment", "camera", "unit", "site", "enterprise", "place"))}


@dataclass(frozen=True)
class _Item:
    noun: str
    id: int
    kind: str
    code: str
    name: str
    name_en: str
    enterprise_id: int | None
    area: float


@dataclass(frozen=True)
class _Part:
    """Everything of one noun."""

    revision: tuple[int, int]
    shapes: Any
    items: list[_Item]


@dataclass(frozen=True)
class _Index:
    parts: tuple[_Part, ...]
    tree: shapely.STRtree
    shapes: Any
    items: list[_Item]

    @property
    def revision(self) -> tuple[tuple[int, int], ...]:
        return tuple(part.revision for part in self.parts)


class Picker:
    """An STRtree over everything that has a geometry, rebuilt after changes; scope is applied to what it finds."""

    def __init__(self) -> None:
        self._index: _Index | None = None
        self._lock = threading.Lock()

    def pick(
        self,
        session: Session,
        caller: Caller,
        longitude: float,
        latitude: float,
        radius_m: float,
        limit: int = 50,
    ) -> list[PickHit]:
        """What lies within ``radius_m`` metres of a position (degrees, WGS 84), as far as the caller may know."""
        index = self._current(session)
        kx, ky = geometry.local_metres(longitude, latitude)
        reach_x, reach_y = radius_m / max(kx, 1.0), radius_m / ky
        window = shapely.box(longitude - reach_x, latitude - reach_y, longitude + reach_x, latitude + reach_y)
        found: list[tuple[float, int, float, _Item]] = []
        for position in np.sort(index.tree.query(window)):
            item = index.items[int(position)]
            if not _visible(caller, item):
                continue
            distance = geometry.distance_m(longitude, latitude, index.shapes[int(position)])
            if distance <= radius_m:
                found.append((distance, _ORDER[item.noun], item.area, item))
        found.sort(key=lambda f: (f[0], f[1], f[2], f[3].id))
        return [
            PickHit(
                kind=item.kind, noun=item.noun, id=item.id, code=item.code, name=item.name, name_en=item.name_en,
                enterprise_id=item.enterprise_id, distance_m=round(distance, 2), href=href(item.noun, item.id),
            )
            for distance, _, _, item in found[:limit]
        ]  # fmt: skip

    def _current(self, session: Session) -> _Index:
        seen = tuple(revision(session, BY_NOUN[noun]) for noun in _NOUNS)
        index = self._index
        if index is not None and index.revision == seen:
            return index
        with self._lock:
            old = self._index
            if old is None or old.revision != seen:
                known = [None] * len(_NOUNS) if old is None else list(old.parts)
                parts = [
                    part if part is not None and part.revision == now else _read(session, noun, now)
                    for noun, now, part in zip(_NOUNS, seen, known, strict=True)
                ]
                shapes = np.concatenate([part.shapes for part in parts])
                items = [item for part in parts for item in part.items]
                self._index = _Index(tuple(parts), shapely.STRtree(shapes), shapes, items)
            return self._index  # type: ignore[return-value]  # set just above when it was None


def _visible(caller: Caller, item: _Item) -> bool:
    if not caller.may(f"registry.{item.noun}.read"):
        return False
    return caller.may_see_enterprise(item.enterprise_id) or (
        item.noun == "place" and item.enterprise_id is None
    )


def _read(session: Session, noun: str, now: tuple[int, int]) -> _Part:
    model = BY_NOUN[noun].model
    kinds = hasattr(model, "kind")
    owner = model.id if noun == "enterprise" else model.enterprise_id
    statement = select(
        model.id,
        model.kind if kinds else model.code,
        model.code,
        model.name,
        model.name_en,
        owner,
        model.geometry,
    ).where(model.active.is_(True), model.min_lon.is_not(None))
    if noun == "place":
        statement = statement.where(model.kind.not_in(_SCENERY))
    rows = session.execute(statement).all()
    shapes = (
        shapely.from_geojson([msgspec.json.encode(row[-1]) for row in rows])
        if rows
        else np.empty(0, dtype=object)
    )
    items = [
        _Item(noun, row[0], row[1] if kinds else noun, row[2], row[3], row[4], row[5], float(area))
        for row, area in zip(rows, shapely.area(shapes), strict=True)
    ]
    return _Part(now, shapes, items)
