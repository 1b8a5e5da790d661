"""How sharp print is: in how many micrometres its edges rise.

A blurred step rises from 10 to 90 % of its contrast in 1.022 times contrast over steepest slope
(2.563 / sqrt(2 pi), for a blur as of Gauss). The sharpest edge of each tile with ink tells of the
optics, not of what is drawn there; of the tiles the sharper third is meant, along or across the
transport, whichever is worse. No edge can rise in less than a sample: 85 at 300 dpi.
"""

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from kernels.first_pass import CELL_PX, FirstPass

_GAUSS: Final = 1.022
_MOST_TILES: Final = 128
_LEAST_TILES: Final = 8
_TILE_INK: Final = 0.75
_EDGE_REACH_MM: Final = 0.5
_LEAST_EDGE: Final = 40
_SHARPER_SHARE: Final = 0.3


@njit(nogil=True, cache=True)
def rises(luma: Any, tiles: Any, reach: int, least: int, out: Any) -> None:
    """Write in how many samples the sharpest edge of each tile rises, along rows and columns.

    The contrast around the steepest step, `reach` samples to either side of it, over that step.

    Parameters
    ----------
    luma
        uint8 (H, W).
    tiles
        int64 (n, 2): first row and column of each.
    reach
        Samples.
    least
        Contrast below which there is no edge.
    out
        int64 (n, 2): in 1/256 of a sample; 0 where there is no edge.
    """
    height, width = luma.shape
    for k in range(tiles.shape[0]):
        for way in range(2):
            down, across = (0, 1) if way == 0 else (1, 0)
            steepest = np.int64(0)
            at_y = 0
            at_x = 0
            for y in range(tiles[k, 0], min(tiles[k, 0] + CELL_PX, height - down)):
                for x in range(tiles[k, 1], min(tiles[k, 1] + CELL_PX, width - across)):
                    step = abs(np.int64(luma[y + down, x + across]) - np.int64(luma[y, x]))
                    if step > steepest:
                        steepest = step
                        at_y = y
                        at_x = x
            low = np.uint8(255)
            high = np.uint8(0)
            for far in range(-reach, reach + 2):
                y = min(max(at_y + far * down, 0), height - 1)
                x = min(max(at_x + far * across, 0), width - 1)
                low = min(low, luma[y, x])
                high = max(high, luma[y, x])
            enough = steepest > 0 and high - low >= least
            out[k, way] = 256 * np.int64(high - low) // steepest if enough else 0


def rise_um(first: FirstPass, rows: NDArray[np.int32], dpi: int) -> float | None:
    """Return the 10 to 90 % rise of printed edges in micrometres, None with too little ink.

    Parameters
    ----------
    first
        The page.
    rows
        int32 (h, 2): where the sheet begins and ends in each row of the half-scale luma.
    dpi
        Of the page.
    """
    tiles = _inked_tiles(first, rows)
    if len(tiles) < _LEAST_TILES:
        return None
    found = np.zeros((len(tiles), 2), np.int64)
    rises(first.luma, tiles, max(round(_EDGE_REACH_MM * dpi / 25.4), 2), _LEAST_EDGE, found)
    worst = 0
    for way in range(2):
        sharp = np.sort(found[found[:, way] > 0, way])
        if sharp.size >= _LEAST_TILES:
            worst = max(worst, int(sharp[int(_SHARPER_SHARE * sharp.size)]))
    return round(_GAUSS * worst / 256 * 25_400 / dpi, 1) if worst else None


def _inked_tiles(first: FirstPass, rows: NDArray[np.int32]) -> NDArray[np.int64]:
    """Return first row and column of inked cells within the region, evenly chosen."""
    least = max(int(_TILE_INK * first.ink_clamp), 1)
    found = np.empty((first.cells.shape[0] * first.cells.shape[1], 2), np.int64)
    count = inked_cells(first.cells, rows, least, found)
    return np.ascontiguousarray(found[: count : max(-(-count // _MOST_TILES), 1)])


@njit(nogil=True, cache=True)
def inked_cells(cells: Any, rows: Any, least: int, out: Any) -> int:
    """Write first row and column of each inked cell within a region; return how many there are.

    Parameters
    ----------
    cells
        uint8 (rows, columns, 2), as of the first pass.
    rows
        int32 (h, 2): where the region begins and ends in each row of the half-scale luma.
    least
        Ink from which on a cell counts.
    out
        int64 (n, 2), room for all cells.
    """
    side = CELL_PX // 2
    last = rows.shape[0] - 1
    count = 0
    for y in range(cells.shape[0]):
        top, bottom = min(y * side, last), min(y * side + side - 1, last)
        begins = max(rows[top, 0], rows[bottom, 0])
        stops = min(rows[top, 1], rows[bottom, 1])
        for x in range(cells.shape[1]):
            if cells[y, x, 0] >= least and x * side > begins and (x + 1) * side < stops:
                out[count, 0] = y * CELL_PX
                out[count, 1] = x * CELL_PX
                count += 1
    return count
