"""Duty and notifications on PostgreSQL: locks, claims by several senders, append-only tables."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.duty.kit import PASSWORD
from tests.kernel.postgres import postgres_server, postgres_url  # noqa: F401 - fixtures
from tests.notifications.kit import Bell

from parksight.notifications.notice import person, post

pytestmark = pytest.mark.postgres
SIGN = {"password": PASSWORD}


@pytest.fixture
def bell(postgres_url: str, tmp_path: Path) -> Iterator[Bell]:  # noqa: F811 - the fixture of that name
    bell = Bell(tmp_path, postgres_url)
    yield bell
    bell.close()


def test_a_shift_is_handed_over_and_the_next_one_hears_of_it(bell: Bell) -> None:
    watch = bell.watch
    desk = watch.desk()
    watch.rota(desk)
    watch.call("POST", f"desks/{desk}/log", 1, 201, json={"text": "巡检"})
    watch.clock.advance(8 * 3600 - 60)
    made = watch.call("POST", f"desks/{desk}/handovers", 1, 201, json={})
    watch.call("POST", f"handovers/{made['id']}/sign", 1, json=SIGN)
    assert bell.inbox(4)[0]["title"] == "The handover at Command centre waits for your signature"
    assert watch.call("POST", f"handovers/{made['id']}/accept", 4, json=SIGN)["state"] == "handed_over"
    for table in ("duty_handover_snapshot", "duty_log_entry", "duty_handover_remark"):
        with pytest.raises(DBAPIError, match="append-only"), bell.db.session() as session:
            session.execute(text(f"TRUNCATE {table} CASCADE"))


def test_several_senders_never_take_the_same(bell: Bell) -> None:
    bell.channel("sms")
    bell.prefer(1, "sms")
    for _ in range(12):
        bell.tell(person(1))
    taken: list[int] = []
    together = threading.Barrier(3)

    def claim() -> None:
        together.wait()
        taken.extend(job.delivery_id for job in bell.room.worker.claim(4))

    threads = [threading.Thread(target=claim) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 12


def test_the_same_notice_at_the_same_moment_is_one(bell: Bell) -> None:
    together = threading.Barrier(4)

    def tell() -> None:
        together.wait()
        bell.tell(post("WATCH"), dedupe_key="alarm:7")

    threads = [threading.Thread(target=tell) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [i["times"] for i in bell.inbox(7)] == [4]
    bell.run()
    bell.room.worker.fall_back()
