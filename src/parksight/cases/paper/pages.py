"""PDF pages: one case with its history, and a list of cases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from parksight.cases.paper.words import Reader
from parksight.cases.schemas import (
    CaseDetail,
    CaseRow,
    CaseTypeOut,
    ClockOut,
    EventOut,
    EvidenceOut,
    FieldOut,
)
from parksight.kernel.documents import render_pdf
from parksight.kernel.i18n import translate

_TEMPLATES = Path(__file__).parent / "templates"
_LABELS = ("clocks", "history", "evidence", "signatures", "chain")
_HEADS = {
    "clock_head": ("clock", "holder", "due", "used", "kept"),
    "history_head": ("happened", "recorded", "what", "comment", "by"),
    "evidence_head": ("kind", "name", "taken", "place", "hash"),
    "signature_head": ("signed", "statement", "by"),
}


def case_page(case: CaseDetail, declared: CaseTypeOut, reader: Reader, now: datetime) -> bytes:
    """One case as a PDF.

    Args:
        case: as the reader may see it.
        declared: its type, with texts in the reader's language.
        now: time of printing, on every page.
    """
    labels: dict[str, Any] = {name: reader.say(name) for name in _LABELS}
    labels |= {name: [reader.say(f"head.{h}") for h in heads] for name, heads in _HEADS.items()}
    doings = {t.code: t.title for t in declared.transitions}
    clocks = {c.code: c.title for c in declared.clocks}
    return render_pdf(
        _TEMPLATES / "case.typ",
        {
            "lang": reader.language[:2], "zone": reader.zone, "number": case.number, "type": declared.title,
            "title": case.title, "description": case.description, "marks": reader.marks(case),
            "printed": reader.say("printed", at=reader.when(now)), "labels": labels, "head": case.head_hash,
            "facts": _facts(case, declared, reader),
            "clocks": [_clock(c, clocks, reader) for c in case.clocks],
            "history": [_event(e, doings, reader) for e in case.history],
            "evidence": [_evidence(e, reader) for e in case.evidence],
            "signatures": [
                [reader.when(s.signed_at), s.statement, _for(s.by, s.acting_for, reader)] for s in case.signatures
            ],
        },
    )  # fmt: skip


def list_page(cases: Sequence[CaseRow], total: int, reader: Reader, now: datetime) -> bytes:
    """A list as a PDF; says how many there are when it holds only the first of them."""
    whole = len(cases) == total
    heads = ("number", "title", "type", "state", "owner", "light", "due", "happened")
    return render_pdf(
        _TEMPLATES / "list.typ",
        {
            "lang": reader.language[:2], "zone": reader.zone, "title": reader.say("list"),
            "printed": reader.say("printed", at=reader.when(now)),
            "note": reader.say("all" if whole else "first", shown=len(cases), total=total),
            "head": [reader.say(f"head.{h}") for h in heads],
            "rows": [
                [
                    c.number, " ".join([c.title, *(f"[{m}]" for m in reader.marks(c))]), reader.type(c),
                    reader.state(c), reader.party(c.owner), reader.light(c), reader.when(c.due_at),
                    reader.when(c.occurred_at),
                ]
                for c in cases
            ],
        },
    )  # fmt: skip


def _facts(case: CaseDetail, declared: CaseTypeOut, reader: Reader) -> list[list[str | None]]:
    place = None if case.lon is None or case.lat is None else f"{case.lon:.5f}, {case.lat:.5f}"
    facts: list[list[str | None]] = [
        [reader.say("head.state"), reader.state(case)],
        [reader.say("head.priority"), str(case.priority)],
        [reader.say("head.owner"), reader.party(case.owner)],
        [reader.say("head.light"), reader.light(case)],
        [reader.say("head.happened"), reader.when(case.occurred_at)],
        [reader.say("head.recorded"), reader.when(case.opened_at)],
        [reader.say("head.reporter"), case.reporter or None],
        [reader.say("head.place"), place],
    ]
    known: dict[str, FieldOut] = {f.code: f for t in declared.transitions for f in t.fields}
    known |= {f.code: f for f in declared.fields}
    for code, value in case.fields.items():
        field = known.get(code)
        title = field.title if field else code
        facts.append([title, _value(value, field, reader)])
    return facts


def _value(value: Any, field: FieldOut | None, reader: Reader) -> str | None:
    if value is None:
        return None
    if isinstance(value, list):
        return ", ".join(_value(v, field, reader) or "—" for v in value)
    if isinstance(value, bool):
        return reader.say("yes" if value else "no")
    chosen = dict(field.choices).get(str(value)) if field else None
    unit = f" {field.unit}" if field and field.unit else ""
    return chosen or f"{value}{unit}"


def _clock(clock: ClockOut, titles: dict[str, str], reader: Reader) -> list[str | None]:
    if clock.used_working_days is not None:
        used: str | None = reader.say("days", n=clock.used_working_days)
    else:
        used = None if clock.used_minutes is None else reader.say("minutes", n=f"{clock.used_minutes:.0f}")
    kept = None if clock.met is None else reader.say("yes" if clock.met else "no")
    return [
        titles.get(clock.code, clock.code),
        reader.party(clock.holder),
        reader.when(clock.due_at),
        used,
        kept,
    ]


def _event(event: EventOut, doings: dict[str, str], reader: Reader) -> list[str | None]:
    what = doings.get(event.transition or "") or translate(f"cases.what.{event.what}", reader.language)
    late = f" [{reader.say('late')}]" if event.late else ""
    return [
        reader.when(event.occurred_at) or "", (reader.when(event.recorded_at) or "") + late, what, event.comment,
        _for(event.by, event.acting_for, reader),
    ]  # fmt: skip


def _evidence(item: EvidenceOut, reader: Reader) -> list[str | None]:
    place = None if item.lon is None or item.lat is None else f"{item.lon:.5f}, {item.lat:.5f}"
    if place and item.accuracy_m is not None:
        place += f" ±{item.accuracy_m:.0f} m"
    return [
        reader.say(f"evidence.{item.kind}"),
        item.note or item.name,
        reader.when(item.taken_at),
        place,
        item.sha256[:16],
    ]


def _for(by: str, principal: str | None, reader: Reader) -> str:
    return f"{by} {reader.say('for', name=principal)}" if principal else by
