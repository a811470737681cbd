"""Rows of cases as the API shows them: with names, lights and, for readers who may not know, without the reporter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from parksight.cases import access, ledger, people, repository
from parksight.cases.ledger import Holder
from parksight.cases.models import Case
from parksight.cases.requests import Refusal
from parksight.cases.schemas import CaseRow, PartyOut, RefusalOut
from parksight.cases.types import CaseTypes
from parksight.kernel.i18n import translate
from parksight.kernel.permissions import Caller

_KEYED = ("user", "post", "department", "enterprise")


class Names:
    """Names of the parties of a page, looked up at once.

    Args:
        parties: all that will be asked for.
    """

    def __init__(self, session: Session, parties: Iterable[Holder]) -> None:
        wanted = {(p.kind, int(p.key)) for p in parties if p.kind in _KEYED}
        self._found = people.names(session, wanted)

    def party(self, holder: Holder) -> PartyOut:
        if holder.kind in _KEYED:
            key = int(holder.key)
            name, name_en = self._found.get((holder.kind, key), (holder.key, holder.key))
            return PartyOut(kind=holder.kind, id=key, key=holder.key, name=name, name_en=name_en)
        text = "cases.zone" if holder.kind == "zone" else f"kernel.role.{holder.key}"
        zh, en = (translate(text, language) for language in ("zh-CN", "en"))
        return PartyOut(kind=holder.kind, id=None, key=holder.key, name=zh, name_en=en)


def owner(case: Case) -> Holder | None:
    holder = ledger.owner_of(case)
    return None if holder == ledger.ZONE else holder


def reporter(caller: Caller, case: Case, language: str | None) -> str:
    """The reporter's name, as far as the reader may know it."""
    return (
        translate("cases.anonymous", language) if access.hides_reporter(caller, case) else case.reporter_name
    )


def light(case: Case, found: str, due_at: datetime | None) -> tuple[str, datetime | None]:
    return ("none", None) if case.phase == "final" else (found, due_at)


def rows(
    session: Session, caller: Caller, types: CaseTypes, found: Sequence[tuple[Case, str, datetime | None]], language: str | None
) -> list[CaseRow]:  # fmt: skip
    """Rows of ``(Case, light, due_at)`` with names and tags."""
    cases: list[Case] = [row[0] for row in found]
    ids = [c.id for c in cases]
    holders = {i: Holder(kind, key) for i, (kind, key) in repository.holders_of(session, ids).items()}
    names = Names(session, [*(o for c in cases if (o := owner(c)) is not None), *holders.values()])
    tags = repository.tags_of(session, ids)
    return [
        CaseRow(
            **values(caller, types, row, names, tags.get(row[0].id, []), holders.get(row[0].id), language)
        )
        for row in found
    ]


def values(
    caller: Caller, types: CaseTypes, row: tuple[Case, str, datetime | None], names: Names, tags: list[str],
    holder: Holder | None, language: str | None,
) -> dict[str, Any]:  # fmt: skip
    """What a row and a page have in common; ``holder``: on whom the time runs now."""
    case = row[0]
    shown, due_at = light(case, row[1], row[2])
    declared = types.get(case.type)
    columns = declared.type.columns if declared is not None else ()
    owned = owner(case)
    if holder == Holder("user", str(case.reporter_id)) and access.hides_reporter(caller, case):
        holder = None  # it would tell who reported
    same = {
        name: getattr(case, name)
        for name in (
            "id", "number", "type", "state", "phase", "title", "priority", "enterprise_id", "subject_kind", "subject_id",
            "lon", "lat", "occurred_at", "opened_at", "updated_at", "closed_at", "result", "late", "returned", "reopened",
            "simulated", "drill", "version",
        )
    }  # fmt: skip
    return {
        **same, "light": shown, "due_at": due_at, "owner": names.party(owned) if owned is not None else None,
        "holder": names.party(holder) if holder is not None else None,
        "reporter": reporter(caller, case, language), "tags": tags,
        "columns": {c: case.fields[c] for c in columns if c in case.fields},
    }  # fmt: skip


def refusal(why: Refusal, language: str | None) -> RefusalOut:
    text = translate(why.code, language, **why.params)
    action = translate(f"{why.code}.action", language, **why.params)
    return RefusalOut(code=why.code, text=f"{text} {action}".strip())
