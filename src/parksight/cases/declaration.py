"""What a kind of work is, as data: its states, who may move it, with what evidence, and by when.

A module declares its types in ``workflow.py``; :class:`parksight.cases.types.CaseTypes` checks them at start-up
(:mod:`parksight.cases.checks`) and the engine runs them. Texts are found by convention in the module's locale
files: ``<type>``, ``<type>.state.<state>``, ``<type>.do.<transition>``, ``<type>.field.<field>``,
``<type>.field.<field>.<choice>``, ``<type>.role.<participant role>``, ``<type>.clock.<clock>``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Phase = Literal["open", "waiting", "final"]
FieldKind = Literal[
    "text", "number", "integer", "boolean", "date", "instant", "choice", "user", "post", "department", "enterprise"
]  # fmt: skip
EvidenceKind = Literal["file", "photo", "observation", "video"]

#: Target of a transition that goes back to the state from which the present one was entered.
PREVIOUS = "<previous>"
#: Target of a transition that moves nothing.
SAME = "<same>"
#: The state in which every type's cancelled cases end, unless it declares no way to cancel.
CANCELLED = "cancelled"
#: Transitions every type has, as far as its :class:`Exits` open them.
CANCEL, REOPEN, RETURN, TRANSFER = "cancel", "reopen", "return", "transfer"
ASK_EXTENSION, GRANT_EXTENSION, REFUSE_EXTENSION = "ask-extension", "grant-extension", "refuse-extension"
EXITS = (CANCEL, REOPEN, RETURN, TRANSFER, ASK_EXTENSION, GRANT_EXTENSION, REFUSE_EXTENSION)


@dataclass(frozen=True)
class Who:
    """Who may do something; any one of these is enough.

    Attributes:
        roles: roles of the platform.
        permissions: permissions, e.g. ``cases.case.verify``.
        owner: who owns the case now, as person, holder of the post, department or enterprise.
        reporter: who opened it.
        participants: roles of participants of this case.
        enterprise: everybody of the enterprise the case concerns.
        anyone: everybody who may write cases at all and sees this one.
        system: the platform itself (rules, linkage, clocks).
    """

    roles: tuple[str, ...] = ()
    permissions: tuple[str, ...] = ()
    owner: bool = False
    reporter: bool = False
    participants: tuple[str, ...] = ()
    enterprise: bool = False
    anyone: bool = False
    system: bool = False


NOBODY = Who()


@dataclass(frozen=True)
class Field:
    """A typed value a person enters.

    Attributes:
        minimum, maximum: limits of a number, or of a text's length.
        choices: words of a ``choice``.
        unit: unit of a number, for showing.
        many: several values of this kind.
    """

    code: str
    kind: FieldKind = "text"
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    many: bool = False


@dataclass(frozen=True)
class Demand:
    """Evidence a transition asks for: at least ``minimum`` of a kind, added since the state was entered.

    Attributes:
        positioned: only evidence with a position counts.
        fresh: False accepts what was added at any time of the case.
    """

    kind: EvidenceKind
    minimum: int = 1
    positioned: bool = False
    fresh: bool = True


@dataclass(frozen=True)
class State:
    """
    Attributes:
        phase: ``open`` is work, ``waiting`` waits for somebody else than the owner, ``final`` is closed.
        holder: who answers for the time spent here: ``owner``, ``reporter``, ``enterprise``,
            ``participant:<role>``, ``role:<role>`` or ``post:<code>``.
    """

    code: str
    phase: Phase = "open"
    holder: str = "owner"


@dataclass(frozen=True)
class Transition:
    """
    Attributes:
        sources: states it leads out of.
        target: state it leads to, :data:`SAME` or :data:`PREVIOUS`.
        fields: what is entered with it; kept in the case's fields under their codes.
        evidence: what must have been shown.
        comment: ``required``, ``optional`` or ``none``.
        not_by: transitions whose doers (or those they acted for) may not do this one: separation of duties.
            ``open`` stands for opening the case.
        starts, pauses, resumes, stops: clocks.
        assign: who owns it afterwards: ``actor``, ``reporter``, ``enterprise`` (the one it concerns), ``fields``
            (what was entered in fields of kind user, post, department or enterprise), ``post:<code>``; None: no change.
        returned: counts as sent back.
        signature: meaning of the signature its doer must have given in this state, e.g. ``approved``.
        bulk: may be done to many cases at once.
        late: may be entered after the fact with the earlier time of the event; it is labelled late.
        result: what a final target means in statistics, e.g. ``done``.
    """

    code: str
    sources: tuple[str, ...]
    target: str
    who: Who
    fields: tuple[Field, ...] = ()
    evidence: tuple[Demand, ...] = ()
    comment: Literal["required", "optional", "none"] = "optional"
    not_by: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    pauses: tuple[str, ...] = ()
    resumes: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()
    assign: str | None = None
    returned: bool = False
    signature: str | None = None
    bulk: bool = False
    late: bool = False
    result: str | None = None


@dataclass(frozen=True)
class Allowance:
    """How long something may take: minutes of running time, or working days by the zone's calendar."""

    minutes: float | None = None
    working_days: int | None = None


#: A rule that finds the allowance from the fields of a case, e.g. by its grade.
Rule = Callable[[Mapping[str, object]], Allowance]


@dataclass(frozen=True)
class Step:
    """A rung of the escalation ladder; exactly one of the first three says when.

    Attributes:
        share: of the time allowed, 0.8 is the yellow light, 1.0 the deadline.
        minutes: of running time since the clock started (or was armed anew).
        overdue: minutes of running time after the deadline.
        to: ``owner``, ``post`` (holders of the owner's post), ``reporter``, ``enterprise``, ``participants``,
            ``watchers``, ``role:<role>``, ``post:<code>``.
        priority: of the message, 1 (highest) to 4.
    """

    to: tuple[str, ...]
    share: float | None = None
    minutes: float | None = None
    overdue: float | None = None
    priority: int = 3


@dataclass(frozen=True)
class Deadline:
    """A clock of the case.

    Attributes:
        allowed: how long, or a rule that says it.
        holder: who has to keep it: as ``State.holder``, or ``state`` for whoever holds the case.
        escalation: the ladder; the type's own where it is None.
        paused_in: states in which it stands still by itself.
        extendable: whether more time may be asked for.
        warn: share of the time at which the light turns yellow.
    """

    code: str
    allowed: Allowance | Rule
    holder: str = "state"
    escalation: tuple[Step, ...] | None = None
    paused_in: tuple[str, ...] = ()
    extendable: bool = True
    warn: float = 0.8


@dataclass(frozen=True)
class Visibility:
    """Who sees the cases of a type, within the enterprises they may see at all.

    Attributes:
        roles: zone roles; ``*`` is all of them.
        enterprise: whether the enterprise concerned sees them; else only its people who take part.
        hide_reporter: whether the enterprise is not told who reported when the reporter asks for that.
    """

    roles: tuple[str, ...] = ("*",)
    enterprise: bool = True
    hide_reporter: bool = False


@dataclass(frozen=True)
class Exits:
    """Common ways every type has; :data:`NOBODY` closes one.

    Attributes:
        reopen_to: state a closed case goes back to.
        reopen_starts: clocks that start anew then.
        return_from: states from which the handler may send a case back to where it came from.
    """

    cancel: Who = Who(permissions=("cases.case.supervise",))
    reopen: Who = Who(permissions=("cases.case.supervise",))
    reopen_to: str | None = None
    reopen_starts: tuple[str, ...] = ()
    give_back: Who = Who(owner=True, permissions=("cases.case.supervise",))
    return_from: tuple[str, ...] = ()
    transfer: Who = Who(owner=True, permissions=("cases.case.supervise",))
    ask_extension: Who = Who(owner=True)
    grant_extension: Who = Who(permissions=("cases.case.supervise",))


@dataclass(frozen=True)
class CaseType:
    """One kind of work.

    Attributes:
        code: ``module.noun``.
        prefix: of its numbers, e.g. ``SP`` gives ``SP-20261127-0001``.
        version: of the declaration; a case keeps the one it was opened under for the record.
        initial: state of a new case.
        opened_by: who may open one.
        fields: what is entered when it is opened.
        clocks: its clocks; ``starts`` run from the opening on.
        escalation: ladder of clocks that declare none.
        roles: roles of participants it knows.
        late_opening: whether opening may be entered after the fact.
        subjects: kinds of what it may concern; empty is any.
        columns: fields shown in its lists.
        owner: who owns a new case when nobody is named: ``reporter``, ``enterprise``, ``role:<role>``, ``post:<code>``
            or None for nobody yet.
    """

    code: str
    prefix: str
    initial: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]
    opened_by: Who
    version: int = 1
    fields: tuple[Field, ...] = ()
    clocks: tuple[Deadline, ...] = ()
    starts: tuple[str, ...] = ()
    escalation: tuple[Step, ...] = ()
    visibility: Visibility = Visibility()
    exits: Exits = Exits()
    roles: tuple[str, ...] = ()
    late_opening: bool = True
    columns: tuple[str, ...] = ()
    owner: str | None = None
    subjects: tuple[str, ...] = ()
