from __future__ import annotations

import cv2
import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from tests.lookout.pictures import landscape

from parksight.lookout.health.judge import KINDS, Judge, Look
from parksight.lookout.health.measures import Grey, blurred, dark, figures, grey, same, shift

SCENES = [grey(landscape(seed)) for seed in range(6)]


def noisy(picture: Grey, seed: int, gain: float = 1.0, sigma: float = 3.0) -> Grey:
    noise = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(picture * gain + noise, 0, 255).astype(np.uint8)


def looks(judge: Judge, *pictures: Grey | None) -> dict[str, bool | None]:
    out: dict[str, bool | None] = {}
    for picture in pictures:
        out = judge.add(Look(picture, silent_s=60.0))
    return out


@pytest.mark.parametrize("gain", [0.5, 1.0, 1.3])
@pytest.mark.parametrize("scene", range(6))
def test_a_good_picture_in_any_light_has_no_fault(scene: int, gain: float) -> None:
    judge = Judge()
    found = looks(judge, *(noisy(SCENES[scene], i, gain) for i in range(8)))
    assert {k: found[k] for k in ("lost", "frozen", "dark", "blurred")} == dict.fromkeys(("lost", "frozen", "dark", "blurred"), False)  # fmt: skip
    assert found["shifted"] is None, "without a reference nothing is known of a shift"
    assert found["clock"] is None, "a camera that tells no time has no right one"


@pytest.mark.parametrize("scene", range(6))
def test_each_fault_is_told_after_a_second_look_and_not_before(scene: int) -> None:
    good = SCENES[scene]
    hazy = np.asarray(cv2.GaussianBlur(good, (0, 0), 4), np.uint8)
    judge = Judge()
    looks(judge, *(noisy(good, i) for i in range(6)))
    assert looks(judge, noisy(hazy, 9, sigma=1))["blurred"] is None
    assert looks(judge, noisy(hazy, 10, sigma=1))["blurred"] is True
    night = Judge()
    assert looks(night, noisy(good, 1, 0.05))["dark"] is None
    found = looks(night, noisy(good, 2, 0.05))
    assert found["dark"] is True
    assert found["blurred"] is None, "nobody can tell sharpness in the dark"


def test_a_frozen_picture_is_told_at_the_third_equal_one() -> None:
    judge = Judge()
    one = noisy(SCENES[0], 1)
    assert [judge.add(Look(one))["frozen"] for _ in range(4)] == [None, None, True, True]
    assert judge.add(Look(noisy(SCENES[0], 2)))["frozen"] is False


def test_without_a_picture_only_the_loss_is_known() -> None:
    judge = Judge(lost_after_s=15)
    looks(judge, noisy(SCENES[0], 1))
    assert judge.add(Look(None, silent_s=5))["lost"] is None
    found = judge.add(Look(None, silent_s=20))
    assert found["lost"] is True
    assert all(found[k] is None for k in KINDS if k not in ("lost",))


def test_a_wrong_clock_is_told_also_without_a_picture() -> None:
    assert Judge().add(Look(None, skew_ms=3_600_000, exact=False))["clock"] is True
    assert Judge().add(Look(None, exact=True))["clock"] is False


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-20, 20), st.floats(-12, 12), st.floats(0.6, 1.4), st.integers(0, 5), st.integers(0, 2**31),
)  # fmt: skip
def test_a_shift_is_found_to_a_fifth_of_a_pixel_in_other_light(
    dx: float, dy: float, gain: float, scene: int, seed: int
) -> None:
    big = grey(landscape(scene, (704, 424)))
    base = big[32:392, 32:672]
    moved = cv2.warpAffine(big, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (704, 424))[32:392, 32:672]
    found = shift(np.ascontiguousarray(base), noisy(np.asarray(moved, np.uint8), seed, gain))
    assert found is not None
    assert abs(found.dx - dx) < 0.2
    assert abs(found.dy - dy) < 0.2
    assert found.response > 0.2


def test_other_places_do_not_pass_for_a_shift() -> None:
    responses = [shift(a, b).response for i, a in enumerate(SCENES) for b in SCENES[:i]]  # type: ignore[union-attr]
    assert max(responses) < 0.1


def test_nothing_is_said_of_an_empty_picture() -> None:
    flat = np.full((360, 640), 90, np.uint8)
    assert figures(flat).sharpness is None
    assert blurred(figures(flat), None) is None
    assert shift(flat, SCENES[0]) is None
    assert shift(SCENES[0], SCENES[0][:100]) is None
    assert not dark(figures(flat))
    assert same(flat, flat.copy())
