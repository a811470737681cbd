"""Checks an exported case with nothing but Python: ``python proof.py CASE.zip``.

This file lies in every export. It needs neither ParkSight nor its database. What it proves: no entry of the history
was changed, left out, added or exchanged since it was written; what the case is now is what its history made of it;
every piece of evidence has the content it had when it was handed in. The audit anchors in the export carry the hash of
each entry; the authority that keeps the audit chain can confirm them, which proves *when* each entry was written.
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

GENESIS = "0" * 64


@dataclass
class Finding:
    """``faults`` are in words; ``broken_at`` is the first entry of the history that does not fit."""

    number: str = ""
    entries: int = 0
    evidence: int = 0
    head: str = GENESIS
    broken_at: int | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults

    def text(self) -> str:
        """The finding in one paragraph."""
        if self.ok:
            return f"{self.number}: {self.entries} entries and {self.evidence} pieces of evidence are sound, head {self.head}"
        return f"{self.number or 'export'}: " + "; ".join(self.faults)


def link(previous: str, body: str) -> str:
    """Hash of an entry: SHA-256 of the hash before it, a line feed and the body."""
    return hashlib.sha256(f"{previous}\n{body}".encode()).hexdigest()


def dump(value: Any) -> str:
    """Canonical JSON: sorted keys, no spaces."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)


def follow(entries: list[dict[str, Any]], finding: Finding) -> dict[str, Any]:
    """Check the chain of ``seq, previous, body, hash`` and return what the entries made of the case."""
    state: dict[str, Any] = {}
    for expected, entry in enumerate(entries, 1):
        try:
            seq, previous = int(entry["seq"]), str(entry["previous"])
            text, digest = str(entry["body"]), str(entry["hash"])
            body = json.loads(text)
            fault = ""
            if seq != expected:
                fault = "entries are missing before it"
            elif previous != finding.head:
                fault = "it does not follow the entry before it"
            elif link(previous, text) != digest:
                fault = "its content was changed"
            elif body["seq"] != seq or (finding.number and body["case"] != finding.number):
                fault = "it belongs elsewhere"
        except (KeyError, TypeError, ValueError) as error:
            fault = f"it is unreadable ({error})"
        if fault:
            finding.broken_at = expected
            finding.faults.append(f"entry {expected}: {fault}")
            return state
        finding.number = body["case"]
        finding.entries, finding.head = seq, digest
        state.update(body["set"])
        if body["what"] == "evidence":
            state.setdefault("<evidence>", {})[str(body["detail"]["evidence"])] = body["detail"]["sha256"]
    return state


def verify(path: str | Path) -> Finding:
    """Check an export (a zip with ``case.json``, ``history.jsonl``, ``audit.jsonl`` and ``evidence/<sha256>``)."""
    finding = Finding()
    try:
        with zipfile.ZipFile(path) as archive:
            _verify(archive, finding)
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        finding.faults.append(f"not an export of a case: {error}")
    return finding


def _verify(archive: zipfile.ZipFile, finding: Finding) -> None:
    case = json.loads(archive.read("case.json"))
    lines = archive.read("history.jsonl").decode("utf-8").splitlines()
    finding.number = case["case"]["number"]
    shown = follow([json.loads(line) for line in lines if line.strip()], finding)
    if finding.faults:
        return
    if not finding.entries:
        finding.faults.append("there is no history")
        return
    if finding.head != case["head"]["hash"] or finding.entries != case["head"]["seq"]:
        finding.faults.append("the history ends before the head that is named in case.json")
    evidence = shown.pop("<evidence>", {})
    for name, value in sorted(case["case"].items()):
        if dump(shown.get(name)) != dump(value):
            finding.faults.append(f"{name} is not what the history made it")
    anchors: dict[int, str] = {}
    for line in archive.read("audit.jsonl").decode("utf-8").splitlines():
        entry = json.loads(line)
        if link(entry["previous"], entry["body"]) != entry["hash"]:
            finding.faults.append(f"audit entry {entry['seq']} was changed")
        after = json.loads(entry["body"])["after"] or {}
        if "seq" in after and "hash" in after:
            anchors[int(after["seq"])] = str(after["hash"])
    for line in lines:
        entry = json.loads(line)
        if anchors.get(int(entry["seq"])) != entry["hash"]:
            finding.faults.append(f"entry {entry['seq']} has no anchor in the audit chain")
    _evidence(archive, case, evidence, finding)


def _evidence(
    archive: zipfile.ZipFile, case: dict[str, Any], shown: dict[str, str], finding: Finding
) -> None:
    listed = {str(item["id"]): item for item in case["evidence"]}
    for key, sha256 in shown.items():
        item = listed.get(key)
        if item is None:
            finding.faults.append(f"evidence {key} is missing")
            continue
        if item.get("content") is not None:
            content = dump(item["content"]).encode()
        else:
            try:
                content = archive.read(f"evidence/{sha256}")
            except KeyError:
                finding.faults.append(f"the file of evidence {key} is missing")
                continue
        if hashlib.sha256(content).hexdigest() != sha256:
            finding.faults.append(f"evidence {key} was changed")
        else:
            finding.evidence += 1
    for key in listed.keys() - shown.keys():
        finding.faults.append(f"evidence {key} is not in the history")


def main() -> int:
    """Check the files named on the command line."""
    findings = [verify(name) for name in sys.argv[1:]]
    for finding in findings:
        print(finding.text())
    return 0 if findings and all(f.ok for f in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
