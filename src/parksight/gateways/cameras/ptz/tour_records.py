"""Use cases of stored tours."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.gateways.cameras.ptz.models import CameraTour
from parksight.gateways.cameras.ptz.schemas import PtzTourIn, PtzTourPatch
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.errors import conflict, not_found
from parksight.kernel.permissions import Caller


class TourRecords:
    """Tours of cameras the caller is known to see.

    Args:
        clock: stamps of changes.
        most: tours per camera.
    """

    def __init__(self, clock: Clock, most: int) -> None:
        self._clock, self._most = clock, most

    def all(self, session: Session, camera_id: int) -> list[CameraTour]:
        query = select(CameraTour).where(CameraTour.camera_id == camera_id).order_by(CameraTour.name)
        return list(session.scalars(query))

    def one(self, session: Session, camera_id: int, tour_id: int) -> CameraTour:
        row = session.get(CameraTour, tour_id)
        if row is None or row.camera_id != camera_id:
            raise not_found("gateways.cameras.tour", tour_id)
        return row

    def create(self, session: Session, caller: Caller, camera_id: int, data: PtzTourIn) -> CameraTour:
        """Raises ProblemError: 409 name taken, or as many as there may be."""
        count = session.scalar(
            select(func.count()).select_from(CameraTour).where(CameraTour.camera_id == camera_id)
        )
        if (count or 0) >= self._most:
            raise conflict("gateways.cameras.tour.too_many", most=self._most)
        self._free(session, camera_id, data.name, None)
        now = self._clock.now()
        row = CameraTour(
            camera_id=camera_id, name=data.name, steps=_steps(data), version=1, created_at=now, updated_at=now
        )
        session.add(row)
        session.flush()
        audit.record(
            session, caller, action="cameras.tour.create", subject=("gateways.camera_tour", row.id),
            after={"camera": camera_id, "name": row.name, "steps": row.steps},
        )  # fmt: skip
        return row

    def update(
        self, session: Session, caller: Caller, camera_id: int, tour_id: int, data: PtzTourPatch
    ) -> CameraTour:
        row = self.one(session, camera_id, tour_id)
        if row.version != data.version:
            raise conflict("gateways.cameras.tour.changed_meanwhile", name=row.name, version=row.version)
        self._free(session, camera_id, data.name, tour_id)
        before = {"name": row.name, "steps": row.steps}
        row.name, row.steps, row.version, row.updated_at = (
            data.name, _steps(data), row.version + 1, self._clock.now(),
        )  # fmt: skip
        audit.record(
            session, caller, action="cameras.tour.update", subject=("gateways.camera_tour", row.id), before=before,
            after={"name": row.name, "steps": row.steps},
        )  # fmt: skip
        return row

    def delete(self, session: Session, caller: Caller, camera_id: int, tour_id: int) -> None:
        row = self.one(session, camera_id, tour_id)
        audit.record(
            session, caller, action="cameras.tour.delete", subject=("gateways.camera_tour", row.id),
            before={"camera": camera_id, "name": row.name, "steps": row.steps},
        )  # fmt: skip
        session.delete(row)

    def _free(self, session: Session, camera_id: int, name: str, but: int | None) -> None:
        query = select(CameraTour.id).where(CameraTour.camera_id == camera_id, CameraTour.name == name)
        found = session.scalar(query)
        if found is not None and found != but:
            raise conflict("gateways.cameras.tour.name_taken", name=name)


def _steps(data: PtzTourIn) -> list[dict[str, object]]:
    return [s.model_dump(mode="json", exclude_none=True) for s in data.steps]
