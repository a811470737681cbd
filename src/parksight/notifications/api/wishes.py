"""``/notifications/preferences`` and ``/notifications/push``: how one wants to be told, and one's browsers."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.kernel import audit
from parksight.kernel.web import ReadSession, RowId, WriteSession
from parksight.notifications.api.common import Me, Notifications, Room
from parksight.notifications.chains import DEFAULT_CHAINS
from parksight.notifications.channels.base import PERSONAL
from parksight.notifications.channels.webpush import public_key
from parksight.notifications.inbox import mine, vapid
from parksight.notifications.models import Preference, PushSubscription
from parksight.notifications.notice import Notice, Text, person
from parksight.notifications.schemas import (
    PreferenceIn,
    PreferenceOut,
    PushIn,
    PushKey,
    PushOut,
    TrialIn,
    TrialOut,
)

router = APIRouter(generate_unique_id_function=lambda route: route.name)


def _shown(session: Session, room: Room, user_id: int, row: Preference | None) -> PreferenceOut:
    available = [kind for kind in PERSONAL if room.chains.channel(session, kind, 1) is not None]
    return PreferenceOut(
        version=row.version if row else 0, language=row.language if row else None,
        channels=row.channels if row else DEFAULT_CHAINS, quiet_from=row.quiet_from if row else None,
        quiet_until=row.quiet_until if row else None, available=available,
        reachable=[kind for kind in available if room.opener.addresses(session, kind, user_id)],
    )  # fmt: skip


@router.get("/preferences")
def get_notification_preferences(caller: Me, session: ReadSession, room: Notifications) -> PreferenceOut:
    """How one wants to be told, and what is possible here."""
    user_id = mine(caller)
    return _shown(session, room, user_id, session.get(Preference, user_id))


@router.put("/preferences")
def put_notification_preferences(
    body: PreferenceIn, caller: Me, session: WriteSession, room: Notifications
) -> PreferenceOut:
    row = room.inbox.prefer(session, caller, body)
    return _shown(session, room, row.user_id, row)


@router.post("/preferences/test", status_code=HTTPStatus.CREATED)
def try_notification_preferences(
    body: TrialIn, caller: Me, session: WriteSession, room: Notifications
) -> TrialOut:
    """Tell oneself something, by the very channels a real notice of this priority would take."""
    user_id = mine(caller)
    notice_id = room.notifier.notify(
        session,
        Notice(
            kind="notifications.trial", priority=body.priority,
            recipients=[person(user_id, Text("notifications.why.trial"))],
            title=Text("notifications.test.title"), body=Text("notifications.trial.body", {"priority": body.priority}),
            page="/notifications/preferences",
        ),
    )  # fmt: skip
    audit.record(
        session, caller, action="notifications.preference.test", subject=("user", user_id),
        after={"priority": body.priority},
    )  # fmt: skip
    return TrialOut(notice_id=notice_id)


@router.get("/push/key")
def get_push_key(caller: Me, session: ReadSession, room: Notifications) -> PushKey:
    """The key to subscribe a browser with; null where push is off."""
    channel = vapid(session) if room.settings.web_push else None
    return PushKey(key=public_key(room.opener.setup(channel).secrets["key"]) if channel else None)


@router.get("/push/subscriptions")
def list_push_subscriptions(caller: Me, session: ReadSession) -> list[PushOut]:
    """One's browsers."""
    rows = session.scalars(
        select(PushSubscription).where(PushSubscription.user_id == mine(caller)).order_by(PushSubscription.id)
    )
    return [PushOut.model_validate(r, from_attributes=True) for r in rows]


@router.post("/push/subscriptions", status_code=HTTPStatus.CREATED)
def subscribe_push(
    body: PushIn, request: Request, caller: Me, session: WriteSession, room: Notifications
) -> PushOut:
    """Keep what this browser gave."""
    row = room.inbox.subscribe(session, caller, body, request.headers.get("user-agent", ""))
    return PushOut.model_validate(row, from_attributes=True)


@router.delete("/push/subscriptions/{subscription_id}", status_code=HTTPStatus.NO_CONTENT)
def unsubscribe_push(subscription_id: RowId, caller: Me, session: WriteSession, room: Notifications) -> None:
    room.inbox.unsubscribe(session, caller, subscription_id)
