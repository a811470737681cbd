"""What each kind of action does. Everything here reads or tells; nothing reaches into a plant.

An action says ``done``, ``refused`` (and why), ``no_provider`` (nobody there to answer) or ``failed``. Rehearsed, it
says what it would do and touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from sqlalchemy.orm import Session

from parksight.alarms import surroundings
from parksight.alarms.events import CameraRequested
from parksight.alarms.linkage.answers import WAITING
from parksight.alarms.linkage.scene import Scene
from parksight.alarms.providers import Providers
from parksight.kernel.clock import Clock
from parksight.kernel.db import emit
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import AlarmSettings
from parksight.telemetry.live_table import LiveTable


@dataclass(slots=True)
class Outcome:
    """``again``: it certainly did not reach anybody and may be tried once more."""

    state: str
    result: dict[str, Any] = field(default_factory=dict)
    again: bool = False


def refused(reason: str, **more: Any) -> Outcome:
    return Outcome("refused", {"reason": reason, **more})


def nobody(what: str) -> Outcome:
    return Outcome("no_provider", {"reason": what})


#: Tells posts about an alarm: (session, scene, posts, text, key that makes it happen once) -> what was sent.
Tell = Callable[[Session, Scene, list[str], str, str], dict[str, Any]]


@dataclass(slots=True)
class Actions:
    """
    Args:
        tell: hands a notice to the notifications; None: nobody does.
    """

    settings: AlarmSettings
    clock: Clock
    providers: Providers
    live: LiveTable | None = None
    tell: Tell | None = None

    def perform(
        self, session: Session, scene: Scene, action: dict[str, Any], reaction_id: int | None
    ) -> Outcome:
        """Do an action in the caller's unit of work; ``reaction_id`` None rehearses it.

        ``webhook`` is only judged here: calling it is :meth:`call`, outside of any unit of work.
        """
        return getattr(self, f"_{action['kind']}")(session, scene, action, reaction_id)  # type: ignore[no-any-return]  # one method per kind

    def _open_case(
        self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None
    ) -> Outcome:
        group = scene.group
        if group is None or group.case_id is None:
            return nobody("cases")
        return Outcome("done", {"case_id": group.case_id, "group_id": group.id, "handling": group.handling})

    def _notify(
        self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None
    ) -> Outcome:
        posts = list(action.get("posts") or ([scene.alarm.post] if scene.alarm.post else []))
        if self.tell is None:
            return nobody("notifications")
        if reaction is None:
            return Outcome("done", {"posts": posts, "text": action.get("text", "")})
        return Outcome(
            "done", self.tell(session, scene, posts, action.get("text", ""), f"alarm-reaction:{reaction}")
        )

    def _camera(
        self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None
    ) -> Outcome:
        position = scene.position
        if position is None:
            return refused("no_position")
        near = surroundings.cameras(session, SYSTEM, position, action["radius_m"])
        result = {"position": list(position), "cameras": near, "preset": action.get("preset", "")}
        turns = self.providers.cameras is not None and self.providers.cameras.ready()
        if not near and not turns:
            return Outcome("refused", {"reason": "no_camera_near", **result})
        if turns:  # a lookout sees further than the radius within which cameras are listed
            result["answer"] = dict(WAITING)
        if reaction is not None:
            emit(
                session,
                CameraRequested(
                    reaction_id=reaction, alarm_id=scene.alarm.id, longitude=position[0], latitude=position[1],
                    radius_m=action["radius_m"], preset=action.get("preset", ""),
                    cameras=tuple(int(c["id"]) for c in near), enterprise_id=scene.alarm.enterprise_id,
                    at=self.clock.now_ms(),
                ),
            )  # fmt: skip
        return Outcome("done", result)

    def _adjacent(
        self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None
    ) -> Outcome:
        alarm = scene.alarm
        if alarm.thing_id is None and alarm.unit_id is None:
            return refused("no_place")
        points = surroundings.adjacent(
            session, SYSTEM, thing_id=alarm.thing_id, unit_id=alarm.unit_id, but=alarm.point_id, limit=action["limit"]
        )  # fmt: skip
        now = self.clock.now_ms()
        return Outcome("done", {"at": now, "points": surroundings.figures(self.live, points, now)})

    def _wind(self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None) -> Outcome:
        blowing = surroundings.wind(session, self.live, self.clock.now_ms())
        return nobody("weather_station") if blowing is None else Outcome("done", blowing.as_dict())

    def _nearby(
        self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None
    ) -> Outcome:
        what, radius = action["what"], action["radius_m"]
        position = scene.position
        if what == "people":
            return self._people(session, scene, radius)
        if position is None:
            return refused("no_position")
        if what == "cameras":
            return Outcome("done", {"cameras": surroundings.cameras(session, SYSTEM, position, radius)})
        if self.providers.permits is None:
            return nobody("permits")
        return Outcome(
            "done",
            {"permits": self.providers.permits.near(session, SYSTEM, position=position, radius_m=radius)},
        )

    def _people(self, session: Session, scene: Scene, radius: float) -> Outcome:
        alarm = scene.alarm
        on_post = surroundings.people_on_post(
            session,
            SYSTEM,
            enterprise_id=alarm.enterprise_id,
            unit_id=alarm.unit_id,
            today=self.clock.now().date(),
        )
        result: dict[str, Any] = {"on_post": on_post}
        if self.providers.people is None or scene.position is None:
            result["present"] = None  # nobody knows who is really there; the register is no headcount
        else:
            result["present"] = self.providers.people.near(
                session, SYSTEM, position=scene.position, radius_m=radius
            )
        return Outcome("done", result)

    def _card(self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None) -> Outcome:
        text = action.get("text") or scene.response
        return Outcome("done", {"text": text}) if text else refused("no_text")

    def _plan(self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None) -> Outcome:
        return Outcome("done", {"code": action["code"], "title": action.get("title", "")})

    def _webhook(
        self, session: Session, scene: Scene, action: dict[str, Any], reaction: int | None
    ) -> Outcome:
        if not self.allowed(action["url"]):
            return refused("host_not_allowed", host=urlsplit(action["url"]).netloc)
        return Outcome("done", {"url": action["url"], "body": self.body(scene, action)})

    def allowed(self, url: str) -> bool:
        """Whether the administrator listed the host (``name`` for any port, or ``name:port``)."""
        parts = urlsplit(url)
        if parts.username is not None or parts.hostname is None:
            return False
        return {parts.hostname, parts.netloc.lower()} & {
            h.lower() for h in self.settings.webhook_hosts
        } != set()

    def body(self, scene: Scene, action: dict[str, Any]) -> dict[str, Any]:
        """What a siren or broadcast server is told."""
        a, point = scene.alarm, scene.point
        return {
            "alarm": a.id, "priority": a.priority, "step": a.step, "point": point.code if point else None,
            "name": point.name if point else None, "value": a.value, "unit": point.unit if point else None,
            "raised_at": a.raised_at.isoformat(), "position": scene.position, "text": action.get("text", ""),
            "simulated": a.simulated,
        }  # fmt: skip

    def call(self, url: str, body: dict[str, Any], reaction_id: int) -> Outcome:
        """Call a server outside; redirects are not followed, so that no listed host can send us elsewhere."""
        try:
            answer = httpx.post(
                url, json=body, timeout=self.settings.webhook_timeout_s, follow_redirects=False,
                headers={"Idempotency-Key": f"parksight-reaction-{reaction_id}"}, trust_env=False,
            )  # fmt: skip
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            return Outcome("failed", {"reason": "unreachable", "error": str(error)[:300]}, again=True)
        except httpx.HTTPError as error:
            return Outcome("failed", {"reason": "no_answer", "error": str(error)[:300]})
        result = {"status": answer.status_code, "answer": answer.text[:300]}
        return Outcome("done" if answer.is_success else "failed", result)
