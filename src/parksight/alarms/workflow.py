"""Handling of alarms as work: one case per group of alarms with one cause.

new → acknowledged → verifying → classified → responding → closed with a cause. Nothing closes it but a person with a
cause; it cannot be cancelled. Unacknowledged it climbs: post, enterprise, officer, leader.
"""

from __future__ import annotations

from parksight.alarms.models.words import CAUSES
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
    Visibility,
    Who,
)
from parksight.kernel.settings import AlarmSettings

HANDLING = "alarms.handling"
#: The clock that runs until somebody takes note.
ACKNOWLEDGE_CLOCK = "acknowledge"
ACKNOWLEDGE, VERIFY, CLASSIFY, RESPOND, CLOSE = "acknowledge", "verify", "classify", "respond", "close"
#: The platform's own: worse news came in; a person merged the group into another.
REARM, MERGE = "rearm", "merge"
MAY_ACKNOWLEDGE, MAY_HANDLE, MAY_GROUP = (
    "alarms.alarm.acknowledge",
    "alarms.alarm.handle",
    "alarms.group.write",
)
MERGED = "merged"
_TAKEN = ("acknowledged", "verifying", "classified", "responding")
_CAUSE = Field("cause", "choice", required=True, choices=CAUSES)
#: Whom each rung of the ladder tells, in the order of ``AlarmSettings.escalate_s``.
LEVELS = (
    ("owner", "post", "role:duty_operator"),
    ("enterprise",),
    ("role:safety_officer",),
    ("role:zone_leader",),
)


def ladder(settings: AlarmSettings) -> tuple[Step, ...]:
    """Who is told when nobody takes note; seconds from the settings."""
    return tuple(
        Step(to=to, minutes=seconds / 60, priority=min(2, 4 - level))
        for level, (to, seconds) in enumerate(zip(LEVELS, settings.escalate_s, strict=True))
    )


def handling(settings: AlarmSettings) -> CaseType:
    """The declaration, with the escalation times of this zone."""
    people = Who(permissions=(MAY_HANDLE,))
    return CaseType(
        code=HANDLING,
        prefix="AL",
        initial="new",
        states=(
            State("new"),
            *(State(code) for code in _TAKEN),
            State("closed", phase="final"),
            State(MERGED, phase="final"),
        ),
        transitions=(
            Transition(
                ACKNOWLEDGE, ("new",), "acknowledged", Who(permissions=(MAY_ACKNOWLEDGE,)), stops=(ACKNOWLEDGE_CLOCK,),
                assign="actor", bulk=True,
            ),
            Transition(VERIFY, ("acknowledged", "classified", "responding"), "verifying", people),
            Transition(CLASSIFY, ("acknowledged", "verifying"), "classified", people, fields=(_CAUSE,)),
            Transition(RESPOND, ("classified",), "responding", people),
            Transition(CLOSE, _TAKEN, "closed", people, fields=(_CAUSE,), bulk=True, result="done"),
            Transition(REARM, _TAKEN, "new", Who(system=True), starts=(ACKNOWLEDGE_CLOCK,)),
            Transition(MERGE, ("new", *_TAKEN), MERGED, Who(permissions=(MAY_GROUP,)), stops=(ACKNOWLEDGE_CLOCK,), result=MERGED),
        ),
        opened_by=Who(system=True),
        fields=(),
        clocks=(
            Deadline(
                ACKNOWLEDGE_CLOCK, Allowance(minutes=settings.escalate_s[-1] / 60), escalation=ladder(settings),
                extendable=False,
            ),
        ),
        starts=(ACKNOWLEDGE_CLOCK,),
        visibility=Visibility(),
        exits=Exits(
            cancel=NOBODY, reopen=people, reopen_to="acknowledged", give_back=NOBODY,
            transfer=Who(owner=True, permissions=(MAY_HANDLE,)), ask_extension=NOBODY, grant_extension=NOBODY,
        ),
        late_opening=True,
        columns=("cause",),
        owner="role:duty_operator",
        subjects=("alarm_group",),
    )  # fmt: skip
