"""Room for a turn: what a page would lose over its own border is kept by making the page larger.

A page keeps its size when it is turned, so its corners leave it. With the sheet in the middle of
the image these are bed; but a sheet that lies off the middle may lose a corner with ink on it.

Rule 1: no ink on paper leaves a page by a turn.
"""

import math
from typing import Final

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.crop import Sheet
from kernels.crop.outside import Region
from kernels.first_pass import CELL_PX, FirstPass
from kernels.raster import Raster

_INK: Final = 24
_PAPER_SHARE: Final = 0.2
"""Of a cell: with less of it the ink is bed."""
_EDGE_MM: Final = 0.4
_LEAST_PX: Final = 3


def is_needed(first: FirstPass, angle_microdeg: int, dpi: int, sheet: Sheet | None = None) -> bool:
    """Whether ink on paper would leave the page when its content is turned back by an angle.

    Parameters
    ----------
    first
        First pass of the page before the turn.
    angle_microdeg
        How the content is turned, counter-clockwise positive.
    dpi
        Of the page.
    sheet
        Where the sheet lies: then all ink on it counts, but for its very edges, and none beside
        it. None: not known; ink counts where paper leaves with it.
    """
    shape = first.luma.shape
    angle = math.radians(angle_microdeg / 1e6)
    turn = math.cos(angle), math.sin(angle)
    edges = np.arange(first.cells.shape[0] + 1), np.arange(first.cells.shape[1] + 1)
    corners = _leaves(edges[0] * CELL_PX, edges[1] * CELL_PX, shape, turn)
    touched = corners[:-1, :-1] | corners[1:, :-1] | corners[:-1, 1:] | corners[1:, 1:]
    suspects = np.argwhere(touched & (first.cells[..., 0] >= _INK))
    if sheet is None:
        levels = max(first.paper * 3 // 4, 1), first.paper - _INK
        return bool(_loses_ink(first.luma, suspects, turn, levels))
    rows = _within(sheet, _EDGE_MM * dpi / 25.4, max(shape)).rows(shape)
    lost = _inked_px(first.luma, suspects, turn, (rows, sheet.paper - _INK))
    return bool(lost >= _LEAST_PX)


def _within(sheet: Sheet, inset_px: float, far_px: int) -> Region:
    """Return the sheet less its very edges; where none is seen, it reaches beyond the image."""
    insets = [inset_px if seen else -float(far_px) for seen in sheet.outline.seen]
    (left, top, right, bottom), region = sheet.region.box, sheet.region
    box = left + insets[0], top + insets[1], right - insets[2], bottom - insets[3]
    return Region(region.cos, region.sin, box)


def _leaves(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    shape: tuple[int, ...],
    turn: tuple[float, float],
) -> NDArray[np.bool_]:
    """Return which places the turn takes out of the image."""
    (height, width), (cos, sin) = shape, turn
    y, x = (rows - height / 2)[:, None], (columns - width / 2)[None, :]
    out = np.abs(x * cos - y * sin) > width / 2
    return np.asarray(out | (np.abs(x * sin + y * cos) > height / 2))


@njit(nogil=True, cache=True)
def _loses_ink(luma, suspects, turn, levels):  # type: ignore[no-untyped-def]
    """Whether ink on paper leaves the image in one of the cells.

    Cells in which nothing is as light as paper are bed, the most of what leaves.
    """
    height, width = luma.shape
    paper_from, ink_below = levels
    for row, column in suspects:
        lost = paper = inked = 0
        for y in range(row * CELL_PX, min((row + 1) * CELL_PX, height)):
            for x in range(column * CELL_PX, min((column + 1) * CELL_PX, width)):
                if _goes(y, x, luma.shape, turn):
                    lost += 1
                    paper += luma[y, x] >= paper_from
                    inked += luma[y, x] < ink_below
        if inked and paper and paper >= _PAPER_SHARE * lost:
            return True
    return False


@njit(nogil=True, cache=True)
def _inked_px(luma, suspects, turn, sheet):  # type: ignore[no-untyped-def]
    """Count the inked pixels of a sheet that leave the image in the cells."""
    height, width = luma.shape
    rows, ink_below = sheet
    inked = 0
    for row, column in suspects:
        for y in range(row * CELL_PX, min((row + 1) * CELL_PX, height)):
            begin, end = rows[min(y // 2, len(rows) - 1)]
            for x in range(column * CELL_PX, min((column + 1) * CELL_PX, width)):
                if begin <= x // 2 < end and luma[y, x] < ink_below:
                    inked += _goes(y, x, luma.shape, turn)
    return inked


@njit(nogil=True, cache=True)
def _goes(y, x, shape, turn):  # type: ignore[no-untyped-def]
    (height, width), (cos, sin) = shape, turn
    right, down = x - width / 2, y - height / 2
    return abs(right * cos - down * sin) > width / 2 or abs(right * sin + down * cos) > height / 2


def around(raster: Raster, angle_microdeg: int, buffers: Buffers | None = None) -> Raster:
    """Return the page with a white border on all sides, from which no corner leaves by a turn."""
    buffers = buffers or Buffers()
    sin = abs(math.sin(math.radians(angle_microdeg / 1e6)))
    right = math.ceil(raster.height_px / 2 * sin)
    down = math.ceil(raster.width_px / 2 * sin)
    size = (raster.height_px + 2 * down, raster.width_px + 2 * right)
    out = buffers.take("room.out", (*size, *raster.pixels.shape[2:]))
    cv2.copyMakeBorder(
        raster.pixels, down, down, right, right, cv2.BORDER_CONSTANT, dst=out, value=(255,) * 3
    )
    return Raster(out, raster.dpi)
