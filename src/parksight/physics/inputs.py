"""What every formula asks of its inputs: known numbers. A NaN that slips in would come out as an empty map, read as safe."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def known(**values: npt.ArrayLike) -> None:
    """Raise ValueError naming the first argument that is NaN or infinite, anywhere in it if it is an array."""
    for name, value in values.items():
        if not np.isfinite(value).all():
            raise ValueError(f"{name} is unknown ({_shown(value)}): give a measured or stated value")


def positive(**values: npt.ArrayLike) -> None:
    """Raise ValueError naming the first argument that is unknown or not above 0."""
    for name, value in values.items():
        if not (np.isfinite(value) & (np.asarray(value) > 0)).all():
            raise ValueError(f"{name} must be known and above 0, not {_shown(value)}")


def not_negative(**values: npt.ArrayLike) -> None:
    """Raise ValueError naming the first argument that is unknown or below 0."""
    for name, value in values.items():
        if not (np.isfinite(value) & (np.asarray(value) >= 0)).all():
            raise ValueError(f"{name} must be known and 0 or more, not {_shown(value)}")


def _shown(value: npt.ArrayLike) -> str:
    size = np.size(value)
    return str(value) if size == 1 else f"an array of {size} with gaps or values out of range"
