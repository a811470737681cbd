"""Who people are to a case: persons, posts, departments, enterprises, and deputies of absent persons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.cases.models import Case, Participant
from parksight.cases.providers import Outside
from parksight.kernel.identity.callers import caller_of
from parksight.kernel.identity.models import Assignment, Department, Organisation, Post, User
from parksight.kernel.permissions import Caller
from parksight.registry.models import Enterprise


@dataclass(frozen=True)
class Actor:
    """A person with what they are; ``id`` is None for the system.

    Attributes:
        rights: the caller whose roles and scope count.
        post_ids: posts held, and those the person is on duty for.
        absent: whom the person acts for.
    """

    rights: Caller
    post_ids: frozenset[int] = frozenset()
    absent: tuple[Actor, ...] = field(default=())

    @property
    def id(self) -> int | None:
        return self.rights.id if self.rights.kind in ("user", "token") else None

    @property
    def ids(self) -> frozenset[int]:
        """The person and those they act for."""
        own = (self.id,) if self.id is not None else ()
        return frozenset((*own, *(a.id for a in self.absent if a.id is not None)))

    def owns(self, case: Case) -> bool:
        """Whether this person has to act: as person, holder of the post, in the department or enterprise."""
        if self.id is not None and case.owner_user_id == self.id:
            return True
        if case.owner_post_id is not None and case.owner_post_id in self.post_ids:
            return True
        if case.owner_department_id is not None and case.owner_department_id in self.rights.departments:
            return True
        return case.owner_enterprise_id is not None and self.of_enterprise(case.owner_enterprise_id)

    def of_enterprise(self, enterprise_id: int | None) -> bool:
        """Whether this is one of the enterprise's own people (zone people are not)."""
        own = self.rights.enterprises
        return enterprise_id is not None and own is not None and enterprise_id in own

    def takes_part(self, participant: Participant) -> bool:
        return {
            "user": self.id is not None and participant.party_id == self.id,
            "post": participant.party_id in self.post_ids,
            "department": participant.party_id in self.rights.departments,
            "enterprise": self.of_enterprise(participant.party_id),
        }.get(participant.kind, False)


class People:
    """
    Args:
        outside: who knows about duty and deputies.
    """

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def actor(self, session: Session, caller: Caller, at: datetime) -> Actor:
        """The caller as a person, with those they act for at ``at``."""
        if caller.id is None or caller.kind not in ("user", "token"):
            return Actor(caller)
        presence = self._outside.presence
        absent: list[Actor] = []
        if presence is not None:
            for user in session.scalars(
                select(User)
                .where(User.id.in_(presence.acting_for(session, caller.id, at)), User.active)
                .order_by(User.id)
            ):
                rights = caller_of(
                    user, list(session.scalars(select(Assignment).where(Assignment.user_id == user.id)))
                )
                absent.append(Actor(rights, _posts(user)))
        own = session.get(User, caller.id)
        posts = set(_posts(own))
        if presence is not None:
            posts |= presence.posts_of(session, caller.id, at)
        return Actor(caller, frozenset(posts), tuple(absent))

    # --- whom to tell ---------------------------------------------------------------------------------

    def present(self, session: Session, user_ids: Iterable[int], at: datetime) -> list[int]:
        """These people, deputies in the place of the absent ones, without doubles."""
        presence = self._outside.presence
        if presence is None:
            return list(dict.fromkeys(user_ids))
        return list(dict.fromkeys(presence.instead_of(session, i, at) for i in user_ids))

    def of_post(self, session: Session, post_id: int, at: datetime) -> list[int]:
        post = session.get(Post, post_id)
        if post is None:
            return []
        if self._outside.presence is not None:
            return list(self._outside.presence.holders(session, post.code, at))
        return list(
            session.scalars(select(User.id).where(User.post_id == post_id, User.active).order_by(User.id))
        )

    def of_role(self, session: Session, role: str, enterprise_id: int | None, at: datetime) -> list[int]:
        """People with a role whose scope covers the enterprise."""
        rows = session.execute(
            select(Assignment.user_id, Assignment.scope, Assignment.scope_ids)
            .join(User, User.id == Assignment.user_id)
            .where(Assignment.role == role, User.active)
            .order_by(Assignment.user_id)
        )
        ids = [u for u, scope, within in rows if scope != "enterprises" or enterprise_id in within]
        return self.present(session, ids, at)

    def of_department(self, session: Session, department_id: int, at: datetime) -> list[int]:
        ids = session.scalars(
            select(User.id).where(User.department_id == department_id, User.active).order_by(User.id)
        )
        return self.present(session, ids, at)

    def of_enterprise(self, session: Session, enterprise_id: int, at: datetime) -> list[int]:
        """The enterprise's own accounts, by their scope."""
        rows = session.execute(
            select(Assignment.user_id, Assignment.scope_ids)
            .join(User, User.id == Assignment.user_id)
            .where(Assignment.scope == "enterprises", User.active)
            .order_by(Assignment.user_id)
        )
        return self.present(session, [u for u, within in rows if enterprise_id in within], at)

    def owners(self, session: Session, case: Case, at: datetime) -> list[int]:
        """Who has to act, the most definite there is."""
        if case.owner_user_id is not None:
            return self.present(session, [case.owner_user_id], at)
        if case.owner_post_id is not None:
            return self.of_post(session, case.owner_post_id, at)
        if case.owner_department_id is not None:
            return self.of_department(session, case.owner_department_id, at)
        if case.owner_enterprise_id is not None:
            return self.of_enterprise(session, case.owner_enterprise_id, at)
        return []

    def participants(self, session: Session, rows: Sequence[Participant], at: datetime) -> list[int]:
        ids: list[int] = []
        for row in rows:
            if row.kind == "user":
                ids += self.present(session, [row.party_id], at)
            elif row.kind == "post":
                ids += self.of_post(session, row.party_id, at)
            elif row.kind == "department":
                ids += self.of_department(session, row.party_id, at)
            else:
                ids += self.of_enterprise(session, row.party_id, at)
        return list(dict.fromkeys(ids))


def _posts(user: User | None) -> frozenset[int]:
    return frozenset((user.post_id,)) if user is not None and user.post_id is not None else frozenset()


#: Table of each kind of party that has a name.
_NAMED: dict[str, type[User] | type[Post] | type[Department] | type[Enterprise]] = {
    "user": User, "post": Post, "department": Department, "enterprise": Enterprise,
}  # fmt: skip


def names(session: Session, parties: Iterable[tuple[str, int]]) -> dict[tuple[str, int], tuple[str, str]]:
    """Chinese and English names of parties; who is gone is missing."""
    wanted: dict[str, set[int]] = {}
    for kind, key in parties:
        wanted.setdefault(kind, set()).add(key)
    found: dict[tuple[str, int], tuple[str, str]] = {}
    for kind, keys in wanted.items():
        table = _NAMED.get(kind)
        if table is not None:
            rows = session.execute(select(table.id, table.name, table.name_en).where(table.id.in_(keys)))
            found |= {(kind, key): (name, name_en or name) for key, name, name_en in rows}
    return found


def exists(session: Session, kind: str, key: int) -> bool:
    """Whether a person, post, department or enterprise is there and in use."""
    table = _NAMED.get(kind)
    return (
        table is not None
        and session.scalar(select(table.id).where(table.id == key, table.active)) is not None
    )


def house_of(session: Session, user_id: int) -> int | None:
    """The enterprise a person belongs to; None for the zone's people."""
    return session.scalar(
        select(Organisation.enterprise_id)
        .join(User, User.organisation_id == Organisation.id)
        .where(User.id == user_id)
    )
