"""What the routes of notifications share. Services are named by protocol: the room that builds them imports us."""

from __future__ import annotations

from typing import Annotated, Protocol

from fastapi import Depends, Request

from parksight.kernel.clock import Clock
from parksight.kernel.i18n import language_of
from parksight.kernel.permissions import Caller
from parksight.kernel.settings import NotificationSettings
from parksight.kernel.web import Paging, paging, requires, service
from parksight.notifications.chains import Chains
from parksight.notifications.channel_service import Channels
from parksight.notifications.inbox import Inbox
from parksight.notifications.opening import Opener
from parksight.notifications.service import Notifier
from parksight.notifications.worker import Worker


class Room(Protocol):
    """The parts of :class:`parksight.notifications.room.Notifications` that routes use."""

    settings: NotificationSettings
    clock: Clock
    chains: Chains
    opener: Opener
    notifier: Notifier
    inbox: Inbox
    channels: Channels
    worker: Worker


def language(request: Request) -> str:
    """The language to answer in."""
    return language_of(request)


Notifications = Annotated[Room, Depends(service("notifications"))]
Pages = Annotated[Paging, Depends(paging)]
Language = Annotated[str, Depends(language)]
Me = Annotated[Caller, requires("notifications.inbox.use")]
