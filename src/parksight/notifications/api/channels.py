"""``/notifications/channels``: for administrators."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Request

from parksight.kernel.i18n import translate
from parksight.kernel.permissions import Caller
from parksight.kernel.web import ReadSession, RowId, WriteSession, database, requires
from parksight.notifications.api.common import Language, Notifications
from parksight.notifications.schemas import ChannelIn, ChannelOut, ChannelPatch, TestOut

router = APIRouter(generate_unique_id_function=lambda route: route.name)
MayRead = Annotated[Caller, requires("notifications.channel.read")]
MayWrite = Annotated[Caller, requires("notifications.channel.write")]


@router.get("/channels")
def list_channels(caller: MayRead, session: ReadSession, room: Notifications) -> list[ChannelOut]:
    """Ways out of the house, with what they did in the last 24 hours; secrets are named, never shown."""
    return room.channels.shown(session, room.channels.all(session, caller))


@router.post("/channels", status_code=HTTPStatus.CREATED)
def create_channel(
    body: ChannelIn, caller: MayWrite, session: WriteSession, room: Notifications
) -> ChannelOut:
    return room.channels.shown(session, [room.channels.create(session, caller, body)])[0]


@router.patch("/channels/{channel_id}")
def update_channel(
    channel_id: RowId, body: ChannelPatch, caller: MayWrite, session: WriteSession, room: Notifications
) -> ChannelOut:
    return room.channels.shown(session, [room.channels.update(session, caller, channel_id, body)])[0]


@router.post("/channels/{channel_id}/test")
def test_channel(
    channel_id: RowId, request: Request, caller: MayWrite, room: Notifications, language: Language
) -> TestOut:
    """Send a test message now, to oneself or to the group. No record is locked while the server outside answers."""
    with database(request).session() as session:
        prepared = room.channels.prepare_test(session, caller, channel_id, language)
    outcome, took_ms = room.channels.test(prepared)
    text = translate(
        f"notifications.reason.{outcome.reason}" if outcome.reason else "notifications.test.sent", language
    )
    return TestOut(ok=outcome.ok, reason=outcome.reason, text=text, detail=outcome.detail, ms=took_ms)
