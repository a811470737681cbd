from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.notifications.kit import Bell


@pytest.fixture
def bell(tmp_path: Path) -> Iterator[Bell]:
    bell = Bell(tmp_path)
    yield bell
    bell.close()
