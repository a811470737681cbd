"""A source that is known to be gone: its alarms are unknown within a second, whatever the periods of its points."""

from __future__ import annotations

from sqlalchemy import select
from tests.alarms.kit import NOW, Watch, step

from parksight.alarms.models import JournalEntry

BOTH = {"signal": {"kind": "expression", "text": "self > 40 and [P003] > 40"}, "on": {"priority": 2}}


def conditions(watch: Watch) -> dict[int, str]:
    return {a.point_id: a.condition for a in watch.alarms()}


def test_standing_alarms_are_unknown_with_the_next_second_and_the_journal_says_why(watch: Watch) -> None:
    for point in (1, 2, 3):
        watch.rule(point, h=step(40))
    watch.clock.advance(2)
    watch.feed((1, 1, 50.0), (2, 1, 50.0), (3, 1, 50.0))
    watch.service.lost(9, [1, 3], NOW + 1500, "mqtt.ndeath")
    watch.second()
    assert conditions(watch) == {1: "unknown", 2: "active", 3: "unknown"}
    with watch.db.read() as session:
        entries = list(session.scalars(select(JournalEntry).where(JournalEntry.what == "unknown")))
    why = {"reason": "source_died", "source": 9, "said": "mqtt.ndeath"}
    assert [(e.point_id, e.detail) for e in entries] == [(1, why), (3, why)]
    watch.service.lost(9, [1, 3], NOW + 1500, "mqtt.ndeath")
    watch.second()
    assert [w for _, w in watch.journal()].count("unknown") == 2, "the same news twice is no news"
    watch.feed((1, 4, 20.0), (3, 4, 60.0))
    assert conditions(watch) == {1: "cleared", 2: "active", 3: "active"}


def test_a_point_that_has_spoken_since_its_death_lives_on(watch: Watch) -> None:
    watch.rule(1, h=step(40))
    watch.clock.advance(5)
    watch.feed((1, 4, 50.0))
    watch.service.lost(9, [1], NOW + 3000, "sparkplug.death")
    watch.second()
    assert conditions(watch) == {1: "active"}


def test_what_several_points_decide_is_decided_without_the_lost_one(watch: Watch) -> None:
    watch.rule(1, **BOTH)
    watch.clock.advance(2)
    watch.feed((1, 1, 50.0), (3, 1, 50.0))
    assert conditions(watch) == {1: "active"}
    watch.service.lost(9, [3], NOW + 1500, "sparkplug.death")
    watch.second()
    assert conditions(watch) == {1: "unknown"}
