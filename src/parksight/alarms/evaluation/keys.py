"""Names of steps as whole numbers: rule, point and step in one int64, so that a class of points has one key each."""

from __future__ import annotations

from typing import Final

_STEP_BITS: Final = 5
_POINT_BITS: Final = 31
_ABOVE: Final = _STEP_BITS + _POINT_BITS
#: Highest rule id a key has room for.
MAX_RULE_ID: Final = (1 << (63 - _ABOVE)) - 1


def step_key(rule_id: int, point_id: int, step: int) -> int:
    """The key of a step; ``step`` is its place in ``models.STEPS``."""
    return (rule_id << _ABOVE) | (point_id << _STEP_BITS) | step


def rule_of(key: int) -> int:
    """Rule id of a key."""
    return key >> _ABOVE


def point_of(key: int) -> int:
    """Point id of a key."""
    return (key >> _STEP_BITS) & ((1 << _POINT_BITS) - 1)


def step_of(key: int) -> int:
    """Place in ``models.STEPS`` of a key's step."""
    return key & ((1 << _STEP_BITS) - 1)
