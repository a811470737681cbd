"""Points, imports, ingest books and forensics once more, on PostgreSQL: the same tests, other records."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.kernel.postgres import postgres_server, postgres_url  # noqa: F401 - fixtures
from tests.telemetry.site import Site
from tests.telemetry.test_telemetry_api import *  # noqa: F403 - the tests are run again from here

pytestmark = pytest.mark.postgres


@pytest.fixture
def site(tmp_path: Path, postgres_url: str) -> Iterator[Site]:  # noqa: F811 - the fixture of that name
    with Site(tmp_path, url=postgres_url) as made:
        yield made
