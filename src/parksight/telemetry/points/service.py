"""Use cases of points: the only place that makes, changes and removes them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.errors import conflict, forbidden, invalid
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise, Equipment, Place
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.live_table import LiveTable
from parksight.telemetry.models import Point
from parksight.telemetry.points import repository
from parksight.telemetry.points.schemas import NULLABLE, PointIn, inconsistency

_REFERENCES: dict[str, Any] = {"enterprise_id": Enterprise, "place_id": Place, "thing_id": Equipment}


class PointService:
    """Points and their changes; on ``app.state.points``.

    Args:
        db: records.
        clock: stamps, and the age of newest values.
        live: newest values.
    """

    def __init__(self, db: Database, clock: Clock, live: LiveTable) -> None:
        self.db = db
        self.clock = clock
        self.live = live

    def create(self, session: Session, caller: Caller, data: PointIn) -> Point:
        """Make a point.

        Raises:
            ProblemError: 409 code taken; 422 broken reference; 403 for another enterprise's point.
        """
        values = data.model_dump()
        self._check_scope(caller, values["enterprise_id"])
        self._check_references(session, values)
        self._refuse_taken(session, values["code"], None)
        now = self.clock.now()
        point = Point(**values, version=1, created_at=now, updated_at=now)
        session.add(point)
        self._flush(session, point.code)
        audit.record(
            session, caller, action="telemetry.point.create", subject=("point", point.id), after=values
        )
        emit(session, PointsChanged(ids=(point.id,)))
        return point

    def update(
        self, session: Session, caller: Caller, point_id: int, version: int, stated: dict[str, Any]
    ) -> Point:
        """Change the stated fields if nobody changed the point since ``version``.

        Raises:
            ProblemError: 409 changed meanwhile, code taken, or quantity changed under stored values; 422; 404.
        """
        point = repository.get(session, caller, point_id)
        self._check_scope(caller, point.enterprise_id)
        if point.version != version:
            raise conflict("telemetry.point.changed_meanwhile", seen=version, current=point.version)
        changed = self.changes(point, stated)
        if not changed:
            return point
        self.check_change(point, changed)
        if "enterprise_id" in changed:
            self._check_scope(caller, changed["enterprise_id"])
        self._check_references(session, changed)
        if "code" in changed:
            self._refuse_taken(session, changed["code"], point.id)
        before = {name: getattr(point, name) for name in changed}
        self.apply(point, changed)
        self._flush(session, point.code)
        audit.record(
            session, caller, action="telemetry.point.update", subject=("point", point.id),
            before=before, after=changed,
        )  # fmt: skip
        emit(session, PointsChanged(ids=(point.id,)))
        return point

    def delete(self, session: Session, caller: Caller, point_id: int, version: int) -> None:
        """Remove a point that never received a value; others can only be deactivated.

        Raises:
            ProblemError: 409 when it holds observations or changed meanwhile; 404.
        """
        point = repository.get(session, caller, point_id)
        self._check_scope(caller, point.enterprise_id)
        if point.version != version:
            raise conflict("telemetry.point.changed_meanwhile", seen=version, current=point.version)
        if self.has_data(point.id):
            raise conflict("telemetry.point.has_data", point=point.code)
        before = {c.key: getattr(point, c.key) for c in Point.__table__.columns if not c.key.endswith("_at")}
        session.delete(point)
        session.flush()
        audit.record(
            session, caller, action="telemetry.point.delete", subject=("point", point_id), before=before
        )
        emit(session, PointsChanged(ids=(point_id,)))

    def has_data(self, point_id: int) -> bool:
        """Whether any observation of the point is stored."""
        return bool(self.live.rows([point_id], self.clock.now_ms()).observed_at[0] >= 0)

    def changes(self, point: Point, stated: dict[str, Any]) -> dict[str, Any]:
        """The stated fields that differ; 422 for a null where there must be a value."""
        for name, value in stated.items():
            if value is None and name not in NULLABLE:
                raise invalid("telemetry.point.null", f"/{name}", field=name)
        return {name: value for name, value in stated.items() if getattr(point, name) != value}

    def check_change(self, point: Point, changed: dict[str, Any]) -> None:
        """Whether the point stays sound, alone and with what is stored under it.

        Raises:
            ProblemError: 422 contradictory; 409 when stored values would change their meaning.
        """
        merged = _Merged({c.key: getattr(point, c.key) for c in Point.__table__.columns} | changed)
        if (problem := inconsistency(merged)) is not None:
            raise invalid("telemetry.point.inconsistent", detail=problem)
        if ({"quantity", "unit"} & changed.keys()) and self.has_data(point.id):
            raise conflict("telemetry.point.unit_fixed", point=point.code, unit=point.unit)

    def apply(self, point: Point, changed: dict[str, Any]) -> None:
        """Write the changes onto the record."""
        for name, value in changed.items():
            setattr(point, name, value)
        point.version += 1
        point.updated_at = self.clock.now()

    def _check_scope(self, caller: Caller, enterprise_id: int | None) -> None:
        if not caller.may_see_enterprise(enterprise_id):
            raise forbidden("telemetry.point.write")

    def _check_references(self, session: Session, values: dict[str, Any]) -> None:
        for name, model in _REFERENCES.items():
            value = values.get(name)
            if value is not None and session.scalar(select(model.id).where(model.id == value)) is None:
                raise invalid("telemetry.point.reference_unknown", f"/{name}", field=name, value=value)

    def _refuse_taken(self, session: Session, code: str, point_id: int | None) -> None:
        holder = session.scalar(select(Point.id).where(Point.code == code))
        if holder is not None and holder != point_id:
            raise conflict("telemetry.point.code_taken", point=code)

    def _flush(self, session: Session, code: str) -> None:
        try:
            session.flush()
        except IntegrityError as error:  # another writer was faster
            raise conflict("telemetry.point.code_taken", point=code) from error


class _Merged:
    """Attributes of a point as it would be."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
