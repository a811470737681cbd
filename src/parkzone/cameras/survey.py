"""What a surveyor brings home: points that can be seen from a camera, measured with honest noise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parksight.physics import geodesy
from parksight.physics.camera import Camera, Pose
from parksight.physics.geodesy import EARTH_RADIUS, REFRACTION
from parkzone.cameras.cast import Filmer
from parkzone.cameras.solids import lonlat
from parkzone.geometry.buildings import Building
from parkzone.geometry.frame import KX, KY
from parkzone.park import Park
from parkzone.seeds import stream

F64 = npt.NDArray[np.float64]
#: One-sigma of a click in px, of the encoder in degrees, of a surveyed place in m along each axis.
CLICK_PX, ENCODER_DEG, PLACE_M = 2.0, 0.02, 0.3
NEAREST_M, FARTHEST_M = 90.0, 1600.0
_ZOOMS = (1.0, 1.0, 1.6, 2.5, 4.0, 6.0)
#: Sight lines must clear what lies between by this, m.
_CLEAR_M = 1.5
#: Towers no thicker than this are aimed at by their tip, m.
_THIN_M = 3.7


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A place (degrees, height over the ellipsoid) seen at a pixel under a reported pose (degrees, zoom factor)."""

    name: str
    lon: float
    lat: float
    height: float
    pan: float
    tilt: float
    zoom: float
    u: float
    v: float


@dataclass(frozen=True)
class Marks:
    """Corners of roofs and tops of stacks, and the bodies that may hide them.

    Attributes:
        names, corners (in zone axes, one for the tip of a stack), uv (their middle), top: of what can be aimed at.
        own: which body each belongs to. low, high: corners of all bodies' boxes in zone axes; tall: their heights.
    """

    names: list[str]
    corners: list[F64]
    uv: F64
    top: F64
    own: npt.NDArray[np.intp]
    low: F64
    high: F64
    tall: F64


def marks(park: Park) -> Marks:
    """Everything worth aiming at in the park."""
    names: list[str] = []
    corners: list[F64] = []
    top: list[float] = []
    own: list[int] = []
    bodies: list[Building] = []
    for stand in park.stands:
        for number, body in enumerate(stand.buildings, 1):
            bodies.append(body)
            if body.form in ("shed", "adm", "box"):
                names.append(f"B-{stand.parcel.code}-{number:03d}")
                corners.append(np.array(body.ring))
            elif body.form in ("stack", "col") and body.radius <= _THIN_M:
                names.append(f"B-{stand.parcel.code}-{number:03d}")
                corners.append(np.array([[body.u, body.v]]))
            else:
                continue
            top.append(body.height)
            own.append(len(bodies) - 1)
    rings = [np.array(b.ring) for b in bodies]
    return Marks(
        names, corners, np.array([c.mean(axis=0) for c in corners]), np.array(top), np.array(own), np.array([r.min(axis=0) for r in rings]),
        np.array([r.max(axis=0) for r in rings]), np.array([b.height for b in bodies]),
    )  # fmt: skip


def survey(filmer: Filmer, known: Marks, seed: int, count: int = 16, blunders: int = 0) -> list[Surveyed]:
    """Points around a camera, spread over its circle of view.

    Args:
        count: how many; fewer where fewer can be seen.
        blunders: how many of them are clicked 80 px off, as by somebody who took the wrong corner.
    """
    rng = stream(seed, "survey", filmer.code)
    camera = filmer.truth
    away = known.uv - np.array(filmer.at)
    distance = np.hypot(away[:, 0], away[:, 1])
    near = np.flatnonzero((distance > NEAREST_M) & (distance < FARTHEST_M))
    sector = ((np.arctan2(away[:, 0], away[:, 1]) / (2 * math.pi)) % 1.0 * count).astype(int)
    out: list[Surveyed] = []
    taken = np.zeros(count, int)
    for allowed in (1, 2, count):
        for i in rng.permutation(near):
            if len(out) >= count:
                return out
            # the corner that turns to the camera is never hidden by its own body
            corner = min(known.corners[i], key=lambda c: float(np.hypot(*(c - filmer.at))))
            if taken[sector[i]] >= allowed or not _clear(filmer, known, int(i), corner):
                continue
            point = _measured(camera, known, int(i), corner, rng, blunder=len(out) < blunders)
            if point is not None:
                out.append(point)
                taken[sector[i]] += 1
                near = near[near != i]
    return out


def _measured(
    camera: Camera, known: Marks, i: int, corner: F64, rng: np.random.Generator, *, blunder: bool
) -> Surveyed | None:
    lon, lat = (float(v) for v in np.round(lonlat(corner), 6))
    top = float(known.top[i])
    enu = geodesy.to_enu(lon, lat, top, camera.origin)
    aimed = camera.aim(enu)
    zoom = float(rng.choice(_ZOOMS))
    # not in the middle of the picture, where lens and roll do not show
    half = camera.field_of_view(zoom) / 2
    pose = Pose(
        aimed.pan + float(rng.uniform(-0.7, 0.7)) * half, aimed.tilt + float(rng.uniform(-0.6, 0.6)) * half * 9 / 16, zoom
    )  # fmt: skip
    pixel, seen = camera.project(enu, pose)
    if not seen or not (8 < pixel[0] < camera.size[0] - 8 and 8 < pixel[1] < camera.size[1] - 8):
        return None
    clicked = pixel + rng.normal(0.0, CLICK_PX, 2) + (80.0 if blunder else 0.0)
    place = rng.normal(0.0, PLACE_M, 3)
    pan, tilt = (math.degrees(a) + float(rng.normal(0.0, ENCODER_DEG)) for a in (pose.pan, pose.tilt))
    return Surveyed(
        known.names[i], lon + float(place[0]) / KX, lat + float(place[1]) / KY, top + float(place[2]), pan % 360.0, tilt,
        zoom, float(clicked[0]), float(clicked[1]),
    )  # fmt: skip


def _clear(filmer: Filmer, known: Marks, i: int, corner: F64) -> bool:
    """Whether the sight line to a mark clears all other bodies, taken as boxes on level ground."""
    start, end = np.array(filmer.at), corner
    eye, top = filmer.origin[2], float(known.top[i])
    step = end - start
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (known.low - start) / step, (known.high - start) / step
    enter = np.fmax(np.minimum(a, b).max(axis=1), 0.0)
    leave = np.fmin(np.maximum(a, b).min(axis=1), 1.0)
    crossed = enter < leave
    crossed[known.own[i]] = False
    # the line is lowest over a body at one of its ends; the earth falls away under it by next to nothing here
    fall = (1 - REFRACTION) * float(step @ step) / (2 * EARTH_RADIUS)
    height = np.minimum(eye + (top - eye) * enter, eye + (top - eye) * leave) - fall
    return not bool(np.any(crossed & (height < known.tall + _CLEAR_M)))
