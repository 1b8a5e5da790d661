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
from kernels.first_pass import CELL_PX, FirstPass
from kernels.raster import Raster

_INK: Final = 24
_PAPER_SHARE: Final = 0.2
"""Of a cell: with less of it the ink is bed."""


def is_needed(first: FirstPass, angle_microdeg: int) -> bool:
    """Whether ink on paper would leave the page when its content is turned back by an angle.

    Parameters
    ----------
    first
        First pass of the page before the turn.
    angle_microdeg
        How the content is turned, counter-clockwise positive.
    """
    shape = first.luma.shape
    angle = math.radians(angle_microdeg / 1e6)
    turn = math.cos(angle), math.sin(angle)
    edges = np.arange(first.cells.shape[0] + 1), np.arange(first.cells.shape[1] + 1)
    corners = _leaves(edges[0] * CELL_PX, edges[1] * CELL_PX, shape, turn)
    touched = corners[:-1, :-1] | corners[1:, :-1] | corners[:-1, 1:] | corners[1:, 1:]
    suspects = np.argwhere(touched & (first.cells[..., 0] >= _INK))
    levels = max(first.paper * 3 // 4, 1), first.paper - _INK
    return bool(_loses_ink(first.luma, suspects, turn, levels))


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
    cos, sin = turn
    paper_from, ink_below = levels
    for row, column in suspects:
        lost = paper = inked = 0
        for y in range(row * CELL_PX, min((row + 1) * CELL_PX, height)):
            for x in range(column * CELL_PX, min((column + 1) * CELL_PX, width)):
                right, down = x - width / 2, y - height / 2
                if (
                    abs(right * cos - down * sin) > width / 2
                    or abs(right * sin + down * cos) > height / 2
                ):
                    lost += 1
                    paper += luma[y, x] >= paper_from
                    inked += luma[y, x] < ink_below
        if inked and paper and paper >= _PAPER_SHARE * lost:
            return True
    return False


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
