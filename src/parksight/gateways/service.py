"""Use cases of devices and mappings: the only place that changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from parksight.gateways import repository
from parksight.gateways.context import GatewayContext
from parksight.gateways.directory import mapping_conversion
from parksight.gateways.events import DevicesChanged
from parksight.gateways.models import Device, PointMapping
from parksight.gateways.schemas import (
    DeviceImportRow,
    DeviceIn,
    DevicePatch,
    ImportReport,
    ImportRow,
    MappingIn,
    RowProblem,
)
from parksight.gateways.spec import ProtocolSpec
from parksight.kernel import audit
from parksight.kernel.db import emit
from parksight.kernel.errors import ProblemError, conflict, forbidden, invalid, not_found
from parksight.kernel.i18n import translate
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise
from parksight.telemetry.events import PointsChanged
from parksight.telemetry.models import Point

_FIELDS = (
    "code", "protocol", "name", "name_en", "enterprise_id", "thing_id", "address", "config", "policy",
    "simulated", "enabled",
)  # fmt: skip
#: Columns for which a stated null means something.
_NULLABLE = frozenset({"enterprise_id", "thing_id"})
MAX_MAPPINGS = 5_000


class GatewaysService:
    """Devices, mappings and their changes.

    Args:
        context: shared parts of the gateways.
        specs: the protocols this installation speaks.
    """

    def __init__(self, context: GatewayContext, specs: Sequence[ProtocolSpec]) -> None:
        self.context = context
        self.specs: dict[str, ProtocolSpec] = {s.name: s for s in specs}

    # -- devices -----------------------------------------------------------------------------------

    def create(self, session: Session, caller: Caller, data: DeviceIn) -> Device:
        """Make a device.

        Raises:
            ProblemError: 409 code or address taken; 422 address, config or policy wrong; 403 not in scope.
        """
        values = self._checked(session, caller, data.model_dump(include=set(_FIELDS)))
        self._refuse_taken(session, values, None)
        now = self.context.clock.now()
        device = Device(**values, created_at=now, updated_at=now)
        session.add(device)
        session.flush()
        audit.record(
            session,
            caller,
            action="gateways.device.create",
            subject=("gateways.device", device.id),
            after=values,
        )
        emit(session, DevicesChanged(ids=(device.id,)))
        return device

    def update(self, session: Session, caller: Caller, device_id: int, data: DevicePatch) -> Device:
        """Change the stated fields, if nobody has changed the device since ``data.version``."""
        device = repository.device(session, caller, device_id)
        if device.version != data.version:
            raise conflict("gateways.device.changed_meanwhile", device=device.code, version=device.version)
        stated = data.model_dump(exclude_unset=True, exclude={"version"})
        stated = {k: v for k, v in stated.items() if v is not None or k in _NULLABLE}
        self._apply(session, caller, device, stated)
        return device

    def _apply(self, session: Session, caller: Caller, device: Device, stated: dict[str, Any]) -> bool:
        values = {name: getattr(device, name) for name in _FIELDS} | stated
        values = self._checked(session, caller, values)
        before = {name: getattr(device, name) for name in _FIELDS}
        changed = {name: values[name] for name in _FIELDS if values[name] != before[name]}
        if not changed:
            return False
        self._refuse_taken(session, values, device.id)
        for name, value in changed.items():
            setattr(device, name, value)
        if "simulated" in changed:
            self._inherit_simulated(session, device)
        self._touch(device)
        session.flush()
        audit.record(
            session, caller, action="gateways.device.update", subject=("gateways.device", device.id),
            before={name: before[name] for name in changed}, after=changed,
        )  # fmt: skip
        emit(session, DevicesChanged(ids=(device.id,)))
        return True

    def delete(self, session: Session, caller: Caller, device_id: int) -> None:
        """Remove a device and its mappings; points and their history stay."""
        device = repository.device(session, caller, device_id)
        before = {name: getattr(device, name) for name in _FIELDS}
        session.execute(delete(PointMapping).where(PointMapping.device_id == device_id))
        session.delete(device)
        audit.record(
            session,
            caller,
            action="gateways.device.delete",
            subject=("gateways.device", device_id),
            before=before,
        )
        emit(session, DevicesChanged(ids=(device_id,)))

    def import_rows(
        self,
        session: Session,
        caller: Caller,
        rows: Sequence[DeviceImportRow],
        *,
        update: bool,
        language: str,
    ) -> ImportReport:
        """Make or change many devices; a row that is refused says why and does not stop the others."""
        codes = [m.point for r in rows for m in r.mappings or () if m.point]
        ids = [m.point_id for r in rows for m in r.mappings or () if m.point_id]
        known = repository.points(session, caller, ids=ids, codes=codes)
        report: list[ImportRow] = []
        for number, row in enumerate(rows):
            try:
                with session.begin_nested():
                    outcome, device = self._import_one(session, caller, row, update, known)
                report.append(ImportRow(row=number, code=row.code, outcome=outcome, id=device.id))
            except ProblemError as problem:
                report.append(
                    ImportRow(
                        row=number, code=row.code, outcome="refused", problem=row_problem(problem, language)
                    )
                )
        outcomes = [r.outcome for r in report]
        return ImportReport(
            created=outcomes.count("created"), updated=outcomes.count("updated"),
            unchanged=outcomes.count("unchanged"), refused=outcomes.count("refused"), rows=report,
        )  # fmt: skip

    def _import_one(
        self,
        session: Session,
        caller: Caller,
        row: DeviceImportRow,
        update: bool,
        known: tuple[dict[int, Point], dict[str, Point]],
    ) -> tuple[str, Device]:
        device = session.scalar(select(Device).where(Device.code == row.code))
        if device is None:
            device = self.create(session, caller, row)
            if row.mappings is not None:
                self._put_mappings(session, caller, device, row.mappings, known)
            return "created", device
        if not update:
            raise conflict("gateways.device.code_taken", device=row.code)
        if not caller.may_see_enterprise(device.enterprise_id):
            raise conflict("gateways.device.code_taken", device=row.code)
        changed = self._apply(session, caller, device, row.model_dump(include=set(_FIELDS)))
        if row.mappings is not None:
            changed = self._put_mappings(session, caller, device, row.mappings, known) or changed
        return ("updated" if changed else "unchanged"), device

    # -- mappings ----------------------------------------------------------------------------------

    def put_mappings(
        self, session: Session, caller: Caller, device_id: int, rows: Sequence[MappingIn]
    ) -> list[PointMapping]:
        """Replace all mappings of a device.

        Raises:
            ProblemError: 422 naming the row: unknown point, address twice, unit that does not fit.
        """
        device = repository.device(session, caller, device_id)
        known = repository.points(
            session, caller,
            ids=[m.point_id for m in rows if m.point_id], codes=[m.point for m in rows if m.point],
        )  # fmt: skip
        if self._put_mappings(session, caller, device, rows, known):
            self._touch(device)
        return [m for m, _ in repository.mappings(session, device_id)]

    def _put_mappings(
        self,
        session: Session,
        caller: Caller,
        device: Device,
        rows: Sequence[MappingIn],
        known: tuple[dict[int, Point], dict[str, Point]],
    ) -> bool:
        wanted: dict[str, dict[str, Any]] = {}
        for number, row in enumerate(rows):
            values = self._checked_mapping(row, known, f"/mappings/{number}")
            if row.address in wanted:
                raise invalid("gateways.mapping.twice", f"/mappings/{number}/address", address=row.address)
            wanted[row.address] = values
        existing = {
            m.address: m
            for m in session.scalars(select(PointMapping).where(PointMapping.device_id == device.id))
        }
        before = {a: _mapping_values(m) for a, m in existing.items()}
        if before == wanted:
            return False
        for address, mapping in existing.items():
            if address not in wanted:
                session.delete(mapping)
        for address, values in wanted.items():
            if address not in existing:
                session.add(PointMapping(device_id=device.id, address=address, **values))
            else:
                for name, value in values.items():
                    setattr(existing[address], name, value)
        session.flush()
        self._inherit_simulated(session, device)
        changed = {a for a in before.keys() | wanted.keys() if before.get(a) != wanted.get(a)}
        audit.record(
            session, caller, action="gateways.device.map", subject=("gateways.device", device.id),
            before={a: before[a] for a in sorted(changed) if a in before},
            after={a: wanted[a] for a in sorted(changed) if a in wanted},
        )  # fmt: skip
        emit(session, DevicesChanged(ids=(device.id,)))
        return True

    @staticmethod
    def _checked_mapping(
        row: MappingIn, known: tuple[dict[int, Point], dict[str, Point]], where: str
    ) -> dict[str, Any]:
        if (row.point_id is None) == (row.point is None):
            raise invalid("gateways.mapping.point_needed", where, address=row.address)
        point = known[0].get(row.point_id) if row.point_id is not None else known[1].get(row.point or "")
        if point is None:
            key = row.point_id if row.point_id is not None else row.point
            raise invalid("gateways.mapping.point_unknown", where, address=row.address, point=key)
        if row.scale == 0:
            raise invalid("gateways.mapping.scale_zero", f"{where}/scale", address=row.address)
        mapping = PointMapping(
            address=row.address, scale=row.scale, offset=row.offset, source_unit=row.source_unit
        )
        try:
            mapping_conversion(mapping, point)
        except ProblemError as problem:
            problem.where = f"{where}/source_unit"
            raise
        return {
            "point_id": point.id, "source_unit": row.source_unit, "scale": row.scale, "offset": row.offset,
        }  # fmt: skip

    def _inherit_simulated(self, session: Session, device: Device) -> None:
        """Points of a simulated device are simulated; a point never loses the mark by being re-mapped."""
        if not device.simulated:
            return
        mapped = select(PointMapping.point_id).where(PointMapping.device_id == device.id)
        rows = list(session.scalars(select(Point).where(Point.id.in_(mapped), Point.simulated.is_(False))))
        for point in rows:
            point.simulated = True
            point.version += 1
        if rows:
            emit(session, PointsChanged(ids=tuple(p.id for p in rows)))

    # -- checks ------------------------------------------------------------------------------------

    def spec(self, protocol: str) -> ProtocolSpec:
        try:
            return self.specs[protocol]
        except KeyError:
            raise invalid(
                "gateways.protocol_unknown", "/protocol", protocol=protocol, known=sorted(self.specs)
            ) from None

    def _checked(self, session: Session, caller: Caller, values: dict[str, Any]) -> dict[str, Any]:
        if not caller.may_see_enterprise(values["enterprise_id"]):
            raise forbidden("gateways.device.write")
        if values["enterprise_id"] is not None and session.get(Enterprise, values["enterprise_id"]) is None:
            raise not_found("registry.enterprise", values["enterprise_id"])
        spec = self.spec(values["protocol"])
        address = values["address"]
        if not address:
            if not spec.default_address:
                raise invalid("gateways.device.address_needed", "/address", protocol=spec.name)
            address = values["code"]
        try:
            address = spec.address(address)
        except ValueError as error:
            raise invalid(
                "gateways.device.address_wrong",
                "/address",
                address=address,
                protocol=spec.name,
                reason=str(error),
            ) from error
        config = _validated(spec.config, values["config"], "/config")
        policy = _validated(spec.policy, values["policy"], "/policy")
        return values | {"address": address, "config": config, "policy": policy}

    @staticmethod
    def _refuse_taken(session: Session, values: dict[str, Any], own_id: int | None) -> None:
        if session.scalar(select(Device.id).where(Device.code == values["code"], Device.id != (own_id or 0))):
            raise conflict("gateways.device.code_taken", device=values["code"])
        taken = session.scalar(
            select(Device.code).where(
                Device.protocol == values["protocol"],
                Device.address == values["address"],
                Device.id != (own_id or 0),
            )
        )
        if taken:
            raise conflict("gateways.device.address_taken", address=values["address"], device=taken)

    def _touch(self, device: Device) -> None:
        device.version += 1
        device.updated_at = self.context.clock.now()


def _mapping_values(mapping: PointMapping) -> dict[str, Any]:
    return {
        "point_id": mapping.point_id, "source_unit": mapping.source_unit, "scale": mapping.scale,
        "offset": mapping.offset,
    }  # fmt: skip


def _validated(model: type[BaseModel], data: dict[str, Any], where: str) -> dict[str, Any]:
    """The data as given once the model accepts it; a 422 that names the first wrong place otherwise."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(str(p) for p in first["loc"])
        raise invalid(
            "gateways.device.config_wrong", f"{where}/{place}" if place else where,
            field=place or where.strip("/"), reason=first["msg"], number=error.error_count(),
        ) from error  # fmt: skip
    return data


def row_problem(problem: ProblemError, language: str) -> RowProblem:
    return RowProblem(
        code=problem.code, detail=translate(problem.code, language, **problem.params), where=problem.where
    )
