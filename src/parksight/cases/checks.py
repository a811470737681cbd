"""Checks of declarations at start-up: what is wrong is found before the first case, not in the middle of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from parksight.cases import declaration as d
from parksight.cases.declaration import CaseType, Step, Transition, Who
from parksight.kernel import i18n
from parksight.kernel.permissions import ROLES, covers

_CODE = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_PREFIX = re.compile(r"[A-Z]{2,8}")
_PARTY_FIELDS = ("user", "post", "department", "enterprise")
_TARGETS = ("owner", "post", "reporter", "enterprise", "participants", "watchers")
_HOLDERS = ("owner", "reporter", "enterprise")


class DeclarationError(Exception):
    """A declared type is unusable; the text names the type and every fault."""

    def __init__(self, code: str, faults: Iterable[str]) -> None:
        self.code = code
        self.faults = tuple(faults)
        super().__init__(f"case type {code}: " + "; ".join(self.faults))


def check(case_type: CaseType, declared: CaseType, prefixes: Mapping[str, str] | None = None) -> None:
    """Refuse a type that could not be run.

    Args:
        case_type: with its common ways (:func:`parksight.cases.types.complete`).
        declared: as it was declared.
        prefixes: number prefixes in use -> type.

    Raises:
        DeclarationError: with all faults at once.
    """
    faults = [*_names(case_type, declared, prefixes or {})]
    if not faults:  # what follows would only repeat a wrong name in many ways
        faults = [
            *_ways(case_type),
            *_people(case_type),
            *_clocks(case_type),
            *_fields(case_type),
            *_texts(case_type),
        ]
    if faults:
        raise DeclarationError(case_type.code, faults)


def _doubles(words: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for word in words:
        if word in seen:
            yield word
        seen.add(word)


def _names(t: CaseType, declared: CaseType, prefixes: Mapping[str, str]) -> Iterator[str]:
    if not _CODE.fullmatch(t.code):
        yield "code is not module.noun"
    if not _PREFIX.fullmatch(t.prefix):
        yield f"prefix {t.prefix!r} is not 2 to 8 capital letters"
    elif prefixes.get(t.prefix, t.code) != t.code:
        yield f"prefix {t.prefix} belongs to {prefixes[t.prefix]}"
    states = {s.code for s in t.states}
    for kind, words in (
        ("state", [s.code for s in t.states]), ("transition", [x.code for x in t.transitions]),
        ("clock", [c.code for c in t.clocks]), ("field", [f.code for f in t.fields]),
    ):  # fmt: skip
        yield from (f"{kind} {w!r} is not a word" for w in words if not _WORD.fullmatch(w))
        yield from (f"{kind} {w} is declared twice" for w in _doubles(words))
    yield from (
        f"transition {x.code} is one of the common ways" for x in declared.transitions if x.code in d.EXITS
    )
    if t.initial not in states:
        yield f"initial state {t.initial} is not declared"
    for x in t.transitions:
        yield from (
            f"transition {x.code} leads out of unknown state {s}" for s in x.sources if s not in states
        )
        if x.target not in states and x.target not in (d.SAME, d.PREVIOUS):
            yield f"transition {x.code} leads to unknown state {x.target}"
        if not x.sources:
            yield f"transition {x.code} leads out of no state"
        known = {o.code for o in t.transitions} | {"open"}
        yield from (
            f"transition {x.code}: not_by names unknown transition {o}" for o in x.not_by if o not in known
        )


def edges(t: CaseType) -> list[tuple[str, str, Transition]]:
    """All moves ``(from, to, transition)``; back to the previous state counts once for each way in."""
    direct = [
        (s, x.target, x) for x in t.transitions for s in x.sources if x.target not in (d.SAME, d.PREVIOUS)
    ]  # fmt: skip
    back = [
        (s, source, x) for x in t.transitions if x.target == d.PREVIOUS for s in x.sources
        for source, target, _ in direct if target == s and source != s
    ]  # fmt: skip
    return direct + back


def _reach(start: Iterable[str], pairs: Iterable[tuple[str, str]]) -> set[str]:
    following: dict[str, set[str]] = {}
    for source, target in pairs:
        following.setdefault(source, set()).add(target)
    seen, todo = set(start), list(start)
    while todo:
        for state in following.get(todo.pop(), ()):
            if state not in seen:
                seen.add(state)
                todo.append(state)
    return seen


def _ways(t: CaseType) -> Iterator[str]:
    final = {s.code for s in t.states if s.phase == "final"}
    moves = [(a, b, x) for a, b, x in edges(t) if x.code != d.REOPEN]
    reached = _reach([t.initial], [(a, b) for a, b, _ in moves])
    yield from (f"state {s.code} cannot be reached" for s in t.states if s.code not in reached)
    # Cancelling is a way out of every state; work must have one that finishes it.
    working = [(b, a) for a, b, x in moves if x.code != d.CANCEL]
    ends = final - {d.CANCELLED}
    if not ends:
        yield "there is no final state"
    finishing = _reach(ends, working)
    yield from (
        f"state {s.code} has no way to a final state" for s in t.states if s.phase != "final" and s.code not in finishing
    )  # fmt: skip
    for a, _b, x in edges(t):
        if a in final and x.code != d.REOPEN:
            yield f"transition {x.code} leads out of final state {a}: use exits.reopen_to"
    if t.initial in final:
        yield f"initial state {t.initial} is final"
    for state in t.exits.return_from:
        if not any(b == state and a != state for a, b, x in moves if x.target != d.PREVIOUS):
            yield f"exits.return_from names {state}, into which no other state leads"
    if t.exits.reopen_to in final:
        yield f"exits.reopen_to {t.exits.reopen_to} is final"


def _known_permission(permission: str) -> bool:
    return any(
        pattern != "*" and covers(pattern, permission) for grants in ROLES.values() for pattern in grants
    )


def _who(t: CaseType, item: str, who: Who) -> Iterator[str]:
    if who == d.NOBODY:
        yield f"{item} may be done by nobody"
    yield from (f"{item} names unknown role {r}" for r in who.roles if r not in ROLES)
    yield from (
        f"{item} names permission {p}, which no role has" for p in who.permissions if not _known_permission(p)
    )
    yield from (
        f"{item} names unknown participant role {r}"
        for r in who.participants
        if r not in (*t.roles, "watcher")
    )


def _holder(t: CaseType, item: str, holder: str, *more: str) -> Iterator[str]:
    kind, _, rest = holder.partition(":")
    good = holder in (*_HOLDERS, *more) or (
        (kind == "participant" and rest in t.roles)
        or (kind == "role" and rest in ROLES)
        or (kind == "post" and rest)
    )
    if not good:
        yield f"{item}: unknown holder {holder}"


def _people(t: CaseType) -> Iterator[str]:
    yield from _who(t, "opening", t.opened_by)
    for x in t.transitions:
        yield from _who(t, f"transition {x.code}", x.who)
        if x.assign not in (None, "actor", "reporter", "enterprise", "fields") and not x.assign.startswith(
            "post:"
        ):
            yield f"transition {x.code}: unknown assignment {x.assign}"
        if x.assign == "fields" and not any(f.kind in _PARTY_FIELDS for f in x.fields):
            yield f"transition {x.code} assigns from its fields but has none of a person, post, department or enterprise"
    for s in t.states:
        yield from _holder(t, f"state {s.code}", s.holder)
    if t.owner is not None:
        yield from _holder(t, "owner", t.owner)
    yield from (
        f"visibility names unknown role {r}" for r in t.visibility.roles if r != "*" and r not in ROLES
    )


def _step(t: CaseType, item: str, step: Step) -> Iterator[str]:
    if sum(v is not None for v in (step.share, step.minutes, step.overdue)) != 1:
        yield f"{item}: a step needs exactly one of share, minutes and overdue"
    if not 1 <= step.priority <= 4:
        yield f"{item}: priority {step.priority} is not 1 to 4"
    if not step.to:
        yield f"{item}: a step tells nobody"
    for target in step.to:
        kind, _, rest = target.partition(":")
        if (
            target not in _TARGETS
            and not (kind == "role" and rest in ROLES)
            and not (kind == "post" and rest)
        ):
            yield f"{item}: unknown recipient {target}"


def _clocks(t: CaseType) -> Iterator[str]:
    known = {c.code for c in t.clocks}
    states = {s.code for s in t.states}
    used = set(t.starts)
    for item, words in (
        ("starts", t.starts), ("exits.reopen_starts", t.exits.reopen_starts),
        *((f"transition {x.code}", (*x.starts, *x.pauses, *x.resumes, *x.stops)) for x in t.transitions),
    ):  # fmt: skip
        yield from (f"{item} names unknown clock {w}" for w in words if w not in known)
    for x in t.transitions:
        used.update(x.starts)
    for clock in t.clocks:
        item = f"clock {clock.code}"
        if clock.code not in used:
            yield f"{item} is never started"
        if isinstance(clock.allowed, d.Allowance):
            minutes, days = clock.allowed.minutes, clock.allowed.working_days
            if (minutes is None) == (days is None) or (minutes or days or 0) <= 0:
                yield f"{item} needs minutes or working days above zero"
        if not 0 < clock.warn <= 1:
            yield f"{item}: warn is not a share"
        yield from _holder(t, item, clock.holder, "state")
        yield from (f"{item} is paused in unknown state {s}" for s in clock.paused_in if s not in states)
        for number, step in enumerate(clock.escalation or (), 1):
            yield from _step(t, f"{item}, step {number}", step)
    for number, step in enumerate(t.escalation, 1):
        yield from _step(t, f"escalation, step {number}", step)


def _fields(t: CaseType) -> Iterator[str]:
    known: dict[str, d.Field] = {}
    for place, fields in (
        ("opening", t.fields),
        *((f"transition {x.code}", x.fields) for x in t.transitions),
    ):
        for one in fields:
            if one.kind == "choice" and not one.choices:
                yield f"{place}: field {one.code} has no choices"
            if one.minimum is not None and one.maximum is not None and one.minimum > one.maximum:
                yield f"{place}: field {one.code} has a minimum above its maximum"
            before = known.setdefault(one.code, one)
            if (before.kind, before.choices) != (one.kind, one.choices):
                yield f"{place}: field {one.code} is declared elsewhere with another kind"
    yield from (f"column {c} is no field" for c in t.columns if c not in known)


def text_keys(t: CaseType) -> Iterator[tuple[str, str]]:
    """``(key, common key)`` of all texts a type needs; the common one serves where the module has none."""
    yield t.code, ""
    yield from ((f"{t.code}.state.{s.code}", f"cases.state.{s.code}") for s in t.states)
    yield from ((f"{t.code}.do.{x.code}", f"cases.do.{x.code}") for x in t.transitions)
    yield from ((f"{t.code}.role.{r}", f"cases.role.{r}") for r in t.roles)
    yield from ((f"{t.code}.clock.{c.code}", f"cases.clock.{c.code}") for c in t.clocks)
    for fields in (t.fields, *(x.fields for x in t.transitions)):
        for one in fields:
            yield f"{t.code}.field.{one.code}", f"cases.field.{one.code}"
            if one.code != "clock":  # its choices are the clocks, which have texts of their own
                yield from (
                    (f"{t.code}.field.{one.code}.{c}", f"cases.field.{one.code}.{c}") for c in one.choices
                )  # fmt: skip


def _texts(t: CaseType) -> Iterator[str]:
    for language in i18n.LANGUAGES:
        missing = dict.fromkeys(
            key for key, common in text_keys(t) if not i18n.has(key, language) and not i18n.has(common, language)
        )  # fmt: skip
        yield from (f"no {language} text {key}" for key in missing)
