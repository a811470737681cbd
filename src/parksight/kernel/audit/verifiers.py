"""Histories of other modules that are anchored in the audit chain: they prove themselves along with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Verdict:
    """What a module found about its histories.

    Attributes:
        name: of the module.
        sound: whether all of them hold.
        checked: how many were found sound before the first fault.
        text: the finding in words; names the first broken link.
    """

    name: str
    sound: bool
    checked: int
    text: str


#: Reads records only; called after the audit chain itself was found sound or not.
Verifier = Callable[[Session], Verdict]
