"""Paper as a scanner sees it, and ink set on it: fast, and the same again from the same seed.

Rule 1: a drop is what ink takes from the paper in each channel, in whole levels, after the
scanner's lens has softened it. What a face must show is measured on drops, so it is truth.
Rule 2: pixels lie in the ream's buffers and hold until the ream's next face.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drawn.ream import NOISES, Form, Ream, Stock
from kernels.raster import Raster

Pixels = NDArray[np.uint8]

FLOOR_CONTRAST: Final = 20
FLOOR_MM: Final = 0.5
_LUMA: Final = (0.114, 0.587, 0.299)
_NOT_PAPER: Final = 60
_SLIP_MM: Final = 3.0
_MCU_PX: Final = 16
"""JPEG with halved colour codes squares of this size one by one."""


@dataclass(frozen=True, slots=True)
class Ink:
    """How ink darkens paper.

    Attributes
    ----------
    contrast
        Levels taken from the channel darkened most, where ink covers fully.
    colour
        Share of that in blue, green, red.
    psf_px
        Standard deviation of the lens's (and the ink's) softness.
    texture
        Name of the ream's texture the ink breaks up in, or "".
    """

    contrast: float
    colour: tuple[float, float, float]
    psf_px: float
    texture: str = ""


@dataclass(frozen=True, slots=True)
class Box:
    """Left, top, right, bottom in pixels."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Shown:
    """The most visible mark: longer side and area of its parts at or above the floor."""

    extent_mm: float
    area_mm2: float
    peak: int

    @property
    def counts(self) -> bool:
        """Whether it must never be removed."""
        return self.extent_mm >= FLOOR_MM


class Sheet:
    """One face in the making.

    Parameters
    ----------
    ream
        Where paper, textures and buffers come from.
    rng
        Decides everything.
    form, stock
        Size and kind of the paper.
    name
        Of the buffer: the two sides of a sheet lie in two.
    """

    def __init__(
        self, ream: Ream, rng: np.random.Generator, form: Form, stock: Stock, name: str = "face"
    ) -> None:
        self.ream, self.rng, self.form, self.stock = ream, rng, form, stock
        self.noise = NOISES[int(rng.integers(0, len(NOISES)))]
        self.pixels: Pixels = ream.paper(rng, form, stock, self.noise, name)
        self.inside = Box(0, 0, form.width_px, form.height_px)
        self.places: list[tuple[int, int]] = []
        self.jpeg_quality = 0
        self.gain = 1.0
        self.drops: list[tuple[Pixels, int, int]] = []
        self.last: list[Callable[[], None]] = []
        self.back: Sheet | None = None
        self.slip_mm = (0.0, 0.0)

    def turn_over(self) -> None:
        """Let the other side be captured too, by a window that does not look at quite the place."""
        self.back = Sheet(self.ream, self.rng, self.form, self.stock, "other")
        slip = np.clip(self.rng.normal(0, 1, 2), -_SLIP_MM, _SLIP_MM)
        self.slip_mm = float(slip[0]), float(slip[1])

    def px(self, mm: float) -> float:
        """Return a length in pixels."""
        return mm * self.form.dpi / 25.4

    def mm(self, px: float) -> float:
        """Return a length in millimetres."""
        return px * 25.4 / self.form.dpi

    def drop(self, cover: Pixels, ink: Ink) -> Pixels:
        """Return what `cover` (uint8, 255 = full) takes from the paper, shaped like the paper."""
        if ink.texture:
            texture = self.ream.texture(self.rng, ink.texture, cover.shape)
            cover = np.asarray(cv2.multiply(cover, texture, scale=1 / 255), np.uint8)
        soft = cv2.GaussianBlur(cover, (0, 0), ink.psf_px) if ink.psf_px else cover
        ramp = np.arange(256) / 255 * ink.contrast
        if self.form.gray:
            share = float(np.dot(_LUMA, ink.colour))
            return np.asarray(cv2.LUT(soft, _levels(ramp * share)))
        table = _levels(np.outer(ramp, ink.colour)).reshape(1, 256, 3)
        return np.asarray(cv2.LUT(cv2.merge([soft] * 3), table))

    def take(self, drop: Pixels, x: int, y: int, box: Box | None = None) -> None:
        """Take a drop from the paper, clipped to `box` (the whole image)."""
        cut = self._cut(drop, x, y, box or Box(0, 0, self.form.width_px, self.form.height_px))
        if cut is not None:
            part, x, y = cut
            place = self.pixels[y : y + part.shape[0], x : x + part.shape[1]]
            place[...] = cv2.subtract(place, part).reshape(place.shape)

    def ink(self, cover: Pixels, x: int, y: int, ink: Ink) -> None:
        """Set content: a drop that is kept to be measured, and taken when the face is finished.

        Holes, staples and dust take no ink.
        """
        stronger = Ink(min(ink.contrast * self.gain, 255), ink.colour, ink.psf_px, ink.texture)
        cut = self._cut(self.drop(cover, stronger), x, y, self.inside)
        if cut is not None:
            part, x, y = cut
            page = self.pixels[y : y + part.shape[0], x : x + part.shape[1]]
            level = page if page.ndim == 2 else _darkest(page)
            part = part.copy()
            part[level < min(self.stock.bgr) - _NOT_PAPER] = 0
            self.drops.append((part, x, y))

    def shown(self) -> Shown:
        """Return the largest mark of at least 20 levels in the channel darkened most."""
        best = Shown(0.0, 0.0, 0)
        for drop, x, y in self.drops:
            seen = self._coded(drop, x, y) if self.jpeg_quality else drop
            most = seen if seen.ndim == 2 else _deepest(seen)
            clear = (most >= FLOOR_CONTRAST).astype(np.uint8)
            count, _, table, _ = cv2.connectedComponentsWithStats(clear, connectivity=8)
            for left, top, width, height, area in table[1:count]:
                extent = round(self.mm(int(max(width, height))), 2)
                if extent > best.extent_mm:
                    peak = int(most[top : top + height, left : left + width].max())
                    best = Shown(extent, round(int(area) * self.mm(1) ** 2, 3), peak)
        return best

    def finish(self) -> None:
        """Take the content's drops from the paper."""
        for drop, x, y in self.drops:
            self.take(drop, x, y)

    def raster(self) -> Raster:
        """Return the face as captured; through JPEG if it has a quality."""
        for draw in self.last:
            draw()
        if not self.jpeg_quality:
            return Raster(self.pixels, self.form.dpi)
        np.copyto(self.pixels, self._through_jpeg(self.pixels))
        return Raster(self.pixels, self.form.dpi)

    def _cut(self, drop: Pixels, x: int, y: int, box: Box) -> tuple[Pixels, int, int] | None:
        left, top = max(box.left - x, 0), max(box.top - y, 0)
        right, bottom = min(box.right - x, drop.shape[1]), min(box.bottom - y, drop.shape[0])
        if left >= right or top >= bottom:
            return None
        return drop[top:bottom, left:right], x + left, y + top

    def _coded(self, drop: Pixels, x: int, y: int) -> Pixels:
        """Return what is left of a drop behind JPEG, on the same squares as the whole face's."""
        ox, oy = x % _MCU_PX, y % _MCU_PX
        height, width = drop.shape[:2]
        before = self.pixels[y - oy : y + height + _MCU_PX, x - ox : x + width + _MCU_PX]
        after = before.copy()
        place = after[oy : oy + height, ox : ox + width]
        place[...] = cv2.subtract(place, drop).reshape(place.shape)
        one, two = (self._through_jpeg(np.ascontiguousarray(part)) for part in (before, after))
        return np.asarray(cv2.subtract(one, two), np.uint8)

    def _through_jpeg(self, pixels: Pixels) -> Pixels:
        flags = cv2.IMREAD_GRAYSCALE if self.form.gray else cv2.IMREAD_COLOR
        coded = cv2.imencode(".jpg", pixels, (cv2.IMWRITE_JPEG_QUALITY, self.jpeg_quality))[1]
        return np.asarray(cv2.imdecode(coded, flags), np.uint8)


def _darkest(pixels: Pixels) -> Pixels:
    b, g, r = cv2.split(pixels)
    return np.asarray(cv2.min(cv2.min(b, g), r), np.uint8)


def _deepest(drop: Pixels) -> Pixels:
    b, g, r = cv2.split(drop)
    return np.asarray(cv2.max(cv2.max(b, g), r), np.uint8)


def _levels(values: NDArray[np.float64]) -> Pixels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)
