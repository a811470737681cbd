"""Hypothesis without deadlines: the first call of a compiled kernel compiles it."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("hj212", deadline=None)
settings.load_profile("hj212")
