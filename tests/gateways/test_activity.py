"""Connections that come and go are told to the ingest, whichever protocol they belong to."""

from __future__ import annotations

from parksight.gateways.activity import ActivityBook


def test_only_changes_of_a_link_are_told() -> None:
    told: list[int] = []
    book = ActivityBook(told.append)
    one, two = book.of(1), book.of(2)
    one.disconnect(5)  # was never there
    assert told == []
    one.connect(10)
    one.connect(20)
    two.connect(20)
    one.refuse(30, "timeout")
    one.refuse(40, "timeout")
    two.disconnect(50)
    assert told == [1, 2, 1, 2]
    assert (one.connected, one.connected_at, one.refusal) == (False, 20, "timeout")
