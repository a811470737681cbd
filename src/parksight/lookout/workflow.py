"""Suspicions as work: what a camera may have seen is proved by a person or a second camera, or dismissed with a reason.

Nothing here raises an alarm: confirming leads people to report or to alarm by the ways that exist for it.
"""

from __future__ import annotations

from parksight.cases.declaration import (
    NOBODY,
    Allowance,
    CaseType,
    Deadline,
    Exits,
    Field,
    State,
    Step,
    Transition,
    Who,
)

SUSPICION = "lookout.suspicion"
REVIEW = "lookout.suspicion.review"
CONFIRM, SECOND, DISMISS, CLOSE = "confirm", "second-camera", "dismiss", "close"
KINDS = ("smoke", "flame", "intrusion", "model")
#: Why a suspicion was none.
DISMISSALS = ("cloud", "steam", "light", "animal", "weather", "work", "camera", "other")
_PEOPLE = Who(permissions=(REVIEW,))

TYPE = CaseType(
    code=SUSPICION,
    prefix="YS",
    initial="suspected",
    opened_by=Who(system=True),
    subjects=("suspicion",),
    fields=(Field("kind", "choice", True, choices=KINDS), Field("camera", maximum=96)),
    states=(
        State("suspected", holder="role:duty_operator"),
        State("supported", holder="role:duty_operator"),
        State("confirmed", holder="role:duty_operator"),
        State("dismissed", "final"),
        State("closed", "final"),
    ),
    transitions=(
        # a second camera makes it more likely; only a person confirms
        Transition(SECOND, ("suspected",), "supported", Who(system=True)),
        Transition(CONFIRM, ("suspected", "supported"), "confirmed", _PEOPLE, stops=("review",), assign="actor"),
        Transition(
            DISMISS, ("suspected", "supported"), "dismissed", _PEOPLE, stops=("review",),
            fields=(Field("because", "choice", True, choices=DISMISSALS),), bulk=True, result="unfounded",
        ),
        Transition(CLOSE, ("confirmed",), "closed", _PEOPLE, comment="required", result="done"),
    ),
    clocks=(Deadline("review", Allowance(minutes=5), extendable=False),),
    starts=("review",),
    escalation=(
        Step(("role:duty_operator",), share=0.8, priority=2),
        Step(("role:safety_officer",), share=1.0, priority=2),
    ),
    exits=Exits(
        cancel=NOBODY, reopen=_PEOPLE, reopen_to="suspected", reopen_starts=("review",), give_back=NOBODY,
        ask_extension=NOBODY, grant_extension=NOBODY,
    ),
    columns=("kind", "camera"),
    owner="role:duty_operator",
)  # fmt: skip

TYPES = (TYPE,)
