from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cases.kit import TRIAL, Zone


@pytest.fixture
def zone(tmp_path: Path) -> Iterator[Zone]:
    """A zone with the engine's own type, the snap report."""
    made = Zone(f"sqlite:///{tmp_path / 'records.sqlite'}", tmp_path)
    made.furnish()
    yield made
    made.close()


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Zone]:
    """A zone with the small type of :mod:`tests.cases.kit`."""
    made = Zone(f"sqlite:///{tmp_path / 'records.sqlite'}", tmp_path, TRIAL)
    made.furnish()
    yield made
    made.close()
