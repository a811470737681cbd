"""Words the tables use; their order is their code on the hot path where they have one."""

from __future__ import annotations

#: Words of ``alarms_alarm.step`` in the order of their codes on the hot path.
STEPS = ("HH", "H", "L", "LL", "STALE", "ON")
#: What the plant does.
CONDITIONS = ("active", "unknown", "cleared")
#: What people did about it. ``suppressed``: never announced, so nobody has anything to handle.
HANDLINGS = ("new", "acknowledged", "verifying", "classified", "responding", "closed", "suppressed")
#: Why an alarm does not annunciate (ISA-18.2: SHLVD, DSUPR, OOSRV), and our own flicker guard.
SUPPRESSIONS = ("shelved", "by_design", "out_of_service", "chattering")
#: What an alarm turned out to be (the taxonomy a closing must choose from).
CAUSES = ("real", "test", "sensor", "communication", "calibration", "nuisance", "drill")
#: States of ISA-18.2 / IEC 62682.
STATES = (
    "NORM", "UNACK", "ACKED", "RTNUN", "LATCH_UNACK", "LATCH_ACK", "SHLVD", "DSUPR", "OOSRV",
)  # fmt: skip
#: What holds a group together.
GROUP_KINDS = ("single", "thing", "unit", "source", "wind", "manual")
#: Works announced beforehand.
WINDOW_KINDS = ("calibration", "maintenance")
#: Entries of the journal.
WHATS = (
    "raised", "repeated", "cleared", "unknown", "known", "withdrawn", "acknowledged", "verifying", "classified",
    "responding", "returned", "closed", "reset", "shelved", "unshelved", "out_of_service", "returned_to_service",
    "suppressed", "unsuppressed", "chattering", "calmed", "realarmed", "grouped", "moved",
)  # fmt: skip
#: Lives of a reaction.
REACTION_STATES = ("waiting", "running", "done", "failed", "refused", "no_provider")
#: How a version of a rule came into force.
HOWS = ("commissioning", "approved", "emergency")
#: Lives of a proposal.
PROPOSAL_STATES = ("open", "approved", "rejected", "withdrawn", "outdated")
#: Kinds of rules by their signal; their order is their code on the hot path.
KINDS = (
    "limit", "stale", "rate", "deviation", "flat", "range", "state", "change", "expression", "vote", "count", "ewma",
    "cusum", "average", "suspect",
)  # fmt: skip
