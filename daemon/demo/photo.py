"""Pictures in the paper: a photograph of a building site, an identity card without a person."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.demo.draw import px

_CARD_MM = (85.6, 54.0)


def scene(rng: np.random.Generator, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    """Return a BGR picture (width, height) of houses, stacked goods and a road."""
    width, height = size_px[0] // 2, size_px[1] // 2
    horizon = int(height * rng.uniform(0.42, 0.55))
    out = np.empty((height, width, 3), np.float32)
    fall = np.linspace(0, 1, horizon, dtype=np.float32)[:, None, None]
    out[:horizon] = (1 - fall) * (214, 176, 132) + fall * (226, 222, 208)
    depth = np.linspace(0, 1, height - horizon, dtype=np.float32)[:, None, None]
    out[horizon:] = (1 - depth) * (128, 138, 142) + depth * (84, 96, 104)
    picture = out.astype(np.uint8)
    for _ in range(int(rng.integers(5, 9))):
        _house(picture, horizon, rng)
    for _ in range(int(rng.integers(4, 8))):
        _goods(picture, horizon, rng)
    return _developed(picture, size_px, rng)


def _tone(rng: np.random.Generator, low: int, high: int) -> tuple[int, int, int]:
    base = int(rng.integers(low, high))
    blue, green, red = (int(np.clip(base + rng.integers(-9, 10), 0, 255)) for _ in range(3))
    return blue, green, red


def _house(picture: NDArray[np.uint8], horizon: int, rng: np.random.Generator) -> None:
    width = picture.shape[1]
    left, wide = int(rng.integers(-40, width)), int(rng.integers(60, 170))
    top = horizon - int(rng.integers(50, horizon - 20))
    base = horizon + int(rng.integers(4, 30))
    cv2.rectangle(picture, (left, top), (left + wide, base), _tone(rng, 110, 205), cv2.FILLED)
    dark = _tone(rng, 50, 90)
    for y in range(top + 8, base - 14, 20):
        for x in range(left + 8, left + wide - 12, 18):
            cv2.rectangle(picture, (x, y), (x + 9, y + 11), dark, cv2.FILLED)


def _goods(picture: NDArray[np.uint8], horizon: int, rng: np.random.Generator) -> None:
    """Stack a few beams or sacks in the foreground."""
    height, width = picture.shape[:2]
    x, y = int(rng.integers(0, width)), int(rng.integers(horizon + 30, height))
    long, lean = int(rng.integers(60, 220)), int(rng.integers(-20, 21))
    colour = np.array(_tone(rng, 60, 170))
    for layer in range(int(rng.integers(2, 7))):
        shade = (colour * (0.75 + 0.08 * layer)).clip(0, 255)
        a, b = (x, y - 9 * layer), (x + long, y - 9 * layer + lean)
        cv2.line(picture, a, b, shade.tolist(), 8, cv2.LINE_AA)
        cv2.line(picture, (a[0], a[1] + 4), (b[0], b[1] + 4), (40, 42, 44), 1, cv2.LINE_AA)


def _developed(
    picture: NDArray[np.uint8], size_px: tuple[int, int], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Make a drawing look like a photograph: soft, grainy, darker at the corners."""
    height, width = picture.shape[:2]
    soft: NDArray[Any] = cv2.GaussianBlur(picture, (0, 0), 1.1)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    light = (1.04 - 0.2 * (x * x + y * y))[..., None]
    grain = rng.normal(0, 5, (height, width, 1)).astype(np.float32)
    developed = np.clip(soft * light + grain, 0, 250).astype(np.uint8)
    return np.asarray(cv2.resize(developed, size_px, interpolation=cv2.INTER_CUBIC), np.uint8)


def card(rng: np.random.Generator, *, portrait: bool) -> NDArray[np.uint8]:
    """Return the BGR background of a card: fine waves, and on its front a head without a face."""
    width, height = px(_CARD_MM[0]), px(_CARD_MM[1])
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    bend = float(rng.uniform(60, 90))
    waves = np.sin((y + 40 * np.sin(x / bend)) / 5) + np.sin((x + 30 * np.sin(y / bend)) / 6)
    tint = np.array((12, 4, 9) if portrait else (6, 10, 4), np.float32)
    out = np.clip(np.array((232, 238, 230)) - (waves[..., None] + 1) * tint, 0, 255)
    picture = out.astype(np.uint8)
    if portrait:
        left = px(58)
        cv2.rectangle(picture, (left, px(8)), (left + px(23), px(38)), (240, 236, 232), cv2.FILLED)
        centre = (left + px(11.5), px(20))
        cv2.ellipse(picture, (centre[0], px(38)), (px(10), px(9)), 0, 180, 360, (96, 84, 78), -1)
        cv2.ellipse(picture, centre, (px(5.4), px(7)), 0, 0, 360, (150, 172, 196), -1)
        cv2.ellipse(picture, (centre[0], px(16)), (px(5.8), px(5)), 0, 180, 360, (40, 38, 36), -1)
    cv2.rectangle(picture, (0, 0), (width - 1, height - 1), (150, 150, 150), 2)
    return np.asarray(picture, np.uint8)
