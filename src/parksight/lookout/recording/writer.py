"""One clip being written: groups of pictures go to disk as they are complete, so that memory stays small."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from parksight.gateways.cameras.protocols import AccessUnit, FramePose
from parksight.lookout.decoding import decode
from parksight.lookout.recording import mp4, track

#: Duration of the last picture when there is only one, 90 kHz.
_ALONE = 3600
_CHUNK = 1 << 20

PoseAt = Callable[[float], FramePose | None]


class ClipFullError(Exception):
    """The clip reached its limit; what was written is kept."""


class CodingChangedError(Exception):
    """The stream's coding changed; a clip holds one."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a clip; moments in ms since the epoch."""

    frames: int
    bytes: int
    sha256: str
    began_ms: float
    ended_ms: float
    wall_exact: bool
    codec: str
    width: int
    height: int


class ClipWriter:
    """Used by one thread at a time.

    Args:
        folder: where the two files grow; they are removed by :meth:`discard`.
        name: of the files, without ending.
        max_bytes: of the clip.
        pose_at: where the head pointed; asked only once the group is complete, when telemetry has caught up, so that
            poses are interpolated.
    """

    def __init__(
        self, folder: Path, name: str, max_bytes: int, pose_at: PoseAt, head: Mapping[str, Any]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.track_path = folder / f"{name}.mp4", folder / f"{name}.jsonl"
        self._max, self._pose_at, self._head = max_bytes, pose_at, head
        self._file: BinaryIO | None = None
        self._track: TextIO | None = None
        self._first: AccessUnit | None = None
        self._last: AccessUnit | None = None
        self._sets: dict[int, bytes] = {}
        self._size = (0, 0)
        self._step = _ALONE
        self._exact = True
        self.frames = 0
        self.bytes = 0
        self._sequence = 0

    def group(
        self, units: Sequence[AccessUnit], next_dts: int | None, labels: Sequence[tuple[float, Mapping[str, Any]]] = ()
    ) -> None:  # fmt: skip
        """Write a group of pictures, the first of them a key picture.

        Args:
            next_dts: of the picture after it; None at the end.
            labels: moments within the group and what the labels said then.

        Raises:
            ClipFullError: it does not fit; CodingChangedError: it is coded otherwise.
        """
        if not units:
            return
        if self._first is None:
            self._begin(units)
        assert self._first is not None
        assert self._file is not None
        assert self._track is not None
        sets = mp4.parameter_sets(units[0])
        if units[0].codec != self._first.codec or (sets and sets != self._sets):
            raise CodingChangedError
        origin = self._first.dts
        ends = [u.dts for u in units[1:]] + [next_dts if next_dts is not None else units[-1].dts + self._step]
        durations = [max(1, end - u.dts) for u, end in zip(units, ends, strict=True)]
        self._step = durations[0]
        data = mp4.fragment(self._sequence + 1, units[0].dts - origin, units, durations)
        if self.bytes + len(data) > self._max:
            raise ClipFullError
        self._sequence += 1
        self._file.write(data)
        self.bytes += len(data)
        for unit in units:
            self._track.write(track.pose_line(unit, unit.dts - origin, self._pose_at(unit.wall_ms)) + "\n")
            self._exact = self._exact and unit.wall_exact
        for wall_ms, state in labels:
            dts = min(units, key=lambda u: abs(u.wall_ms - wall_ms)).dts - origin
            self._track.write(track.label_line(dts, wall_ms, state) + "\n")
        self.frames += len(units)
        self._last = units[-1]

    def _begin(self, units: Sequence[AccessUnit]) -> None:
        picture = decode(units[:1])[0]
        height, width = picture.shape[:2]
        head = mp4.initial(units[0], width, height)
        self._size, self._first, self._sets = (width, height), units[0], mp4.parameter_sets(units[0])
        self._file = self.path.open("wb")
        self._track = self.track_path.open("w", encoding="utf-8")
        self._file.write(head)
        self.bytes += len(head)
        self._track.write(
            track.head_line(**self._head, codec=units[0].codec, width=width, height=height) + "\n"
        )

    def finish(self) -> Written | None:
        """Close both files durably; None when no picture ever came."""
        if self._file is None or self._track is None or self._first is None or self._last is None:
            self.discard()
            return None
        for file in (self._file, self._track):
            file.flush()
            os.fsync(file.fileno())
            file.close()
        self._file = self._track = None
        with self.path.open("rb") as done:
            digest = hashlib.file_digest(done, "sha256").hexdigest()
        return Written(
            self.frames, self.bytes, digest, self._first.wall_ms, self._last.wall_ms, self._exact, self._first.codec,
            *self._size,
        )  # fmt: skip

    def discard(self) -> None:
        for file in (self._file, self._track):
            if file is not None:
                file.close()
        self._file = self._track = None
        self.path.unlink(missing_ok=True)
        self.track_path.unlink(missing_ok=True)


def chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
