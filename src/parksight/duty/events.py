"""What duty tells the house."""

from __future__ import annotations

from parksight.kernel.bus import Event


class ShiftsChanged(Event, frozen=True):
    """Who works when at a desk has changed."""

    desk_id: int

    @classmethod
    def subject(cls) -> str:
        return "duty.shifts.changed"


class AbsenceChanged(Event, frozen=True):
    """An absence was requested, decided or ended; rights of deputies may have changed."""

    absence_id: int
    user_id: int
    deputy_id: int
    state: str

    @classmethod
    def subject(cls) -> str:
        return "duty.absence.changed"


class ShiftHandedOver(Event, frozen=True):
    """Both have signed."""

    handover_id: int
    desk_id: int
    to_shift_id: int

    @classmethod
    def subject(cls) -> str:
        return "duty.handover.done"
