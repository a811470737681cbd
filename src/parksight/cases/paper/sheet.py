"""Cases as rows of a table; the figures of a list recompute from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from parksight.cases.paper.words import Reader
from parksight.cases.schemas import CaseRow

_NAMES = (
    "number", "type_code", "type", "state_code", "state", "phase", "title", "priority", "light", "due_at", "owner",
    "reporter", "enterprise_id", "subject", "occurred_at", "opened_at", "closed_at", "result", "late", "returned",
    "reopened", "simulated", "drill", "tags", "longitude", "latitude", "fields",
)  # fmt: skip


def columns() -> tuple[str, ...]:
    """Names of the columns: the same in every language, so that a program can read them."""
    return _NAMES


def rows(cases: Iterable[CaseRow], reader: Reader) -> Iterator[list[Any]]:
    """One line per case; instants in the zone's civil time with its offset."""
    for case in cases:
        yield [
            case.number, case.type, reader.type(case), case.state, reader.state(case), case.phase, case.title,
            case.priority, case.light, _iso(case.due_at, reader), reader.party(case.owner), case.reporter,
            case.enterprise_id, f"{case.subject_kind} {case.subject_id}" if case.subject_kind else None,
            _iso(case.occurred_at, reader), _iso(case.opened_at, reader), _iso(case.closed_at, reader), case.result,
            case.late, case.returned, case.reopened, case.simulated, case.drill, ", ".join(case.tags), case.lon,
            case.lat, case.columns,
        ]  # fmt: skip


def _iso(at: Any, reader: Reader) -> str | None:
    return None if at is None else at.astimezone(reader.tz).isoformat(timespec="seconds")
