"""Devices, directory and unknown devices once more, on PostgreSQL: the same tests, other records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.gateways.test_api import *  # noqa: F403 - the tests and fixtures are run again from here
from tests.gateways.test_directory import *  # noqa: F403
from tests.gateways.test_unknown import *  # noqa: F403
from tests.kernel.postgres import postgres_server, postgres_url  # noqa: F401 - fixtures

from parksight.kernel.bus import Bus
from parksight.kernel.db import Database

pytestmark = pytest.mark.postgres


@pytest.fixture
def db(postgres_url: str) -> Iterator[Database]:  # noqa: F811 - the fixture of that name
    database = Database(postgres_url, Bus())
    database.create_all()
    yield database
    database.close()
