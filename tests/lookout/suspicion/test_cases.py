from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import func, select
from tests.lookout.kit import ZONE_CAMERA, EyeSite, caller
from tests.lookout.pictures import WALL

from parksight.alarms.models import Alarm
from parksight.cases.models import Case
from parksight.gateways.cameras.protocols import FramePose
from parksight.kernel.errors import ProblemError
from parksight.kernel.permissions import SYSTEM
from parksight.kernel.settings import LookoutSettings
from parksight.lookout.suspicion.detector import Sighting
from parksight.lookout.suspicion.models import Suspicion
from parksight.lookout.suspicion.service import Seen, Suspicions
from parksight.lookout.workflow import SUSPICION, TYPES

pytestmark = pytest.mark.anyio
SMOKE = Seen(ZONE_CAMERA, Sighting("smoke", (64, 36, 128, 72), 0.4), (640, 360), WALL, FramePose(10, -3, 2))


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[EyeSite]:
    site = EyeSite(tmp_path, LookoutSettings(), WALL)
    site.cases.types.register(*TYPES)
    yield site
    await site.close()


@pytest.fixture
def suspicions(site: EyeSite) -> Suspicions:
    made = Suspicions(site.clock, site.cases)
    site.cases.room.outside.follow(SUSPICION, made.followed)
    return made


async def test_a_sighting_opens_one_case_and_never_an_alarm(site: EyeSite, suspicions: Suspicions) -> None:
    for _ in range(3):
        with site.db.session() as session:
            suspicions.note(session, SMOKE)
    with site.db.read() as session:
        row = session.scalars(select(Suspicion)).one()
        case = session.scalars(select(Case)).one()
        assert session.scalar(select(func.count()).select_from(Alarm)) == 0
    assert (row.state, row.times, row.box, row.simulated) == ("suspected", 3, [0.1, 0.1, 0.2, 0.2], True)
    assert (case.type, case.state, case.id) == (SUSPICION, "suspected", row.case_id)


async def test_only_a_person_confirms_and_a_second_camera_only_supports(
    site: EyeSite, suspicions: Suspicions
) -> None:
    with site.db.session() as session:
        row = suspicions.note(session, SMOKE)
        number, case = row.id, row.case_id or 0
    with pytest.raises(ProblemError), site.db.session() as session:
        site.cases.act(session, SYSTEM, case, "confirm")
    with site.db.session() as session:
        assert not suspicions.support(session, number, ZONE_CAMERA), "the same camera is no second one"
        assert suspicions.support(session, number, 3)
        assert session.get_one(Suspicion, number).state == "supported"
    with site.db.session() as session:
        site.cases.act(session, caller("safety_officer"), case, "confirm")
        assert session.get_one(Suspicion, number).state == "confirmed"


async def test_dismissing_needs_a_reason_and_lets_the_next_one_open(
    site: EyeSite, suspicions: Suspicions
) -> None:
    person = caller("safety_officer")
    with site.db.session() as session:
        first = suspicions.note(session, SMOKE).case_id or 0
    with pytest.raises(ProblemError), site.db.session() as session:
        site.cases.act(session, person, first, "dismiss")
    with site.db.session() as session:
        site.cases.act(session, person, first, "dismiss", fields={"because": "steam"})
        assert suspicions.note(session, SMOKE).case_id != first
