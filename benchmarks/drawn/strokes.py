"""Strokes, letters and writing on a patch measured in millimetres, finer than the raster."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn.paper import Sheet

Pixels = NDArray[np.uint8]
Points = Sequence[tuple[float, float]] | NDArray[np.float64]

MARGIN_MM: Final = 1.0
_FINE_PX: Final = 1_500_000
"""Patches up to this size are drawn three times finer than the raster, larger ones as they are."""
_SUB: Final = 4


class Pad:
    """A patch to draw on; nothing of it is ink yet.

    Parameters
    ----------
    sheet
        Whose raster the patch will be brought to.
    size_mm
        Width and height without the margin, which softness and turning need.
    """

    def __init__(self, sheet: Sheet, width_mm: float, height_mm: float) -> None:
        sides = [side + 2 * MARGIN_MM for side in (width_mm, height_mm)]
        area = sheet.px(sides[0]) * sheet.px(sides[1]) * 9
        self.fine = 3 if area <= _FINE_PX else 1
        self.sheet = sheet
        self.scale = sheet.px(1) * self.fine
        self.width_mm, self.height_mm = width_mm, height_mm
        columns, rows = (int(np.ceil(side * self.scale / self.fine)) * self.fine for side in sides)
        self.mask = np.zeros((rows, columns), np.uint8)

    def lines(self, points_mm: Points, width_mm: float, *, closed: bool = False) -> None:
        """Draw a line through points."""
        cv2.polylines(self.mask, [self._at(points_mm)], closed, 255, self._wide(width_mm), 16, _SUB)

    def shape(self, points_mm: Points, level: int = 255) -> None:
        """Fill a polygon."""
        cv2.fillPoly(self.mask, [self._at(points_mm)], level, cv2.LINE_AA, _SUB)

    def disk(self, x_mm: float, y_mm: float, radius_mm: float, level: int = 255) -> None:
        """Fill a circle."""
        centre = self._at([(x_mm, y_mm)])[0].tolist()
        radius = max(round(radius_mm * self.scale * 2**_SUB), 1)
        cv2.circle(self.mask, centre, radius, level, cv2.FILLED, cv2.LINE_AA, _SUB)

    def ring(self, x_mm: float, y_mm: float, radius_mm: float, width_mm: float) -> None:
        """Draw a circle."""
        centre = self._at([(x_mm, y_mm)])[0].tolist()
        radius = max(round(radius_mm * self.scale * 2**_SUB), 1)
        cv2.circle(self.mask, centre, radius, 255, self._wide(width_mm), cv2.LINE_AA, _SUB)

    def text(
        self, words: str, x_mm: float, base_mm: float, em_mm: float, weight: int = 400
    ) -> None:
        """Print words from the left end of their base line."""
        at = tuple(int(v) for v in np.rint(self._at([(x_mm, base_mm)])[0] / 2**_SUB))
        size = max(round(em_mm * self.scale / 1.06), 6)
        cv2.putText(self.mask, words, at, 255, self.sheet.ream.font("uni"), size, weight)

    def cover(self, turn_deg: float = 0.0) -> Pixels:
        """Return how much of each pixel of the raster is covered (uint8, 255 = all of it)."""
        mask = self.mask
        if turn_deg:
            h, w = mask.shape
            turn = cv2.getRotationMatrix2D((w / 2, h / 2), turn_deg, 1)
            c, s = abs(turn[0, 0]), abs(turn[0, 1])
            wide, high = (
                -(-int(one) // self.fine) * self.fine for one in (w * c + h * s, w * s + h * c)
            )
            turn[:, 2] += np.array(((wide - w) / 2, (high - h) / 2))
            mask = np.asarray(cv2.warpAffine(mask, turn, (wide, high)), np.uint8)
        if self.fine == 1:
            return mask
        size = mask.shape[1] // self.fine, mask.shape[0] // self.fine
        return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _at(self, points_mm: Points) -> NDArray[np.int32]:
        points = (np.asarray(points_mm, np.float64) + MARGIN_MM) * self.scale * 2**_SUB
        return np.rint(points).astype(np.int32)

    def _wide(self, width_mm: float) -> int:
        return max(round(width_mm * self.scale), 1)


def width_em(words: str) -> float:
    """Return the width of printed words, never too small."""
    return sum(0.62 if ord(letter) < 0x2E80 else 1.0 for letter in words)


def printed(sheet: Sheet, words: str, em_mm: float, weight: int = 400) -> Pad:
    """Return one printed line."""
    pad = Pad(sheet, width_em(words) * em_mm, 1.3 * em_mm)
    pad.text(words, 0, em_mm, em_mm, weight)
    return pad


def written(sheet: Sheet, count: int, em_mm: float, pen_mm: float, *, upright: bool = False) -> Pad:
    """Return so many characters nobody can read, by a hand that hurries."""
    rng = sheet.rng
    long_mm = count * em_mm * 1.1
    pad = Pad(sheet, *((em_mm * 1.2, long_mm) if upright else (long_mm, em_mm * 1.2)))
    for k in range(count):
        along = k * em_mm * 1.1
        x, y = (0.0, along) if upright else (along, 0.0)
        _character(pad, rng, (x, y, em_mm * float(rng.uniform(0.8, 1.0))), pen_mm)
    return pad


def _character(
    pad: Pad, rng: np.random.Generator, place: tuple[float, float, float], pen_mm: float
) -> None:
    x, y, em = place
    for _ in range(int(rng.integers(3, 8))):
        start = rng.uniform(0.05, 0.6, 2)
        run = ((0.55, -0.06), (0.03, 0.6), (-0.3, 0.4), (0.35, 0.35))[rng.integers(0, 4)]
        bend = rng.normal(0, 0.05, 2)
        t = np.linspace(0, 1, 6)[:, None]
        points = start + t * np.array(run) * rng.uniform(0.5, 1.1) + np.sin(np.pi * t) * bend
        pad.lines(np.clip(points, 0, 1.1) * em + (x, y), pen_mm * float(rng.uniform(0.8, 1.1)))


def signed(sheet: Sheet, width_mm: float, height_mm: float, pen_mm: float) -> Pad:
    """Return a signature in one go that fills its box."""
    rng = sheet.rng
    t = np.linspace(0, 1, 120)
    x, y = t * 1.0, np.zeros_like(t)
    for k in range(1, 7):
        turns, phase = 2 * np.pi * t * k * rng.uniform(0.8, 1.2), rng.uniform(0, 2 * np.pi)
        x = x + rng.normal(0, 0.09) * np.sin(turns + phase)
        y = y + rng.normal(0, 1 / (0.5 + abs(k - 3))) * np.sin(turns + phase)
    points = np.column_stack([x, y])
    points = (points - points.min(axis=0)) / np.ptp(points, axis=0) * (width_mm, height_mm)
    pad = Pad(sheet, width_mm, height_mm)
    cut = int(rng.integers(30, 90))
    for part in (points[:cut], points[cut - int(rng.integers(0, 2)) :]):
        pad.lines(part, pen_mm * float(rng.uniform(0.85, 1.15)))
    return pad


def star(x_mm: float, y_mm: float, radius_mm: float, turn: float) -> NDArray[np.float64]:
    """Return the corners of the star in the middle of a seal."""
    turns = turn + np.arange(10) * np.pi / 5 - np.pi / 2
    reach = np.where(np.arange(10) % 2, 0.382, 1.0) * radius_mm
    return np.column_stack([np.cos(turns), np.sin(turns)]) * reach[:, None] + (x_mm, y_mm)
