"""States of an alarm after ISA-18.2 / IEC 62682, and what handling may follow what: pure, no records.

Condition is the plant's, handling is people's. The standard's state is read off both:

* suppressed states come first: SHLVD (by an operator, for a time), DSUPR (by design), OOSRV (maintenance);
* beyond its limit, or not known to be back: UNACK until acknowledged, then ACKED;
* back: RTNUN until acknowledged, then NORM; a latching alarm is LATCH_UNACK / LATCH_ACK until a person resets it.

An alarm that chatters is only kept from being announced again; its state is that of its condition.
"""

from __future__ import annotations

from typing import Final

#: Suppressions that are states of the standard.
_SILENT: Final = {"shelved": "SHLVD", "by_design": "DSUPR", "out_of_service": "OOSRV"}

#: Handling -> what may follow. Closing is possible from each state a person has brought about.
FOLLOWS: Final[dict[str, frozenset[str]]] = {
    "new": frozenset({"acknowledged"}),
    "acknowledged": frozenset({"verifying", "classified", "closed", "new"}),
    "verifying": frozenset({"classified", "closed", "new"}),
    "classified": frozenset({"responding", "verifying", "closed", "new"}),
    "responding": frozenset({"verifying", "closed", "new"}),
    "closed": frozenset(),
    "suppressed": frozenset({"new"}),
}


def state_of(
    condition: str, *, acknowledged: bool, suppressed: str | None = None, latching: bool = False, reset: bool = False
) -> str:  # fmt: skip
    """State of ISA-18.2 of one occurrence.

    Args:
        condition: ``active``, ``unknown`` or ``cleared``; unknown counts as not back.
        acknowledged: a person took note of it.
        suppressed: ``shelved``, ``by_design``, ``out_of_service``, ``chattering`` or None.
        latching: stays until it is reset.
        reset: a person reset it.
    """
    if suppressed in _SILENT:
        return _SILENT[suppressed]
    if condition != "cleared":
        return "ACKED" if acknowledged else "UNACK"
    if latching and not reset:
        return "LATCH_ACK" if acknowledged else "LATCH_UNACK"
    return "NORM" if acknowledged else "RTNUN"


def is_open(condition: str, handling: str, *, latching: bool = False, reset: bool = False) -> bool:
    """Whether it must be listed whatever the time window: it stands, is latched, or nobody named its cause."""
    return condition != "cleared" or handling not in ("closed", "suppressed") or (latching and not reset)
