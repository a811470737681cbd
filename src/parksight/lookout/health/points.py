"""The points of camera health: made for each camera by itself, so that ordinary alarm rules can watch them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from parksight.gateways.cameras.models import CameraLink
from parksight.kernel.db import Database
from parksight.kernel.permissions import SYSTEM
from parksight.lookout.health.judge import KINDS
from parksight.registry.models import Camera
from parksight.telemetry.models import Point
from parksight.telemetry.points.schemas import PointIn
from parksight.telemetry.points.service import PointService
from parksight.telemetry.protocols import ReadingBatch
from parksight.telemetry.quality import Quality, QualityFlag

KIND = "camera.health"
_NAMES = {
    "lost": ("画面丢失", "picture lost"), "frozen": ("画面冻结", "picture frozen"), "dark": ("画面过暗", "picture dark"),
    "blurred": ("画面模糊", "picture blurred"), "shifted": ("画面偏移", "picture shifted"), "clock": ("时钟错误", "clock wrong"),
}  # fmt: skip
#: Sources of readings are gateway devices (positive); cameras of the lookout count downwards from here.
_SOURCE = -1_000_000


@dataclass(frozen=True, slots=True)
class Watched:
    """A camera whose health is told; ``points``: kind of fault to point id."""

    camera_id: int
    code: str
    enterprise_id: int | None
    simulated: bool
    points: Mapping[str, int]


def watched(db: Database, service: PointService, period_s: float) -> list[Watched]:
    """All linked cameras, with the points they lack made."""
    with db.read() as session:
        cameras = session.execute(
            select(Camera, CameraLink.simulated).join(CameraLink, CameraLink.camera_id == Camera.id)
            .where(CameraLink.enabled).order_by(Camera.id)
        ).all()  # fmt: skip
        codes = {_code(c.code, kind): (c.id, kind) for c, _ in cameras for kind in KINDS}
        known = {
            p.code: p.id
            for p in session.scalars(select(Point).where(Point.kind.startswith(KIND), Point.code.in_(codes)))
        } if codes else {}  # fmt: skip
    if len(known) < len(codes):
        with db.session() as session:
            for camera, simulated in cameras:
                for kind in KINDS:
                    code = _code(camera.code, kind)
                    if code not in known:
                        known[code] = service.create(
                            session, SYSTEM, _point(camera, kind, simulated=simulated, period_s=period_s)
                        ).id
    return [
        Watched(c.id, c.code, c.enterprise_id, simulated, {k: known[_code(c.code, k)] for k in KINDS})
        for c, simulated in cameras
    ]


def _code(camera: str, kind: str) -> str:
    return f"CAM.{camera}.{kind.upper()}"[:96]


def _point(camera: Camera, kind: str, *, simulated: bool, period_s: float) -> PointIn:
    chinese, english = _NAMES[kind]
    return PointIn(
        code=_code(camera.code, kind), name=f"{camera.name} {chinese}", name_en=f"{camera.code} {english}",
        quantity="state", period_s=period_s, enterprise_id=camera.enterprise_id, kind=f"{KIND}.{kind}",
        simulated=simulated, properties={"camera_id": camera.id},
    )  # fmt: skip


def batch(camera: Watched, verdicts: Mapping[str, bool | None], now_ms: int) -> ReadingBatch:
    """Verdicts as readings: 1 is a fault; what is not known comes without a value and as bad, never as good."""
    kinds: Iterable[str] = [k for k in KINDS if k in verdicts]
    flags = int(QualityFlag.SIMULATED) if camera.simulated else 0
    values = [np.nan if verdicts[k] is None else float(bool(verdicts[k])) for k in kinds]
    quality = [(Quality.BAD if verdicts[k] is None else Quality.GOOD) | flags for k in kinds]
    return ReadingBatch(
        np.array([camera.points[k] for k in kinds], np.int32), np.full(len(values), now_ms, np.int64),
        np.array(values, np.float64), np.array(quality, np.uint8), now_ms, _SOURCE - camera.camera_id,
    )  # fmt: skip
