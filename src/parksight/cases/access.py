"""Who sees a case and who may do what with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from parksight.cases.declaration import Transition, Who
from parksight.cases.models import Case, CaseEvent, Participant, Span
from parksight.cases.people import Actor
from parksight.cases.requests import Refusal
from parksight.cases.types import CaseTypes, Declared
from parksight.kernel.permissions import Caller

READ, WRITE = "cases.case.read", "cases.case.write"


def sees_type(caller: Caller, declared: Declared) -> bool:
    """Whether cases of a type are shown to the caller beyond those they take part in."""
    visibility = declared.type.visibility
    if caller.kind == "system" or "*" in caller.grants:
        return True
    if caller.enterprises is not None:
        return visibility.enterprise
    return "*" in visibility.roles or bool(set(visibility.roles) & set(caller.roles))


def involved(actor: Actor) -> ColumnElement[bool]:
    """Cases in which a person (or somebody they act for) owns, reported or takes part."""
    return or_(owned(actor), reported(actor), takes_part(actor))


def owned(actor: Actor) -> ColumnElement[bool]:
    """Cases a person has to act on: as person, post holder, in the department or enterprise, or as deputy.

    True or false, never unknown, so that it may be negated.
    """
    posts = actor.post_ids.union(*(a.post_ids for a in actor.absent))
    ways: tuple[tuple[Any, frozenset[int] | None], ...] = (
        (Case.owner_user_id, actor.ids), (Case.owner_post_id, posts),
        (Case.owner_department_id, actor.rights.departments), (Case.owner_enterprise_id, actor.rights.enterprises),
    )  # fmt: skip
    clauses = [and_(column.is_not(None), column.in_(keys)) for column, keys in ways if keys]
    return or_(*clauses) if clauses else Case.id.is_(None)


def held(actor: Actor) -> ColumnElement[bool]:
    """Cases whose time runs on a person now, also by a role nobody in particular stands for (the delay ledger)."""
    posts = actor.post_ids.union(*(a.post_ids for a in actor.absent))
    holders = {
        "user": actor.ids, "post": posts, "department": actor.rights.departments,
        "enterprise": actor.rights.enterprises or frozenset(), "role": actor.rights.roles,
    }  # fmt: skip
    clauses = [
        and_(Span.holder_kind == kind, Span.holder_key.in_([str(k) for k in keys]))
        for kind, keys in holders.items()
        if keys
    ]
    if not clauses:
        return Case.id.is_(None)
    return exists().where(Span.case_id == Case.id, Span.until.is_(None), or_(*clauses))


def reported(actor: Actor) -> ColumnElement[bool]:
    if actor.id is None:
        return Case.id.is_(None)
    return and_(Case.reporter_id.is_not(None), Case.reporter_id == actor.id)


def takes_part(actor: Actor, role: str | None = None) -> ColumnElement[bool]:
    """Cases with the person (or post, department, enterprise) among the participants; ``watcher`` is one of the roles."""
    parties: list[ColumnElement[bool]] = []
    for kind, keys in (
        ("user", actor.ids), ("post", actor.post_ids), ("department", actor.rights.departments),
        ("enterprise", actor.rights.enterprises or frozenset()),
    ):  # fmt: skip
        if keys:
            parties.append(and_(Participant.kind == kind, Participant.party_id.in_(keys)))
    if not parties:
        return Case.id.is_(None)
    inside = exists().where(Participant.case_id == Case.id, or_(*parties))
    return inside.where(Participant.role == role) if role is not None else inside


def visible(statement: Select[Any], actor: Actor, types: CaseTypes) -> Select[Any]:
    """Limit a query over :class:`Case` to what a person may see: their enterprises, then what each type allows."""
    caller = actor.rights
    statement = caller.scoped(statement, Case.enterprise_id)
    hidden = [d.code for d in types.all() if not sees_type(caller, d)]
    if hidden:
        statement = statement.where(or_(Case.type.not_in(hidden), involved(actor)))
    return statement


def hides_reporter(caller: Caller, case: Case) -> bool:
    """Whether this reader is not to learn who reported a case."""
    return (
        case.anonymous
        and caller.enterprises is not None
        and (case.reporter_id is None or case.reporter_id != caller.id)
    )


def matches(actor: Actor, who: Who, case: Case | None, participants: Sequence[Participant] = ()) -> bool:
    """Whether a person is one of ``who``; ``case`` None: before it is opened."""
    rights = actor.rights
    if rights.kind == "system" and who.system:
        return True
    if set(rights.roles) & set(who.roles) or any(rights.may(p) for p in who.permissions):
        return True
    if rights.kind in ("user", "token") and who.anyone:
        return True
    if case is None:
        return who.enterprise and rights.enterprises is not None
    if who.owner and actor.owns(case):
        return True
    if who.reporter and actor.id is not None and case.reporter_id == actor.id:
        return True
    if who.enterprise and actor.of_enterprise(case.enterprise_id):
        return True
    return any(p.role in who.participants and actor.takes_part(p) for p in participants)


def doers(session: Session, case_id: int, transitions: Sequence[str]) -> set[int]:
    """Everybody who did one of these on a case, and everybody it was done for."""
    codes = [t for t in transitions if t != "open"]
    done = (
        or_(CaseEvent.transition.in_(codes), CaseEvent.what == "opened")
        if "open" in transitions
        else (CaseEvent.transition.in_(codes))
    )
    rows = session.execute(
        select(CaseEvent.by_id, CaseEvent.for_id).where(CaseEvent.case_id == case_id, done)
    )
    return {i for row in rows for i in row if i is not None}


def judge(
    session: Session, actor: Actor, transition: Transition, case: Case, participants: Sequence[Participant]
) -> tuple[Actor | None, list[Refusal]]:
    """Whether a person may do a transition, for themselves or as somebody's deputy.

    Returns:
        The absent person they act for (None: themselves) and why not (empty: they may).
    """
    if not actor.rights.may(WRITE):
        return None, [Refusal("cases.refused.permission", {"permission": WRITE})]
    principal: Actor | None = None
    if not matches(actor, transition.who, case, participants):
        principal = next((a for a in actor.absent if matches(a, transition.who, case, participants)), None)
        if principal is None:
            return None, [Refusal("cases.refused.who")]
    if transition.not_by:
        barred = doers(session, case.id, transition.not_by)
        mine = {actor.id, principal.id if principal else None} - {None}
        if barred & mine:
            return principal, [
                Refusal("cases.refused.separation", {"transition": ", ".join(transition.not_by)})
            ]
    return principal, []
