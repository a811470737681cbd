"""Who asks for point codes while they are being read waits for them."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import event

from parksight.gateways.http.points import PointIndex
from parksight.kernel.bus import Bus
from parksight.kernel.db import Database
from parksight.telemetry.models import Point


def test_nobody_gets_an_old_answer_while_another_reads(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'records.sqlite'}", Bus())
    db.create_all()
    now = datetime(2026, 11, 23, tzinfo=UTC)
    with db.session() as session:
        session.add(
            Point(code="P1", name="P1", quantity="temperature", unit="degC", created_at=now, updated_at=now)
        )
    index = PointIndex(db)
    reading, go_on = threading.Event(), threading.Event()

    @event.listens_for(db.engine, "before_cursor_execute")
    def _slow(*_: object) -> None:
        reading.set()
        assert go_on.wait(10)

    answers: list[dict[str, int]] = []
    first = threading.Thread(target=lambda: answers.append(dict(index.current()[0])))
    second = threading.Thread(target=lambda: answers.append(dict(index.current()[0])))
    first.start()
    assert reading.wait(10)
    second.start()
    second.join(0.2)
    assert second.is_alive(), "the second caller did not wait"
    go_on.set()
    first.join(10)
    second.join(10)
    assert [set(a) for a in answers] == [{"P1"}, {"P1"}]
    index.close()
    db.close()
