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
class _Index:
    revision: tuple[tuple[int, int], ...]
    tree: shapely.STRtree
    shapes: Any
    items: list[_Item]


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
            if self._index is None or self._index.revision != seen:
                self._index = _build(session, seen)
            return self._index


def _visible(caller: Caller, item: _Item) -> bool:
    if not caller.may(f"registry.{item.noun}.read"):
        return False
    return caller.may_see_enterprise(item.enterprise_id) or (
        item.noun == "place" and item.enterprise_id is None
    )


def _build(session: Session, seen: tuple[tuple[int, int], ...]) -> _Index:
    items: list[_Item] = []
    texts: list[bytes] = []
    for noun in _NOUNS:
        model = BY_NOUN[noun].model
        word = model.kind if hasattr(model, "kind") else model.code
        owner = model.id if noun == "enterprise" else model.enterprise_id
        statement = select(
            model.id, word, model.code, model.name, model.name_en, owner, model.geometry
        ).where(model.active.is_(True), model.min_lon.is_not(None))
        for record_id, kind, code, name, name_en, enterprise_id, shape in session.execute(statement):
            if noun == "place" and kind in _SCENERY:
                continue
            items.append(
                _Item(
                    noun,
                    record_id,
                    kind if hasattr(model, "kind") else noun,
                    code,
                    name,
                    name_en,
                    enterprise_id,
                    0.0,
                )
            )
            texts.append(msgspec.json.encode(shape))
    shapes = shapely.from_geojson(texts) if texts else np.empty(0, dtype=object)
    areas = shapely.area(shapes)
    items = [
        _Item(i.noun, i.id, i.kind, i.code, i.name, i.name_en, i.enterprise_id, float(area))
        for i, area in zip(items, areas, strict=True)
    ]
    return _Index(seen, shapely.STRtree(shapes), shapes, items)
