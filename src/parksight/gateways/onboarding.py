"""From "somebody unknown speaks" to a device with points and mappings, in one unit of work."""

from __future__ import annotations

from typing import Protocol

from pydantic import ValidationError
from sqlalchemy.orm import Session

from parksight.gateways import repository
from parksight.gateways.models import Device, UnknownDevice
from parksight.gateways.schemas import MappingIn, NewPoint, OnboardIn
from parksight.gateways.service import GatewaysService
from parksight.gateways.spec import Proposal
from parksight.kernel import audit
from parksight.kernel.errors import ProblemError, invalid
from parksight.kernel.permissions import Caller
from parksight.telemetry.models import Point
from parksight.telemetry.points.schemas import PointIn
from parksight.telemetry.units import QUANTITIES


class PointMaker(Protocol):
    """Who makes points: :class:`parksight.telemetry.points.service.PointService`."""

    def create(self, session: Session, caller: Caller, data: PointIn) -> Point: ...


class Onboarding:
    """Turns unknown devices into known ones.

    Args:
        service: makes devices and mappings, knows the protocols.
        points: makes points.
    """

    def __init__(self, service: GatewaysService, points: PointMaker) -> None:
        self._service = service
        self._points = points

    def proposals(self, unknown: UnknownDevice) -> list[Proposal]:
        """A suggestion per field seen, by address; fields that say nothing are left to a person."""
        spec = self._service.spec(unknown.protocol)
        made = [spec.propose(address, str(value)) for address, value in sorted(unknown.fields.items())]
        return [p for p in made if p.quantity is None or p.quantity in QUANTITIES]

    def onboard(
        self, session: Session, caller: Caller, unknown_id: int, data: OnboardIn
    ) -> tuple[Device, list[int]]:
        """Make the device, its points and mappings, and take it off the list of unknowns.

        Returns:
            The device and the ids of the points that were made.

        Raises:
            ProblemError: whatever is wrong with the device, a point or a mapping; nothing is kept then.
        """
        unknown = repository.unknown_one(session, unknown_id)
        if data.device.protocol != unknown.protocol:
            raise invalid(
                "gateways.onboard.other_protocol", "/device/protocol",
                protocol=data.device.protocol, wanted=unknown.protocol,
            )  # fmt: skip
        device = self._service.create(session, caller, data.device)
        created: list[int] = []
        rows: list[MappingIn] = []
        for number, row in enumerate(data.points):
            point_id = row.point_id
            if point_id is None:
                point_id = self._make(session, caller, device, row, f"/points/{number}")
                created.append(point_id)
            rows.append(
                MappingIn(
                    address=row.address, point_id=point_id, point=None, source_unit=row.source_unit,
                    scale=row.scale, offset=row.offset,
                )
            )  # fmt: skip
        self._service.put_mappings(session, caller, device.id, rows)
        audit.record(
            session, caller, action="gateways.unknown.onboard", subject=("gateways.unknown", unknown.id),
            before={"protocol": unknown.protocol, "address": unknown.address},
            after={"device": device.id, "points": created},
        )  # fmt: skip
        session.delete(unknown)
        return device, created

    def _make(self, session: Session, caller: Caller, device: Device, row: NewPoint, where: str) -> int:
        for field in ("code", "name", "quantity"):
            if not getattr(row, field):
                raise invalid(
                    "gateways.onboard.field_needed", f"{where}/{field}", field=field, address=row.address
                )
        try:
            data = PointIn.model_validate(
                {
                    "code": row.code, "name": row.name, "name_en": row.name_en, "quantity": row.quantity,
                    "unit": row.unit, "kind": row.kind, "period_s": row.period_s,
                    "enterprise_id": device.enterprise_id, "thing_id": device.thing_id,
                    "simulated": device.simulated,
                }
            )  # fmt: skip
            return self._points.create(session, caller, data).id
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = "/".join(str(p) for p in first["loc"])
            raise invalid(
                "gateways.onboard.point_wrong", f"{where}/{place}" if place else where,
                address=row.address, reason=first["msg"],
            ) from error  # fmt: skip
        except ProblemError as problem:
            problem.where = f"{where}{problem.where or ''}"
            raise

    def dismiss(self, session: Session, caller: Caller, unknown_id: int) -> None:
        """Take an unknown device off the list; it returns when it speaks again."""
        unknown = repository.unknown_one(session, unknown_id)
        audit.record(
            session, caller, action="gateways.unknown.dismiss", subject=("gateways.unknown", unknown.id),
            before={"protocol": unknown.protocol, "address": unknown.address, "count": unknown.count},
        )  # fmt: skip
        session.delete(unknown)
