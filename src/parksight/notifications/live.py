"""Tells a person's open pages that something has come, over the live connection: a hint, the inbox is the truth."""

from __future__ import annotations

from parksight.kernel.bus import Bus, Event
from parksight.notifications.events import DeliveriesQueued, InboxRead, NoticePosted
from parksight.notifications.worker import Worker
from parksight.telemetry.live.hub import LiveHub

TOPIC = "notifications"
PERMISSION = "notifications.inbox.use"


class LiveInbox:
    """
    Args:
        bus: where notices are heard of.
        hub: live connections.
        worker: woken when there is something to send.
    """

    def __init__(self, bus: Bus, hub: LiveHub, worker: Worker) -> None:
        self._hub, self._worker = hub, worker
        hub.register_topic(TOPIC, PERMISSION)
        bus.subscribe("notifications.*", self._heard)

    def _heard(self, event: Event) -> None:
        if isinstance(event, DeliveriesQueued):
            self._worker.wake()
        elif isinstance(event, InboxRead):
            self._hub.publish_topic(TOPIC, {"read": True}, user_id=event.user_id)
        elif isinstance(event, NoticePosted):
            content = {
                "notice": event.notice_id, "kind": event.kind, "priority": event.priority, "title": event.titles,
                "page": event.page, "again": event.again,
            }  # fmt: skip
            for user_id in event.users:
                self._hub.publish_topic(TOPIC, content, user_id=user_id)
