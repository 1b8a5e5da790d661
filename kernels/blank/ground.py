"""The local level of the paper under a page, and what is darker than it: integers throughout.

Rule 1: paper is what a 5 mm cell holds most of, cleaned by its neighbours and held near the level
of the whole page, so that neither a photograph nor a bed of another brightness counts as paper.
Rule 2: where it is known that there is no paper, the nearest paper counts: a bed beside it would
make the paper seem darker than it is, and hide faint ink.
Rule 3: blocks of 32 samples overrun the end of a row; planes come with slack after their end
(`kernels.raster`), and what is written too much is written over by the next row.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.vector import Emit, block

CELL_PX: Final = 32
"""Side of the cells in which the paper level is taken, on the map: about 5 mm."""
_HALF_PX: Final = CELL_PX // 2
_LEVEL_BELOW: Final = 40
LEVEL_ABOVE: Final = 12
"""Paper is at most so much lighter in a place than on the page as a whole."""
_RING: Final = 2
_NOISE_LIMIT: Final = 16
_LEAST_NOISE: Final = 192
"""Below three quarters of a level whole numbers say nothing."""
_COUNT_BITS: Final = 6
"""The count of a block's small deviations takes so many bits, their sum the others."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a plane shows against its own paper.

    Attributes
    ----------
    ink
        uint8 (h, w): local paper level minus the sample, not below 0.
    levels
        uint8 (ceil(h / 32), ceil(w / 32)): lower median of every other row of each cell.
    paper
        Level of the paper as a whole.
    noise
        Standard deviation of the paper in 256ths of a level.
    """

    ink: NDArray[np.uint8]
    levels: NDArray[np.uint8]
    paper: int
    noise: int


def ground(
    plane: NDArray[np.uint8],
    name: str,
    buffers: Buffers,
    hidden: NDArray[np.uint8] | None = None,
) -> Ground:
    """Return the paper and the ink of a plane.

    Cost: about 1.5 ms for A4 at 150 dpi.

    Parameters
    ----------
    plane
        uint8 (h, w) of about 150 dpi, with slack after its end.
    name
        Of the ink among the buffers.
    hidden
        uint8 (h, w): non-zero where there is no paper; None: not known.
    """
    height, width = plane.shape
    levels = np.empty((-(-height // CELL_PX), -(-width // CELL_PX)), np.uint8)
    _medians(plane.reshape(-1), width, height, levels)
    paper = of_the_page(levels)
    believed = levels if hidden is None else _filled(levels, hidden)
    clean = _cleaned(believed, paper) if min(levels.shape) >= 5 else believed
    held = np.clip(clean, max(paper - _LEVEL_BELOW, 0), min(paper + LEVEL_ABOVE, 255))
    ink = buffers.take(name, plane.shape)
    deviations = np.zeros((*levels.shape, 2), np.int64)
    _subtract(plane.reshape(-1), width, held.astype(np.int64), ink.reshape(-1), deviations)
    return Ground(ink, levels, paper, _noise(deviations))


def _filled(levels: NDArray[np.uint8], hidden: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the levels with those of cells that are hidden in part replaced by the nearest."""
    rows, columns = (np.arange(0, side, CELL_PX) for side in hidden.shape)
    unknown = np.maximum.reduceat(np.maximum.reduceat(hidden, rows, axis=0), columns, axis=1)
    out = levels.copy()
    _fill(levels, unknown, out)
    return out


@njit(nogil=True, cache=True)
def _fill(levels, unknown, out):  # type: ignore[no-untyped-def]
    """Write for each unknown cell the upper median of the known ones within the least reach."""
    rows, columns = levels.shape
    near = np.empty(levels.size, np.uint8)
    for y in range(rows):
        for x in range(columns):
            reach = 0
            found = 0 if unknown[y, x] else -1
            while found == 0 and reach < max(rows, columns):
                reach += 1
                for ny in range(max(y - reach, 0), min(y + reach + 1, rows)):
                    for nx in range(max(x - reach, 0), min(x + reach + 1, columns)):
                        if not unknown[ny, nx]:
                            near[found] = levels[ny, nx]
                            found += 1
            if found > 0:
                out[y, x] = np.sort(near[:found])[found // 2]


def _cleaned(levels: NDArray[np.uint8], paper: int) -> NDArray[np.uint8]:
    """Return the median over five by five; beyond the border lies what is inside of it, mirrored.

    So the outermost cells, in which a bed may show, do not vouch for themselves; those that are
    too light for paper are bed and count as paper.
    """
    seen = levels.copy()
    seen[levels > paper + LEVEL_ABOVE] = paper
    seen[_RING:-_RING, _RING:-_RING] = levels[_RING:-_RING, _RING:-_RING]
    wide = cv2.copyMakeBorder(seen, 2, 2, 2, 2, cv2.BORDER_REFLECT_101)
    return np.asarray(cv2.medianBlur(wide, 5)[2:-2, 2:-2], np.uint8)


def of_the_page(values: NDArray[np.uint8]) -> int:
    """Return the level that 60 % of the middle of the page do not exceed."""
    h, w = values.shape
    middle = values[h // 10 : h - h // 10, w // 10 : w - w // 10]
    return int(np.sort(middle, axis=None)[middle.size * 6 // 10])


def _noise(deviations: NDArray[np.int64]) -> int:
    """Return the standard deviation of the paper in 256ths: the calmer quarter of the cells.

    Not the middle one: show-through of a full page is everywhere and would hide itself.
    """
    sums, counts = deviations[..., 0].ravel(), deviations[..., 1].ravel()
    good = counts > 0
    if not good.any():
        return _LEAST_NOISE
    # 321 = 1.2533 * 256: mean absolute deviation to standard deviation.
    each = np.sort(sums[good] * 321 // counts[good])
    return max(int(each[each.size // 4]), _LEAST_NOISE)


@njit(nogil=True, cache=True)
def _medians(plane, width, height, out):  # type: ignore[no-untyped-def]
    for cy in range(out.shape[0]):
        bottom = min(height, (cy + 1) * CELL_PX)
        for cx in range(out.shape[1]):
            place = cy * CELL_PX * width + cx * CELL_PX, 2 * width
            if bottom == (cy + 1) * CELL_PX and (cx + 1) * CELL_PX <= width:
                out[cy, cx] = _median_of_whole(plane, place)
            else:
                rows = (bottom - cy * CELL_PX + 1) // 2
                out[cy, cx] = _median(plane, place, rows, min(CELL_PX, width - cx * CELL_PX))


@njit(nogil=True, cache=True)
def _median_of_whole(plane, place):  # type: ignore[no-untyped-def]
    """Close in on the lower median from the highest bit down."""
    start, step = place
    median = 0
    for bit in (128, 64, 32, 16, 8, 4, 2, 1):
        darker = 0
        for row in range(0, _HALF_PX, 4):
            darker += _darker(plane, start + row * step, step, median + bit)
        if 2 * darker < CELL_PX * _HALF_PX:
            median += bit
    return median


@block(types.int64)
def _darker(e: Emit, plane: Any, i: Any, step: Any, level: Any) -> Any:
    """Count in four rows what is below a level."""
    counts = e.all(0, 8, CELL_PX)
    for _ in range(4):
        counts = e.add(
            counts, e.widen(e.below(e.load(plane, i, CELL_PX), e.all(level, 8, CELL_PX)), 8)
        )
        i = e.plus(i, step)
    return e.number(e.total(counts, 8), 64)


@njit(nogil=True, cache=True)
def _median(plane, place, rows, columns):  # type: ignore[no-untyped-def]
    start, step = place
    counts = np.zeros(256, np.int64)
    for row in range(rows):
        for i in range(start + row * step, start + row * step + columns):
            counts[plane[i]] += 1
    seen = 0
    for level in range(256):
        seen += counts[level]
        if 2 * seen >= rows * columns:
            return level
    return 255


@njit(nogil=True, cache=True)
def _subtract(plane, width, levels, ink, deviations):  # type: ignore[no-untyped-def]
    """Interpolate the level between the centres of cells; ink is what is darker.

    The level between rows is rounded to eighths, so that sixteen bits hold the rest. The small
    deviations of whole blocks are summed and counted, for the noise.
    """
    rows, columns = levels.shape
    line = np.empty(columns, np.int64)
    for y in range(plane.size // width):
        top, down = _cell_above(y, rows)
        low = min(top + 1, rows - 1)
        for k in range(columns):
            line[k] = (levels[top, k] * (CELL_PX - down) + levels[low, k] * down + 2) >> 2
        start = y * width
        _block_of_ink(plane, start, (line[0], line[0]), ink)
        for k in range(columns):
            i = start + k * CELL_PX + _HALF_PX
            if i >= start + width:
                break
            ends = line[k], line[min(k + 1, columns - 1)]
            if i + CELL_PX > start + width:
                _block_of_ink(plane, i, ends, ink)
            else:
                both = _block_of_noise(plane, i, ends, ink)
                deviations[y // CELL_PX, k, 0] += both >> _COUNT_BITS
                deviations[y // CELL_PX, k, 1] += both & ((1 << _COUNT_BITS) - 1)


@njit(nogil=True, cache=True)
def _cell_above(y, rows):  # type: ignore[no-untyped-def]
    """Return the row of cells whose centre is above, and how far below that centre y lies."""
    if y < _HALF_PX:
        return 0, 0
    return min((y - _HALF_PX) // CELL_PX, rows - 1), (y - _HALF_PX) % CELL_PX


@block()
def _block_of_ink(e: Emit, plane: Any, i: Any, ends: Any, ink: Any) -> None:
    e.store(e.less(_levels_between(e, ends), e.load(plane, i, CELL_PX)), ink, i)


@block(types.int64)
def _block_of_noise(e: Emit, plane: Any, i: Any, ends: Any, ink: Any) -> Any:
    """Return the sum of small deviations, above the count of them."""
    level, sample = _levels_between(e, ends), e.load(plane, i, CELL_PX)
    darker = e.less(level, sample)
    e.store(darker, ink, i)
    off = e.widen(e.either(darker, e.less(sample, level)), 16)
    marked = e.add(e.up(off, _COUNT_BITS), 1)
    return e.number(e.total(e.choose(e.below(off, _NOISE_LIMIT), marked, 0), 16), 64)


def _levels_between(e: Emit, ends: Any) -> Any:
    left, right = (e.all(end, 16, CELL_PX) for end in ends)  # in eighths, at most 2040
    along = e.steps(16, CELL_PX)
    mixed = e.add(e.up(left, 5), e.mul(along, e.sub(right, left)))
    return e.narrow(e.down(e.add(mixed, 128), 8), 8)
