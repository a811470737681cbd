"""``/notifications/inbox``: one's own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from parksight.kernel.web import Page, ReadSession, RowId, WriteSession
from parksight.notifications import inbox
from parksight.notifications.api.common import Language, Me, Notifications, Pages
from parksight.notifications.models import InboxItem, NoticeRow
from parksight.notifications.schemas import InboxCount, ItemOut, ReadIn, ReadOut

router = APIRouter(generate_unique_id_function=lambda route: route.name)


@router.get("/inbox")
def list_inbox(
    caller: Me, session: ReadSession, page: Pages, language: Language,
    unread: bool | None = None,
    priority: Annotated[int | None, Query(ge=1, le=4, description="this or more urgent")] = None,
    kind: Annotated[str | None, Query(max_length=64, description="start of the kind, e.g. alarms")] = None,
) -> Page[ItemOut]:  # fmt: skip
    """One's notices, newest first, each with why one was notified."""
    statement = inbox.items(caller)
    if unread is not None:
        statement = statement.where(InboxItem.read_at.is_(None) if unread else InboxItem.read_at.is_not(None))
    if priority is not None:
        statement = statement.where(NoticeRow.priority <= priority)
    if kind:
        statement = statement.where(NoticeRow.kind.startswith(kind, autoescape=True))
    total = session.scalar(
        select(func.count()).select_from(statement.with_only_columns(InboxItem.id).subquery())
    )
    rows = session.execute(
        statement.order_by(NoticeRow.last_at.desc(), InboxItem.id.desc())
        .limit(page.limit)
        .offset(page.offset)
    ).all()
    shown = inbox.shown(session, [(row[0], row[1]) for row in rows], language)
    return Page(items=shown, total=total or 0, limit=page.limit, offset=page.offset)


@router.get("/inbox/count")
def count_inbox(caller: Me, session: ReadSession) -> InboxCount:
    """How many are unread."""
    return inbox.count(session, caller)


@router.post("/inbox/read")
def read_inbox(body: ReadIn, caller: Me, session: WriteSession, room: Notifications) -> ReadOut:
    """Mark as read; no further channel is tried for what is read."""
    changed = room.inbox.read(session, caller, body)
    return ReadOut(changed=changed, unread=inbox.count(session, caller).unread)


@router.post("/inbox/{item_id}/unread")
def unread_inbox(item_id: RowId, caller: Me, session: WriteSession, room: Notifications) -> InboxCount:
    """Put one back among the unread."""
    room.inbox.unread(session, caller, item_id)
    session.flush()
    return inbox.count(session, caller)
