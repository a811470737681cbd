"""Feasibility on synthetic clips, few of each so that the test stays short.

It says that the detector can see what it is for, not how often it is wrong: false smoke under a cloud's shadow, jitter, lamps
and rain are not counted here yet.
"""

from __future__ import annotations

import cv2
import pytest
from tests.lookout.suspicion.clips import BEGIN, REAL, clip

from parksight.lookout.suspicion.detector import LEARN, Detector

NAMES = {"smoke": "smoke", "flame": "flame", "intruder": "intrusion"}


def first(kind: str, seed: int) -> dict[str, float]:
    """Kind of sighting to seconds after the beginning of the event."""
    cv2.setNumThreads(1)
    detector, found = Detector(), {}
    for k, picture in enumerate(clip(kind, seed)):
        for sighting in detector.add(picture):
            found.setdefault(sighting.kind, (k - BEGIN) / 5)
    return found


@pytest.mark.parametrize("kind", REAL)
def test_what_happens_is_noticed_in_at_least_one_clip_of_two_and_not_before(kind: str) -> None:
    found = [first(kind, seed) for seed in (0, 1)]
    times = [f[NAMES[kind]] for f in found if NAMES[kind] in f]
    assert times
    assert min(times) > 0


@pytest.mark.parametrize("kind", ["plain", "shadow"])
def test_nothing_is_noticed_where_nothing_happens(kind: str) -> None:
    found = first(kind, 0)
    assert "flame" not in found
    assert "intrusion" not in found


def test_nothing_is_said_while_the_background_is_learnt() -> None:
    detector = Detector()
    for k, picture in enumerate(clip("flame", 3)):
        if k >= LEARN - 1:
            break
        assert detector.add(picture) == []
