"""What a hand leaves on paper: writing, signatures, thumbprints, and the red seals."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.demo.draw import BLUE, RED, Box, Canvas, Colour, advance_em, broken, px

_SEAL_MM: Final = 42.0
_RING_MM: Final = 1.2
_STAR: Final = 5


@dataclass(frozen=True, slots=True)
class Pen:
    """How somebody writes."""

    colour: Colour = BLUE
    em_mm: float = 6.2
    leading_mm: float = 10.5
    weight: int = 330


def write(
    canvas: Canvas, lines: list[str], box: Box, rng: np.random.Generator, pen: Pen | None = None
) -> float:
    """Write lines by hand from the top of `box`; return where the next line would stand."""
    pen = pen or Pen()
    layer = Canvas((box.width_mm + 8, box.height_mm + 8))
    base_mm = pen.em_mm
    for line in (part for text in lines for part in broken(text, box.width_mm / pen.em_mm)):
        if base_mm > box.height_mm:
            break
        slope = rng.normal(0, 0.012)
        x_mm = float(rng.uniform(0, 1.5))
        for letter in line:
            em_mm = pen.em_mm * float(rng.uniform(0.86, 1.08))
            at_mm = (x_mm, base_mm + slope * x_mm + float(rng.normal(0, 0.35)))
            layer.text(letter, at_mm, em_mm, (0, 0, 0), pen.weight)
            x_mm += pen.em_mm * advance_em(letter) * float(rng.uniform(0.88, 1.04))
        base_mm += pen.leading_mm
    strokes = _shaken(layer.ink[..., 0].copy(), px(pen.leading_mm), rng)
    canvas.press(_inked(strokes, pen.colour), (box.left_mm, box.top_mm))
    return box.top_mm + base_mm - pen.em_mm


def _shaken(ink: NDArray[np.uint8], leading_px: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Bend printed strokes as a hand would, and lean them a little as quick writing does."""
    height, width = ink.shape[:2]
    rows = np.arange(height, dtype=np.float32)[:, None]
    lean = 0.16 * (rows % leading_px - leading_px / 2)
    x = _wavy((height, width), 5.5, rng) + np.arange(width, dtype=np.float32) + lean
    y = _wavy((height, width), 5.5, rng) + rows
    return np.asarray(cv2.remap(ink, x, y, cv2.INTER_LINEAR, borderValue=(255.0,)), np.uint8)


def _wavy(
    shape: tuple[int, int], reach: float, rng: np.random.Generator, cell_px: int = 24
) -> NDArray[np.float32]:
    """Return a smooth random field."""
    small = (shape[0] // cell_px + 3, shape[1] // cell_px + 3)
    coarse = rng.normal(0, reach, small).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)


def sign(canvas: Canvas, name: str, at_mm: tuple[float, float], rng: np.random.Generator) -> None:
    """Write a name and the stroke below it; `at_mm` is the top left corner."""
    pen = Pen(em_mm=10.5, weight=430, leading_mm=12)
    write(canvas, [name], Box(at_mm[0], at_mm[1], 60, 16), rng, pen)
    steps = np.linspace(0, 1, 60)
    wave = np.cumsum(rng.normal(0, 0.22, 60)) * np.sin(np.pi * steps)
    x = px(at_mm[0]) + steps * px(11 * len(name))
    y = px(at_mm[1] + 14) - steps * px(3) + wave * px(1)
    points = np.stack((x, y), axis=1).round().astype(np.int32)
    cv2.polylines(canvas.ink, [points], False, pen.colour, 4, cv2.LINE_AA)


def thumbprint(canvas: Canvas, at_mm: tuple[float, float], rng: np.random.Generator) -> None:
    """Press a red thumb onto the paper; `at_mm` is the top left corner of 15 x 20 mm."""
    height, width = px(20), px(15)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    bend = _wavy((height, width), 0.5, rng, 50)
    whorl = np.sin(34 * np.hypot(x * 0.8, y - 0.25 + 0.15 * bend) + 2 * bend)
    inside = np.clip(9 * (1 - np.hypot(x, y)), 0, 1)
    pressure = np.clip(0.75 + 0.35 * bend, 0.2, 1)
    strength = np.clip(whorl * 1.3 + 0.35, 0, 1) * inside * pressure
    canvas.press(_tinted(strength, RED), at_mm)


def seal(
    canvas: Canvas,
    owner: str,
    centre_mm: tuple[float, float],
    rng: np.random.Generator,
    below: str = "",
) -> None:
    """Press a round red seal: ring, star, the owner's name along the ring, a word below."""
    side = px(_SEAL_MM + 2)
    plate = np.full((side, side), 255, np.uint8)
    middle = side / 2
    ring = round(middle - px(1))
    cv2.circle(plate, (round(middle),) * 2, ring - px(_RING_MM / 2), 0, px(_RING_MM), cv2.LINE_AA)
    _star(plate, middle, px(6.2))
    _arc(plate, owner, ring - px(6.3))
    if below:
        font = cv2.FontFace("uni")
        width = px(4.2) * len(below)
        cv2.putText(plate, below, (round(middle - width / 2), px(35)), 0, font, px(4), 600)
    turned = cv2.warpAffine(
        plate,
        cv2.getRotationMatrix2D((middle, middle), float(rng.normal(0, 9)), 1),
        (side, side),
        borderValue=(255.0,),
    )
    uneven = cv2.resize(rng.uniform(0.45, 1.15, (9, 9)).astype(np.float32), (side, side))
    grain = cv2.resize(
        rng.uniform(0.3, 1.3, (side // 5, side // 5)).astype(np.float32), (side,) * 2
    )
    strength = (255 - turned) / 255 * np.clip(uneven * grain * 1.4, 0, 0.95)
    canvas.press(
        _tinted(strength.astype(np.float32), RED),
        (centre_mm[0] - _SEAL_MM / 2 - 1, centre_mm[1] - _SEAL_MM / 2 - 1),
    )


def _star(plate: NDArray[np.uint8], middle: float, radius_px: int) -> None:
    turns = np.arange(2 * _STAR) * np.pi / _STAR
    radii = np.where(np.arange(2 * _STAR) % 2, 0.382, 1.0) * radius_px
    points = np.stack((middle + radii * np.sin(turns), middle - radii * np.cos(turns)), axis=1)
    cv2.fillPoly(plate, [points.round().astype(np.int32)], 0, cv2.LINE_AA)


def _arc(plate: NDArray[np.uint8], text: str, radius_px: int) -> None:
    """Write a text along the upper part of a circle, each letter upright to its radius."""
    font = cv2.FontFace("uni")
    cell = px(6)
    middle = plate.shape[0] / 2
    spread = min(250.0, 27.0 * len(text))
    for place, letter in enumerate(text):
        tile = np.full((cell, cell), 255, np.uint8)
        cv2.putText(tile, letter, (px(0.7), px(5)), 0, font, px(4.5), 500)
        angle = -spread / 2 + spread * (place + 0.5) / len(text)
        turn = cv2.getRotationMatrix2D((cell / 2, cell / 2), -angle, 1)
        x = middle + radius_px * np.sin(np.radians(angle))
        y = middle - radius_px * np.cos(np.radians(angle))
        tile = cv2.warpAffine(tile, turn, (cell, cell), borderValue=(255.0,)).astype(np.uint8)
        left, top = round(x - cell / 2), round(y - cell / 2)
        under = plate[top : top + cell, left : left + cell]
        under[:] = cv2.min(under, tile)


def _inked(strokes: NDArray[np.uint8], colour: Colour) -> NDArray[np.uint8]:
    """Return black strokes on white in another colour."""
    levels = 255 - (255 - np.arange(256)) * (255 - np.array(colour)[:, None]) // 255
    return np.asarray(cv2.merge([cv2.LUT(strokes, row.astype(np.uint8)) for row in levels]))


def _tinted(strength: NDArray[np.float32], colour: Colour) -> NDArray[np.uint8]:
    """Return white where strength is 0, the colour where it is 1."""
    distance = 255 - np.array(colour, np.float32)
    return np.asarray(255 - strength[..., None] * distance, np.uint8)
