"""What lies on the paper: an integer map of ink and the marks it is made of, measured one by one.

Ink is the local paper level minus the darkest channel, so ink of any colour counts. The map has
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


@dataclass(frozen=True, slots=True)
class InkMap:
    """The page as ink on paper, reduced to about 150 dpi.

    Attributes
    ----------
    ink
        uint8 (h, w): local paper level minus darkest channel, not below 0.
    dark, spread
        uint8 (h, w): darkest channel; brightest minus darkest channel.
    levels
        uint8 (ceil(h / 32), ceil(w / 32)): median of the darkest channel in each cell.
    paper, paper_spread
        Level and colour of the paper as a whole.
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
    noise: int
    threshold: int
    dpi: float

    def px(self, mm: float) -> float:
        """Return a length on the map."""
        return mm * self.dpi / 25.4

    def mm(self, px: float) -> float:
        """Return a length on the paper."""
        return px * 25.4 / self.dpi


@dataclass(frozen=True, slots=True)
class Marks:
    """Connected marks; one row each, in the order of the map.

    Attributes
    ----------
    box
        int32 (n, 4): left, top, width, height.
    area
        int64: pixels above the threshold.
    peak
        int64: the most ink of any pixel.
    mass
        int64: sum of ink. `mass / peak` is the area of a mark of full contrast.
    edge
        int64: the steepest step between neighbours that belong to the mark or touch it.
    roughness
        float64: root of the mean squared step over that of the ink. Like edge over peak, but an
        average: it stands the noise on marks of little ink.
    colour
        int64: the most colour of any pixel over that of the paper.
    cut
        bool: the mark touches what is left out, so more of it may lie there.
    runs
        int32 (m, 3): row, first and last column of every run of pixels, mark by mark.
    first_run
        int64 (n + 1): where the runs of each mark begin.
    """

    box: NDArray[np.int32]
    area: NDArray[np.int64]
    peak: NDArray[np.int64]
    mass: NDArray[np.int64]
    edge: NDArray[np.int64]
    roughness: NDArray[np.float64]
    colour: NDArray[np.int64]
    cut: NDArray[np.bool_]
    runs: NDArray[np.int32]
    first_run: NDArray[np.int64]

    def __len__(self) -> int:
        return int(self.area.size)

    def pixels(self, row: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return rows and columns of the pixels of one mark."""
        runs = self.runs[self.first_run[row] : self.first_run[row + 1]]
        lengths = runs[:, 2] - runs[:, 1] + 1
        ends = np.cumsum(lengths)
        along = np.arange(int(ends[-1])) - np.repeat(ends - lengths, lengths)
        return (
            np.repeat(runs[:, 0], lengths).astype(np.int64),
            np.repeat(runs[:, 1], lengths) + along,
        )


@njit(nogil=True, cache=True)
def _channels(small: Any, dark: Any, spread: Any) -> None:
    for i in range(dark.size):
        b = small[3 * i]
        g = small[3 * i + 1]
        r = small[3 * i + 2]
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


@njit(nogil=True, cache=True)
def _find_runs(ink: Any, excluded: Any, threshold: int) -> Any:
    """Return row, first and last column of every run of ink outside of `excluded`."""
    height, width = ink.shape
    out = np.empty((1024, 3), np.int32)
    n = 0
    for y in range(height):
        x = 0
        while x < width:
            if ink[y, x] < threshold or excluded[y, x]:
                x += 1
                continue
            start = x
            while x < width and ink[y, x] >= threshold and not excluded[y, x]:
                x += 1
            if n == out.shape[0]:
                larger = np.empty((2 * n, 3), np.int32)
                larger[:n] = out
                out = larger
            out[n, 0] = y
            out[n, 1] = start
            out[n, 2] = x - 1
            n += 1
    return out[:n]


@njit(nogil=True, cache=True)
def _root(parents: Any, k: int) -> int:
    while parents[k] != k:
        parents[k] = parents[parents[k]]
        k = parents[k]
    return k


@njit(nogil=True, cache=True)
def _connect(runs: Any) -> tuple[Any, int]:
    """Return a label for each run, counted from 0 in the order of the map, and how many."""
    n = runs.shape[0]
    parents = np.arange(n)
    above = 0
    for k in range(n):
        while above < k and runs[above, 0] < runs[k, 0] - 1:
            above += 1
        j = above
        while j < k and runs[j, 0] == runs[k, 0] - 1 and runs[j, 1] <= runs[k, 2] + 1:
            if runs[j, 2] >= runs[k, 1] - 1:
                one, other = _root(parents, j), _root(parents, k)
                parents[max(one, other)] = min(one, other)
            j += 1
    labels = np.empty(n, np.int64)
    count = 0
    for k in range(n):
        root = _root(parents, k)
        if root == k:
            labels[k] = count
            count += 1
        else:
            labels[k] = labels[root]
    return labels, count


@njit(nogil=True, cache=True)
def _boxes(runs: Any, labels: Any, count: int) -> Any:
    """Return left, top, right, bottom of every label, the last two inclusive."""
    out = np.empty((count, 4), np.int32)
    out[:, :2] = 2**30
    out[:, 2:] = -1
    for i in range(runs.shape[0]):
        k = labels[i]
        out[k, 0] = min(out[k, 0], runs[i, 1])
        out[k, 1] = min(out[k, 1], runs[i, 0])
        out[k, 2] = max(out[k, 2], runs[i, 2])
        out[k, 3] = max(out[k, 3], runs[i, 0])
    return out


@njit(nogil=True, cache=True)
def _measure(runs: Any, labels: Any, page: Any, paper_spread: int, out: Any) -> None:
    """Fill area, peak, mass, edge, colour, cut and the sums of squares of ink and step.

    `page` is ink, spread and what is excluded.
    """
    ink, spread, excluded = page
    height, width = ink.shape
    for i in range(runs.shape[0]):
        k = labels[i]
        y = runs[i, 0]
        for x in range(runs[i, 1], runs[i, 2] + 1):
            v = np.int64(ink[y, x])
            steepest = np.int64(0)
            for dy, dx in ((0, -1), (0, 1), (-1, 0), (1, 0)):
                ny = min(max(y + dy, 0), height - 1)
                nx = min(max(x + dx, 0), width - 1)
                if excluded[ny, nx]:
                    out[k, 5] = 1
                else:
                    steepest = max(steepest, abs(v - ink[ny, nx]))
            out[k, 0] += 1
            out[k, 1] = max(out[k, 1], v)
            out[k, 2] += v
            out[k, 3] = max(out[k, 3], steepest)
            out[k, 4] = max(out[k, 4], np.int64(spread[y, x]) - paper_spread)
            out[k, 6] += v * v
            out[k, 7] += steepest * steepest


def ink_map(raster: Raster) -> InkMap:
    """Return the ink of a page. About 8 ms for A4 colour at 300 dpi; integers throughout.

    The local level is the median of each 5 mm cell, cleaned by a median over 5 x 5 cells and held
    within -40..+12 of the level of the whole page, so that neither a photograph nor a bed of
    another brightness counts as paper.
    """
    factor = max(round(raster.dpi / MAP_DPI), 1)
    height, width = max(raster.height_px // factor, 1), max(raster.width_px // factor, 1)
    source = raster.pixels[: height * factor, : width * factor]
    small: Any = source
    if factor > 1 and min(source.shape[:2]) >= factor:
        small = cv2.resize(source, (width, height), interpolation=cv2.INTER_AREA)
    height, width = small.shape[:2]
    dark = np.ascontiguousarray(small if small.ndim == 2 else small[..., 0])
    spread = np.zeros((height, width), np.uint8)
    if small.ndim == 3:
        _channels(np.ascontiguousarray(small).reshape(-1), dark.reshape(-1), spread.reshape(-1))
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
        noise=noise,
        threshold=max(_LOWEST_THRESHOLD, (4 * noise >> 8) + 2),
        dpi=raster.dpi / factor,
    )


def _noise(deviations: NDArray[np.int32]) -> int:
    """Return the standard deviation of the paper in 256ths: the calmer quarter of the cells.

    Not the middle one: show-through of a full page is everywhere and would hide itself.
    """
    sums, counts = deviations[..., 0].ravel(), deviations[..., 1].ravel()
    good = counts > 0
    if not good.any():
        return 0
    # 321 = 1.2533 * 256: mean absolute deviation to standard deviation.
    each = np.sort(sums[good].astype(np.int64) * 321 // counts[good])
    return int(each[each.size // 4])


def _of_the_page(values: NDArray[np.uint8]) -> int:
    """Return the level that 60 % of the middle of the page do not exceed."""
    h, w = values.shape
    middle = values[h // 10 : h - h // 10, w // 10 : w - w // 10]
    return int(np.sort(middle, axis=None)[middle.size * 6 // 10])


def boxes(page: InkMap, excluded: NDArray[np.uint8], threshold: int) -> NDArray[np.int32]:
    """Return left, top, width, height of all that has at least so much ink, (n, 4)."""
    runs = _find_runs(page.ink, excluded, threshold)
    labels, count = _connect(runs)
    return _sized(_boxes(runs, labels, count))


def _sized(corners: NDArray[np.int32]) -> NDArray[np.int32]:
    corners[:, 2:] -= corners[:, :2] - 1
    return corners


def marks(page: InkMap, excluded: NDArray[np.uint8]) -> Marks:
    """Return the connected marks of a page outside of `excluded` (uint8, non-zero = not paper).

    Pixels that touch at a corner are connected. Costs about 4 ms for a nearly empty A4 face.
    """
    runs = _find_runs(page.ink, excluded, page.threshold)
    labels, count = _connect(runs)
    values = np.zeros((count, 8), np.int64)
    _measure(runs, labels, (page.ink, page.spread, excluded), page.paper_spread, values)
    order = np.argsort(labels, kind="stable")
    return Marks(
        box=_sized(_boxes(runs, labels, count)),
        area=values[:, 0],
        peak=values[:, 1],
        mass=values[:, 2],
        edge=values[:, 3],
        roughness=np.sqrt(values[:, 7] / np.maximum(values[:, 6], 1)),
        colour=values[:, 4],
        cut=values[:, 5] != 0,
        runs=runs[order],
        first_run=np.searchsorted(labels[order], np.arange(count + 1)).astype(np.int64),
    )
