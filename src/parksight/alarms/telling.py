"""What alarms have people told: linkage's messages, and the grave ones to all levels at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from parksight.alarms.flow.grouping import OpenGroup
from parksight.alarms.linkage.scene import Scene
from parksight.kernel.settings import AlarmSettings
from parksight.notifications.notice import Notice, Recipient, Text, post, role
from parksight.notifications.service import Notifier

#: Who hears of a grave alarm at once, without waiting for the ladder.
LEVELS = ("duty_operator", "enterprise_manager", "safety_officer", "zone_leader")
DESK = "duty_operator"


class AlarmNotices:
    """
    Args:
        notifier: queues in the unit of work it is called in.
    """

    def __init__(self, notifier: Notifier, settings: AlarmSettings) -> None:
        self._notifier = notifier
        self._settings = settings

    def tell(self, session: Session, scene: Scene, posts: list[str], text: str, key: str) -> dict[str, Any]:
        """A message of linkage; ``key`` makes it happen once."""
        alarm, point = scene.alarm, scene.point
        why = Text("alarms.why.linkage")
        recipients = [post(code, why) for code in posts] or [role(DESK, why)]
        params: dict[str, object] = {
            "point": point.name if point else str(alarm.point_id), "step": alarm.step, "priority": alarm.priority,
            "text": text,
        }  # fmt: skip
        notice = self._notifier.notify(
            session,
            Notice(
                kind="alarms.linkage", priority=alarm.priority, recipients=recipients,
                title=Text("alarms.tell.linkage", params), body=Text("alarms.tell.text", {"text": text}) if text else None,
                subject=("alarm", str(alarm.id)), page=f"/alarms/{alarm.id}", enterprise_id=alarm.enterprise_id,
                dedupe_key=key,
            ),
        )  # fmt: skip
        return {"notice": notice, "posts": posts or None, "roles": None if posts else [DESK]}

    def grave(self, session: Session, groups: Iterable[OpenGroup], titles: dict[int, str]) -> None:
        """Groups grave enough are told to every level at once; ``titles`` by group id."""
        why = Text("alarms.why.grave")
        for group in groups:
            if group.id is None or group.priority > self._settings.parallel_priority:
                continue
            recipients: list[Recipient] = [role(name, why) for name in LEVELS]
            self._notifier.notify(
                session,
                Notice(
                    kind="alarms.grave", priority=1, recipients=recipients,
                    title=Text("alarms.tell.grave", {"title": titles[group.id]}), subject=("alarm_group", str(group.id)),
                    page=f"/alarms/{group.root_alarm_id}", enterprise_id=group.enterprise_id,
                    dedupe_key=f"alarms.grave:{group.id}:{group.priority}",
                ),
            )  # fmt: skip
