"""Turn the best camera to a place, see that it gets there, record it, and hand what was seen to the case."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from parksight.alarms.events import CameraRequested
from parksight.alarms.linkage.answers import answered, unanswered
from parksight.alarms.models import Alarm, Group
from parksight.cases.requests import NewEvidence
from parksight.cases.service import CaseService
from parksight.gateways.cameras.protocols import CameraError, FramePose
from parksight.kernel import audit
from parksight.kernel.bus import Event
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.lookout.linkage.models import Look
from parksight.lookout.linkage.ports import Choice, Chooser, Heads, Option, Target
from parksight.lookout.recording.models import Recording
from parksight.lookout.recording.service import Occasion, Recorder

log = structlog.get_logger(__name__)

#: On target: within this share of the picture's width at the pose wanted, or this many degrees at wide angle.
_NEAR_DEG = 0.3
_NOMINAL_FIELD = 60.0
#: A head that is not there by then will not be.
_PATIENCE_S = 12.0
_ASK_S = 0.05
#: Most looks under way at the same time; more are refused and say so.
MOST = 16


class Lookouts:
    """
    Args:
        chooser, heads: None where no camera can be turned; requests are then answered ``no_provider``.
        cases: takes evidence; None: nothing is attached.
    """

    def __init__(
        self, db: Database, clock: Clock, recorder: Recorder, *, chooser: Chooser | None = None,
        heads: Heads | None = None, cases: CaseService | None = None,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.recorder = db, clock, recorder
        self.chooser, self.heads, self.cases = chooser, heads, cases
        self.counters: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def ready(self) -> bool:
        """Whether anybody could turn (:class:`parksight.alarms.providers.Cameras`)."""
        return self.chooser is not None and self.heads is not None

    def recover(self) -> int:
        """Settle what an earlier process had begun, once, before anything is answered."""
        now = self.clock.now()
        with self.db.session() as session:
            rows = list(session.scalars(select(Look).where(Look.state.in_(("turning", "looking")))))
            for row in rows:
                row.state, row.reason, row.finished_at = "failed", "interrupted", now
            lost = unanswered(session, "camera")
            for reaction in lost:
                answered(session, reaction, {"state": "failed", "reason": "interrupted"}, now)
        return len(rows) + len(lost)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- who asks -----------------------------------------------------------------------------------

    async def on_request(self, event: Event) -> None:
        """Linkage asks for a view of the place of an alarm."""
        if not isinstance(event, CameraRequested) or not self.ready():
            return
        target = Target(event.longitude, event.latitude)
        try:
            look = await asyncio.to_thread(self._open, SYSTEM, target, event)
        except IntegrityError:
            self.counters["asked_twice"] += 1
            return
        self._go(self._look(look, target, SYSTEM, event.reaction_id))

    async def ask(self, caller: Caller, target: Target, case_id: int | None, *, record: bool) -> int:
        """A person asks; returns the look's id at once.

        Raises:
            ProblemError: 409 nothing can be turned here, or too much is asked at once; 404 no such case.
        """
        if not self.ready():
            raise ProblemError("lookout.look.no_heads", 409)
        if len(self._tasks) >= MOST:
            self.counters["refused_busy"] += 1
            raise ProblemError("lookout.look.busy", 409, {"limit": MOST})
        look = await asyncio.to_thread(self._open, caller, target, None, case_id)
        self._go(self._look(look, target, caller, None, record=record))
        return look

    def _go(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _open(
        self, caller: Caller, target: Target, event: CameraRequested | None, case_id: int | None = None
    ) -> int:  # fmt: skip
        with self.db.session() as session:
            enterprise: int | None = None
            if event is not None:
                case_id, enterprise = _case_of(session, event.alarm_id), event.enterprise_id
            elif case_id is not None and self.cases is not None:
                enterprise = self.cases.find(session, caller, case_id).enterprise_id
            row = Look(
                reaction_id=event.reaction_id if event else None, alarm_id=event.alarm_id if event else None,
                case_id=case_id, enterprise_id=enterprise, lon=target.lon, lat=target.lat, state="turning",
                by_id=caller.id, by_name=caller.name[:200], created_at=self.clock.now(),
            )  # fmt: skip
            session.add(row)
            session.flush()
            audit.record(
                session, caller, action="lookout.look.begin", subject=("look", row.id),
                after={"lon": target.lon, "lat": target.lat, "alarm": row.alarm_id, "case": row.case_id},
            )  # fmt: skip
            return row.id

    # -- what is done -------------------------------------------------------------------------------

    async def _look(
        self, look: int, target: Target, caller: Caller, reaction: int | None, *, record: bool = True
    ) -> None:  # fmt: skip
        begun = self.clock.monotonic()
        found: dict[str, Any] = {}
        try:
            assert self.chooser is not None
            choice = await asyncio.to_thread(self.chooser.choose, target, caller)
            found |= {"others": list(choice.others), "low": list(choice.low)}
            option, turned, tried = await self._turn(choice, caller, f"look {look}")
            found["tried"] = tried
            if option is None:
                reason = "no_camera" if not choice.options else "none_free"
                await self._settle(look, reaction, {"state": "refused", "reason": reason, **found})
                return
            found |= {
                "camera_id": option.camera_id, "pan": option.pan, "tilt": option.tilt, "zoom": option.zoom,
                "distance_m": option.distance_m, "turned": turned,
            }  # fmt: skip
            await self._see(look, reaction, caller, option, found, begun, record=record)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("look_failed", look=look)
            await self._settle(look, reaction, {"state": "failed", "reason": "error", **found})

    async def _turn(
        self, choice: Choice, caller: Caller, reason: str
    ) -> tuple[Option | None, bool, list[dict[str, Any]]]:
        """The first camera that turns (or looks there already), whether it had to turn, and why not those before."""
        assert self.heads is not None
        tried: list[dict[str, Any]] = []
        for option in choice.options:
            if _on_target(self.heads.pose(option.camera_id), option):
                return option, False, tried
            why: str | None
            if caller.kind == "system":
                why = await self.heads.request_automatic(
                    option.camera_id, option.pan, option.tilt, option.zoom, reason
                )
            else:
                try:
                    await self.heads.turn(caller, option.camera_id, option.pan, option.tilt, option.zoom)
                    why = None
                except CameraError as error:
                    why = error.reason
                except ProblemError as error:
                    why = error.code.rsplit(".", 1)[-1]
            if why is None:
                return option, True, tried
            self.counters[f"not_turned_{why}"] += 1
            tried.append({"camera_id": option.camera_id, "code": option.code, "reason": why})
        return None, False, tried

    async def _see(
        self, look: int, reaction: int | None, caller: Caller, option: Option, found: dict[str, Any], begun: float, *,
        record: bool,
    ) -> None:  # fmt: skip
        await self._keep(look, {"state": "turning", **found})
        occasion = await asyncio.to_thread(self._occasion, look)
        clip: int | None = None
        if record:  # at once: the way there is evidence too
            clip = await self._recorded(self.recorder.record(SYSTEM, option.camera_id, occasion), found)
        found["target_s"] = await self._arrival(option, begun)
        found |= {"state": "looking", "clip_id": clip}
        if record:
            found["snapshot_id"] = await self._recorded(
                self.recorder.snapshot(SYSTEM, option.camera_id, occasion), found
            )
        await self._keep(look, found)
        if reaction is not None:
            await asyncio.to_thread(self._answer, reaction, {"look_id": look, **found}, False)
        attached = await self._attach(look, found)
        state = (
            {"state": "done"}
            if found["target_s"] is not None
            else {"state": "failed", "reason": "never_there"}
        )
        await self._settle(look, reaction, {**found, **state, "attached": attached})

    async def _recorded(self, work: Any, found: dict[str, Any]) -> int | None:
        try:
            number: int = await work
            return number
        except ProblemError as error:
            found["not_recorded"] = error.code
            return None

    async def _arrival(self, option: Option, begun: float) -> float | None:
        """Seconds until the head reports the pose that was wanted, None when it never does."""
        assert self.heads is not None
        until = begun + _PATIENCE_S
        while self.clock.monotonic() < until:
            pose = self.heads.pose(option.camera_id)
            if _on_target(pose, option):
                return round(self.clock.monotonic() - begun, 3)
            await asyncio.sleep(_ASK_S)
        return None

    async def _attach(self, look: int, found: dict[str, Any]) -> int:
        """Clip and picture become evidence of the case; returns how many did."""
        attached = 0
        for key, kind in (("snapshot_id", "photo"), ("clip_id", "file")):
            number = found.get(key)
            if number is None:
                continue
            patience = self.recorder.settings.max_clip_s + 60
            row = await self.recorder.finished(number, patience)
            if row.state == "done":
                attached += await asyncio.to_thread(self._show, look, row, kind)
        return attached

    def _show(self, look: int, recording: Recording, kind: str) -> int:
        if self.cases is None:
            return 0
        with self.db.session() as session:
            row = session.get_one(Look, look)
            case_id = _case_of(session, row.alarm_id) if row.alarm_id is not None else row.case_id
            if case_id is None:
                return 0
            taken = self.clock.now() if recording.began_ms is None else _instant(recording.began_ms)
            self.cases.add_evidence(
                session, SYSTEM, case_id,
                NewEvidence(
                    kind, recording.file_id, taken_at=min(taken, self.clock.now()), device=f"camera {recording.camera_id}",
                    note=f"lookout.recording {recording.id}", request_id=f"lookout-recording-{recording.id}",
                ),
            )  # fmt: skip
            session.get_one(Recording, recording.id).case_id = case_id
        return 1

    def _occasion(self, look: int) -> Occasion:
        with self.db.read() as session:
            row = session.get_one(Look, look)
            if row.alarm_id is not None:
                return Occasion("alarm", "alarm", str(row.alarm_id), row.case_id)
            return Occasion("person", "look", str(look), row.case_id)

    # -- telling ------------------------------------------------------------------------------------

    async def _keep(self, look: int, found: dict[str, Any]) -> None:
        await asyncio.to_thread(self._write, look, found, None)

    async def _settle(self, look: int, reaction: int | None, found: dict[str, Any]) -> None:
        self.counters[found["state"]] += 1
        await asyncio.to_thread(self._write, look, found, reaction)

    def _write(self, look: int, found: dict[str, Any], reaction: int | None) -> None:
        now = self.clock.now()
        with self.db.session() as session:
            row = session.get_one(Look, look)
            for name, value in found.items():
                if name in Look.__table__.columns:
                    setattr(row, name, value)
            if found["state"] in ("done", "refused", "failed"):
                row.finished_at = now
            if reaction is not None:
                answered(session, reaction, {"look_id": look, **found}, now)

    def _answer(self, reaction: int, found: dict[str, Any], final: bool) -> None:
        with self.db.session() as session:
            answered(session, reaction, found, self.clock.now(), final=final)


def _case_of(session: Session, alarm_id: int) -> int | None:
    """The case the alarm's group is handled in now; groups may have been merged meanwhile."""
    alarm = session.get(Alarm, alarm_id)
    group = session.get(Group, alarm.group_id) if alarm is not None and alarm.group_id is not None else None
    return group.case_id if group is not None else None


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def _on_target(pose: FramePose | None, option: Option) -> bool:
    """Whether the place wanted is well inside the picture and the head has come to rest."""
    if pose is None or pose.moving:
        return False
    pan = math.remainder(pose.pan - option.pan, 360.0) * math.cos(math.radians(option.tilt))
    near = max(0.05, min(_NEAR_DEG, 0.03 * _NOMINAL_FIELD / option.zoom))
    return math.hypot(pan, pose.tilt - option.tilt) <= near and abs(pose.zoom / option.zoom - 1) <= 0.05
