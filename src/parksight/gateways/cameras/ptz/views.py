"""A head as the routes show it."""

from __future__ import annotations

from parksight.gateways.cameras.ptz.control import Lock
from parksight.gateways.cameras.ptz.heads import Mount
from parksight.gateways.cameras.ptz.schemas import (
    PtzAbilitiesOut,
    PtzLockOut,
    PtzPositionOut,
    PtzStateOut,
    PtzTourStateOut,
)
from parksight.kernel.permissions import Caller


def lock_out(lock: Lock | None, caller: Caller) -> PtzLockOut | None:
    if lock is None:
        return None
    return PtzLockOut(
        owner_id=lock.owner, owner=lock.name, taken_at=lock.taken_at, until=lock.until, reason=lock.reason,
        mine=lock.owner == caller.id,
    )  # fmt: skip


def state_out(mount: Mount, caller: Caller, now_ms: int) -> PtzStateOut:
    head, control = mount.head, mount.control
    at, able = head.now(), head.abilities
    clock = getattr(head.device, "device_clock", None)
    http = getattr(head.device, "http", None)
    counters = {**head.counters, **control.counters, **head.track.counters}
    if http is not None:
        counters |= {f"http_{k}": n for k, n in http.counters.items()}
    return PtzStateOut(
        camera_id=head.camera_id,
        state="failing" if head.error is not None else ("ok" if at is not None else "unknown"),
        error=head.error.reason if head.error else None,
        error_detail=head.error.detail if head.error else None,
        simulated=head.simulated,
        position=PtzPositionOut(
            pan=at.pan, tilt=at.tilt, zoom=at.zoom, at_ms=at.at_ms, age_ms=max(now_ms - at.at_ms, 0.0),
            moving=at.moving, exact=at.exact,
        ) if at is not None else None,
        abilities=PtzAbilitiesOut(
            absolute=able.absolute, position=able.position, presets=able.presets, pan=able.pan, tilt=able.tilt,
            zoom=able.zoom,
        ) if able is not None else None,
        lock=lock_out(control.lock, caller),
        dragged_by=control.drag.caller.name if control.drag is not None else None,
        stop_failed=control.stop_failed,
        tour=PtzTourStateOut(**_fields(mount)) if mount.tour is not None else None,
        watchers=head.watchers, fast=head.fast, heard_ms=head.heard_ms,
        clock_offset_ms=clock.offset_ms if clock is not None else None,
        clock_exact=bool(clock is not None and clock.exact),
        telemetry_delay_ms=float(getattr(head.device, "delay_ms", 0.0)),
        counters=counters, failures=dict(head.failures),
    )  # fmt: skip


def _fields(mount: Mount) -> dict[str, object]:
    assert mount.tour is not None
    state = mount.tour.state()
    return {name: getattr(state, name) for name in state.__slots__}
