"""What lies beside a clip: the pose of every picture and what the labels said, as JSON lines.

First a head, then ``pose`` and ``labels`` lines in the order of time. ``dts`` is the clip's own time line, 90 kHz:
``round(mediaTime * 90000)`` in the browser finds the line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parksight.gateways.cameras.protocols import AccessUnit, FramePose

VERSION = 1


@dataclass(frozen=True, slots=True)
class PoseLine:
    """``pose`` None: nobody knew where the head pointed; labels then hide."""

    dts: int
    wall_ms: float
    pose: FramePose | None


@dataclass(frozen=True, slots=True)
class LabelLine:
    dts: int
    wall_ms: float
    state: Mapping[str, Any]


@dataclass
class Track:
    camera_id: int
    calibration: int | None
    simulated: bool
    poses: list[PoseLine] = field(default_factory=list)
    labels: list[LabelLine] = field(default_factory=list)


def pose_line(unit: AccessUnit, dts: int, pose: FramePose | None) -> str:
    """One picture."""
    line: dict[str, Any] = {
        "kind": "pose", "dts": dts, "wall_ms": round(unit.wall_ms, 3), "arrived_ms": round(unit.arrived_ms, 3),
        "exact": unit.wall_exact,
    }  # fmt: skip
    if pose is not None:
        line |= {
            "pan": pose.pan, "tilt": pose.tilt, "zoom": pose.zoom, "roll": pose.roll, "moving": pose.moving,
            "extrapolated": pose.extrapolated,
        }  # fmt: skip
    return _dump(line)


def label_line(dts: int, wall_ms: float, state: Mapping[str, Any]) -> str:
    return _dump({"kind": "labels", "dts": dts, "wall_ms": round(wall_ms, 3), "state": state})


def head_line(camera_id: int, calibration: int | None, simulated: bool, **more: Any) -> str:
    return _dump(
        {"kind": "head", "version": VERSION, "camera_id": camera_id, "calibration": calibration,
         "simulated": simulated, **more}
    )  # fmt: skip


def _dump(line: Mapping[str, Any]) -> str:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def read(lines: Iterable[str]) -> Track:
    """A track from its lines.

    Raises:
        ValueError: it is none, or of a later version.
    """
    track: Track | None = None
    for text in lines:
        line = json.loads(text)
        if not isinstance(line, dict):
            raise ValueError("a line of a track is an object")
        kind = line.get("kind")
        if track is None:
            if kind != "head" or line.get("version") != VERSION:
                raise ValueError("not a track of this version")
            track = Track(int(line["camera_id"]), line.get("calibration"), bool(line.get("simulated")))
        elif kind == "pose":
            track.poses.append(PoseLine(int(line["dts"]), _finite(line["wall_ms"]), _pose(line)))
        elif kind == "labels":
            track.labels.append(LabelLine(int(line["dts"]), _finite(line["wall_ms"]), dict(line["state"])))
    if track is None:
        raise ValueError("an empty track")
    return track


def _pose(line: Mapping[str, Any]) -> FramePose | None:
    if "pan" not in line:
        return None
    return FramePose(
        _finite(line["pan"]), _finite(line["tilt"]), _finite(line["zoom"]), _finite(line.get("roll", 0.0)),
        bool(line.get("moving")), bool(line.get("extrapolated")),
    )  # fmt: skip


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("a track holds finite numbers")
    return number
