"""What can be made wrong with a camera, each within limits, so that what reads it can be tried."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

#: Name -> lowest and highest value.
LIMITS: dict[str, tuple[float, float]] = {
    "encoder_step_deg": (0.0, 1.0),
    "backlash_deg": (0.0, 1.0),
    "video_delay_ms": (0.0, 3000.0),
    "telemetry_delay_ms": (0.0, 3000.0),
    "mount_x_deg": (-3.0, 3.0),
    "mount_y_deg": (-3.0, 3.0),
    "heading_off_deg": (-10.0, 10.0),
    "clock_offset_s": (-86_400.0, 86_400.0),
    "packet_loss": (0.0, 0.9),
    "garbage": (0.0, 0.5),
    "shift_px": (-200.0, 200.0),
}


@dataclass(slots=True)
class Knobs:
    """One camera's faults; the defaults are a healthy camera.

    Attributes:
        encoder_step_deg, backlash_deg: of the head.
        video_delay_ms: from capture to socket, as sensor and encoder take it.
        telemetry_delay_ms: how old a told position is; ``stamp_utc`` False: and it does not say so.
        mount_x_deg, mount_y_deg: the mount gives way. heading_off_deg: somebody has turned the head in its clamp.
        clock_offset_s: of the camera's own clock.
        packet_loss: share of RTP packets that never leave (UDP). garbage: share that leave damaged.
        cut: no streams: connections are dropped and none taken. off: the whole device is silent.
        frozen, dark, blurred: of the picture. shift_px: the picture moves sideways without the head.
    """

    encoder_step_deg: float = 0.01
    backlash_deg: float = 0.0
    video_delay_ms: float = 0.0
    telemetry_delay_ms: float = 0.0
    mount_x_deg: float = 0.0
    mount_y_deg: float = 0.0
    heading_off_deg: float = 0.0
    clock_offset_s: float = 0.0
    packet_loss: float = 0.0
    garbage: float = 0.0
    shift_px: float = 0.0
    stamp_utc: bool = True
    cut: bool = False
    off: bool = False
    frozen: bool = False
    dark: bool = False
    blurred: bool = False

    def change(self, wanted: dict[str, Any]) -> None:
        """Turn some of them.

        Raises:
            ValueError: an unknown knob, or a value outside its limits; then none has been turned.
        """
        checked: dict[str, float | bool] = {}
        kinds = {f.name: f.default for f in fields(self)}
        for name, value in wanted.items():
            if name not in kinds:
                raise ValueError(f"no knob {name!r}; there are {', '.join(sorted(kinds))}")
            if isinstance(kinds[name], bool):
                if not isinstance(value, bool):
                    raise ValueError(f"{name} is true or false")
                checked[name] = value
                continue
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(f"{name} is a number")
            low, high = LIMITS[name]
            if not low <= value <= high:
                raise ValueError(f"{name} must be {low:g} to {high:g}, got {value:g}")
            checked[name] = float(value)
        for name, value in checked.items():
            setattr(self, name, value)

    def reset(self) -> None:
        self.change(asdict(Knobs()))

    @property
    def turned(self) -> dict[str, Any]:
        """Those that are not as on a healthy camera."""
        healthy = asdict(Knobs())
        return {name: value for name, value in asdict(self).items() if value != healthy[name]}
