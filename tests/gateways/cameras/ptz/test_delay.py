"""The delay of the telemetry from pictures of a synthetic slew: a noisy panorama, looked at through a moving window."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from parksight.gateways.cameras.protocols import PtzSample
from parksight.gateways.cameras.ptz.delay import HEIGHT, WIDTH, DelayError, Shifts, estimate

PER_DEGREE = WIDTH / 60.0


def panorama(seed: int) -> np.ndarray:
    """Buildings, texture and sky of 360 degrees, at twice the resolution."""
    rng = np.random.default_rng(seed)
    width = round(360 * PER_DEGREE * 2)
    picture = np.full((HEIGHT * 2, width), 200, np.float32)
    picture[HEIGHT:] = 90
    for _ in range(400):
        x, w, h = rng.integers(0, width), rng.integers(10, 80), rng.integers(10, 150)
        picture[HEIGHT + 40 - h : HEIGHT + 40, x : x + w] = rng.integers(20, 220)
    picture += cv2.GaussianBlur(rng.normal(0, 40, picture.shape).astype(np.float32), (0, 0), 2.0)
    return np.clip(picture, 0, 255)


def view(whole: np.ndarray, pan: float, rng: np.random.Generator) -> np.ndarray:
    centre = (pan % 360) * PER_DEGREE * 2
    columns = (centre + (np.arange(WIDTH) - WIDTH / 2) * 2) % whole.shape[1]
    x, y = np.meshgrid(columns.astype(np.float32), (np.arange(HEIGHT) * 2).astype(np.float32))
    seen = cv2.remap(whole, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    gain = rng.uniform(0.97, 1.03)
    return np.clip(seen * gain + rng.normal(0, 3, seen.shape), 0, 255).astype(np.uint8)


def slew(t: float, rate: float) -> float:
    """Degrees turned at ``t`` seconds: rest, a turn with soft ends, rest, and some way back."""

    def ramp(u: float) -> float:
        u = min(max(u, 0.0), 1.0)
        return u * u * (3 - 2 * u)

    return rate * 2 * ramp((t - 0.8) / 2) - rate * ramp((t - 3.3) / 1.2)


def trial(seed: int, delay: float, rate: float = 25.0, *, step: float = 0.02, seconds: float = 5.5) -> float:
    rng = np.random.default_rng(seed)
    whole, shifts = panorama(seed), Shifts()
    for k in range(int(seconds * 15)):
        t = k / 15 + rng.normal(0, 0.0005)
        shifts.add(1e12 + t * 1000, view(whole, 170 + slew(t, rate), rng))
    telemetry = []
    t = rng.uniform(0, 0.1)
    while t < seconds:
        told = 170 + slew(t - delay / 1000, rate) + rng.normal(0, 0.005)
        told = (round(told / step) * step + 180) % 360 - 180  # across the seam, in the encoder's steps
        telemetry.append(PtzSample(1e12 + (t + rng.normal(0, 0.002)) * 1000, told, 0.0, 1.0))
        t += 0.1
    found = estimate(shifts, telemetry)
    assert 1 / found.degrees_per_pixel == pytest.approx(PER_DEGREE, rel=0.1)
    return found.delay_ms - delay


def test_bias_and_largest_error() -> None:
    errors = [
        trial(seed, delay) for seed, delay in enumerate((0, 40, 80, 120, 150, 200, 260, 320, 90, 60, 30, 180))
    ]
    print("bias", np.mean(errors), "sd", np.std(errors), "max", np.max(np.abs(errors)))
    assert abs(np.mean(errors)) < 3.0
    assert np.max(np.abs(errors)) < 10.0


@pytest.mark.parametrize("rate", [8.0, 40.0])
def test_slow_and_fast(rate: float) -> None:
    assert abs(trial(7, 110, rate)) < 10.0


def test_a_picture_that_stands_still_says_nothing() -> None:
    rng = np.random.default_rng(1)
    whole, shifts = panorama(1), Shifts()
    for k in range(60):
        shifts.add(1e12 + k * 66, view(whole, 10.0, rng))
    still = [PtzSample(1e12 + k * 100, 10.0, 0, 1) for k in range(40)]
    with pytest.raises(DelayError) as caught:
        estimate(shifts, still)
    assert caught.value.reason == "too_little_turn"
    turning = [PtzSample(1e12 + k * 100, slew(k / 10, 25.0), 0, 1) for k in range(40)]
    with pytest.raises(DelayError) as caught:
        estimate(shifts, turning)  # telemetry of another camera
    assert caught.value.reason in ("no_agreement", "not_clear")


def test_a_steady_turn_without_ends_is_not_clear() -> None:
    rng = np.random.default_rng(2)
    whole, shifts = panorama(2), Shifts()
    for k in range(60):
        shifts.add(1e12 + k * 66.0, view(whole, k * 1.3, rng))
    telemetry = [PtzSample(1e12 - 1000 + k * 100, (k - 10) * 1.3 * 100 / 66, 0, 1) for k in range(70)]
    with pytest.raises(DelayError) as caught:
        estimate(shifts, telemetry)
    assert caught.value.reason in ("not_clear", "no_agreement")


def test_it_is_bounded() -> None:
    shifts = Shifts(most=5)
    for k in range(20):
        shifts.add(1e12 + k * 66.0, np.full((HEIGHT, WIDTH, 3), 100 + (k % 2) * math.floor(k), np.uint8))
    assert len(shifts.pixels) <= 5
