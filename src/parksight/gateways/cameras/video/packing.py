"""Pictures as messages for browsers: packed once per form and shared by all viewers."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Literal

from parksight.gateways.cameras import wire
from parksight.gateways.cameras.protocols import AccessUnit, FramePose
from parksight.gateways.cameras.video import fmp4, nal, sps

Form = Literal["mse", "raw"]
PoseAt = Callable[[float], FramePose | None]
_CODES = {"h264": 1, "h265": 2}
#: A picture is shown no longer than this before the next is due, 90 kHz.
_LONGEST = 90_000


class Picture:
    """One picture and its messages; ``message`` packs a form when the first viewer of that form needs it."""

    __slots__ = ("_duration", "_messages", "_pose", "_sequence", "unit")

    def __init__(self, unit: AccessUnit, sequence: int, duration: int, pose: FramePose | None) -> None:
        self.unit = unit
        self._sequence, self._duration, self._pose = sequence, duration, pose
        self._messages: dict[Form, bytes] = {}

    def message(self, form: Form) -> bytes:
        found = self._messages.get(form)
        if found is None:
            found = self._messages[form] = self._pack(form, self._pose)
        return found

    def again(self, form: Form, pose_at: PoseAt | None) -> bytes:
        """For a viewer that joins later: by now the pose is known better than when the picture came."""
        pose = pose_at(self.unit.wall_ms) if pose_at is not None else None
        return self._pack(form, pose) if pose is not None and pose != self._pose else self.message(form)

    def _pack(self, form: Form, pose: FramePose | None) -> bytes:
        unit = self.unit
        head = wire.pack(
            wire.Kind.FRAME, key=unit.key, codec=_CODES[unit.codec], sequence=self._sequence, dts=unit.dts,
            wall_ms=unit.wall_ms, wall_exact=unit.wall_exact, pose=pose,
        )  # fmt: skip
        sample = nal.length_prefixed(unit.codec, unit.nals, sets=False)
        if form == "raw":
            return head + sample
        return (
            head
            + fmp4.fragment_head(self._sequence, unit.dts, self._duration, unit.key, len(sample))
            + sample
        )


class Packer:
    """Turns the units of one stream into pictures and knows their format.

    Attributes:
        format: of the newest parameter sets; None before the first key picture or when they cannot be read.
        generation: grows when the format changes; a viewer then needs a new INIT.
        error: why the format is not known.
    """

    def __init__(self, simulated: bool) -> None:
        self._simulated = simulated
        self._sets: tuple[bytes, ...] = ()
        self._config = b""
        self._sequence = 0
        self._last: int | None = None
        self._duration = 3600
        self.format: sps.PictureFormat | None = None
        self.generation = 0
        self.error: str | None = None

    def pack(self, unit: AccessUnit, pose_at: PoseAt | None) -> Picture:
        if unit.key:
            self._look(unit)
        if self._last is not None and unit.dts > self._last:
            self._duration = min(unit.dts - self._last, _LONGEST)
        self._last = unit.dts
        self._sequence += 1
        pose = pose_at(unit.wall_ms) if pose_at is not None else None
        return Picture(unit, self._sequence, self._duration, pose)

    def _look(self, unit: AccessUnit) -> None:
        known = nal.ParameterSets(unit.codec, unit.nals).all()
        if known == self._sets:
            return
        self._sets = known
        which = 7 if unit.codec == "h264" else 33
        first = next((s for s in known if nal.kind(unit.codec, s[0]) == which), b"")
        try:
            self.format = sps.parse(unit.codec, first)
        except ValueError as error:
            self.format, self.error = None, str(error)
            return
        self.error = None
        self.generation += 1
        if unit.codec == "h264":
            rest = [s for s in known if nal.kind(unit.codec, s[0]) == 8]
            self._config = fmp4.avcc([first], rest)

    def init(self, form: Form) -> bytes | None:
        """The INIT message; None while the format is unknown or no browser could play it."""
        found = self.format
        if found is None or not self._config:
            return None
        told = json.dumps(
            {"codec": found.codec, "width": found.width, "height": found.height, "simulated": self._simulated}
        ).encode()
        head = wire.pack(wire.Kind.INIT, sequence=self._sequence)
        payload = (
            self._config if form == "raw" else fmp4.init_segment(self._config, found.width, found.height)
        )
        return head + struct.pack("<I", len(told)) + told + payload
