"""Use cases of the registry: the only place that makes, changes and retires single records."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database, emit
from parksight.kernel.errors import conflict, forbidden, invalid, not_found
from parksight.kernel.permissions import Caller
from parksight.registry import geometry, repository, search
from parksight.registry.kinds import BY_NOUN, Kind, check_place_kind
from parksight.registry.models import Enterprise, Place

MAX_PLACE_DEPTH = 8


class RegistryService:
    """What exists, and its changes.

    Args:
        db: records.
        clock: stamps of changes.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self.db = db
        self.clock = clock

    def start(self) -> None:
        """Create what the search needs beside its table (idempotent)."""
        search.install(self.db.engine)

    def create(self, session: Session, caller: Caller, kind: Kind, data: BaseModel) -> Any:
        """Make a record.

        Raises:
            ProblemError: 409 code taken; 422 broken reference; 403/404 outside the caller's scope.
        """
        values = data.model_dump()
        if kind.place_kinds:
            check_place_kind(kind, values["kind"])
        self._check_owner(session, caller, kind, values, record_id=None)
        self._check_references(session, caller, kind, values, None)
        now = self.clock.now()
        record = kind.model(**values, **box_columns(kind, values), created_at=now, updated_at=now)
        self._refuse_taken(session, kind, values, None)
        session.add(record)
        self._flush(session, kind, values)
        audit.record(
            session,
            caller,
            action=f"registry.{kind.noun}.create",
            subject=(kind.noun, record.id),
            after=values,
        )
        search.put(session, kind.noun, [record])
        emit(session, kind.event(action="create", ids=(record.id,)))
        return record

    def update(
        self,
        session: Session,
        caller: Caller,
        kind: Kind,
        record_id: int,
        version: int,
        stated: dict[str, Any],
    ) -> Any:
        """Change the stated fields of a record, if nobody has changed it since ``version``.

        Raises:
            ProblemError: 409 changed meanwhile or code taken; 404; 422.
        """
        record = self._for_change(session, caller, kind, record_id, version)
        before = {name: getattr(record, name) for name in stated}
        changed = {name: value for name, value in stated.items() if before[name] != value}
        if not changed:
            return record
        values = {name: getattr(record, name) for name in kind.fields} | changed
        if kind.place_kinds:
            check_place_kind(kind, values["kind"])
        self._check_owner(session, caller, kind, values, record_id)
        self._check_references(session, caller, kind, values, record_id)
        self._refuse_taken(session, kind, changed, record_id)
        for name, value in changed.items():
            setattr(record, name, value)
        if "geometry" in changed:
            for name, value in box_columns(kind, values).items():
                setattr(record, name, value)
        self._touch(record)
        self._flush(session, kind, values)
        audit.record(
            session, caller, action=f"registry.{kind.noun}.update", subject=(kind.noun, record.id),
            before={name: before[name] for name in changed}, after=changed,
        )  # fmt: skip
        search.put(session, kind.noun, [record])
        emit(session, kind.event(action="update", ids=(record.id,)))
        return record

    def set_active(
        self, session: Session, caller: Caller, kind: Kind, record_id: int, version: int, active: bool
    ) -> Any:
        """Retire a record (it stays readable, lists and maps leave it out) or take it back."""
        record = self._for_change(session, caller, kind, record_id, version)
        if record.active is active:
            return record
        if not active:
            self._refuse_in_use(session, kind, record_id)
        record.active = active
        self._touch(record)
        action = "restore" if active else "retire"
        audit.record(
            session, caller, action=f"registry.{kind.noun}.{action}", subject=(kind.noun, record.id),
            before={"active": not active}, after={"active": active},
        )  # fmt: skip
        if active:
            search.put(session, kind.noun, [record])
        else:
            search.remove(session, kind.noun, [record.id])
        emit(session, kind.event(action=action, ids=(record.id,)))
        return record

    def _for_change(self, session: Session, caller: Caller, kind: Kind, record_id: int, version: int) -> Any:
        record = repository.get(session, caller, kind, record_id)
        # A zone-owned place is visible to an enterprise, but not its to change.
        owner = record.id if kind.model is Enterprise else record.enterprise_id
        if not caller.may_see_enterprise(owner):
            raise forbidden(f"registry.{kind.noun}.write")
        if record.version != version:
            raise conflict("registry.changed_meanwhile", seen=version, current=record.version)
        return record

    def _touch(self, record: Any) -> None:
        record.version += 1
        record.updated_at = self.clock.now()

    def _check_owner(
        self, session: Session, caller: Caller, kind: Kind, values: dict[str, Any], record_id: int | None
    ) -> None:
        if kind.model is Enterprise:
            if caller.enterprises is not None and record_id not in caller.enterprises:
                raise forbidden("registry.enterprise.write")
            return
        owner = values.get("enterprise_id")
        if caller.may_see_enterprise(owner):
            return
        raise (
            forbidden(f"registry.{kind.noun}.write")
            if owner is None
            else not_found("registry.enterprise", owner)
        )

    def _check_references(
        self, session: Session, caller: Caller, kind: Kind, values: dict[str, Any], record_id: int | None
    ) -> None:
        for reference in kind.references:
            target = values.get(reference.field)
            if target is None:
                continue
            other_kind = BY_NOUN[noun_of(reference.model)]
            other = session.scalar(repository.visible(caller, other_kind).where(reference.model.id == target))
            if other is None or not other.active:
                raise invalid(
                    "registry.reference_unknown", f"/{reference.field}", field=reference.field, value=target
                )
            if reference.same_enterprise and other.enterprise_id != values.get("enterprise_id"):
                raise invalid(
                    "registry.reference_of_other", f"/{reference.field}", field=reference.field, value=target
                )
        if kind.model is Place and record_id is not None:
            self._refuse_circle(session, record_id, values.get("parent_id"))

    def _refuse_circle(self, session: Session, record_id: int, parent_id: int | None) -> None:
        for _ in range(MAX_PLACE_DEPTH):
            if parent_id is None:
                return
            if parent_id == record_id:
                break
            parent_id = session.scalar(select(Place.parent_id).where(Place.id == parent_id))
        raise invalid("registry.place.circle", "/parent_id", depth=MAX_PLACE_DEPTH)

    def _refuse_taken(
        self, session: Session, kind: Kind, values: dict[str, Any], record_id: int | None
    ) -> None:
        for name in ("code", "credit_code"):
            value = values.get(name)
            if value is None or name not in kind.fields:
                continue
            column = getattr(kind.model, name)
            holder = session.scalar(select(kind.model.id).where(column == value))
            if holder is not None and holder != record_id:
                raise conflict("registry.taken", field=name, value=value)

    def _flush(self, session: Session, kind: Kind, values: dict[str, Any]) -> None:
        try:
            session.flush()
        except IntegrityError as error:  # another writer was faster (PostgreSQL); the first check saw nothing
            raise conflict("registry.taken", field="code", value=values.get("code")) from error

    def _refuse_in_use(self, session: Session, kind: Kind, record_id: int) -> None:
        for other in BY_NOUN.values():
            for reference in other.references:
                if reference.model is not kind.model:
                    continue
                column = getattr(other.model, reference.field)
                user = session.scalar(
                    select(other.model.code).where(column == record_id, other.model.active.is_(True)).limit(1)
                )
                if user is not None:
                    raise conflict("registry.in_use", kind=other.name, record=user)


def noun_of(model: Any) -> str:
    """Noun of a table."""
    return next(noun for noun, kind in BY_NOUN.items() if kind.model is model)


def box_columns(kind: Kind, values: dict[str, Any]) -> dict[str, float | None]:
    """Bounding box columns for a record's geometry; empty for kinds without one."""
    if not kind.located:
        return {}
    names = geometry.Box._fields
    if values.get("geometry") is None:
        return dict.fromkeys(names)
    return dict(zip(names, geometry.box(values["geometry"]), strict=True))
