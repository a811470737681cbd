"""``/organisations``, ``/departments`` and ``/posts``."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import select

from parksight.kernel.identity.api.session import Services
from parksight.kernel.identity.models import Department, Organisation, Post
from parksight.kernel.identity.schemas import (
    DepartmentCreate,
    DepartmentUpdate,
    DepartmentView,
    OrganisationCreate,
    OrganisationView,
    PostCreate,
    PostUpdate,
    PostView,
)
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, RowId, WriteSession, requires

router = APIRouter(prefix="/api/v1", tags=["departments"])
Reader = Annotated[Caller, requires("kernel.department.read")]
Writer = Annotated[Caller, requires("kernel.department.write")]
PostReader = Annotated[Caller, requires("kernel.post.read")]
PostWriter = Annotated[Caller, requires("kernel.post.write")]
Key = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


@router.get("/organisations", operation_id="list_organisations", response_model=list[OrganisationView])
def list_organisations(caller: Reader, session: ReadSession) -> Sequence[Organisation]:
    """The zone's own bodies; of enterprises only those the caller may see."""
    statement = select(Organisation).order_by(Organisation.id)
    if caller.enterprises is not None:
        own = Organisation.enterprise_id.in_(caller.enterprises)
        statement = statement.where(Organisation.enterprise_id.is_(None) | own)
    return list(session.scalars(statement))


@router.post(
    "/organisations", status_code=HTTPStatus.CREATED, operation_id="create_organisation",
    response_model=OrganisationView,
)  # fmt: skip
def create_organisation(
    body: OrganisationCreate, caller: Writer, session: WriteSession, services: Services
) -> Organisation:
    return services.organisations.create_organisation(session, caller, body)


@router.get("/departments", operation_id="list_departments", response_model=list[DepartmentView])
def list_departments(
    caller: Reader, session: ReadSession, organisation_id: Key = None
) -> Sequence[Department]:
    """Departments, in the order they were made."""
    statement = select(Department).join(Organisation).order_by(Department.id)
    if organisation_id is not None:
        statement = statement.where(Department.organisation_id == organisation_id)
    if caller.enterprises is not None:
        own = Organisation.enterprise_id.in_(caller.enterprises)
        statement = statement.where(Organisation.enterprise_id.is_(None) | own)
    return list(session.scalars(statement))


@router.post(
    "/departments", status_code=HTTPStatus.CREATED, operation_id="create_department",
    response_model=DepartmentView,
)  # fmt: skip
def create_department(
    body: DepartmentCreate, caller: Writer, session: WriteSession, services: Services
) -> Department:
    return services.organisations.create_department(session, caller, body)


@router.patch("/departments/{department_id}", operation_id="update_department", response_model=DepartmentView)
def update_department(
    department_id: RowId, body: DepartmentUpdate, caller: Writer, session: WriteSession, services: Services
) -> Department:
    return services.organisations.update_department(session, caller, department_id, body)


@router.get("/posts", operation_id="list_posts", response_model=list[PostView])
def list_posts(caller: PostReader, session: ReadSession, department_id: Key = None) -> Sequence[Post]:
    """Posts, in the order they were made."""
    statement = select(Post).join(Department).join(Organisation).order_by(Post.id)
    if department_id is not None:
        statement = statement.where(Post.department_id == department_id)
    if caller.enterprises is not None:
        own = Organisation.enterprise_id.in_(caller.enterprises)
        statement = statement.where(Organisation.enterprise_id.is_(None) | own)
    return list(session.scalars(statement))


@router.post("/posts", status_code=HTTPStatus.CREATED, operation_id="create_post", response_model=PostView)
def create_post(body: PostCreate, caller: PostWriter, session: WriteSession, services: Services) -> Post:
    return services.organisations.create_post(session, caller, body)


@router.patch("/posts/{post_id}", operation_id="update_post", response_model=PostView)
def update_post(
    post_id: RowId, body: PostUpdate, caller: PostWriter, session: WriteSession, services: Services
) -> Post:
    return services.organisations.update_post(session, caller, post_id, body)
