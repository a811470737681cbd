"""What the settings allow, so that pages neither guess nor offer what would be refused."""

from __future__ import annotations

from pydantic import BaseModel


class AlarmLimits(BaseModel):
    """Limits and tables of this site's settings.

    Attributes:
        priority_matrix: consequence -> time to respond -> priority (ISA-18.2 rationalisation).
        shelve_max_minutes: longest shelf by priority, 1 first.
        service_max_hours: longest time out of service before a new decision.
        commissioning_days: days after its making in which a rule may be changed without a second person.
        never_delay_kinds: kinds of points whose alarms take no on-delay.
        escalate_s: seconds without acknowledgement until post, enterprise, officer and leader are told.
    """

    priority_matrix: dict[str, dict[str, int]]
    shelve_max_minutes: list[int]
    service_max_hours: int
    commissioning_days: int
    never_delay_kinds: list[str]
    escalate_s: list[int]
