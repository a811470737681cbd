"""``/users`` and ``/roles``."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from parksight.kernel.errors import not_found
from parksight.kernel.i18n import language_of, translate
from parksight.kernel.identity import repository
from parksight.kernel.identity.api.session import Services
from parksight.kernel.identity.models import User
from parksight.kernel.identity.schemas import PasswordReset, RoleView, UserCreate, UserUpdate, UserView
from parksight.kernel.permissions import ENTERPRISE_ROLES, ROLES, Caller
from parksight.kernel.web import Page, Paging, ReadSession, RowId, WriteSession, paging, requires

router = APIRouter(prefix="/api/v1", tags=["users"])
Reader = Annotated[Caller, requires("kernel.user.read")]
Writer = Annotated[Caller, requires("kernel.user.write")]
Sort = Literal["username", "-username", "name", "-name", "id", "-id", "created_at", "-created_at"]


@router.get("/users", operation_id="list_users")
def list_users(
    caller: Reader,
    session: ReadSession,
    page: Annotated[Paging, Depends(paging)],
    q: Annotated[str | None, Query(max_length=100, description="part of a name, address or number")] = None,
    role: Annotated[str | None, Query(max_length=40)] = None,
    department_id: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
    active: bool | None = None,
    sort: Sort = "username",
) -> Page[UserView]:
    """People with their roles."""
    items, total = repository.find_users(
        session, caller, q=q, role=role, department_id=department_id, active=active, sort=sort,
        limit=page.limit, offset=page.offset,
    )  # fmt: skip
    return Page(items=items, total=total, limit=page.limit, offset=page.offset)


@router.get("/users/{user_id}", operation_id="get_user")
def get_user(user_id: RowId, caller: Reader, session: ReadSession) -> UserView:
    user = session.scalar(repository.readable_users(caller).where(User.id == user_id))
    if user is None:
        raise not_found("user", user_id)
    return repository.views(session, [user])[0]


@router.post("/users", status_code=HTTPStatus.CREATED, operation_id="create_user")
def create_user(body: UserCreate, caller: Writer, session: WriteSession, services: Services) -> UserView:
    """A new person; nobody hands out rights beyond their own."""
    repository.zone_wide(caller)
    return repository.views(session, [services.accounts.create(session, caller, body)])[0]


@router.patch("/users/{user_id}", operation_id="update_user")
def update_user(
    user_id: RowId, body: UserUpdate, caller: Writer, session: WriteSession, services: Services
) -> UserView:
    """Change a person; 409 when ``version`` is not the present one."""
    repository.zone_wide(caller)
    return repository.views(session, [services.accounts.update(session, caller, user_id, body)])[0]


@router.put("/users/{user_id}/password", status_code=HTTPStatus.NO_CONTENT, operation_id="reset_password")
def reset_password(
    user_id: RowId, body: PasswordReset, caller: Writer, session: WriteSession, services: Services
) -> None:
    """Set a first or forgotten password; it must be changed at the next sign-in."""
    repository.zone_wide(caller)
    services.accounts.reset_password(session, caller, user_id, body.password)


@router.delete("/users/{user_id}/totp", status_code=HTTPStatus.NO_CONTENT, operation_id="clear_second_factor")
def clear_second_factor(user_id: RowId, caller: Writer, session: WriteSession, services: Services) -> None:
    """Take the second factor off somebody who lost it."""
    repository.zone_wide(caller)
    services.accounts.clear_totp(session, caller, user_id)


@router.delete(
    "/users/{user_id}/sessions", status_code=HTTPStatus.NO_CONTENT, operation_id="end_user_sessions"
)
def end_user_sessions(user_id: RowId, caller: Writer, session: WriteSession, services: Services) -> None:
    """Sign somebody out everywhere, at once."""
    repository.zone_wide(caller)
    services.accounts.end_sessions(session, caller, user_id)


@router.get("/roles", operation_id="list_roles")
def list_roles(request: Request, _caller: Annotated[Caller, requires("kernel.role.read")]) -> list[RoleView]:
    """All roles with what they grant and the scopes they may have."""
    language = language_of(request)
    return [
        RoleView(
            name=name,
            title=translate(f"kernel.role.{name}", language),
            grants=list(grants),
            scopes=["enterprises"] if name in ENTERPRISE_ROLES else ["zone", "departments"],
        )
        for name, grants in ROLES.items()
    ]
