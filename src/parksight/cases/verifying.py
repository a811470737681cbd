"""Proves the histories of all cases: chains, records, evidence and their anchors in the audit chain."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.cases import history, proof
from parksight.cases.models import Case, CaseEvent, Evidence
from parksight.kernel.audit.chain import plain
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.audit.verifiers import Verdict
from parksight.kernel.i18n import translate

NAME = "cases"
_BATCH = 500


def verify(session: Session) -> Verdict:
    """Check every case; the verdict names the first one that does not hold, and the entry at which it breaks."""
    checked = 0
    known: set[str] = set()
    for cases in _batches(session):
        known.update(str(c.id) for c in cases)
        for number, fault in faults(session, cases):
            return Verdict(NAME, False, checked, f"{number}: {fault}")
        checked += len(cases)
        session.expunge_all()
    anchored = select(AuditEntry.subject_id).where(AuditEntry.subject_kind == history.SUBJECT).distinct()
    gone = sorted(set(session.scalars(anchored)) - known)
    if gone:
        return Verdict(NAME, False, checked, translate("cases.verify.case_gone", "en", id=gone[0]))
    return Verdict(NAME, True, checked, translate("cases.verify.sound", "en", cases=checked))


def _batches(session: Session) -> Iterator[Sequence[Case]]:
    after = 0
    while True:
        batch = list(session.scalars(select(Case).where(Case.id > after).order_by(Case.id).limit(_BATCH)))
        if not batch:
            return
        after = batch[-1].id
        yield batch


def faults(session: Session, cases: Sequence[Case]) -> Iterator[tuple[str, str]]:
    """``(number, first fault)`` of those cases that do not hold."""
    ids = [c.id for c in cases]
    events: dict[int, list[CaseEvent]] = defaultdict(list)
    for event in session.scalars(
        select(CaseEvent).where(CaseEvent.case_id.in_(ids)).order_by(CaseEvent.case_id, CaseEvent.seq)
    ):
        events[event.case_id].append(event)
    shown: dict[int, dict[str, str]] = defaultdict(dict)
    for row in session.scalars(select(Evidence).where(Evidence.case_id.in_(ids))):
        content = proof.dump(row.content) if row.content is not None else None
        whole = content is None or hashlib.sha256(content.encode()).hexdigest() == row.sha256
        shown[row.case_id][str(row.id)] = row.sha256 if whole else "<changed>"
    anchors: dict[int, dict[int, str]] = defaultdict(dict)
    entries = select(AuditEntry.subject_id, AuditEntry.body).where(
        AuditEntry.subject_kind == history.SUBJECT, AuditEntry.subject_id.in_([str(i) for i in ids])
    )
    for subject_id, body in session.execute(entries):
        after = json.loads(body)["after"] or {}
        if "seq" in after and "hash" in after:
            anchors[int(subject_id)][int(after["seq"])] = str(after["hash"])
    for case in cases:
        fault = _fault(case, events[case.id], shown[case.id], anchors[case.id])
        if fault:
            yield case.number, fault


def _fault(
    case: Case, events: Sequence[CaseEvent], evidence: dict[str, str], anchors: dict[int, str]
) -> str | None:  # fmt: skip
    finding = proof.Finding(number=case.number)
    state = proof.follow(list(history.lines(events)), finding)
    if finding.faults:
        return finding.faults[0]
    for event in events:
        if anchors.pop(event.seq, None) != event.hash:
            return f"entry {event.seq}: it has no anchor in the audit chain"
        if not _columns_agree(event):
            return f"entry {event.seq}: its columns differ from its body"
    if anchors:
        return f"entry {min(anchors)}: it is anchored in the audit chain but missing"
    if (case.head_seq, case.head_hash) != (finding.entries, finding.head):
        return f"entry {finding.entries + 1}: the record names another head"
    told = state.pop("<evidence>", {})
    now = history.told(case)
    for name in history.TOLD:
        if proof.dump(now[name]) != proof.dump(state.get(name)):
            return f"record: {name} is not what the history made it"
    if told != evidence:
        wrong = min(k for k in told.keys() | evidence.keys() if told.get(k) != evidence.get(k))
        return f"evidence {wrong}: it is not what was handed in"
    return None


def _columns_agree(event: CaseEvent) -> bool:
    body = json.loads(event.body)
    principal = body["for"] or {}
    return bool(
        (body["what"], body["transition"], body["state"]) == (event.what, event.transition, event.state)
        and (body["by"]["id"], body["by"]["name"][:200]) == (event.by_id, event.by_name)
        and principal.get("id") == event.for_id
        and (body["occurred_at"], body["recorded_at"]) == (plain(event.occurred_at), plain(event.recorded_at))
        and (body["late"], body["comment"] or None) == (event.late, event.comment)
        and body["request"] == event.request_id
    )
