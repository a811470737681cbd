"""The audit chain: nothing can be changed unseen, whoever writes at the same time, on both databases."""

from __future__ import annotations

import hashlib
import json
import math
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from parksight.kernel import audit
from parksight.kernel.audit.chain import MASK, plain
from parksight.kernel.db import Database
from parksight.kernel.permissions import SYSTEM, Caller

ANNA = Caller(id=7, name="安娜")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def fill(db: Database, n: int) -> None:
    for i in range(n):
        with db.session() as session:
            audit.record(session, ANNA, action="test.thing.update", subject=("thing", i), after={"i": i})


@given(json_values)
def test_canonical_text_is_stable_and_survives_json(value: object) -> None:
    once = audit.canonical(value)
    assert audit.canonical(json.loads(once)) == once
    assert once.encode("utf-8")


@given(st.dictionaries(st.text(max_size=6), st.integers(), min_size=2, max_size=6))
def test_canonical_ignores_the_order_of_keys(value: dict[str, int]) -> None:
    turned = dict(reversed(list(value.items())))
    assert audit.canonical(value) == audit.canonical(turned)


def test_canonical_forms_of_plain_python() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert audit.canonical({"b": at, "a": {3, 1}}) == '{"a":[1,3],"b":"2026-01-02T03:04:05.000000Z"}'
    assert audit.canonical([math.nan, math.inf, -0.0]) == '["NaN","Infinity",0.0]'
    with pytest.raises(TypeError, match="object has no place"):
        audit.canonical({"x": object()})


def test_secrets_are_masked_by_the_name_of_their_key() -> None:
    got = plain({"password": "p", "oidc_client_secret": "s", "nested": [{"token": "t"}], "token_id": 5})
    assert got == {"password": MASK, "oidc_client_secret": MASK, "nested": [{"token": MASK}], "token_id": 5}


def test_entries_commit_with_their_unit_of_work_or_not_at_all(db: Database) -> None:
    fill(db, 2)
    with pytest.raises(RuntimeError), db.session() as session:  # noqa: PT012
        audit.record(session, ANNA, action="test.thing.update", subject=("thing", 9))
        raise RuntimeError
    with db.session() as session:
        audit.record(session, ANNA, action="test.kept", subject=("thing", 3))
        with pytest.raises(ValueError), session.begin_nested():  # noqa: PT012
            audit.record(session, ANNA, action="test.undone", subject=("thing", 4))
            with session.begin_nested():
                audit.record(session, ANNA, action="test.undone_within", subject=("thing", 5))
            raise ValueError
        with session.begin_nested():
            audit.record(session, ANNA, action="test.kept_too", subject=("thing", 6))
    with db.read() as session:
        actions = [e.action for e in session.query(audit.AuditEntry).order_by(audit.AuditEntry.seq)]
        assert actions == ["test.thing.update", "test.thing.update", "test.kept", "test.kept_too"]
        assert audit.verify(session).sound


def test_the_hash_is_what_the_documentation_says(db: Database) -> None:
    fill(db, 1)
    with db.read() as session:
        entry = session.get_one(audit.AuditEntry, 1)
    wanted = hashlib.sha256(("0" * 64 + "\n" + entry.body).encode()).hexdigest()
    assert entry.hash == wanted
    body = json.loads(entry.body)
    assert body["actor"] == {"id": 7, "kind": "user", "name": "安娜"}
    assert body["at"] == "2026-03-02T01:00:00.000000Z"


def test_the_database_refuses_to_change_or_remove_entries(db: Database) -> None:
    fill(db, 2)
    attempts = ["UPDATE kernel_audit SET action='x'", "DELETE FROM kernel_audit"]
    if db.url.startswith("sqlite"):
        attempts.append("INSERT OR REPLACE INTO kernel_audit SELECT * FROM kernel_audit WHERE seq=1")
    else:
        attempts.append("TRUNCATE kernel_audit")
    for sql in attempts:
        with pytest.raises(DBAPIError, match="append-only"), db.session() as session:
            session.execute(text(sql))
    with db.read() as session:
        assert audit.verify(session).entries == 2


def disarm(db: Database) -> None:
    """What an intruder with the database password would do first."""
    sqlite = db.url.startswith("sqlite")
    with db.session() as session:
        if sqlite:
            session.execute(text("DROP TRIGGER kernel_audit_no_update"))
            session.execute(text("DROP TRIGGER kernel_audit_no_delete"))
        else:
            session.execute(text("ALTER TABLE kernel_audit DISABLE TRIGGER ALL"))


@pytest.mark.parametrize(
    ("tamper", "at", "fault"),
    [
        ("UPDATE kernel_audit SET body=replace(body,'\"i\"\\:2','\"i\"\\:9') WHERE seq=3", 3, "hash"),
        ("UPDATE kernel_audit SET actor='somebody else' WHERE seq=2", 2, "columns"),
        ("UPDATE kernel_audit SET actor_id=8 WHERE seq=4", 4, "columns"),
        ("DELETE FROM kernel_audit WHERE seq=2", 2, "gap"),
        ("UPDATE kernel_audit SET hash='" + "0" * 64 + "' WHERE seq=5", 5, "hash"),
        ("UPDATE kernel_audit SET previous='" + "0" * 64 + "' WHERE seq=3", 3, "link"),
    ],
)
def test_tampering_is_found_and_the_first_broken_link_named(
    db: Database, tamper: str, at: int, fault: str
) -> None:
    fill(db, 5)
    disarm(db)
    with db.session() as session:
        session.execute(text(tamper))
    with db.read() as session:
        report = audit.verify(session)
    assert (report.sound, report.broken_at, report.fault, report.entries) == (False, at, fault, at - 1)


def test_a_cut_off_tail_and_a_recomputed_chain_are_found_with_a_noted_head(db: Database) -> None:
    fill(db, 4)
    with db.read() as session:
        noted = audit.head(session)
        lines = list(audit.export(session))
    assert audit.verify_export(lines, noted).sound
    disarm(db)
    with db.session() as session:
        session.execute(text("DELETE FROM kernel_audit WHERE seq=4"))
    with db.read() as session:
        assert audit.verify(session).sound
        assert audit.verify(session, noted).fault == "truncated"
    forged, previous = [], audit.GENESIS
    for line in lines:
        entry = json.loads(line)
        body = entry["body"].replace('"i":1', '"i":7')
        digest = audit.link(previous, body)
        forged.append(json.dumps({"seq": entry["seq"], "previous": previous, "body": body, "hash": digest}))
        previous = digest
    assert audit.verify_export(forged).sound
    assert not audit.verify_export(forged, noted).sound


def test_an_export_is_verified_without_the_database(sqlite_db: Database) -> None:
    fill(sqlite_db, 6)
    with sqlite_db.read() as session:
        lines = list(audit.export(session))
        assert audit.verify_export(lines) == audit.verify(session)
    assert audit.verify_export([*lines[:2], *lines[3:]]).broken_at == 3
    assert audit.verify_export([lines[0], "{broken"]).fault == "format"
    changed = lines[4].replace("test.thing.update", "test.thing.delete")
    assert audit.verify_export([*lines[:4], changed]).broken_at == 5
    assert audit.verify_export([]).sound


@given(st.lists(st.text(max_size=40), max_size=5))
def test_verifying_garbage_never_raises(lines: list[str]) -> None:
    report = audit.verify_export(lines)
    assert report.sound == (not any(line.strip() for line in lines))


def test_concurrent_writers_make_one_unbroken_chain(db: Database) -> None:
    def work(worker: int) -> None:
        for i in range(15):
            with db.session() as session:
                audit.record(
                    session, SYSTEM, action="test.worker.step", subject=("w", worker), after={"i": i}
                )
                audit.record(session, SYSTEM, action="test.worker.second", subject=("w", worker))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    with db.read() as session:
        report = audit.verify(session)
        assert (report.sound, report.entries) == (True, 6 * 15 * 2)
        steps = [
            (e.subject_id, json.loads(e.body)["after"]["i"])
            for e in session.query(audit.AuditEntry).order_by(audit.AuditEntry.seq)
            if e.action == "test.worker.step"
        ]
    for worker in range(6):
        assert [i for w, i in steps if w == str(worker)] == list(range(15))
