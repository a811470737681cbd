"""A person's own desk: lists kept under a name, and one transition for many cases at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from parksight.cases.models import SavedFilter
from parksight.cases.service import CaseService
from parksight.kernel import audit
from parksight.kernel.db import clock_of
from parksight.kernel.errors import ProblemError, conflict, forbidden, invalid, not_found
from parksight.kernel.permissions import Caller

#: Lists one person may keep.
MAX_FILTERS = 50


def filters(session: Session, caller: Caller) -> Sequence[SavedFilter]:
    """The caller's lists by name."""
    return session.scalars(
        select(SavedFilter).where(SavedFilter.user_id == caller.id).order_by(SavedFilter.name)
    ).all()  # fmt: skip


def keep_filter(session: Session, caller: Caller, name: str, query: Mapping[str, str]) -> SavedFilter:
    """Keep a list under a name; the same name replaces it.

    Raises:
        ProblemError: 403 for programs without a person, 409 ``cases.filter.too_many``.
    """
    if caller.id is None:
        raise forbidden("cases.case.read")
    found = session.scalar(
        select(SavedFilter).where(SavedFilter.user_id == caller.id, SavedFilter.name == name)
    )
    if found is None:
        count = session.scalar(select(func.count()).where(SavedFilter.user_id == caller.id)) or 0
        if count >= MAX_FILTERS:
            raise conflict("cases.filter.too_many", limit=MAX_FILTERS)
        found = SavedFilter(user_id=caller.id, name=name, query={}, created_at=clock_of(session).now())
        session.add(found)
    before, found.query = dict(found.query), dict(query)
    session.flush()
    audit.record(
        session, caller, action="cases.filter.keep", subject=("case_filter", found.id), before=before or None,
        after={"name": name, "query": found.query},
    )  # fmt: skip
    return found


def drop_filter(session: Session, caller: Caller, filter_id: int) -> None:
    """Take one of the caller's own lists away; 404 for anybody else's."""
    found = session.scalar(
        select(SavedFilter).where(SavedFilter.id == filter_id, SavedFilter.user_id == caller.id)
    )
    if found is None:
        raise not_found("cases.filter", filter_id)
    audit.record(
        session, caller, action="cases.filter.drop", subject=("case_filter", found.id), before={"name": found.name}
    )  # fmt: skip
    session.delete(found)


@dataclass
class Outcome:
    """What became of each case of a bulk action: ids done, and per refused id the reason."""

    done: list[int] = field(default_factory=list)
    refused: list[tuple[int, ProblemError]] = field(default_factory=list)


def act_many(
    session: Session, caller: Caller, cases: CaseService, items: Sequence[tuple[int, int]], transition: str,
    fields: Mapping[str, Any], comment: str,
) -> Outcome:  # fmt: skip
    """Do one transition to many cases, as far as their types declare it safe; each is done wholly or refused wholly.

    Args:
        items: case id and the version it was chosen at.

    Raises:
        ProblemError: 422 ``cases.bulk.twice`` for a case named twice.
    """
    if len({i for i, _ in items}) != len(items):
        raise invalid("cases.bulk.twice", "/items")
    outcome = Outcome()
    for case_id, version in items:
        try:
            case = cases.find(session, caller, case_id)
            declared = cases.types.get(case.type)
            known = declared.type.transitions if declared else ()
            if not any(t.code == transition and t.bulk for t in known):
                raise conflict("cases.bulk.unsafe", transition=transition)
            with session.begin_nested():
                cases.act(
                    session, caller, case_id, transition, fields=fields, comment=comment, version=version
                )
        except ProblemError as problem:
            outcome.refused.append((case_id, problem))
        else:
            outcome.done.append(case_id)
    return outcome
