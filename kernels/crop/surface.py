"""Whether all bed around a sheet is one surface, or some of it print that looks like the bed.

Rule 1: a bed is as bright and as grainy beside the sheet as along the border of the image, but for
a slope of the lamp. Print as dark as the bed differs by less than dirt does, yet all over.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.crop.outside import Region
from kernels.first_pass import FirstPass

_BLOCK_MM: Final = 1.6
_RING_MM: Final = 3.5
_BESIDE_MM: Final = 12.0
_LEAST_BLOCKS: Final = 5
_LEAST_RING: Final = 24
_LEVELS: Final = 2.0
_GRAIN: Final = 1.35
_GRAIN_LEVELS: Final = 0.3
_TRIM: Final = 5.0


def is_one(first: FirstPass, region: Region, box: Region, px_per_mm: float) -> bool:
    """Return whether the bed around a sheet is one surface.

    Parameters
    ----------
    region, box
        The sheet, and what is kept of the page.
    px_per_mm
        Of the page.
    """
    side = max(round(_BLOCK_MM * px_per_mm / 2), 2)
    shape = first.half.shape[0] // side, first.half.shape[1] // side
    reach = round(_RING_MM * px_per_mm / 2 / side)
    if min(shape) < 2 * reach + 2:
        return True
    sums = np.zeros((2, *shape), np.int64)
    near = region.inset(-_BESIDE_MM * px_per_mm).rows(first.luma.shape)
    blocks(first.half, np.hstack((box.rows(first.luma.shape), near)), side, reach, sums)
    y, x = np.nonzero(sums[0] >= 0)
    step = -(-side // 2)
    levels = sums[0][y, x] / step**2
    grain = sums[1][y, x] / step**2
    place = _placed(first.luma.shape, region, (x + 0.5) * 2 * side, (y + 0.5) * 2 * side)
    ring = np.minimum(np.minimum(x, y), np.minimum(shape[1] - 1 - x, shape[0] - 1 - y)) < reach
    if int(ring.sum()) < _LEAST_RING:
        return True
    off = levels - _slope(np.stack((np.ones(x.size), x, y), axis=1), levels, ring)
    usual = middle(grain, ring)
    for zone in _zones(place, region, px_per_mm):
        for some in (zone, zone & ring):
            if int(some.sum()) < _LEAST_BLOCKS:
                continue
            grainy = middle(grain, some)
            differ = abs(grainy - usual) > _GRAIN_LEVELS
            if abs(middle(off, some)) > _LEVELS:
                return False
            if differ and not usual / _GRAIN <= grainy <= usual * _GRAIN:
                return False
    return True


@njit(nogil=True, cache=True)
def blocks(half: Any, rows: Any, side: int, ring: int, sums: Any) -> None:
    """Sum level and grain of every 4th sample of the blocks near a sheet or the image's border.

    Parameters
    ----------
    half
        uint8 (h, w).
    rows
        int32 (h, 4): where what is kept begins and ends in each row, and what is near it.
    side
        Of a block.
    ring
        Blocks that count as near the border.
    sums
        int64 (2, h // side, w // side): of the levels, and of the steps to the next sample; -1
        where a block touches what is kept, or is not near.
    """
    for by in range(sums.shape[1]):
        first, last = by * side, (by + 1) * side - 1
        begins = min(rows[first, 0], rows[last, 0])
        ends = max(rows[first, 1], rows[last, 1])
        if rows[first, 0] == rows[first, 1] and rows[last, 0] == rows[last, 1]:
            begins, ends = half.shape[1], 0
        inner = ring <= by < sums.shape[1] - ring
        for bx in range(sums.shape[2]):
            left = bx * side
            touches = left + side > begins and left < ends
            near = left >= rows[first, 2] and left + side <= rows[first, 3]
            if touches or (inner and ring <= bx < sums.shape[2] - ring and not near):
                sums[0, by, bx] = -1
                continue
            level = np.int64(0)
            grain = np.int64(0)
            for y in range(first, last + 1, 2):
                for x in range(left, left + side, 2):
                    value = np.int64(half[y, x])
                    level += value
                    grain += abs(value - np.int64(half[y, x + 1 if x + 1 < left + side else x - 1]))
            sums[0, by, bx] = level
            sums[1, by, bx] = grain


@njit(nogil=True, cache=True)
def middle(values: Any, some: Any) -> float:
    """Return the upper median of some values, float64, chosen by a mask that is not empty."""
    chosen = np.sort(values[some])
    return float(chosen[chosen.size // 2])


def _placed(
    shape: tuple[int, ...], region: Region, x: NDArray[Any], y: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where points of the page lie after its turn."""
    height, width = shape
    dx, dy = x - width / 2, y - height / 2
    return (
        dx * region.cos - dy * region.sin + width / 2,
        dx * region.sin + dy * region.cos + height / 2,
    )


def _slope(
    terms: NDArray[np.float64], levels: NDArray[np.float64], ring: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return a plane through the levels of the ring, drawn again without what is far off."""
    used = ring & (np.abs(levels - middle(levels, ring)) <= 2 * _TRIM)
    for _ in range(2):
        square = terms[used].T @ terms[used]
        plane = np.linalg.solve(square + np.diag([0.0, 1e-3, 1e-3]), terms[used].T @ levels[used])
        used = ring & (np.abs(levels - terms @ plane) <= _TRIM)
        if int(used.sum()) < 3:
            break
    return np.asarray(terms @ plane, np.float64)


def _zones(
    place: tuple[NDArray[np.float64], NDArray[np.float64]], region: Region, px_per_mm: float
) -> list[NDArray[np.bool_]]:
    """Return which blocks lie left of, above, right of and below the sheet, and near it."""
    left, top, right, bottom = region.box
    x, y = place
    reach = _BESIDE_MM * px_per_mm
    level, upright = (y > top) & (y < bottom), (x > left) & (x < right)
    return [
        level & (x < left) & (x > left - reach),
        upright & (y < top) & (y > top - reach),
        level & (x > right) & (x < right + reach),
        upright & (y > bottom) & (y < bottom + reach),
    ]
