"""One park and one model for all tests of the zone; both are immutable in use."""

from __future__ import annotations

import pytest

from parkzone.behaviour.model import Model
from parkzone.park import Park, make_park

#: 2026-11-24T00:00:00+08:00, a Tuesday.
MIDNIGHT_MS = 1_795_449_600_000


@pytest.fixture(scope="session")
def park() -> Park:
    return make_park()


@pytest.fixture(scope="session")
def model(park: Park) -> Model:
    return Model(park.catalogue.points, park.firms, park.seed)
