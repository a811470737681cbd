"""What came of a reaction that another room carries out after the commit: written onto the reaction itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from parksight.alarms.events import GroupsChanged
from parksight.alarms.models import Reaction
from parksight.kernel.db import emit

#: What the result of a reaction holds under ``answer`` until the other room has answered.
WAITING: Mapping[str, Any] = {"state": "waiting"}


def answered(
    session: Session, reaction_id: int, answer: Mapping[str, Any], now: datetime, *, final: bool = True
) -> bool:
    """Keep the answer under ``result.answer``; a refused or failed one makes the reaction so.

    Args:
        answer: ``state`` (``turning``, ``done``, ``refused``, ``failed``) and what there is to tell.
        final: False: more is to come.

    Returns:
        False when there is no such reaction (any more).
    """
    row = session.get(Reaction, reaction_id)
    if row is None:
        return False
    row.result = {**row.result, "answer": dict(answer)}
    if final and row.state in ("done", "running"):
        row.state = answer["state"] if answer["state"] in ("refused", "failed") else "done"
        row.finished_at = now
    emit(session, GroupsChanged(what="reaction", ids=(row.alarm_id,), enterprise_id=row.enterprise_id))
    return True


def unanswered(session: Session, kind: str) -> list[int]:
    """Reactions of a kind whose request went out and was never answered (the process ended in between)."""
    rows = session.scalars(
        select(Reaction).where(Reaction.kind == kind, Reaction.state == "done", Reaction.finished_at.is_not(None))
        .order_by(Reaction.id.desc()).limit(1000)
    )  # fmt: skip
    return [r.id for r in rows if (r.result or {}).get("answer", {}).get("state") in ("waiting", "turning")]
