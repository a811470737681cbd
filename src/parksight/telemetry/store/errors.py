"""What can go wrong with the store, as problems a person can act on (texts in ``locales``)."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from parksight.kernel.errors import ProblemError


class StoreError(ProblemError):
    """Base of the store's errors."""


class PartitionDamaged(StoreError):  # noqa: N818 - says the state, like the texts
    """A partition's file is missing or unreadable; the others stay readable."""

    def __init__(self, day: str, file: Path, reason: object) -> None:
        super().__init__(
            "telemetry.store.partition_damaged",
            HTTPStatus.INTERNAL_SERVER_ERROR,
            {"day": day, "file": file.name, "reason": str(reason)[:300]},
        )
        self.day = day
        self.file = file


class StoreWriteFailed(StoreError):  # noqa: N818
    """Rows could not be made durable (disk full, file system read-only …); nothing of the call was kept."""

    def __init__(self, directory: Path, reason: object) -> None:
        super().__init__(
            "telemetry.store.write_failed",
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"directory": str(directory), "reason": str(reason)[:300]},
        )


class StoreInUse(StoreError):  # noqa: N818
    """Another process owns the folder."""

    def __init__(self, directory: Path, reason: object) -> None:
        super().__init__(
            "telemetry.store.in_use",
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"directory": str(directory), "reason": str(reason)[:300]},
        )


class StoreMismatch(StoreError):  # noqa: N818
    """The folder was made with another format or time zone; ``what`` says which."""

    def __init__(self, directory: Path, what: str, found: object, wanted: object) -> None:
        super().__init__(
            f"telemetry.store.other_{what}",
            HTTPStatus.SERVICE_UNAVAILABLE,
            {"directory": str(directory), "found": found, "wanted": wanted},
        )


class StoreClosed(StoreError):  # noqa: N818
    """The store was closed."""

    def __init__(self) -> None:
        super().__init__("telemetry.store.closed", HTTPStatus.SERVICE_UNAVAILABLE)


class QueryTooSlow(StoreError):  # noqa: N818
    """The time allowed for a query is over."""

    def __init__(self, seconds: float) -> None:
        super().__init__("telemetry.query.too_slow", HTTPStatus.GATEWAY_TIMEOUT, {"seconds": seconds})


class BackupUnusable(StoreError):  # noqa: N818
    """A backup cannot be restored."""

    def __init__(self, directory: Path, reason: object) -> None:
        super().__init__(
            "telemetry.store.backup_unusable",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            {"directory": str(directory), "reason": str(reason)[:300]},
        )
