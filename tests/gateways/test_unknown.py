"""Unknown senders are counted and bounded."""

from __future__ import annotations

from sqlalchemy import select

from parksight.gateways.models import UnknownDevice
from parksight.gateways.unknown import UnknownDevices
from parksight.kernel.db import Database


def test_sightings_add_up_over_flushes(db: Database) -> None:
    unknown = UnknownDevices(db)
    unknown.seen("hj212", "MN9", 1_000, peer="a", frame=b"one", fields={"a21026-Rtd": "1.5"})
    unknown.seen("hj212", "MN9", 2_000, peer="b", frame=b"two", fields={"a34013-Rtd": "7"})
    unknown.flush()
    unknown.seen("hj212", "MN9", 3_000, peer="b", frame=b"x" * 9_000, fields={"a21026-Rtd": "2.5"})
    unknown.flush()
    with db.read() as session:
        (row,) = session.scalars(select(UnknownDevice)).all()
    assert row.count == 3
    assert (row.first_seen.timestamp(), row.last_seen.timestamp()) == (1.0, 3.0)
    assert row.fields == {"a21026-Rtd": "2.5", "a34013-Rtd": "7"}
    assert row.sample == b"x" * 4096


def test_a_scanner_cannot_grow_the_table(db: Database) -> None:
    unknown = UnknownDevices(db, limit=10)
    for batch in range(3):
        for i in range(15):
            unknown.seen("mqtt", f"topic-{batch}-{i}", batch * 1000 + i)
        unknown.flush()
    with db.read() as session:
        rows = session.scalars(select(UnknownDevice)).all()
    assert {r.address for r in rows} == {f"topic-2-{i}" for i in range(10)}
    assert unknown.counters["overflow"] == 15
    assert unknown.counters["evicted"] == 20
