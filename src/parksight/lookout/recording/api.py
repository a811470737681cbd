"""``/lookout/recordings``: take, list, play, download, and the poses and labels of that moment."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from starlette.responses import FileResponse

from parksight.kernel import audit
from parksight.kernel.errors import ProblemError, conflict, not_found
from parksight.kernel.permissions import SYSTEM, Caller
from parksight.kernel.web import Page, Paging, ReadSession, RowId, WriteSession, paging, requires, service
from parksight.lookout.recording import track
from parksight.lookout.recording.models import Recording
from parksight.lookout.recording.mp4 import TIMESCALE
from parksight.lookout.recording.retention import Retention, protected
from parksight.lookout.recording.schemas import (
    HoldIn,
    LabelsOut,
    PoseOut,
    RecordIn,
    RecordingOut,
    StockOut,
    TrackOut,
)
from parksight.lookout.recording.service import Recorder

router = APIRouter(prefix="/recordings")
Reader = Annotated[Caller, requires("lookout.recording.read")]
Writer = Annotated[Caller, requires("lookout.recording.write")]
Recording_ = Annotated[Recorder, Depends(service("lookout_recorder"))]
Keeping = Annotated[Retention, Depends(service("lookout_retention"))]


def _find(session: Session, caller: Caller, recording_id: int) -> Recording:
    row: Recording | None = session.scalar(
        caller.scoped(select(Recording).where(Recording.id == recording_id), Recording.enterprise_id)
    )
    if row is None:
        raise not_found("lookout.recording", recording_id)
    return row


def _shown(session: Session, rows: list[Recording]) -> list[RecordingOut]:
    kept = set(
        session.scalars(select(Recording.id).where(Recording.id.in_([r.id for r in rows]), protected()))
    )
    return [RecordingOut.model_validate(r).model_copy(update={"evidence": r.id in kept}) for r in rows]


@router.get("", operation_id="list_recordings")
def list_recordings(
    caller: Reader, session: ReadSession, page: Annotated[Paging, Depends(paging)],
    camera_id: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    case_id: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    kind: Literal["clip", "snapshot"] | None = None,
    state: Literal["recording", "done", "failed", "deleted"] | None = None,
    from_ms: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    to_ms: Annotated[int | None, Query(ge=0, le=2**53)] = None,
) -> Page[RecordingOut]:  # fmt: skip
    """Recordings the caller may see, newest first; ``from_ms`` and ``to_ms`` pick those that overlap a span."""
    statement = caller.scoped(select(Recording), Recording.enterprise_id)
    for column, value in (
        (Recording.camera_id, camera_id), (Recording.case_id, case_id), (Recording.kind, kind), (Recording.state, state),
    ):  # fmt: skip
        if value is not None:
            statement = statement.where(column == value)
    if from_ms is not None:
        statement = statement.where(Recording.ended_ms >= from_ms)
    if to_ms is not None:
        statement = statement.where(Recording.began_ms <= to_ms)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    rows = session.scalars(statement.order_by(Recording.id.desc()).limit(page.limit).offset(page.offset))
    return Page(items=_shown(session, list(rows)), total=total, limit=page.limit, offset=page.offset)


@router.post("", status_code=HTTPStatus.ACCEPTED, operation_id="begin_recording")
async def begin_recording(body: RecordIn, caller: Writer, recorder: Recording_) -> dict[str, int]:
    """Record a clip with the moment before it, or take a picture; answers with its id while a clip still grows."""
    if body.kind == "snapshot":
        return {"id": await recorder.snapshot(caller, body.camera_id)}
    return {"id": await recorder.record(caller, body.camera_id, pre_s=body.pre_s, post_s=body.post_s)}


@router.get("/stock", operation_id="get_recording_stock")
def get_stock(
    caller: Annotated[Caller, requires("lookout.recording.read")], session: ReadSession, recorder: Recording_,
    keeping: Keeping,
) -> StockOut:  # fmt: skip
    """How much is kept, how much may be, and what is being recorded; for people of the zone."""
    if caller.enterprises is not None:
        raise ProblemError("kernel.forbidden", HTTPStatus.FORBIDDEN, {"permission": "lookout.recording.read"})
    return StockOut.model_validate(
        {**asdict(keeping.stock(session)), **recorder.figures(), "keep_days": keeping.settings.keep_days,
         "keep_gb": keeping.settings.keep_gb, "cleared": keeping.cleared, "cleared_bytes": keeping.cleared_bytes}
    )  # fmt: skip


@router.get("/{recording_id}", operation_id="get_recording")
def get_recording(recording_id: RowId, caller: Reader, session: ReadSession) -> RecordingOut:
    return _shown(session, [_find(session, caller, recording_id)])[0]


@router.get("/{recording_id}/media", operation_id="play_recording", response_class=FileResponse)
def play_recording(
    recording_id: RowId, caller: Reader, session: ReadSession, recorder: Recording_, download: bool = False
) -> FileResponse:
    """The clip or picture; ranges may be asked for, so that a player can seek."""
    row = _finished(session, caller, recording_id)
    stored = recorder.files.find(session, SYSTEM, row.file_id or 0)
    return FileResponse(
        recorder.files.open_path(stored), media_type=stored.media_type, filename=stored.name,
        content_disposition_type="attachment" if download else "inline",
        headers={"ETag": f'"{stored.sha256}"', "Cache-Control": "private, max-age=31536000, immutable",
                 "Content-Security-Policy": "default-src 'none'; sandbox"},
    )  # fmt: skip


@router.get("/{recording_id}/track", operation_id="get_recording_track")
def get_track(recording_id: RowId, caller: Reader, session: ReadSession, recorder: Recording_) -> TrackOut:
    """Pose of each picture, what the labels said then, and the version of the calibration that projects them."""
    row = _finished(session, caller, recording_id)
    stored = recorder.files.find(session, SYSTEM, row.track_file_id or 0)
    with recorder.files.open_path(stored).open(encoding="utf-8") as lines:
        found = track.read(lines)
    poses = [
        PoseOut(dts=p.dts, wall_ms=p.wall_ms)
        if p.pose is None
        else PoseOut(
            dts=p.dts, wall_ms=p.wall_ms, pan=p.pose.pan, tilt=p.pose.tilt, zoom=p.pose.zoom, roll=p.pose.roll,
            moving=p.pose.moving, extrapolated=p.pose.extrapolated,
        )
        for p in found.poses
    ]  # fmt: skip
    return TrackOut(
        recording_id=row.id, camera_id=row.camera_id, calibration=found.calibration, simulated=found.simulated,
        timescale=TIMESCALE, poses=poses,
        labels=[LabelsOut(dts=n.dts, wall_ms=n.wall_ms, state=dict(n.state)) for n in found.labels],
    )  # fmt: skip


@router.put("/{recording_id}/hold", operation_id="hold_recording")
def hold_recording(recording_id: RowId, body: HoldIn, caller: Writer, session: WriteSession) -> RecordingOut:
    """Keep a recording whatever the retention says, or let it go again."""
    row = _finished(session, caller, recording_id)
    before, row.held = row.held, body.held
    audit.record(
        session, caller, action="lookout.recording.hold", subject=("recording", row.id), before={"held": before},
        after={"held": body.held}, reason=body.reason,
    )  # fmt: skip
    session.flush()
    return _shown(session, [row])[0]


@router.delete("/{recording_id}", status_code=HTTPStatus.NO_CONTENT, operation_id="delete_recording")
def delete_recording(
    recording_id: RowId, caller: Writer, session: WriteSession, keeping: Keeping,
    reason: Annotated[str, Query(min_length=1, max_length=500)],
) -> None:  # fmt: skip
    """Take the bytes of a recording away; refused for evidence."""
    keeping.take_away(session, caller, _find(session, caller, recording_id), reason)


def _finished(session: Session, caller: Caller, recording_id: int) -> Recording:
    row = _find(session, caller, recording_id)
    if row.state != "done":
        raise conflict("lookout.recording.not_done", state=row.state)
    return row
