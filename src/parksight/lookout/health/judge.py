"""From single looks to verdicts that last: one camera's health, and what is not known about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from parksight.lookout.health.measures import Figures, Grey, Shift, blurred, dark, figures, same

KINDS = ("lost", "frozen", "dark", "blurred", "shifted", "clock")
#: Looks in a row that must agree before a fault of the picture is told.
_TWICE = 2
_FROZEN = 3
#: A camera's own sharpness is learnt from so many looks.
_LEARNT = 5


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a camera gave.

    Attributes:
        picture: None: no picture came, for ``silent_s`` by now.
        skew_ms: the camera's clock less ours where that is insane; None: it tells no time, or a sane one.
        exact: the camera tells its time at all.
        shift: against the reference tile of this pose; None: there is none, or the head moved.
    """

    picture: Grey | None
    silent_s: float = 0.0
    skew_ms: float | None = None
    exact: bool = False
    shift: Shift | None = None
    shifted: bool | None = None


@dataclass(slots=True)
class Judge:
    """Verdicts: True is a fault, False is none, None is not known (never taken for good)."""

    lost_after_s: float = 15.0
    usual: float | None = None
    newest: Figures | None = None
    _before: Grey | None = None
    _same: int = 0
    _dark: int = 0
    _blurred: int = 0
    _shifted: int = 0
    _sharp: list[float] = field(default_factory=list)

    def add(self, look: Look) -> dict[str, bool | None]:
        """The verdicts after one more look."""
        out: dict[str, bool | None] = dict.fromkeys(KINDS)
        out["clock"] = True if look.skew_ms is not None else (False if look.exact else None)
        if look.picture is None:
            self._before = None
            self._same = self._dark = self._blurred = self._shifted = 0
            out["lost"] = True if look.silent_s >= self.lost_after_s else None
            return out
        out["lost"] = False
        found = self.newest = figures(look.picture)
        unchanged = self._before is not None and same(self._before, look.picture)
        self._same = self._same + 1 if unchanged else 0
        first = self._before is None
        self._before = look.picture
        # _FROZEN equal pictures are _FROZEN - 1 repetitions
        out["frozen"] = True if self._same >= _FROZEN - 1 else (None if first or unchanged else False)
        self._dark = self._dark + 1 if dark(found) else 0
        out["dark"] = self._dark >= _TWICE if self._dark != 1 else None
        haze = blurred(found, self.usual)
        self._blurred = self._blurred + 1 if haze else 0
        out["blurred"] = None if haze is None or self._blurred == 1 else self._blurred >= _TWICE
        if haze is False:
            self._learn(found)
        self._shifted = self._shifted + 1 if look.shifted else 0
        out["shifted"] = None if look.shifted is None or self._shifted == 1 else self._shifted >= _TWICE
        return out

    def _learn(self, found: Figures) -> None:
        """The middle of what the camera showed while nothing was wrong with it."""
        if found.sharpness is None:
            return
        self._sharp.append(found.sharpness)
        del self._sharp[:-50]
        if len(self._sharp) >= _LEARNT:
            self.usual = sorted(self._sharp)[len(self._sharp) // 2]
