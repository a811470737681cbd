"""The observations as a part of the platform's backup, and a store from a copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from parksight.telemetry.store import backup
from parksight.telemetry.store.errors import StoreClosed

DATABASE_NAME = "observations.duckdb"
SEGMENTS_NAME = "segments"
HOT_NAME = "hot"


class Dumping(Protocol):
    """What is asked of the running store."""

    def dump(self, directory: Path) -> dict[str, Any]: ...


@dataclass(frozen=True)
class ObservationsPart:
    """The observations in the platform's archive (:class:`parksight.kernel.backup.BackupPart`).

    Args:
        directory: the store's folder.
        store: the running store, needed to dump.
    """

    directory: Path
    store: Dumping | None = None
    name: str = "observations"

    def dump(self, folder: Path) -> None:
        if self.store is None:
            raise StoreClosed
        self.store.dump(folder)

    def restore(self, folder: Path) -> None:
        restore(folder, self.directory)


def restore_part(directory: Path) -> ObservationsPart:
    """What the platform's restore asks for the observations; ``directory`` will be the store's folder."""
    return ObservationsPart(directory)


def restore(source: Path, directory: Path) -> dict[str, Any]:
    """Build a store folder from :meth:`DuckDbStore.dump`; no store may be open on it.

    Raises:
        BackupUnusable: a file is missing or changed, or ``directory`` already holds observations.
    """
    return backup.restore(source, directory, (DATABASE_NAME, SEGMENTS_NAME, HOT_NAME))
