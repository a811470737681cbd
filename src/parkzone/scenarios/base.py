"""The frame of all scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field

from parkzone.engine import Engine


@dataclass
class Scenario:
    """One thing that can happen; subclasses change the snapshot in :meth:`apply` or the devices in start and stop.

    Attributes:
        name: word of the command line and the control route; texts are in ``locales`` under this key.
        duration_s: how long it lasts unless told otherwise.
        started_ms, ends_ms: of the present run, None when it does not run.
        touched: codes of the points or devices it works on, for the page and the tests.
    """

    name: str = ""
    duration_s: float = 600.0
    started_ms: int | None = None
    ends_ms: int | None = None
    touched: list[str] = field(default_factory=list)

    def prepare(self, engine: Engine) -> None:
        """Choose what it works on; called once at start."""

    def apply(self, engine: Engine) -> None:
        """Change ``engine.values`` and ``engine.missing`` for this instant."""

    def begin(self, engine: Engine) -> None:
        """Change devices at start."""

    def end(self, engine: Engine) -> None:
        """Undo that."""

    def elapsed_s(self, engine: Engine) -> float:
        return 0.0 if self.started_ms is None else max(0.0, (engine.at_ms - self.started_ms) / 1000.0)

    @property
    def running(self) -> bool:
        return self.started_ms is not None


def ramp(elapsed_s: float, over_s: float) -> float:
    """0 to 1 over a time, then 1."""
    return min(1.0, elapsed_s / over_s)
