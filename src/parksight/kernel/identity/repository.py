"""Queries of identity. People are records of the zone: only zone-wide callers may list them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from parksight.kernel.errors import forbidden
from parksight.kernel.identity.models import ApiToken, Assignment, User, UserSession
from parksight.kernel.identity.schemas import AssignmentView, UserView
from parksight.kernel.permissions import Caller

_SORT = {"username": User.username_key, "name": User.name, "id": User.id, "created_at": User.created_at}


def zone_wide(caller: Caller) -> None:
    """Refuse callers that are limited to enterprises."""
    if caller.enterprises is not None:
        raise forbidden("kernel.user.read")


def readable_users(caller: Caller) -> Select[User]:
    """Where every query of people starts."""
    zone_wide(caller)
    return select(User)


def find_users(
    session: Session,
    caller: Caller,
    *,
    q: str | None = None,
    role: str | None = None,
    department_id: int | None = None,
    active: bool | None = None,
    sort: str = "username",
    limit: int = 50,
    offset: int = 0,
) -> tuple[list[UserView], int]:
    """People that fit, and how many there are in all."""
    statement = readable_users(caller)
    if q:
        like = "%" + q.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
        columns = (User.username, User.name, User.name_en, User.email, User.phone)
        statement = statement.where(or_(*(column.ilike(like, escape="\\") for column in columns)))
    if role:
        statement = statement.where(User.id.in_(select(Assignment.user_id).where(Assignment.role == role)))
    if department_id is not None:
        statement = statement.where(User.department_id == department_id)
    if active is not None:
        statement = statement.where(User.active.is_(active))
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    column = _SORT.get(sort.lstrip("-"), User.username_key)
    ordered = statement.order_by(column.desc() if sort.startswith("-") else column, User.id)
    users = list(session.scalars(ordered.limit(limit).offset(offset)))
    return views(session, users), total


def views(session: Session, users: Sequence[User]) -> list[UserView]:
    """People as the API shows them, with roles and when they were last here."""
    ids = [user.id for user in users]
    roles: dict[int, list[AssignmentView]] = {key: [] for key in ids}
    of_users = select(Assignment).where(Assignment.user_id.in_(ids)).order_by(Assignment.id)
    for item in session.scalars(of_users):
        roles[item.user_id].append(AssignmentView.model_validate(item))
    seen: dict[int, datetime] = {
        row.user_id: row.last
        for row in session.execute(
            select(UserSession.user_id, func.max(UserSession.last_seen_at).label("last"))
            .where(UserSession.user_id.in_(ids))
            .group_by(UserSession.user_id)
        )
    }
    return [
        UserView(
            id=user.id, username=user.username, name=user.name, name_en=user.name_en, email=user.email,
            phone=user.phone, language=user.language, organisation_id=user.organisation_id,
            department_id=user.department_id, post_id=user.post_id, oidc_subject=user.oidc_subject,
            must_change_password=user.must_change_password, totp=user.totp_confirmed_at is not None,
            active=user.active, demo=user.demo, created_at=user.created_at,
            last_seen_at=seen.get(user.id), version=user.version, assignments=roles[user.id],
        )
        for user in users
    ]  # fmt: skip


def tokens_of(
    session: Session, user_id: int | None, limit: int, offset: int
) -> tuple[Sequence[ApiToken], int]:
    """Tokens of a person, newest first, revoked ones too; of everybody for None."""
    statement = select(ApiToken)
    if user_id is not None:
        statement = statement.where(ApiToken.user_id == user_id)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(statement.order_by(ApiToken.id.desc()).limit(limit).offset(offset))
    return list(rows), total
