"""Filling cycles of tanks and batches of reactors: every cycle draws its own size, none needs the one before."""

from __future__ import annotations

import numpy as np

from parkzone.behaviour import noise
from parkzone.behaviour.noise import F64, U64

_BATCH = np.array(
    # share of the batch, position: charge, heat, react, cool, discharge
    [
        (0.0, 0.05),
        (0.12, 0.08),
        (0.30, 0.92),
        (0.36, 1.0),
        (0.68, 0.97),
        (0.84, 0.30),
        (0.95, 0.05),
        (1.0, 0.05),
    ]
)


def _place(
    seconds: F64, length_s: F64, keys: U64
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], F64]:
    """Index of the cycle and position 0..1 in it, shape (P, T); every point has its own phase."""
    phase = noise.uniform(keys, np.zeros(len(keys), np.int64))
    position = seconds[None, :] / length_s[:, None] + phase[:, None]
    index = np.floor(position)
    return index.astype(np.int64), position - index


def tank(keys: U64, seconds: F64, length_h: F64) -> F64:
    """Filling 0..1: filled, held, drawn down to the next cycle's low; continuous over cycle ends."""
    index, x = _place(seconds, length_h * 3600.0, keys)
    wide = np.broadcast_to(keys[:, None], index.shape)
    high = 0.62 + 0.38 * noise.uniform(wide, index * 2)
    low = 0.25 * noise.uniform(wide, index * 2 + 1)
    following = 0.25 * noise.uniform(wide, index * 2 + 3)
    filling = low + (high - low) * np.clip(x / 0.42, 0.0, 1.0)
    drawing = (high - following) * np.clip((x - 0.55) / 0.45, 0.0, 1.0)
    out: F64 = filling - drawing
    return out


def batch(keys: U64, seconds: F64, length_h: F64) -> F64:
    """Batch position 0..1 of a reactor, a little different every time."""
    index, x = _place(seconds, length_h * 3600.0, keys)
    wide = np.broadcast_to(keys[:, None], index.shape)
    size = 0.9 + 0.1 * noise.uniform(wide, index)
    out: F64 = 0.05 + (np.interp(x, _BATCH[:, 0], _BATCH[:, 1]) - 0.05) * size
    return out
