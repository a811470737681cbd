"""Queries of cases; each starts from what the caller may see. Lights are computed here, from clocks and the time given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from parksight.cases import access
from parksight.cases.models import Case, CaseClock, Participant, Span, Tag
from parksight.cases.people import Actor
from parksight.cases.types import CaseTypes
from parksight.kernel.errors import invalid

#: Boxes of a person's inbox, and everything they may see.
BOXES = ("all", "mine", "waiting", "watching", "overdue")
LIGHTS = ("green", "yellow", "red", "none")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filters of the list; None and empty mean "any". Times are of the opening, ``start`` included, ``end`` not."""

    box: str = "all"
    types: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    phases: tuple[str, ...] = ()
    light: str | None = None
    priority: tuple[int, ...] = ()
    enterprise_id: int | None = None
    subject: tuple[str, str] | None = None
    origin: tuple[str, str] | None = None
    linked_to: int | None = None
    owner_user_id: int | None = None
    owner_post_id: int | None = None
    tag: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    due_start: datetime | None = None
    due_end: datetime | None = None
    simulated: bool | None = None
    sort: str = "-opened_at"


def _passed(instant: Any, now: datetime) -> ColumnElement[bool]:
    """Whether a going clock of the case has passed an instant; one that stands still does not go on passing."""
    return exists().where(
        CaseClock.case_id == Case.id,
        or_(
            and_(CaseClock.status == "running", instant <= now),
            and_(CaseClock.status == "paused", instant <= CaseClock.paused_at),
        ),
    )


def light(now: datetime) -> ColumnElement[str]:
    """The worst light of the going clocks of a case."""
    going = exists().where(CaseClock.case_id == Case.id, CaseClock.status != "stopped")
    return case(
        (_passed(CaseClock.due_at, now), literal("red")),
        (_passed(CaseClock.warn_at, now), literal("yellow")),
        (going, literal("green")),
        else_=literal("none"),
    )


def due() -> ColumnElement[datetime]:
    """The nearest deadline of a running clock."""
    return (
        select(func.min(CaseClock.due_at))
        .where(CaseClock.case_id == Case.id, CaseClock.status == "running")
        .correlate(Case)
        .scalar_subquery()
    )


def box(actor: Actor, word: str, now: datetime) -> ColumnElement[bool] | None:
    """What belongs into a box of a person.

    ``mine``: open and theirs to act on, as owner or because the time runs on them or their role; ``waiting``: they are concerned but somebody else has to act; ``watching``: they asked
    to be told; ``overdue``: any of these with a red light.
    """
    mine = or_(access.owned(actor), access.held(actor))
    watching = access.takes_part(actor, "watcher")
    concerned = or_(mine, access.reported(actor), access.takes_part(actor))
    if word == "mine":
        return and_(Case.phase == "open", mine)
    if word == "waiting":
        passive = and_(or_(access.reported(actor), _works(actor)), ~mine)
        return and_(Case.phase != "final", or_(and_(Case.phase == "waiting", mine), passive))
    if word == "watching":
        return and_(Case.phase != "final", watching)
    if word == "overdue":
        return and_(Case.phase != "final", concerned, light(now) == "red")
    return None


def _works(actor: Actor) -> ColumnElement[bool]:
    """Takes part in a role of the type, not only as a watcher."""
    return exists().where(
        Participant.case_id == Case.id, Participant.role != "watcher", Participant.kind == "user",
        Participant.party_id.in_(actor.ids),
    )  # fmt: skip


def cases(
    actor: Actor, types: CaseTypes, wanted: Wanted, now: datetime, found: ColumnElement[bool] | None = None
) -> Select[Any]:
    """Statement of a list: rows of ``(Case, light, due_at)``.

    Args:
        found: what a search for words found (:func:`parksight.cases.search.matching`).
    """
    columns: tuple[Any, ...] = (Case, light(now).label("light"), due().label("due_at"))
    statement = access.visible(select(*columns), actor, types)
    clauses = [box(actor, wanted.box, now), found]
    lists: tuple[tuple[Any, tuple[Any, ...]], ...] = (
        (Case.type, wanted.types), (Case.state, wanted.states), (Case.phase, wanted.phases),
        (Case.priority, wanted.priority),
    )  # fmt: skip
    for column, several in lists:
        if several:
            clauses.append(column.in_(several))
    same: tuple[tuple[Any, Any], ...] = (
        (Case.enterprise_id, wanted.enterprise_id), (Case.owner_user_id, wanted.owner_user_id),
        (Case.owner_post_id, wanted.owner_post_id), (Case.simulated, wanted.simulated),
    )  # fmt: skip
    for column, value in same:
        if value is not None:
            clauses.append(column == value)
    if wanted.light is not None:
        clauses.append(light(now) == wanted.light)
    if wanted.subject is not None:
        clauses.append(and_(Case.subject_kind == wanted.subject[0], Case.subject_id == wanted.subject[1]))
    if wanted.origin is not None:
        clauses.append(and_(Case.origin_kind == wanted.origin[0], Case.origin_id == wanted.origin[1]))
    if wanted.tag is not None:
        clauses.append(exists().where(Tag.case_id == Case.id, Tag.tag == wanted.tag))
    clauses += _times(wanted)
    statement = statement.where(*(c for c in clauses if c is not None))
    return statement.order_by(*_order(wanted.sort))


def _times(wanted: Wanted) -> list[ColumnElement[bool] | None]:
    found: list[ColumnElement[bool] | None] = []
    if wanted.start is not None:
        found.append(Case.opened_at >= wanted.start)
    if wanted.end is not None:
        found.append(Case.opened_at < wanted.end)
    if wanted.due_start is not None or wanted.due_end is not None:
        inside = exists().where(CaseClock.case_id == Case.id, CaseClock.status == "running")
        if wanted.due_start is not None:
            inside = inside.where(CaseClock.due_at >= wanted.due_start)
        if wanted.due_end is not None:
            inside = inside.where(CaseClock.due_at < wanted.due_end)
        found.append(inside)
    return found


def _order(sort: str) -> list[Any]:
    columns: dict[str, Any] = {
        "opened_at": Case.opened_at, "occurred_at": Case.occurred_at, "updated_at": Case.updated_at,
        "closed_at": Case.closed_at, "priority": Case.priority, "number": Case.number, "due_at": due(),
        "title": Case.title, "state": Case.state,
    }  # fmt: skip
    column = columns.get(sort.removeprefix("-"))
    if column is None:
        raise invalid("cases.sort_unknown", "/sort", sort=sort, allowed=", ".join(columns))
    down = sort.startswith("-")
    return [(column.desc() if down else column.asc()).nulls_last(), Case.id.desc() if down else Case.id.asc()]


def total(session: Session, statement: Select[Any]) -> int:
    inner = statement.order_by(None).with_only_columns(Case.id).subquery()
    return session.scalar(select(func.count()).select_from(inner)) or 0


def counts(session: Session, actor: Actor, types: CaseTypes, now: datetime) -> dict[str, int]:
    """How many cases each box of a person holds, and how many are open in all they see."""
    found = {
        word: total(session, cases(actor, types, Wanted(box=word), now)) for word in BOXES if word != "all"
    }  # fmt: skip
    found["open"] = total(session, cases(actor, types, Wanted(phases=("open", "waiting")), now))
    return found


def held(
    actor: Actor,
    types: CaseTypes,
    *,
    start: datetime,
    end: datetime,
    type_code: str | None,
    enterprise_id: int | None,
) -> Select[Any]:
    """Spans of the delay ledger that touch a time, of cases the caller may see."""
    statement: Select[Any] = select(Span).join(Case, Case.id == Span.case_id)
    statement = access.visible(statement, actor, types).where(
        Span.since < end, or_(Span.until.is_(None), Span.until > start)
    )
    if type_code is not None:
        statement = statement.where(Case.type == type_code)
    if enterprise_id is not None:
        statement = statement.where(Case.enterprise_id == enterprise_id)
    return statement.order_by(Span.case_id, Span.id)


def holders_of(session: Session, ids: Sequence[int]) -> dict[int, tuple[str, str]]:
    """Kind and key of whoever the time of each open case runs on."""
    running = select(Span.case_id, Span.holder_kind, Span.holder_key).where(
        Span.case_id.in_(ids), Span.until.is_(None)
    )
    return {row.case_id: (row.holder_kind, row.holder_key) for row in session.execute(running)}


def tags_of(session: Session, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for row in session.execute(select(Tag.case_id, Tag.tag).where(Tag.case_id.in_(ids)).order_by(Tag.tag)):
        found.setdefault(row.case_id, []).append(row.tag)
    return found


def page(
    session: Session, statement: Select[Any], limit: int, offset: int
) -> Sequence[tuple[Case, str, datetime | None]]:
    return [tuple(row) for row in session.execute(statement.limit(limit).offset(offset))]
