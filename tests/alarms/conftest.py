from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.alarms.kit import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(f"sqlite:///{tmp_path / 'records.sqlite'}")
    watch.furnish()
    watch.service.start()
    yield watch
    watch.close()
