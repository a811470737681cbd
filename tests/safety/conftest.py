from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.safety.kit import SafeZone


@pytest.fixture
def site(tmp_path: Path) -> Iterator[SafeZone]:
    site = SafeZone(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield site
    site.close()
