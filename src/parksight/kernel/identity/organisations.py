"""Organisations, departments and posts: the use cases behind ``/departments`` and ``/posts``."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.errors import conflict, invalid, not_found
from parksight.kernel.identity.models import Department, Organisation, Post
from parksight.kernel.identity.schemas import (
    DepartmentCreate,
    DepartmentUpdate,
    OrganisationCreate,
    PostCreate,
    PostUpdate,
)
from parksight.kernel.permissions import Caller

Made = TypeVar("Made", Organisation, Department, Post)
Changed = TypeVar("Changed", Department, Post)


class Organisations:
    """Creates and changes organisations, departments and posts."""

    def create_organisation(self, session: Session, caller: Caller, body: OrganisationCreate) -> Organisation:
        self._free(session, Organisation, body.code)
        if (body.enterprise_id is not None) != (body.kind == "enterprise"):
            raise invalid("kernel.organisation.enterprise", "/enterprise_id")
        return self._add(session, caller, "organisation", Organisation(**body.model_dump()), body)

    def create_department(self, session: Session, caller: Caller, body: DepartmentCreate) -> Department:
        self._free(session, Department, body.code)
        self._must_exist(session, Organisation, "organisation_id", body.organisation_id)
        return self._add(session, caller, "department", Department(**body.model_dump()), body)

    def create_post(self, session: Session, caller: Caller, body: PostCreate) -> Post:
        self._free(session, Post, body.code)
        self._must_exist(session, Department, "department_id", body.department_id)
        return self._add(session, caller, "post", Post(**body.model_dump()), body)

    def update_department(
        self, session: Session, caller: Caller, key: int, body: DepartmentUpdate
    ) -> Department:
        return self._change(session, caller, "department", Department, key, body)

    def update_post(self, session: Session, caller: Caller, key: int, body: PostUpdate) -> Post:
        return self._change(session, caller, "post", Post, key, body)

    @staticmethod
    def _free(session: Session, model: Any, code: str) -> None:
        if session.scalar(select(model.id).where(model.code == code)) is not None:
            raise conflict("kernel.code_taken", key=code)

    @staticmethod
    def _must_exist(session: Session, model: Any, field: str, key: int) -> None:
        if session.get(model, key) is None:
            raise invalid("kernel.no_such_record", f"/{field}", field=field, key=key)

    @staticmethod
    def _add(session: Session, caller: Caller, kind: str, row: Made, body: BaseModel) -> Made:
        session.add(row)
        session.flush()
        action = f"kernel.{kind}.create"
        audit.record(session, caller, action=action, subject=(kind, row.id), after=body.model_dump())
        return row

    @staticmethod
    def _change(
        session: Session,
        caller: Caller,
        kind: str,
        model: type[Changed],
        key: int,
        body: DepartmentUpdate | PostUpdate,
    ) -> Changed:
        row = session.get(model, key, with_for_update=True)
        if row is None:
            raise not_found(kind, key)
        if row.version != body.version:
            raise conflict("kernel.stale_version", seen=body.version, present=row.version)
        given = {k: v for k, v in body.model_dump(exclude_unset=True).items() if k != "version"}
        empty = next((k for k, v in given.items() if v is None), None)
        if empty is not None:
            raise invalid("kernel.user.not_null", f"/{empty}", field=empty)
        before = {k: getattr(row, k) for k in given}
        for name, value in given.items():
            setattr(row, name, value)
        row.version += 1
        session.flush()
        action = f"kernel.{kind}.update"
        audit.record(session, caller, action=action, subject=(kind, row.id), before=before, after=given)
        return row
