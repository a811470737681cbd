"""``/notifications/deliveries``: what became of every message."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from sqlalchemy import func, select

from parksight.kernel.errors import not_found
from parksight.kernel.i18n import translate
from parksight.kernel.identity.models import User
from parksight.kernel.permissions import Caller
from parksight.kernel.web import Page, ReadSession, RowId, requires
from parksight.notifications import words
from parksight.notifications.api.common import Language, Notifications, Pages
from parksight.notifications.channel_service import zone_wide
from parksight.notifications.models import QUEUED, Attempt, Channel, Delivery, NoticeRow
from parksight.notifications.schemas import AttemptOut, DeliveryOut, StatusOut

router = APIRouter(generate_unique_id_function=lambda route: route.name)
MayRead = Annotated[Caller, requires("notifications.delivery.read")]
State = Literal["queued", "sending", "sent", "failed", "suppressed"]


@router.get("/deliveries")
def list_deliveries(
    caller: MayRead, session: ReadSession, page: Pages, language: Language,
    state: State | None = None,
    kind: Annotated[str | None, Query(max_length=16)] = None,
    user_id: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Page[DeliveryOut]:  # fmt: skip
    """Messages, newest first, with their state and why."""
    zone_wide(caller)
    statement = (
        select(Delivery, NoticeRow, Channel.name, User.name)
        .join(NoticeRow, NoticeRow.id == Delivery.notice_id)
        .outerjoin(Channel, Channel.id == Delivery.channel_id)
        .outerjoin(User, User.id == Delivery.user_id)
    )
    for column, wanted in ((Delivery.state, state), (Delivery.kind, kind), (Delivery.user_id, user_id)):
        if wanted is not None:
            statement = statement.where(column == wanted)
    total = session.scalar(
        select(func.count()).select_from(statement.with_only_columns(Delivery.id).subquery())
    )
    rows = session.execute(statement.order_by(Delivery.id.desc()).limit(page.limit).offset(page.offset))
    items = [
        DeliveryOut(
            id=d.id, notice_id=d.notice_id, notice_kind=notice.kind, title=words.spoken(notice.title, language),
            user_id=d.user_id, user=person, channel=channel, kind=d.kind, enterprise_id=d.enterprise_id,
            priority=d.priority, state=d.state, reason=d.reason,
            reason_text=translate(f"notifications.reason.{d.reason}", language) if d.reason else None,
            attempts=d.attempts, created_at=d.created_at, next_at=d.next_at, sent_at=d.sent_at,
        )
        for d, notice, channel, person in rows
    ]  # fmt: skip
    return Page(items=items, total=total or 0, limit=page.limit, offset=page.offset)


@router.get("/deliveries/{delivery_id}/attempts")
def list_delivery_attempts(delivery_id: RowId, caller: MayRead, session: ReadSession) -> list[AttemptOut]:
    """Every try of one message."""
    zone_wide(caller)
    if session.get(Delivery, delivery_id) is None:
        raise not_found("notifications.delivery", delivery_id)
    rows = session.scalars(select(Attempt).where(Attempt.delivery_id == delivery_id).order_by(Attempt.id))
    return [AttemptOut.model_validate(r, from_attributes=True) for r in rows]


@router.get("/status")
def get_notification_status(caller: MayRead, session: ReadSession, room: Notifications) -> StatusOut:
    """How many messages are in which state, what waits longest, and the limits."""
    zone_wide(caller)
    states = session.execute(select(Delivery.state, func.count()).group_by(Delivery.state))
    oldest = session.scalar(select(func.min(Delivery.created_at)).where(Delivery.state == QUEUED))
    return StatusOut(
        states={row[0]: row[1] for row in states}, oldest_queued_at=oldest,
        hosts=list(room.settings.hosts), limits=room.settings.model_dump(exclude={"hosts"}),
    )  # fmt: skip
