"""Synthetic clips: what shall be noticed, and what must not be taken for it. Made, not filmed: feasibility only."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from tests.lookout.pictures import Image, landscape

W, H, LENGTH, BEGIN = 640, 360, 110, 30
REAL = ("smoke", "flame", "intruder")
FALSE = ("plain", "shadow", "jitter", "lamp", "rain")


def clip(kind: str, seed: int) -> Iterator[Image]:
    """110 pictures at 5 a second; the event begins with picture 30."""
    rng = np.random.default_rng(seed)
    coloured = landscape(seed % 7, (W, H)).astype(np.float32) * 0.7 + 20
    base = 0.2 * coloured + 0.8 * coloured.mean(
        2, keepdims=True
    )  # land is no carnival: little colour, much structure
    yy, xx = np.mgrid[0:H, 0:W].astype(np.float32)
    cx, cy = rng.uniform(120, 520), rng.uniform(150, 300)
    px, py, angle, speed = cx, cy, rng.uniform(0, 2 * np.pi), rng.uniform(1.5, 4)
    wind, edge, light = rng.uniform(-0.6, 0.6), rng.uniform(-200, 0), 1.0
    puffs: list[list[float]] = []
    for k in range(LENGTH):
        light *= 1 + rng.normal(0, 0.002)
        f = base * light
        if kind == "shadow":
            shade = 1 / (1 + np.exp(-(edge + k * 7 - xx + 80 * np.sin(yy / 90)) / 25))
            f = f * (1 - 0.3 * shade)[..., None]
        if kind == "smoke" and k > BEGIN:
            f = _smoke(f, puffs, rng, cx, cy, wind, k)
        if kind == "flame" and k > BEGIN:
            a = np.zeros((H, W), np.float32)
            for _ in range(5):
                r, x, y = rng.uniform(1.5, 4), cx + rng.normal(0, 2), cy - rng.uniform(0, 7)
                a = np.maximum(a, np.exp(-((xx - x) ** 2 / (r * r) + (yy - y) ** 2 / (2.2 * r * r))))
            f = f * (1 - a[..., None]) + np.array([60, 170 + rng.uniform(-30, 30), 255]) * a[..., None]
        if kind == "intruder" and k > BEGIN:
            px, py = px + speed * np.cos(angle) * 0.9, py + speed * np.sin(angle) * 0.35
            f[max(0, int(py) - 6) : max(0, int(py)), max(0, int(px) - 1) : max(0, int(px) + 3)] = (60, 40, 40)
        if kind == "lamp" and k > BEGIN:  # a sodium lamp goes on and stays
            f[int(cy) - 4 : int(cy) + 4, int(cx) - 4 : int(cx) + 4] = (90, 190, 255)
        if kind == "rain" and k > BEGIN:
            for _ in range(60):
                x, y = int(rng.uniform(0, W)), int(rng.uniform(0, H - 12))
                f[y : y + 12, x : x + 1] += 50
        if kind == "jitter":
            dx, dy = rng.normal(0, 0.3, 2)
            f = cv2.warpAffine(
                f, np.array([[1, 0, dx], [0, 1, dy]], np.float32), (W, H), borderMode=cv2.BORDER_REPLICATE
            )
        f = f + rng.normal(0, 3, f.shape)
        yield np.clip(f, 0, 255).astype(np.uint8)


def _smoke(
    f: np.ndarray, puffs: list[list[float]], rng: np.random.Generator, cx: float, cy: float, wind: float, k: int
) -> np.ndarray:  # fmt: skip
    if k % 2 == 0:
        puffs.append([cx, cy, 3.0, 0.5])
    alpha = np.zeros((H, W), np.float32)
    for p in puffs:
        p[0], p[1], p[2], p[3] = (
            p[0] + wind + rng.normal(0, 0.3),
            p[1] - rng.uniform(0.8, 1.6),
            p[2] + 0.35,
            p[3] * 0.985,
        )
        r = int(3 * p[2]) + 1
        x0, x1, y0, y1 = (
            max(0, int(p[0]) - r),
            min(W, int(p[0]) + r),
            max(0, int(p[1]) - r),
            min(H, int(p[1]) + r),
        )
        if x1 > x0 and y1 > y0:
            yy, xx = np.mgrid[y0:y1, x0:x1]
            puff = 0.3 * p[3] * np.exp(-((xx - p[0]) ** 2 + (yy - p[1]) ** 2) / (2 * p[2] ** 2))
            alpha[y0:y1, x0:x1] = 1 - (1 - alpha[y0:y1, x0:x1]) * (1 - puff)
    alpha = np.clip(alpha, 0, 0.85)
    return f * (1 - alpha[..., None]) + 190 * alpha[..., None]
