"""From the shift of a picture against its reference tile to a correction of the pose, or a reason not to believe it. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from parksight.lookout.health.measures import Shift

#: Weaker correlation than this is weather, season or another scene.
STRONG = 0.2
#: Larger shifts, as share of the picture's width, are no drift: the tile is of another pose, or the mount was moved.
SMALL = 0.06


@dataclass(frozen=True, slots=True)
class Correction:
    """Degrees to add to the pose that is reported; ``refused`` says why it must not be used."""

    pan: float
    tilt: float
    pixels: float
    response: float
    refused: str | None = None


def correction(found: Shift | None, focal_px: float, tilt_deg: float, width: int) -> Correction:
    """What the shift of the picture means for the pose.

    Args:
        focal_px: focal length at the zoom and picture size of the two pictures, px.
        tilt_deg: elevation the head reports.
        width: of the pictures, px.
    """
    if not focal_px > 0 or width <= 0:
        raise ValueError("a focal length and a width are positive")
    if found is None:
        return Correction(0.0, 0.0, 0.0, 0.0, "no_detail")
    # the picture moves against the head: what lies further right is seen by a head turned further left
    across = math.degrees(math.atan2(-found.dx, focal_px))
    pan = across / max(math.cos(math.radians(tilt_deg)), 0.05)
    tilt = math.degrees(math.atan2(found.dy, focal_px))
    refused = None
    if found.response < STRONG:
        refused = "weak"
    elif found.length > SMALL * width:
        refused = "large"
    return Correction(pan, tilt, found.length, found.response, refused)


@dataclass(slots=True)
class Drift:
    """Corrections of one camera, smoothed; beyond the limit it must be calibrated anew.

    Attributes:
        pan, tilt: what is added to the reported pose now, degrees.
        accepted, refused: how many corrections were.
        large: refused ones in a row because they were too large.
    """

    limit_deg: float
    pan: float = 0.0
    tilt: float = 0.0
    accepted: int = 0
    refused: int = 0
    large: int = 0

    def add(self, one: Correction) -> bool:
        """Take a correction of the pose *as reported*; returns whether it was believed."""
        if one.refused is not None:
            self.refused += 1
            self.large = self.large + 1 if one.refused == "large" else self.large
            return False
        self.large = 0
        self.accepted += 1
        share = 1.0 if self.accepted == 1 else 0.3
        self.pan += share * (one.pan - self.pan)
        self.tilt += share * (one.tilt - self.tilt)
        return True

    @property
    def recalibrate(self) -> bool:
        """The sum is beyond the limit, or strong pictures keep saying that everything stands elsewhere."""
        return math.hypot(self.pan, self.tilt) > self.limit_deg or self.large >= 3
