"""A case as a zip that proves itself: see :mod:`parksight.cases.proof`, which lies in it."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from importlib.resources import files
from typing import IO

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.cases import history
from parksight.cases.models import Case, CaseEvent, Evidence
from parksight.kernel.audit.models import AuditEntry
from parksight.kernel.errors import ProblemError
from parksight.kernel.files.models import StoredFile
from parksight.kernel.files.service import Files

_README = """ParkSight: the history of one case.

case.json       the case as it is, its head, and its evidence
history.jsonl   all entries; hash = SHA-256(previous + "\\n" + body)
audit.jsonl     the entries of the audit chain in which each hash was anchored when it was written
evidence/       files by their SHA-256
verify.py       checks all of it with nothing but Python 3:  python verify.py <this zip>
"""


def write(session: Session, files_: Files, case: Case, target: IO[bytes]) -> None:
    """Write the zip; files that are lost are left out, and the check will say so."""
    events = session.scalars(
        select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.seq)
    ).all()
    evidence = session.scalars(
        select(Evidence).where(Evidence.case_id == case.id).order_by(Evidence.id)
    ).all()
    audit = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject_kind == history.SUBJECT, AuditEntry.subject_id == str(case.id))
        .order_by(AuditEntry.seq)
    )
    anchors = ({"seq": a.seq, "previous": a.previous, "hash": a.hash, "body": a.body} for a in audit)
    about = {
        "format": "parksight.case/1",
        "case": history.told(case),
        "head": {"seq": case.head_seq, "hash": case.head_hash},
        "evidence": [
            {"id": e.id, "kind": e.kind, "name": e.name, "sha256": e.sha256, "content": e.content}
            for e in evidence
        ],
    }
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.txt", _README)
        archive.writestr("verify.py", files("parksight.cases").joinpath("proof.py").read_text("utf-8"))
        archive.writestr("case.json", json.dumps(about, ensure_ascii=False, indent=1))
        archive.writestr("history.jsonl", _lines(history.lines(events)))
        archive.writestr("audit.jsonl", _lines(anchors))
        for sha256 in dict.fromkeys(e.sha256 for e in evidence if e.file_id is not None):
            file_id = next(e.file_id for e in evidence if e.sha256 == sha256)
            stored = session.get(StoredFile, file_id)
            try:
                if stored is not None:
                    archive.write(files_.open_path(stored), f"evidence/{sha256}")
            except ProblemError:
                continue


def packed(session: Session, files_: Files, case: Case) -> bytes:
    """The zip in memory (command line and tests)."""
    target = io.BytesIO()
    write(session, files_, case, target)
    return target.getvalue()


def _lines(rows: Iterable[dict[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
