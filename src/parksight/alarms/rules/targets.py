"""What a rule watches: settled when it is written, expanded to points when it is compiled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms.schemas import ClassTarget, PlaceTarget, PointTarget, Target
from parksight.kernel.errors import forbidden, invalid
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise, Equipment, Place, Site, Unit
from parksight.telemetry.models import Point

_PLACES: dict[str, type[Any]] = {
    "place": Place, "enterprise": Enterprise, "site": Site, "unit": Unit, "thing": Equipment,
}  # fmt: skip
#: What the compiler has to know of a point.
FACTS = (
    Point.id, Point.code, Point.kind, Point.quantity, Point.unit, Point.period_s, Point.enterprise_id, Point.place_id,
    Point.thing_id, Point.plausible_low, Point.plausible_high,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Settled:
    """A target as the tables keep it; ``point_kind`` is of its point or class."""

    target: dict[str, Any]
    point: Point | None
    enterprise_id: int | None
    point_kind: str


def settle(session: Session, caller: Caller, target: Target) -> Settled:
    """Check a target against what there is and what the caller may see.

    Raises:
        ProblemError: 422 unknown point or place; 403 a class beyond the caller's enterprises.
    """
    if isinstance(target, PointTarget):
        which = Point.id == target.point_id if target.point is None else Point.code == target.point
        point: Point | None = session.scalar(caller.scoped(select(Point).where(which), Point.enterprise_id))
        if point is None:
            value = target.point_id if target.point is None else target.point
            raise invalid("alarms.rule.point_unknown", "/point", value=value)
        return of_point(point)
    plain = target.model_dump(exclude_none=True)
    if isinstance(target, ClassTarget):
        firms = target.enterprise_ids
        if caller.enterprises is not None and not (firms and caller.enterprises.issuperset(firms)):
            raise forbidden("alarms.rule.write")
        only = firms[0] if firms and len(firms) == 1 else None
        return Settled(plain, None, only, target.point_kind or "")
    return _settle_place(session, caller, target, plain)


def of_point(point: Any) -> Settled:
    """A target that is one point."""
    return Settled({"kind": "point", "point_id": point.id}, point, point.enterprise_id, point.kind)


def _settle_place(session: Session, caller: Caller, target: PlaceTarget, plain: dict[str, Any]) -> Settled:
    model = _PLACES[target.place]
    owner = model.id if model is Enterprise else model.enterprise_id
    found = session.execute(
        caller.scoped(select(model.id, owner).where(model.id == target.id), owner)
    ).first()
    if found is None:
        raise invalid("alarms.rule.place_unknown", "/target/id", value=target.id)
    return Settled(plain, None, found[1], target.point_kind or "")


class Points:
    """All points in use, by what rules ask for them.

    Args:
        rows: of :data:`FACTS`.
    """

    def __init__(self, rows: Iterable[Any]) -> None:
        self.by_id: dict[int, Any] = {row.id: row for row in rows}

    @classmethod
    def load(cls, session: Session) -> Points:
        return cls(session.execute(select(*FACTS).where(Point.active.is_(True)).order_by(Point.id)))

    @cached_property
    def by_code(self) -> Mapping[str, Any]:
        return {row.code: row for row in self.by_id.values()}

    @cached_property
    def by_thing(self) -> Mapping[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        for row in self.by_id.values():
            if row.thing_id is not None:
                found[row.thing_id].append(row)
        return found

    def siblings(self, point: Any, kind: str) -> list[Any]:
        """Other points of that kind on the same thing."""
        if point.thing_id is None:
            return []
        return [p for p in self.by_thing.get(point.thing_id, ()) if p.kind == kind and p.id != point.id]


class Places:
    """Where things are, read once per compilation and only when a rule watches a place."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def things(self) -> dict[int, Any]:
        rows = self._session.execute(
            select(Equipment.id, Equipment.unit_id, Equipment.site_id, Equipment.zone_id)
        )
        return {row.id: row for row in rows}

    @cached_property
    def site_of_unit(self) -> dict[int, int | None]:
        return {row.id: row.site_id for row in self._session.execute(select(Unit.id, Unit.site_id))}

    @cached_property
    def parcel_of_site(self) -> dict[int, int | None]:
        return {row.id: row.parcel_id for row in self._session.execute(select(Site.id, Site.parcel_id))}

    @cached_property
    def firms(self) -> dict[int, Any]:
        rows = self._session.execute(select(Enterprise.id, Enterprise.parcel_id, Enterprise.zone_id))
        return {row.id: row for row in rows}

    def below(self, place_id: int) -> set[int]:
        """A place and everything within it."""
        children: dict[int | None, list[int]] = defaultdict(list)
        for row in self._session.execute(select(Place.id, Place.parent_id)):
            children[row.parent_id].append(row.id)
        found, waiting = {place_id}, [place_id]
        while waiting:
            fresh = [c for c in children[waiting.pop()] if c not in found]
            found.update(fresh)
            waiting.extend(fresh)
        return found

    def site_of(self, thing: Any) -> int | None:
        return thing.site_id if thing.site_id is not None else self.site_of_unit.get(thing.unit_id)


def expand(target: Mapping[str, Any], points: Points, places: Places) -> list[Any]:
    """The points in use that a settled target means now, by id."""
    if target["kind"] == "point":
        one = points.by_id.get(target["point_id"])
        return [] if one is None else [one]
    rows = [row for row in points.by_id.values() if _fits(target, row)]
    firms = target.get("enterprise_ids")
    if target["kind"] == "class":
        return rows if firms is None else [row for row in rows if row.enterprise_id in set(firms)]
    within = _within(target, rows, places)
    return [row for row in rows if row.id in within]


def _fits(target: Mapping[str, Any], row: Any) -> bool:
    kind = target.get("point_kind")
    return (
        target.get("quantity") in (None, row.quantity)
        and target.get("unit") in (None, row.unit)
        and (kind is None or row.kind == kind or row.kind.startswith(f"{kind}."))
        and row.code not in target.get("without", ())
    )


def _within(target: Mapping[str, Any], rows: list[Any], places: Places) -> set[int]:
    place, wanted = target["place"], target["id"]
    if place == "enterprise":
        return {row.id for row in rows if row.enterprise_id == wanted}
    if place == "thing":
        return {row.id for row in rows if row.thing_id == wanted}
    things = places.things
    if place == "unit":
        return {r.id for r in rows if r.thing_id in things and things[r.thing_id].unit_id == wanted}
    if place == "site":
        return {r.id for r in rows if r.thing_id in things and places.site_of(things[r.thing_id]) == wanted}
    ground = places.below(wanted)
    return {row.id for row in rows if _stands_on(row, ground, places)}


def _stands_on(row: Any, ground: set[int], places: Places) -> bool:
    if row.place_id in ground:
        return True
    thing = places.things.get(row.thing_id)
    if thing is not None:
        site = places.site_of(thing)
        if thing.zone_id in ground or (site is not None and places.parcel_of_site.get(site) in ground):
            return True
    firm = places.firms.get(row.enterprise_id)
    return firm is not None and (firm.parcel_id in ground or firm.zone_id in ground)
