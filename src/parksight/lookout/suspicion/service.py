"""Suspicions and their cases: opened by the platform, decided by people, never an alarm."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.cases.models import Case
from parksight.cases.requests import Subject
from parksight.cases.service import CaseService
from parksight.gateways.cameras.models import CameraLink
from parksight.gateways.cameras.protocols import FramePose
from parksight.kernel.clock import Clock
from parksight.kernel.errors import forbidden
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.lookout.suspicion.detector import Sighting
from parksight.lookout.suspicion.models import Suspicion
from parksight.lookout.workflow import CONFIRM, DISMISS, REVIEW, SECOND, SUSPICION
from parksight.registry.models import Camera

CLASSICAL = "classical/1"
_OPEN = ("suspected", "supported", "confirmed")


@dataclass(frozen=True, slots=True)
class Seen:
    """A sighting with its moment; ``size``: of the picture looked at, px."""

    camera_id: int
    sighting: Sighting
    size: tuple[int, int]
    wall_ms: float
    pose: FramePose | None
    detector: str = CLASSICAL


class Suspicions:
    """
    Args:
        cases: where the work is; tell it to follow with :meth:`followed`.
    """

    def __init__(self, clock: Clock, cases: CaseService) -> None:
        self.clock, self.cases = clock, cases
        self.counters: Counter[str] = Counter()

    def note(self, session: Session, seen: Seen) -> Suspicion:
        """Open a suspicion with its case, or count one more time for the one that is open."""
        kind = seen.sighting.kind
        self.counters[f"seen_{kind}"] += 1
        known = session.scalar(
            select(Suspicion).where(
                Suspicion.camera_id == seen.camera_id, Suspicion.kind == kind, Suspicion.state.in_(_OPEN)
            ).with_for_update()
        )  # fmt: skip
        now_ms = round(seen.wall_ms)
        if known is not None:
            known.times, known.last_ms = known.times + 1, max(known.last_ms, now_ms)
            known.score = max(known.score, seen.sighting.score)
            return known
        camera = session.get_one(Camera, seen.camera_id)
        link = session.get(CameraLink, seen.camera_id)
        (x, y, w, h), (width, height) = seen.sighting.box, seen.size
        pose = seen.pose
        row = Suspicion(
            camera_id=camera.id, enterprise_id=camera.enterprise_id, kind=kind, detector=seen.detector,
            score=seen.sighting.score, box=[x / width, y / height, w / width, h / height],
            pose={"pan": pose.pan, "tilt": pose.tilt, "zoom": pose.zoom} if pose is not None else None,
            first_ms=now_ms, last_ms=now_ms, simulated=link is not None and link.simulated, created_at=self.clock.now(),
        )  # fmt: skip
        session.add(row)
        session.flush()
        case = self.cases.open(
            session, SYSTEM, SUSPICION, title=f"{camera.code} {kind}?", subject=Subject("suspicion", str(row.id)),
            enterprise_id=camera.enterprise_id, priority=2, fields={"kind": kind, "camera": camera.code},
            key=f"lookout.suspicion:{row.id}", simulated=row.simulated,
        )  # fmt: skip
        row.case_id = case.id
        self.counters[f"opened_{kind}"] += 1
        return row

    def support(self, session: Session, suspicion_id: int, camera_id: int) -> bool:
        """A second camera saw the same place; True when that made the suspicion stronger."""
        row = session.get_one(Suspicion, suspicion_id)
        if row.state != "suspected" or row.camera_id == camera_id or row.case_id is None:
            return False
        self.cases.act(session, SYSTEM, row.case_id, SECOND, comment=f"camera {camera_id}")
        return True

    def followed(self, session: Session, caller: Caller, case: Case, transition: str, source: str) -> None:
        """Mirror the state of the case, in the unit of work that moves it.

        Raises:
            ProblemError: 403 when anything but a person confirms or dismisses; the platform may do everything else,
                and must never be the one to believe its own eyes.
        """
        if caller.kind not in ("user", "token") and transition in (CONFIRM, DISMISS):
            raise forbidden(REVIEW)
        row = session.scalar(select(Suspicion).where(Suspicion.case_id == case.id))
        if row is not None:
            row.state = case.state
