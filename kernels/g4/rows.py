"""Gray rasters as packed rows: most significant bit first, 1 = black.

Rule 1: nothing is read after the end of the raster; the last samples go one by one.
"""

from typing import Final

import numpy as np
from numba import njit, types
from numpy.typing import NDArray

from kernels.buffers import Buffers
from kernels.raster import Raster, RasterError
from kernels.vector import block

_LANES: Final = 32
_CHECKED: Final = 4 * _LANES
BLACK_BELOW: Final = 128
"""What is darker is black."""


def is_bilevel(raster: Raster) -> bool:
    """Return True for a gray raster in which every sample is 0 or 255. Stops at the first other.

    Any raster is read safely. One read of a bilevel page; a scan in gray is told by its first
    samples.
    """
    return not raster.is_colour and bool(_is_bilevel(raster.pixels.reshape(-1)))


def pack(raster: Raster, buffers: Buffers | None = None) -> NDArray[np.uint8]:
    """Return the packed rows of a gray raster, (height, ceil(width / 8)); below 128 is black.

    Any raster is read safely. Bits after the width are 0. One read of the page.

    Parameters
    ----------
    buffers
        The result lies in them, under "g4.rows".

    Raises
    ------
    RasterError
        If the raster is in colour.
    """
    if raster.is_colour:
        raise RasterError("only a gray raster can be packed")
    buffers = buffers or Buffers()
    out = buffers.take("g4.rows", (raster.height_px, (raster.width_px + 7) // 8))
    _pack(raster.pixels.reshape(-1), raster.width_px, out.reshape(-1))
    return out


@block(types.uint32)
def _other(e, src, at):  # type: ignore[no-untyped-def]
    """Return 0 where all samples checked are 0 or 255: one more is then at most 1."""
    most = e.all(0, 8, _LANES)
    for ahead in range(0, _CHECKED, _LANES):
        most = e.most(most, e.add(e.load(src, at, _LANES, ahead), 1))
    return e.bits(e.below(e.all(1, 8, _LANES), most))


@block()
def _pack_block(e, src, at, out, to):  # type: ignore[no-untyped-def]
    first_highest = [k ^ 7 for k in range(_LANES)]
    black = e.below(e.pick(e.load(src, at, _LANES), first_highest), BLACK_BELOW)
    e.store(e.lanes(e.bits(black), 8), out, to)


@njit(nogil=True, cache=True)
def _is_bilevel(flat):  # type: ignore[no-untyped-def]
    whole = flat.size - flat.size % _CHECKED
    for at in range(0, whole, _CHECKED):
        if _other(flat, at):
            return False
    for at in range(whole, flat.size):  # noqa: SIM110 - numba knows no any()
        if 0 < flat[at] < 255:
            return False
    return True


@njit(nogil=True, cache=True)
def _pack(src, width, out):  # type: ignore[no-untyped-def]
    row_bytes = (width + 7) // 8
    for y in range(src.size // width):
        row, to = y * width, y * row_bytes
        within = max(min(width, src.size - row - (_LANES - 1)), 0)
        for x in range(0, within, _LANES):
            _pack_block(src, row + x, out, to + x // 8)
        for x in range((within + _LANES - 1) // _LANES * _LANES, width):
            held = out[to + x // 8] if x % 8 else 0
            out[to + x // 8] = held | (src[row + x] < BLACK_BELOW) << (7 - x % 8)
        out[to + row_bytes - 1] &= 255 << (row_bytes * 8 - width)
