from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.registry.kit import Park


@pytest.fixture
def park(tmp_path: Path) -> Iterator[Park]:
    park = Park(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield park
    park.http.close()
    park.db.close()
