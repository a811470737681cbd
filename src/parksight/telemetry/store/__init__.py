"""Where observations live: hot table, sorted day partitions, aggregates (docs/decisions/010-store.md)."""

from parksight.telemetry.store.deadline import time_limit
from parksight.telemetry.store.errors import (
    BackupUnusable,
    PartitionDamaged,
    QueryTooSlow,
    StoreClosed,
    StoreError,
    StoreInUse,
    StoreMismatch,
    StoreWriteFailed,
)
from parksight.telemetry.store.parts import ObservationsPart, restore, restore_part
from parksight.telemetry.store.store import DuckDbStore

__all__ = [
    "BackupUnusable",
    "DuckDbStore",
    "ObservationsPart",
    "PartitionDamaged",
    "QueryTooSlow",
    "StoreClosed",
    "StoreError",
    "StoreInUse",
    "StoreMismatch",
    "StoreWriteFailed",
    "restore",
    "restore_part",
    "time_limit",
]
