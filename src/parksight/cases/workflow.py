"""The engine's own kind of work: an event somebody saw and reported (随手拍)."""

from __future__ import annotations

from parksight.cases.declaration import (
    Allowance,
    CaseType,
    Deadline,
    Demand,
    Exits,
    Field,
    State,
    Step,
    Transition,
    Visibility,
    Who,
)

VERIFY, SUPERVISE = "cases.case.verify", "cases.case.supervise"
_SUPERVISOR = Who(permissions=(SUPERVISE,))

#: Photo from the phone → case → assigned → fixed → verified → closed.
REPORT = CaseType(
    code="cases.report",
    prefix="SP",
    initial="reported",
    opened_by=Who(anyone=True, system=True),
    subjects=(),
    fields=(
        Field("category", "choice", True, choices=("safety", "environment", "traffic", "facility", "order", "other")),
        Field("place", maximum=300),
    ),
    states=(
        State("reported", holder="role:duty_operator"),
        State("assigned"),
        State("fixing"),
        State("fixed", "waiting", holder="reporter"),
        State("closed", "final"),
        State("unfounded", "final"),
    ),
    transitions=(
        Transition(
            "assign", ("reported",), "assigned", Who(permissions=(SUPERVISE,), roles=("duty_operator",)),
            fields=(
                Field("to_department", "department"), Field("to_enterprise", "enterprise"), Field("to_user", "user"),
                Field("grade", "choice", True, choices=("ordinary", "urgent")),
            ),
            starts=("fix",), stops=("triage",), assign="fields", bulk=True,
        ),
        Transition(
            "dismiss", ("reported",), "unfounded", Who(permissions=(SUPERVISE,), roles=("duty_operator",)),
            comment="required", not_by=("open",), result="unfounded",
        ),
        Transition("accept", ("assigned",), "fixing", Who(owner=True), assign="actor", late=True, bulk=True),
        Transition(
            "fix", ("fixing",), "fixed", Who(owner=True), fields=(Field("measure", required=True, minimum=2, maximum=2000),),
            evidence=(Demand("photo"),), late=True, pauses=("fix",), starts=("verify",),
        ),
        Transition(
            "verify", ("fixed",), "closed", Who(reporter=True, permissions=(VERIFY,)), not_by=("fix",), result="done",
        ),
        Transition(
            "reject", ("fixed",), "fixing", Who(reporter=True, permissions=(VERIFY,)), comment="required",
            not_by=("fix",), resumes=("fix",), stops=("verify",), returned=True,
        ),
    ),
    clocks=(
        Deadline("triage", Allowance(minutes=30), extendable=False),
        Deadline("fix", lambda fields: Allowance(working_days=1 if fields.get("grade") == "urgent" else 3)),
        Deadline("verify", Allowance(working_days=2), extendable=False),
    ),
    starts=("triage",),
    escalation=(
        Step(("owner",), share=0.8, priority=3),
        Step(("owner", "role:duty_operator"), share=1.0, priority=2),
        Step(("role:zone_leader",), overdue=24 * 60, priority=2),
    ),
    visibility=Visibility(hide_reporter=True),
    exits=Exits(
        cancel=Who(reporter=True, permissions=(SUPERVISE,)),
        reopen=Who(reporter=True, permissions=(SUPERVISE,)),
        reopen_to="fixing",
        reopen_starts=("fix",),
        return_from=("assigned", "fixing"),
        transfer=_SUPERVISOR,
        grant_extension=_SUPERVISOR,
    ),
    columns=("category", "grade"),
)  # fmt: skip

TYPES = (REPORT,)
