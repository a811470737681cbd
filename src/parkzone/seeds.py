"""Named random streams: every part of the zone draws from its own, so that a change in one moves no other."""

from __future__ import annotations

import zlib

import numpy as np

#: Seed of the published demo zone.
DEFAULT_SEED = 20261123


def stream(seed: int, *names: str | int) -> np.random.Generator:
    """The generator of one named part; the same seed and names always give the same draws."""
    words = [zlib.crc32(str(name).encode()) for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def key(seed: int, *names: str | int) -> int:
    """64-bit key of one named part, for the stateless noise of :mod:`parkzone.behaviour.noise`."""
    return int(stream(seed, *names).integers(0, 2**63))
