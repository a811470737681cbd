"""The newest seconds of a stream in memory, whole groups of pictures, bounded in bytes and time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from parksight.gateways.cameras.protocols import AccessUnit

TICKS = 90_000
#: A step between two pictures that is longer than this is a gap of the stream, not a slow picture.
_LONGEST_STEP = 10 * TICKS


@dataclass
class _Group:
    units: list[AccessUnit] = field(default_factory=list)
    size: int = 0


def size_of(unit: AccessUnit) -> int:
    return sum(len(n) for n in unit.nals)


class Ring:
    """
    Units come out with one unbroken time line, also when the camera was reconnected and began again at zero.

    Args:
        seconds: kept at least, if the bytes allow.
        max_bytes: never exceeded; a single group of pictures larger than this is dropped whole.

    Attributes:
        dropped: pictures that were never kept: before the first key picture, damaged, or of a group too large.
        breaks: how often the stream began anew.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        if not seconds >= 0 or max_bytes <= 0:
            raise ValueError("a ring needs a time that is not negative and room for bytes")
        self._ticks = round(seconds * TICKS)
        self._max = max_bytes
        self._groups: deque[_Group] = deque()
        self._last: tuple[int, float] | None = None  # dts as it came, and wall clock
        self._shift = 0
        self._end = 0
        self._whole = False
        self.size = 0
        self.dropped = 0
        self.breaks = 0

    def add(self, unit: AccessUnit) -> AccessUnit | None:
        """Keep a picture; returns it on the ring's time line, None when it was dropped."""
        if unit.lost or not (unit.key or self._whole):
            # what follows a hole cannot be decoded until the next key picture
            self._whole = False
            self.dropped += 1
            return None
        self._whole = True
        placed = replace(unit, dts=self._place(unit))
        size = size_of(unit)
        if unit.key:
            self._groups.append(_Group())
        self._groups[-1].units.append(placed)
        self._groups[-1].size += size
        self.size += size
        self._evict()
        return placed if self._groups else None

    def _place(self, unit: AccessUnit) -> int:
        if self._last is None:
            self._shift = -unit.dts
        else:
            step = unit.dts - self._last[0]
            if not 0 < step <= _LONGEST_STEP:
                self.breaks += 1
                between = round((unit.wall_ms - self._last[1]) * TICKS / 1000)
                self._shift = self._end + min(max(between, 1), _LONGEST_STEP) - unit.dts
        self._last = (unit.dts, unit.wall_ms)
        self._end = unit.dts + self._shift
        return self._end

    def _evict(self) -> None:
        while len(self._groups) > 1 and (
            self.size > self._max or self._end - self._groups[1].units[0].dts >= self._ticks
        ):
            self.size -= self._groups.popleft().size
        if self.size > self._max:
            self.dropped += len(self._groups[0].units)
            self._groups.clear()
            self.size = 0
            self._whole = False

    def since(self, ticks: int | None = None) -> list[AccessUnit]:
        """Pictures from the key picture at or before ``ticks`` on; all of them without."""
        groups = list(self._groups)
        if ticks is not None:
            while len(groups) > 1 and groups[1].units[0].dts <= ticks:
                groups.pop(0)
        return [u for g in groups for u in g.units]

    def newest_group(self) -> list[AccessUnit]:
        return list(self._groups[-1].units) if self._groups else []

    @property
    def end(self) -> int:
        """Time of the newest picture."""
        return self._end

    @property
    def seconds(self) -> float:
        return (self._end - self._groups[0].units[0].dts) / TICKS if self._groups else 0.0
