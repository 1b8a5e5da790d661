"""Whether nothing but bed lies outside of a box: what a crop may cut away.

Rule 1: on a bed much darker than paper, specks and hairs are dirt: nobody writes there. On any
other bed a mark larger than dust may be writing on paper that looks like bed.
Rule 2: a thin line from the border straight along the transport is dirt on the glass.
"""

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.crop.bed import Bed
from kernels.crop.views import are_within
from kernels.first_pass import CELL_PX, FirstPass

_BLOCK_MM: Final = 0.6
_FULL: Final = 0.85
_STROKE: Final = 0.18
_SOLID_MM2: Final = 6.0
_STREAK_MM: Final = 1.4
_TINT: Final = 48
_TINTED_CELLS: Final = 3


@dataclass(frozen=True, slots=True)
class Dirt:
    """What may lie on a bed.

    Attributes
    ----------
    slack
        How many levels more than its tolerance the bed may differ.
    speck_mm, most
        The largest speck, and how many.
    hairs
        How many marks may be longer, if they are thin.
    """

    slack: int
    speck_mm: float
    most: int
    hairs: int


DARK: Final = Dirt(slack=12, speck_mm=4.0, most=60, hairs=3)
GRAY: Final = Dirt(slack=4, speck_mm=1.8, most=60, hairs=0)
LIGHT: Final = Dirt(slack=0, speck_mm=1.2, most=30, hairs=0)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle of the turned page, as it lies in the page before its turn.

    Attributes
    ----------
    cos, sin
        Of the angle by which the content is turned, counter-clockwise positive.
    box
        left, top, right, bottom in pixels of the turned page.
    """

    cos: float
    sin: float
    box: tuple[float, float, float, float]

    def inset(self, px: float) -> "Region":
        """Return the rectangle less so much on every side."""
        left, top, right, bottom = self.box
        return Region(self.cos, self.sin, (left + px, top + px, right - px, bottom - px))

    def rows(self, shape: tuple[int, ...]) -> NDArray[np.int32]:
        """Return where the rectangle begins and ends in each row of the half-scale luma.

        Parameters
        ----------
        shape
            Height and width of the page.

        Returns
        -------
        int32 (max(1, height // 2), 2); equal where a row is outside.
        """
        found = np.empty((max(shape[0] // 2, 1), 2), np.int32)
        ends_in_rows((self.cos, self.sin), self.box, (shape[0], shape[1]), found)
        return found


@njit(nogil=True, cache=True)
def ends_in_rows(turn: Any, box: Any, size: Any, out: Any) -> None:
    """Write where a rectangle begins and ends in each row of the half-scale luma; see `Region`.

    Parameters
    ----------
    turn
        cos and sin.
    box
        left, top, right, bottom.
    size
        Height and width of the page.
    out
        int32 (max(1, height // 2), 2).
    """
    cos, sin = turn
    left, top, right, bottom = box
    height, width = size
    half_w = max(width // 2, 1)
    for y in range(out.shape[0]):
        dy = 2.0 * y + 1 - height / 2
        low = (left - width / 2 + dy * sin) / cos
        high = (right - width / 2 + dy * sin) / cos
        above, below = top - height / 2 - dy * cos, bottom - height / 2 - dy * cos
        if abs(sin) < 1e-9:
            high = high if above <= 0 <= below else low
        elif sin > 0:
            low, high = max(low, above / sin), min(high, below / sin)
        else:
            low, high = max(low, below / sin), min(high, above / sin)
        begins = min(max(np.ceil((low + width / 2 - 1) / 2), 0.0), half_w)
        stops = min(max(np.floor((high + width / 2 - 1) / 2) + 1, 0.0), half_w)
        out[y, 0] = np.int32(begins)
        out[y, 1] = np.int32(max(begins, stops))


def is_bed(
    first: FirstPass, region: Region, bed: Bed, dirt: Dirt, px_per_mm: float, buffers: Buffers
) -> bool:
    """Return whether all of the page outside of a region shows nothing but bed and dirt.

    Parameters
    ----------
    px_per_mm
        Of the page.
    """
    inner = region.rows(first.luma.shape)
    if tinted(first.cells, inner, _TINT) > _TINTED_CELLS:
        return False
    side = max(round(_BLOCK_MM * px_per_mm / 2), 1)
    height, width = first.half.shape
    blocks = buffers.zeros("crop.blocks", (-(-height // side), -(-width // side)))
    if not strange(first.half, inner, (bed.level, bed.tolerance + dirt.slack), side, blocks):
        return True
    marked = (blocks >= max(round(_STROKE * side * side), 1)).astype(np.uint8)
    full = blocks >= _FULL * side * side
    return _only_dirt(marked, full, dirt, px_per_mm / (2 * side))


@njit(nogil=True, cache=True)
def strange(half: Any, inner: Any, bed: Any, side: int, blocks: Any) -> int:
    """Count for each block the samples outside of a box that are not bed; return all.

    Parameters
    ----------
    half
        uint8 (h, w).
    inner
        int32 (h, 2): where the box begins and ends in each row.
    bed
        Level and tolerance.
    side
        Of a block, in samples.
    blocks
        uint8 (ceil(h / side), ceil(w / side)), zeros.
    """
    height, width = half.shape
    flat = half.reshape(-1)
    low, high = max(bed[0] - bed[1], 0), min(bed[0] + bed[1], 255)
    total = 0
    for y in range(height):
        start = y * width
        for part in range(2):
            x = inner[y, 1] if part else 0
            last = width if part else inner[y, 0]
            while x < last:
                if x + 32 <= last and are_within(flat, start + x, low, high):
                    x += 32
                    continue
                # Dirt is among them.
                for near in range(x, min(x + 32, last)):
                    if not low <= flat[start + near] <= high:
                        blocks[y // side, near // side] += 1
                        total += 1
                x += 32
    return total


@njit(nogil=True, cache=True)
def tinted(cells: Any, inner: Any, spread: int) -> int:
    """Count the cells that lie outside of a box as a whole and have colour.

    Parameters
    ----------
    cells
        uint8 (rows, columns, 2), as of the first pass.
    inner
        int32 (h, 2): where the box begins and ends in each row of the half-scale luma.
    spread
        Between the samples of a pixel, from which on it counts as colour.
    """
    side = CELL_PX // 2
    count = 0
    for row in range(cells.shape[0]):
        begins = side * cells.shape[1]
        ends = 0
        for y in range(row * side, min((row + 1) * side, inner.shape[0])):
            if inner[y, 0] < inner[y, 1]:
                begins = min(begins, inner[y, 0])
                ends = max(ends, inner[y, 1])
        for column in range(cells.shape[1]):
            apart = (column + 1) * side <= begins or column * side >= ends
            if apart and cells[row, column, 1] >= spread:
                count += 1
    return count


def _only_dirt(
    marked: NDArray[np.uint8], full: NDArray[np.bool_], dirt: Dirt, per_mm: float
) -> bool:
    """Whether every mark on the bed is as small, thin or few as dirt is."""
    count, labels, table, _ = cv2.connectedComponentsWithStats(marked, connectivity=8)
    solid = np.bincount(labels[full], minlength=count)
    sides = table[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] / per_mm
    tops = table[1:, cv2.CC_STAT_TOP]
    bottoms = tops + table[1:, cv2.CC_STAT_HEIGHT]
    streak = (sides[:, 0] <= _STREAK_MM) & ((tops == 0) | (bottoms == marked.shape[0]))
    # A mark that touches one block more is not longer.
    longest = np.where(streak, 0.0, sides.max(axis=1) - 1 / per_mm)
    return (
        count - 1 <= dirt.most
        and int(np.count_nonzero(longest > dirt.speck_mm)) <= dirt.hairs
        and float(solid[1:].max(initial=0)) <= _SOLID_MM2 * per_mm * per_mm
    )
