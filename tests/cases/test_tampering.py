"""Somebody with the database at hand changes history; it does not stay unseen."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.cases.kit import PNG, Zone

from parksight.cases import export, proof
from parksight.cases.requests import NewEvidence


def _furnish(zone: Zone) -> int:
    case_id = zone.open(enterprise_id=1)
    with zone.db.session() as session:
        stored = zone.files.keep(session, zone.who("planner"), [PNG], "a.png", enterprise_id=1)
        zone.service.add_evidence(
            session, zone.who("planner"), case_id, NewEvidence("photo", stored.id, (120.5, 41.5))
        )
    zone.act(
        "operator",
        case_id,
        "assign",
        fields={"to_enterprise": 1},
    )
    zone.act("boss1", case_id, "accept")
    return case_id


def _tamper(zone: Zone, *statements: str) -> None:
    """Change records as somebody would who owns the database file: without the guards."""
    with zone.db.engine.begin() as connection:
        for table in ("cases_event", "cases_evidence", "cases_signature"):
            for verb in ("update", "delete"):
                connection.execute(text(f"DROP TRIGGER IF EXISTS {table}_no_{verb}"))
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_the_database_itself_refuses(trial: Zone) -> None:
    _furnish(trial)
    for table in ("cases_event", "cases_evidence"):
        with pytest.raises(DBAPIError, match="append-only"), trial.db.session() as session:
            session.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE cases_event SET body = replace(body, '井盖缺失', '无事') WHERE seq = 1", "entry 1: its content was changed"),
        ("UPDATE cases_event SET comment = '改' WHERE seq = 3", "entry 3: its columns differ from its body"),
        ("UPDATE cases_event SET by_id = 3 WHERE seq = 4", "entry 4: its columns differ from its body"),
        ("DELETE FROM cases_event WHERE seq = 2", "entry 2: entries are missing before it"),
        ("DELETE FROM cases_event WHERE seq = 4", "entry 4: it is anchored in the audit chain but missing"),
        ("UPDATE cases_case SET state = 'closed', phase = 'final', closed_at = updated_at", "record: state is not what"),
        ("UPDATE cases_case SET title = '无事'", "record: title is not what"),
        ("UPDATE cases_case SET occurred_at = '2026-01-01 00:00:00'", "record: occurred_at is not what"),
        ("UPDATE cases_evidence SET sha256 = replace(sha256, '0', '1')", "evidence 1: it is not what was handed in"),
        ("DELETE FROM cases_evidence", "evidence 1: it is not what was handed in"),
    ],
)  # fmt: skip
def test_a_change_behind_our_back_is_named(trial: Zone, statement: str, finding: str) -> None:
    case_id = _furnish(trial)
    assert trial.verdict().sound
    _tamper(trial, statement)
    verdict = trial.verdict()
    assert not verdict.sound
    assert f"{trial.case(case_id).number}: {finding}" in verdict.text


def test_a_history_recomputed_from_some_entry_on_lacks_its_anchors(trial: Zone) -> None:
    case_id = _furnish(trial)
    changes, previous = [], trial.history(case_id)[1].hash
    for event in trial.history(case_id)[2:]:
        body = event.body.replace("boss1", "boss2")
        digest = proof.link(previous, body)
        changes.append(
            f"UPDATE cases_event SET body = '{body}', previous = '{previous}', hash = '{digest}', "
            f"by_name = replace(by_name, 'boss1', 'boss2') WHERE id = {event.id}"
        )
        previous = digest
    _tamper(trial, *changes, f"UPDATE cases_case SET head_hash = '{previous}'")
    verdict = trial.verdict()
    assert "it has no anchor in the audit chain" in verdict.text


def test_a_case_that_was_removed_altogether_is_missed(trial: Zone) -> None:
    _furnish(trial)
    tables = (
        "cases_event", "cases_evidence", "cases_span", "cases_escalation", "cases_clock_plan", "cases_clock", "cases_case",
    )  # fmt: skip
    _tamper(trial, *(f"DELETE FROM {t}" for t in tables))
    assert "which the audit chain knows, is gone" in trial.verdict().text


def _rewrite(change: Callable[[dict[str, bytes]], None], source: Path, target: Path) -> proof.Finding:
    with zipfile.ZipFile(source) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return proof.verify(target)


def test_an_export_proves_itself_and_shows_every_change(trial: Zone, tmp_path: Path) -> None:
    case_id = _furnish(trial)
    good, bad = tmp_path / "good.zip", tmp_path / "bad.zip"
    with trial.db.read() as session:
        good.write_bytes(export.packed(session, trial.files, trial.case(case_id)))
    finding = proof.verify(good)
    assert finding.ok, finding.text()
    assert finding.evidence == 1

    def photo(parts: dict[str, bytes]) -> None:
        name = next(n for n in parts if n.startswith("evidence/"))
        parts[name] += b"x"

    def title(parts: dict[str, bytes]) -> None:
        about = json.loads(parts["case.json"])
        about["case"]["title"] = "无事"
        parts["case.json"] = json.dumps(about).encode()

    def shorter(parts: dict[str, bytes]) -> None:
        parts["history.jsonl"] = b"\n".join(parts["history.jsonl"].splitlines()[:-1]) + b"\n"

    def anchors(parts: dict[str, bytes]) -> None:
        parts["audit.jsonl"] = b""

    def comment(parts: dict[str, bytes]) -> None:
        parts["history.jsonl"] = parts["history.jsonl"].replace("井盖".encode(), "井口".encode(), 1)

    for change, words in (
        (photo, "evidence 1 was changed"), (title, "title is not what"), (shorter, "ends before the head"),
        (anchors, "no anchor"), (comment, "entry 1: its content was changed"),
        (lambda parts: parts.pop("history.jsonl"), "not an export"),
    ):  # fmt: skip
        assert words in _rewrite(change, good, bad).text()  # type: ignore[arg-type]
    bad.write_bytes(b"no zip")
    assert not proof.verify(bad).ok
