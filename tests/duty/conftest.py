from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.duty.kit import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    watch = Watch(f"sqlite:///{tmp_path / 'records.sqlite'}")
    yield watch
    watch.close()
