"""Messages of a unit of work, put together so that one person gets one message about a burst."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from parksight.cases.models import Case
from parksight.cases.providers import Message, Teller

#: Cases a combined message names; the rest is counted.
NAMED = 5


@dataclass
class Heard:
    """One thing one person is to be told about one case."""

    case: Case
    text: str
    reason: str
    priority: int
    key: str
    reason_params: Mapping[str, object] = field(default_factory=dict)


class Telling:
    """Collects what people are to be told and hands it over at the end.

    Args:
        teller: who tells them; None: nobody does.
    """

    def __init__(self, teller: Teller | None) -> None:
        self._teller = teller
        self._heard: dict[int, list[Heard]] = {}

    def note(self, recipients: Iterable[int], heard: Heard, *, but: int | None = None) -> None:
        """Tell ``recipients`` except the one who did it."""
        for user_id in recipients:
            if user_id != but:
                self._heard.setdefault(user_id, []).append(heard)

    def send(self, session: Session) -> int:
        """Hand the messages over; returns how many. People who are told the same share one message."""
        groups: dict[tuple[int, ...], list[int]] = {}
        said = {tuple(id(h) for h in heard): heard for heard in self._heard.values()}
        for user_id, heard in self._heard.items():
            groups.setdefault(tuple(id(h) for h in heard), []).append(user_id)
        self._heard = {}
        if self._teller is None:
            return 0
        for same, recipients in groups.items():
            self._teller.tell(session, _message(tuple(recipients), said[same]))
        return len(groups)


def _message(recipients: tuple[int, ...], heard: Sequence[Heard]) -> Message:
    first = min(heard, key=lambda h: h.priority)
    cases = list({h.case.id: h.case for h in heard}.values())
    whose = {c.enterprise_id for c in cases}
    params: dict[str, object] = {"number": cases[0].number, "title": cases[0].title}
    text, key = first.text, first.key
    if len(heard) > 1:
        named = "; ".join(f"{c.number} {c.title}" for c in cases[:NAMED])
        params |= {"count": len(cases), "named": named + (" …" if len(cases) > NAMED else "")}
        text = f"{text}.many" if len({h.text for h in heard}) == 1 else "cases.tell.several"
        key = "cases:" + hashlib.sha256(",".join(sorted(h.key for h in heard)).encode()).hexdigest()[:32]
    return Message(
        recipients, text, params, first.reason, first.reason_params, priority=first.priority, key=key,
        cases=tuple(c.id for c in cases), enterprise_id=whose.pop() if len(whose) == 1 else None,
        simulated=all(c.simulated for c in cases), drill=all(c.drill for c in cases),
    )  # fmt: skip
