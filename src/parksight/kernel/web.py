"""What every ``api.py`` needs: the caller, the unit of work, pages of results."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Path, Query, Request
from pydantic import BaseModel
from sqlalchemy.orm import Session

from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import Caller

T = TypeVar("T")


def database(request: Request) -> Database:
    db: Database = request.app.state.db
    return db


def write_session(request: Request) -> Iterator[Session]:
    """The unit of work of this request: committed before the response leaves."""
    with database(request).session() as session:
        yield session


def read_session(request: Request) -> Iterator[Session]:
    with database(request).read() as session:
        yield session


WriteSession = Annotated[Session, Depends(write_session, scope="function")]
ReadSession = Annotated[Session, Depends(read_session, scope="function")]


def current_caller(request: Request) -> Caller:
    """Who asks. ``kernel.identity`` puts the caller on the request; without one the answer is 401."""
    caller: Caller | None = getattr(request.state, "caller", None)
    if caller is None:
        raise ProblemError("kernel.not_signed_in", HTTPStatus.UNAUTHORIZED)
    return caller


def requires(permission: str) -> Any:
    """Dependency that yields the caller once the permission is checked."""

    def check(caller: Annotated[Caller, Depends(current_caller)]) -> Caller:
        caller.require(permission)
        return caller

    check.permission = permission  # type: ignore[attr-defined]  # read by the route sweep test
    return Depends(check)


def signed_in() -> Any:
    """Dependency for what everybody may do with their own account once signed in."""

    def check(caller: Annotated[Caller, Depends(current_caller)]) -> Caller:
        return caller

    check.permission = "signed-in"  # type: ignore[attr-defined]  # read by the route sweep test
    return Depends(check)


def public(reason: str) -> Any:
    """Marks a route that needs no sign-in; ``reason`` says why that is right."""

    def check() -> None:
        return None

    check.permission = f"public: {reason}"  # type: ignore[attr-defined]  # read by the route sweep test
    return Depends(check)


def service(name: str) -> Callable[[Request], Any]:
    """Dependency that fetches a service the composition root put on ``app.state``."""

    def fetch(request: Request) -> Any:
        return getattr(request.app.state, name)

    return fetch


#: A record's key in a path; what no database could hold is refused before it is asked.
RowId = Annotated[int, Path(ge=1, le=2**53)]


class Paging(BaseModel):
    limit: int = 50
    offset: int = 0


def paging(
    limit: Annotated[int, Query(ge=1, le=1000)] = 50, offset: Annotated[int, Query(ge=0)] = 0
) -> Paging:
    return Paging(limit=limit, offset=offset)


class Page(BaseModel, Generic[T]):
    """One page of a list with the size of the whole."""

    items: list[T]
    total: int
    limit: int
    offset: int
