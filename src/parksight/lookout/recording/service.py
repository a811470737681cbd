"""Recording: which cameras are armed, clips and pictures taken, kept as files with their hash, and taken away in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.gateways.cameras.models import CameraLink
from parksight.gateways.cameras.protocols import AccessUnit, CameraError
from parksight.kernel import audit
from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.errors import ProblemError, conflict, not_found
from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.service import Files
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.kernel.settings import LookoutSettings
from parksight.lookout.decoding import Pool, UndecodableError, decode, jpeg
from parksight.lookout.recording import track
from parksight.lookout.recording.armed import Armed, Take
from parksight.lookout.recording.models import Recording
from parksight.lookout.recording.ports import Calibrations, Labels, Pictures, Poses
from parksight.lookout.recording.ring import Ring
from parksight.lookout.recording.writer import ClipWriter, Written, chunks
from parksight.registry.models import Camera

log = structlog.get_logger(__name__)
#: A camera that stays silent this much longer than the clip should last ends it.
_PATIENCE_S = 10.0
_FIRST_PICTURE_S = 8.0


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why something is recorded; ``reason`` is one of ``models.REASONS``."""

    reason: str
    subject_kind: str | None = None
    subject_id: str | None = None
    case_id: int | None = None


BY_HAND = Occasion("person")


class Recorder:
    """
    Args:
        pictures: relays; None where no camera can be reached (command line): everything is then refused.
        pool: threads that decode.
    """

    def __init__(
        self, db: Database, clock: Clock, files: Files, settings: LookoutSettings, pool: Pool, *,
        pictures: Pictures | None = None, poses: Poses | None = None, labels: Labels | None = None,
        calibrations: Calibrations | None = None,
    ) -> None:  # fmt: skip
        self.db, self.clock, self.files, self.settings, self.pool = db, clock, files, settings, pool
        self.pictures, self.poses, self.labels, self.calibrations = pictures, poses, labels, calibrations
        self._armed: dict[int, Armed] = {}
        self._reasons: dict[int, set[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="lookout-clip")
        self._running = 0
        self._folder = files.folder / "incoming"
        self.counters: Counter[str] = Counter()

    # -- life ---------------------------------------------------------------------------------------

    def recover(self) -> int:
        """Clips an earlier process did not finish are failed ones; call once before anything is recorded."""
        with self.db.session() as session:
            rows = list(session.scalars(select(Recording).where(Recording.state == "recording")))
            for row in rows:
                row.state, row.failed, row.finished_at = "failed", "interrupted", self.clock.now()
                for ending in ("mp4", "jsonl"):
                    (self._folder / f"clip-{row.id}.{ending}").unlink(missing_ok=True)
        return len(rows)

    async def stop(self) -> None:
        """End what is recorded; the clips are kept as they are."""
        for armed in list(self._armed.values()):
            armed.close()
        self._armed.clear()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=20)
        await asyncio.to_thread(self._disk.shutdown)

    # -- arming -------------------------------------------------------------------------------------

    def arm(self, camera_id: int, why: str) -> None:
        """Keep the newest seconds of a camera from now on, until every ``why`` has been taken back.

        Raises:
            ProblemError: 409 too many rings, or no picture can be had at all; CameraError: of the link.
        """
        self._reasons.setdefault(camera_id, set()).add(why)
        if camera_id in self._armed:
            return
        try:
            self._open(camera_id)
        except BaseException:
            self.disarm(camera_id, why)
            raise

    def _open(self, camera_id: int) -> None:
        if self.pictures is None:
            raise conflict("lookout.recording.no_pictures")
        if len(self._armed) >= self.settings.max_rings:
            self.counters["rings_refused"] += 1
            raise conflict("lookout.recording.rings", limit=self.settings.max_rings)
        armed = Armed(
            camera_id, Ring(self.settings.pre_roll_s, self.settings.ring_mb * 2**20), self.labels, self._disk, _nothing
        )  # fmt: skip
        self._armed[camera_id] = armed
        armed.unsubscribe = self.pictures.subscribe(camera_id, "main", armed.feed)

    def disarm(self, camera_id: int, why: str) -> None:
        reasons = self._reasons.get(camera_id, set())
        reasons.discard(why)
        if not reasons:
            self._reasons.pop(camera_id, None)
            armed = self._armed.pop(camera_id, None)
            if armed is not None:
                armed.close()

    def armed(self, camera_id: int) -> Armed | None:
        return self._armed.get(camera_id)

    def figures(self) -> dict[str, Any]:
        """For the page and the metrics."""
        rings = [
            {"camera_id": a.camera_id, "bytes": a.ring.size, "seconds": round(a.ring.seconds, 2),
             "dropped": a.ring.dropped, "breaks": a.ring.breaks, "recording": len(a.takes)}
            for a in self._armed.values()
        ]  # fmt: skip
        return {"rings": rings, "recording": self._running, "counters": dict(self.counters)}

    # -- clips --------------------------------------------------------------------------------------

    async def record(
        self, caller: Caller, camera_id: int, occasion: Occasion = BY_HAND, *, pre_s: float | None = None,
        post_s: float | None = None,
    ) -> int:  # fmt: skip
        """Begin a clip; returns the recording's id at once. See :meth:`finished`.

        Raises:
            ProblemError: 404 no such camera; 409 too many at once or no picture to be had.
        """
        if self._running >= self.settings.max_recording:
            self.counters["clips_refused"] += 1
            raise conflict("lookout.recording.busy", limit=self.settings.max_recording)
        self._running += 1
        try:
            row_id, simulated = await asyncio.to_thread(self._open_row, caller, camera_id, "clip", occasion)
            why = f"clip-{row_id}"
            try:
                self.arm(camera_id, why)
                take = self._begin(camera_id, row_id, simulated, pre_s, post_s)
            except (CameraError, ProblemError) as error:
                await asyncio.to_thread(self._fail, row_id, "no_picture")
                if isinstance(error, ProblemError):
                    raise
                raise conflict("lookout.recording.no_picture", reason=error.reason) from error
        except BaseException:
            self._running -= 1
            raise
        self._keep(self._finish(camera_id, row_id, why, take))
        return row_id

    def _begin(
        self, camera_id: int, row_id: int, simulated: bool, pre_s: float | None, post_s: float | None
    ) -> Take:
        pre = self.settings.pre_roll_s if pre_s is None else min(pre_s, self.settings.pre_roll_s)
        post = self.settings.post_roll_s if post_s is None else post_s
        poses = self.poses
        calibration = self.calibrations.version(camera_id) if self.calibrations is not None else None
        writer = ClipWriter(
            self._folder, f"clip-{row_id}", min(self.settings.max_clip_mb * 2**20, self.files.max_bytes),
            lambda wall_ms: None if poses is None else poses.at(camera_id, wall_ms),
            {"camera_id": camera_id, "calibration": calibration, "simulated": simulated},
        )  # fmt: skip
        return self._armed[camera_id].begin(writer, pre, post, self.settings.max_clip_s)

    async def _finish(self, camera_id: int, row_id: int, why: str, take: Take) -> None:
        armed = self._armed[camera_id]
        try:
            await self._until_done(armed, take)
            await asyncio.to_thread(self._store, row_id, camera_id, take)
        except Exception:
            log.exception("clip_failed", recording=row_id)
            with contextlib.suppress(Exception):
                await asyncio.to_thread(self._fail, row_id, "error")
        finally:
            self._running -= 1
            self.disarm(camera_id, why)

    async def _until_done(self, armed: Armed, take: Take) -> None:
        """Until its time is over, it is full, or the camera has been silent for too long."""
        silent_since, seen = self.clock.monotonic(), -1
        while not take.done.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(take.done.wait(), 0.5)
            if armed.ring.end != seen:
                silent_since, seen = self.clock.monotonic(), armed.ring.end
            silent = self.clock.monotonic() - silent_since
            if take.stopped or take.failed or silent > _PATIENCE_S:
                armed.end(take)
                await take.done.wait()

    def _open_row(self, caller: Caller, camera_id: int, kind: str, occasion: Occasion) -> tuple[int, bool]:
        with self.db.session() as session:
            camera = session.scalar(
                caller.scoped(select(Camera).where(Camera.id == camera_id), Camera.enterprise_id)
            )
            if camera is None:
                raise not_found("registry.camera", camera_id)
            link = session.get(CameraLink, camera_id)
            row = Recording(
                camera_id=camera_id, enterprise_id=camera.enterprise_id, kind=kind, state="recording",
                reason=occasion.reason, subject_kind=occasion.subject_kind, subject_id=occasion.subject_id,
                case_id=occasion.case_id, by_id=caller.id, by_name=caller.name[:200],
                simulated=link is not None and link.simulated, created_at=self.clock.now(),
                calibration=self.calibrations.version(camera_id) if self.calibrations is not None else None,
            )  # fmt: skip
            session.add(row)
            session.flush()
            after = {
                "camera": camera_id,
                "kind": kind,
                "reason": occasion.reason,
                "subject": occasion.subject_id,
            }
            audit.record(
                session, caller, action="lookout.recording.begin", subject=("recording", row.id), after=after
            )
            return row.id, row.simulated

    def _fail(self, row_id: int, why: str) -> None:
        self.counters[f"failed_{why}"] += 1
        with self.db.session() as session:
            row = session.get_one(Recording, row_id)
            row.state, row.failed, row.finished_at = "failed", why, self.clock.now()

    def _store(self, row_id: int, camera_id: int, take: Take) -> None:
        """Both files into the file store and the row closed, in one unit of work."""
        done = take.writer.finish()
        try:
            if done is None:
                self._fail(row_id, take.failed or "no_picture")
                return
            with self.db.session() as session:
                row = session.get_one(Recording, row_id)
                self._fill(row, done)
                stamp = f"{datetime.fromtimestamp(done.began_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"
                name = f"camera-{camera_id}-{stamp}"
                stored = self._keep_file(session, row, chunks(take.writer.path), f"{name}.mp4")
                beside = self._keep_file(session, row, chunks(take.writer.track_path), f"{name}.jsonl")
                row.file_id, row.track_file_id, row.sha256 = stored.id, beside.id, stored.sha256
                row.state, row.failed, row.finished_at = "done", take.failed or take.stopped, self.clock.now()
                after = {"sha256": row.sha256, "track": beside.sha256, "frames": row.frames}
                audit.record(
                    session, SYSTEM, action="lookout.recording.finish", subject=("recording", row.id), after=after
                )  # fmt: skip
            self.counters["clips"] += 1
        finally:
            take.writer.discard()

    def _keep_file(self, session: Session, row: Recording, content: Iterable[bytes], name: str) -> StoredFile:
        return self.files.keep(
            session, SYSTEM, content, name, enterprise_id=row.enterprise_id, purpose="lookout.recording"
        )

    @staticmethod
    def _fill(row: Recording, done: Written) -> None:
        row.began_ms, row.ended_ms = round(done.began_ms), round(done.ended_ms)
        row.wall_exact, row.frames, row.bytes = done.wall_exact, done.frames, done.bytes
        row.codec, row.width, row.height = done.codec, done.width, done.height

    async def finished(self, row_id: int, timeout_s: float) -> Recording:
        """The recording once it is done or failed.

        Raises:
            TimeoutError: it is still going on.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                with self.db.read() as session:
                    row = session.get_one(Recording, row_id)
                if row.state != "recording":
                    return row
                await asyncio.sleep(0.1)

    # -- pictures -----------------------------------------------------------------------------------

    async def group(self, camera_id: int, why: str = "snapshot") -> list[AccessUnit]:
        """The newest group of pictures of a camera, waiting for the first one if it was not armed.

        Raises:
            ProblemError: 409 ``lookout.recording.no_picture`` when none comes.
        """
        try:
            self.arm(camera_id, why)
            until = self.clock.monotonic() + _FIRST_PICTURE_S
            armed = self._armed[camera_id]
            while not (units := armed.ring.newest_group()):
                if self.clock.monotonic() > until:
                    raise conflict("lookout.recording.no_picture", reason="silent")
                await asyncio.sleep(0.05)
            return units
        except CameraError as error:
            raise conflict("lookout.recording.no_picture", reason=error.reason) from error
        finally:
            self.disarm(camera_id, why)

    async def snapshot(self, caller: Caller, camera_id: int, occasion: Occasion = BY_HAND) -> int:
        """The picture of this moment as JPEG, with its pose beside it; returns the recording's id."""
        row_id, _ = await asyncio.to_thread(self._open_row, caller, camera_id, "snapshot", occasion)
        try:
            units = await self.group(camera_id, f"snapshot-{row_id}")
            data, size = await self.pool.run(_picture, units)
        except (ProblemError, UndecodableError) as error:
            await asyncio.to_thread(
                self._fail, row_id, "no_picture" if isinstance(error, ProblemError) else "undecodable"
            )
            if isinstance(error, ProblemError):
                raise
            raise conflict("lookout.recording.no_picture", reason="undecodable") from error
        await asyncio.to_thread(self._store_picture, row_id, units[-1], data, size)
        return row_id

    def _store_picture(self, row_id: int, unit: AccessUnit, data: bytes, size: tuple[int, int]) -> None:
        with self.db.session() as session:
            row = session.get_one(Recording, row_id)
            pose = self.poses.at(row.camera_id, unit.wall_ms) if self.poses is not None else None
            lines = [
                track.head_line(row.camera_id, row.calibration, row.simulated, width=size[0], height=size[1]),
                track.pose_line(unit, 0, pose),
            ]
            if self.labels is not None:
                lines.append(track.label_line(0, unit.wall_ms, self.labels.state(row.camera_id)))
            stamp = f"{datetime.fromtimestamp(unit.wall_ms / 1000, UTC):%Y%m%dT%H%M%SZ}"
            name = f"camera-{row.camera_id}-{stamp}"
            stored = self._keep_file(session, row, [data], f"{name}.jpg")
            beside = self._keep_file(session, row, ["\n".join(lines).encode() + b"\n"], f"{name}.jsonl")
            row.file_id, row.track_file_id, row.sha256 = stored.id, beside.id, stored.sha256
            row.began_ms = row.ended_ms = round(unit.wall_ms)
            row.wall_exact, row.frames, row.bytes, row.codec = unit.wall_exact, 1, len(data), unit.codec
            row.width, row.height = size
            row.state, row.finished_at = "done", self.clock.now()
        self.counters["snapshots"] += 1

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _picture(units: list[AccessUnit]) -> tuple[bytes, tuple[int, int]]:
    picture = decode(units)[0]
    return jpeg(picture), (picture.shape[1], picture.shape[0])


def _nothing() -> None:
    return None
