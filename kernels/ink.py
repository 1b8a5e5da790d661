"""The page as ink on paper: an integer map, whatever the colour of ink and paper.

Ink is the local paper level minus the darkest channel, so ink of any colour counts; the channels
are first balanced so that the paper is neutral, or blue ink would hide on brown paper. The map has
about 150 dpi: a mark of half a millimetre covers three of its pixels and keeps its contrast.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.raster import Raster

MAP_DPI: Final = 150
CELL_PX: Final = 32
"""Side of the cells in which the paper level is taken, on the map: about 5 mm."""
_LEVEL_BELOW: Final = 40
_LEVEL_ABOVE: Final = 12
_NOISE_LIMIT: Final = 16
_LOWEST_THRESHOLD: Final = 7
_LEAST_NOISE: Final = 192
"""Below three quarters of a level whole numbers say nothing."""
_COLOURED: Final = 14
_LARGEST_GAIN: Final = 512
"""In 256ths: paper so coloured that one channel has less than half of another is left so."""


@dataclass(frozen=True, slots=True)
class InkMap:
    """The page as ink on paper, reduced to about 150 dpi.

    Attributes
    ----------
    ink
        uint8 (h, w): local paper level minus darkest channel, not below 0.
    dark, spread
        uint8 (h, w): darkest balanced channel; brightest minus darkest balanced channel.
    levels
        uint8 (ceil(h / 32), ceil(w / 32)): median of the darkest channel in each cell.
    paper, paper_spread
        Level and colour of the paper as a whole, balanced.
    tint
        Brightest minus darkest channel of the paper as captured.
    noise
        Standard deviation of the paper in 256ths of a level.
    threshold
        Least ink that counts: above the noise, never below 7.
    dpi
        Samples per inch of the map.
    """

    ink: NDArray[np.uint8]
    dark: NDArray[np.uint8]
    spread: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    paper: int
    paper_spread: int
    tint: int
    noise: int
    threshold: int
    dpi: float

    @property
    def coloured_ink(self) -> int:
        """Colour from which what is in or on the paper is coloured; noise stays below."""
        return self.paper_spread + _COLOURED

    @property
    def coloured_object(self) -> int:
        """Colour from which what covers the paper is coloured.

        Dust, staples and the bed behind a hole are gray as captured; on tinted paper the balance
        gives them some of the opposite tint.
        """
        return self.coloured_ink + self.tint // 2

    def px(self, mm: float) -> float:
        """Return a length on the map."""
        return mm * self.dpi / 25.4

    def mm(self, px: float) -> float:
        """Return a length on the paper."""
        return px * 25.4 / self.dpi


@njit(nogil=True, cache=True)
def _channels(small: Any, gains: Any, dark: Any, spread: Any) -> None:
    for i in range(dark.size):
        b, g, r = small[3 * i], small[3 * i + 1], small[3 * i + 2]
        b = min((b * gains[0] + 128) >> 8, 255)
        g = min((g * gains[1] + 128) >> 8, 255)
        r = min((r * gains[2] + 128) >> 8, 255)
        low = min(b, g, r)
        dark[i] = low
        spread[i] = max(b, g, r) - low


@njit(nogil=True, cache=True)
def _levels(dark: Any, out: Any) -> None:
    height, width = dark.shape
    counts = np.empty(256, np.int32)
    for cy in range(out.shape[0]):
        for cx in range(out.shape[1]):
            counts[:] = 0
            n = 0
            for y in range(cy * CELL_PX, min(height, (cy + 1) * CELL_PX), 2):
                for x in range(cx * CELL_PX, min(width, (cx + 1) * CELL_PX)):
                    counts[dark[y, x]] += 1
                    n += 1
            seen = 0
            for value in range(256):
                seen += counts[value]
                if 2 * seen >= n:
                    out[cy, cx] = value
                    break


@njit(nogil=True, cache=True)
def _subtract(dark: Any, levels: Any, ink: Any, deviations: Any) -> None:
    """Interpolate the level between the centres of cells; ink is what is darker.

    Sums and counts the small deviations of every fourth column in each cell, for the noise.
    """
    height, width = dark.shape
    half = CELL_PX // 2
    rows, columns = levels.shape
    line = np.empty(columns, np.int32)
    for y in range(height):
        cy = max(y - half, 0) // CELL_PX
        fy = y - half - cy * CELL_PX if y >= half else 0
        below = min(cy + 1, rows - 1)
        for cx in range(columns):
            line[cx] = levels[cy, cx] * (CELL_PX - fy) + levels[below, cx] * fy
        for x in range(width):
            cx = max(x - half, 0) // CELL_PX
            fx = x - half - cx * CELL_PX if x >= half else 0
            right = min(cx + 1, columns - 1)
            level = (line[cx] * (CELL_PX - fx) + line[right] * fx + 512) >> 10
            deviation = level - dark[y, x]
            ink[y, x] = deviation if deviation > 0 else 0
            if (x & 3) == 0 and -_NOISE_LIMIT < deviation < _NOISE_LIMIT:
                deviations[y // CELL_PX, x // CELL_PX, 0] += abs(deviation)
                deviations[y // CELL_PX, x // CELL_PX, 1] += 1


def ink_map(raster: Raster) -> InkMap:
    """Return the ink of a page. About 8 ms for A4 colour at 300 dpi; integers throughout.

    The local level is the median of each 5 mm cell, cleaned by a median over 5 x 5 cells and held
    within -40..+12 of the level of the whole page, so that neither a photograph nor a bed of
    another brightness counts as paper.
    """
    factor = min(max(round(raster.dpi / MAP_DPI), 1), raster.height_px, raster.width_px)
    height, width = raster.height_px // factor, raster.width_px // factor
    small: Any = raster.pixels[: height * factor, : width * factor]
    if factor > 1:
        small = cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)
    spread = np.zeros((height, width), np.uint8)
    white = _white(small)
    if small.ndim == 2:
        dark = np.ascontiguousarray(small)
    else:
        dark = np.empty((height, width), np.uint8)
        flat = np.ascontiguousarray(small).reshape(-1)
        _channels(flat, _gains(white), dark.reshape(-1), spread.reshape(-1))
    levels = np.empty((-(-height // CELL_PX), -(-width // CELL_PX)), np.uint8)
    _levels(dark, levels)
    paper = _of_the_page(levels)
    clean = cv2.medianBlur(levels, 5) if min(levels.shape) >= 5 else levels
    held = np.clip(clean, max(paper - _LEVEL_BELOW, 0), min(paper + _LEVEL_ABOVE, 255))
    ink = np.empty((height, width), np.uint8)
    deviations = np.zeros((*levels.shape, 2), np.int32)
    _subtract(dark, held.astype(np.uint8), ink, deviations)
    noise = _noise(deviations)
    return InkMap(
        ink=ink,
        dark=dark,
        spread=spread,
        levels=levels,
        paper=paper,
        paper_spread=_of_the_page(spread[::16, ::16]),
        tint=int(white.max() - white.min()),
        noise=noise,
        threshold=max(_LOWEST_THRESHOLD, (4 * noise >> 8) + 2),
        dpi=raster.dpi / factor,
    )


def _white(small: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return the level of the paper in each channel."""
    channels = small[::16, ::16].reshape(-(-small.shape[0] // 16), -(-small.shape[1] // 16), -1)
    return np.array([_of_the_page(channels[..., k]) for k in range(channels.shape[2])], np.int64)


def _gains(white: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what each channel is multiplied by, in 256ths, to make the paper neutral."""
    gains = int(white.max()) * 256 // np.maximum(white, 1)
    return np.asarray(np.minimum(gains, _LARGEST_GAIN), np.int64)


def _noise(deviations: NDArray[np.int32]) -> int:
    """Return the standard deviation of the paper in 256ths: the calmer quarter of the cells.

    Not the middle one: show-through of a full page is everywhere and would hide itself.
    """
    sums, counts = deviations[..., 0].ravel(), deviations[..., 1].ravel()
    good = counts > 0
    if not good.any():
        return _LEAST_NOISE
    # 321 = 1.2533 * 256: mean absolute deviation to standard deviation.
    each = np.sort(sums[good].astype(np.int64) * 321 // counts[good])
    return max(int(each[each.size // 4]), _LEAST_NOISE)


def _of_the_page(values: NDArray[np.uint8]) -> int:
    """Return the level that 60 % of the middle of the page do not exceed."""
    h, w = values.shape
    middle = values[h // 10 : h - h // 10, w // 10 : w - w // 10]
    return int(np.sort(middle, axis=None)[middle.size * 6 // 10])
