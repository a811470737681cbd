"""What the composition root needs to build the registry from the settings."""

from __future__ import annotations

from parksight.kernel.clock import Clock
from parksight.kernel.db import Database
from parksight.kernel.settings import Settings
from parksight.registry.transfer.importer import Importer, ImportLimits

_MB = 2**20


def make_importer(db: Database, clock: Clock, settings: Settings) -> Importer:
    """The importer with the limits of the settings."""
    limits = ImportLimits(settings.registry.import_max_mb * _MB, settings.registry.import_max_rows)
    return Importer(db, clock, limits)


def body_limits(settings: Settings) -> dict[str, int]:
    """Request bodies that may be larger than the house allows: the file and the envelope around it."""
    return {"/api/v1/registry/import": (settings.registry.import_max_mb + 1) * _MB}
