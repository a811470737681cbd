"""Threshold rules with deadband and delays, as the catalogue states them, over simulated series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from parkzone.catalogue.specs import Limits


@dataclass
class Outcome:
    raised: list[int]
    open: np.ndarray


def evaluate(values: np.ndarray, usable: np.ndarray, limits: Limits, step_s: float) -> Outcome:
    """Raised steps (indices into the series) and how many conditions stand at each instant."""
    raised: list[int] = []
    standing = np.zeros(len(values), int)
    steps = ((limits.high, 1), (limits.high_high, 1), (limits.low, -1), (limits.low_low, -1))
    for limit, sign in steps:
        if limit is None:
            continue
        y, edge = sign * values, sign * limit
        if not (y >= edge).any():
            continue
        on, since = False, 0
        for k, v in enumerate(y):
            if not usable[k]:
                continue
            wanted = v >= edge if not on else v < edge - limits.deadband
            since = since + 1 if wanted else 0
            delay = limits.off_delay_s if on else limits.on_delay_s
            if since and (since - 1) * step_s >= delay:
                on, since = not on, 0
                if on:
                    raised.append(k)
            standing[k] += on
    return Outcome(raised, standing)
