"""What an exception of a device means for the polling: a table, no branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: ``split``: ask the values of the block one by one, put aside those that do not exist. ``busy``: wait and try
#: again. ``dead``: the gateway answers for a unit that does not; leave the unit alone for a while, the others
#: go on. ``fault``: counted, asked again at the next poll.
Action = Literal["split", "busy", "dead", "fault"]


@dataclass(frozen=True, slots=True)
class ExceptionMeaning:
    """An exception code of V1.1b3 7 and what follows from it."""

    reason: str
    action: Action


EXCEPTIONS: dict[int, ExceptionMeaning] = {
    0x01: ExceptionMeaning("illegal_function", "split"),
    0x02: ExceptionMeaning("illegal_address", "split"),
    0x03: ExceptionMeaning("illegal_value", "split"),
    0x04: ExceptionMeaning("device_failure", "fault"),
    0x05: ExceptionMeaning("acknowledge", "busy"),
    0x06: ExceptionMeaning("device_busy", "busy"),
    0x08: ExceptionMeaning("memory_parity", "fault"),
    0x0A: ExceptionMeaning("gateway_path", "dead"),
    0x0B: ExceptionMeaning("gateway_target", "dead"),
}


def meaning(code: int) -> ExceptionMeaning:
    """The meaning of a code; an unknown one is a fault."""
    return EXCEPTIONS.get(code) or ExceptionMeaning("exception_other", "fault")
