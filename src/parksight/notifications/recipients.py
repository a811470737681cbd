"""From recipients to people: duty, posts, roles, deputies, and who may not see the enterprise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.duty import presence
from parksight.duty.presence import OnDuty
from parksight.kernel.identity.callers import caller_of
from parksight.kernel.identity.models import Assignment, Post, User
from parksight.notifications.notice import Notice, Recipient, Text


@dataclass(frozen=True, slots=True)
class Told:
    """Somebody to tell. ``on_duty``: they are at work now, so quiet hours do not hold."""

    user: User
    why: Text
    on_duty: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    user_id: int
    why: Text
    addressed: bool
    on_duty: bool = False


def resolve(session: Session, notice: Notice, at: datetime) -> list[Told]:
    """Everybody to tell, each once, for the first reason; those who may not see the enterprise are left out."""
    candidates: dict[int, _Candidate] = {}
    for recipient in notice.recipients:
        for candidate in _of(session, recipient, notice.enterprise_id, at):
            known = candidates.get(candidate.user_id)
            if known is None:
                candidates[candidate.user_id] = candidate
    ids = list(candidates)
    users = {u.id: u for u in _in_parts(session, ids)}
    watching = {o.user_id for o in presence.on_duty(session, at, user_ids=ids)} if ids else set()
    assignments: dict[int, list[Assignment]] = {i: [] for i in ids}
    for part in _parts(ids):
        for row in session.scalars(select(Assignment).where(Assignment.user_id.in_(part))):
            assignments[row.user_id].append(row)
    out = []
    for user_id, candidate in candidates.items():
        user = users.get(user_id)
        if user is None or not user.active:
            continue
        # A person addressed by name about the zone's own matter is meant; a role or post is not enough.
        if not (candidate.addressed and notice.enterprise_id is None) and not caller_of(
            user, assignments[user_id]
        ).may_see_enterprise(notice.enterprise_id):
            continue
        out.append(Told(user, candidate.why, candidate.on_duty or user_id in watching))
    return out


def _parts(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), 500):
        yield ids[start : start + 500]


def _in_parts(session: Session, ids: Sequence[int]) -> Iterator[User]:
    for part in _parts(ids):
        yield from session.scalars(select(User).where(User.id.in_(part)))


def _of(
    session: Session, recipient: Recipient, enterprise_id: int | None, at: datetime
) -> Iterator[_Candidate]:
    if recipient.kind == "user":
        yield from _person(session, int(recipient.value), recipient.why, at)
    elif recipient.kind == "post":
        yield from _post(session, str(recipient.value), recipient.why, at)
    elif recipient.kind == "watch":
        yield from _watch(session, str(recipient.value), recipient.why, enterprise_id, at)
    else:
        yield from _role(session, str(recipient.value), recipient.why)


def _role(session: Session, name: str, why: Text | None) -> Iterator[_Candidate]:
    rows = session.scalars(
        select(User.id)
        .join(Assignment, Assignment.user_id == User.id)
        .where(Assignment.role == name, User.active)
        .distinct()
        .order_by(User.id)
    )
    why = why or Text("notifications.why.role", {"role_key": f"kernel.role.{name}"})
    for user_id in rows:
        yield _Candidate(user_id, why, addressed=False)


def _watch(
    session: Session, name: str, why: Text | None, enterprise_id: int | None, at: datetime
) -> Iterator[_Candidate]:
    """Of a role those on duty who may see the matter: somebody on watch elsewhere does not stand for them."""
    watching = {o.user_id: o for o in presence.on_duty(session, at)}
    assignments: dict[int, list[Assignment]] = {}
    for part in _parts(sorted(watching)):
        for row in session.scalars(select(Assignment).where(Assignment.user_id.in_(part))):
            assignments.setdefault(row.user_id, []).append(row)
    there = [
        u for u in _in_parts(session, sorted(watching))
        if any(a.role == name for a in assignments.get(u.id, ()))
        and caller_of(u, assignments[u.id]).may_see_enterprise(enterprise_id)
    ]  # fmt: skip
    for user in there:
        desk = watching[user.id]
        names = {"desk": desk.desk_name, "desk_en": desk.desk_name_en}
        yield _Candidate(user.id, why or Text("notifications.why.on_duty", names), False, on_duty=True)
    if not there:
        yield from _role(session, name, why)


def _person(session: Session, user_id: int, why: Text | None, at: datetime) -> Iterator[_Candidate]:
    yield _Candidate(user_id, why or Text("notifications.why.person"), addressed=True)
    deputy = presence.deputy_of(session, user_id, at)
    if deputy is not None:
        name = session.scalar(select(User.name).where(User.id == user_id)) or ""
        yield _Candidate(deputy, Text("notifications.why.deputy", {"name": name}), addressed=True)


def _post(session: Session, code: str, why: Text | None, at: datetime) -> Iterator[_Candidate]:
    row = session.execute(select(Post.name, Post.name_en).where(Post.code == code)).first()
    names = {"post": row.name if row else code, "post_en": (row.name_en or row.name) if row else code}
    for found in presence.holders(session, code, at):
        if isinstance(found, OnDuty):
            desk = {"desk": found.desk_name, "desk_en": found.desk_name_en}
            yield _Candidate(
                found.user_id, why or Text("notifications.why.on_duty", desk), False, on_duty=True
            )
        else:
            yield _Candidate(found, why or Text("notifications.why.post", names), addressed=False)
