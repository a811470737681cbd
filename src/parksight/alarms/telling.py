"""What alarms have people told at once: the desk of what no post answers for, all levels of grave ones, linkage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from parksight.alarms.flow.grouping import OpenGroup
from parksight.alarms.linkage.scene import Scene
from parksight.kernel.settings import AlarmSettings
from parksight.notifications.notice import Notice, Recipient, Text, post, role, watch
from parksight.notifications.service import Notifier

#: Who hears of a grave alarm at once, without waiting for the ladder.
LEVELS = ("duty_operator", "enterprise_manager", "safety_officer", "zone_leader")
DESK = "duty_operator"
#: Groups that a message about many of them names; the list has the rest.
NAMED = 3


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
        recipients = [post(code, why) for code in posts] or [watch(DESK, why)]
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

    def opened(self, session: Session, groups: Iterable[OpenGroup], titles: dict[int, str]) -> None:
        """New groups no post answers for: the desk hears of them now, the ladder only comes when nobody takes note.

        Many at once are one message per enterprise. Grave ones are told by :meth:`grave`, not a second time here.

        Args:
            titles: by group id.
        """
        whose: dict[int | None, list[OpenGroup]] = {}
        for group in groups:
            if group.id is not None and group.priority > self._settings.parallel_priority:
                whose.setdefault(group.enterprise_id, []).append(group)
        for enterprise_id, those in whose.items():
            self._opened(session, enterprise_id, those, titles)

    def _opened(
        self, session: Session, enterprise_id: int | None, groups: Sequence[OpenGroup], titles: dict[int, str]
    ) -> None:
        ids = sorted(g.id or 0 for g in groups)
        worst = sorted(groups, key=lambda g: (g.priority, g.opened_at, g.id))
        named = "; ".join(titles[g.id or 0] for g in worst[:NAMED]) + (" …" if len(worst) > NAMED else "")
        single = worst[0] if len(worst) == 1 else None
        self._notifier.notify(
            session,
            Notice(
                kind="alarms.opened", priority=worst[0].priority, recipients=[watch(DESK, Text("alarms.why.opened"))],
                title=Text("alarms.tell.opened", {"title": named}) if single
                else Text("alarms.tell.opened.many", {"count": len(ids), "named": named}),
                subject=("alarm_group", str(ids[0])) if single else None,
                page=f"/alarms/{single.root_alarm_id}" if single else "/alarms", enterprise_id=enterprise_id,
                dedupe_key=f"alarms.opened:{ids[0]}-{ids[-1]}",
            ),
        )  # fmt: skip

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
