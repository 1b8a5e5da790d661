"""Streaks of dirty glass in the strips of a page: thin columns inked from top to bottom.

Rule 1: they are not content, and so strong that they would name the angle: they are filled from
both sides before anything is measured.
"""

from typing import Any, Final

import numpy as np
from numba import njit

from kernels.vector import Emit, block

_HALF_PX: Final = 3
_LANES: Final = 64


@njit(nogil=True, cache=True)
def take_out(columns, least, width):  # type: ignore[no-untyped-def]
    """Fill the columns of streaks, and return the first column of each.

    Parameters
    ----------
    columns
        `Strips` of columns; changed.
    least
        Ink of an item that counts.
    width
        So many columns aside a streak must be gone.
    """
    items, pad, lines = columns.items, columns.pad, columns.lines
    count, pitch = items.shape
    inked = np.empty(lines + _LANES, np.uint16)
    flat = items.reshape(-1)
    for x in range(0, lines, _LANES):
        _inked_block(flat, (pad + x, pitch, count), least, inked, x)
    found = np.empty(lines, np.int64)
    dirty = 0
    for x in range(width, lines - width):
        here, left, right = inked[x], inked[x - width], inked[x + width]
        if 2 * here > count and 3 * left < here and 3 * right < here:
            found[dirty] = x
            dirty += 1
    found = found[:dirty]
    _interpolate(items, pad, found, width)
    first = np.ones(dirty, np.bool_)
    first[1:] = found[1:] - found[:-1] > 1
    return found[first]


@block()
def _inked_block(e: Emit, items: Any, strips: Any, least: Any, inked: Any, x: Any) -> None:
    """Count the strips in which a column has that much ink."""
    start, pitch, count = strips
    none, bar = e.all(0, 16, _LANES), e.all(least, 16, _LANES)

    def one(k: Any, total: Any) -> Any:
        ink = e.load(items, e.plus(start, e.mul(k, pitch)), _LANES)
        return e.add(total, e.choose(e.below(ink, bar), none, 1))

    e.store(e.repeat(count, one, none), inked, x)


@njit(nogil=True, cache=True)
def _interpolate(items, pad, found, width):  # type: ignore[no-untyped-def]
    for x in found + pad:
        for k in range(items.shape[0]):
            mean = (np.uint32(items[k, x - width]) + np.uint32(items[k, x + width])) >> 1
            for near in range(x - _HALF_PX, x + _HALF_PX + 1):
                items[k, near] = min(np.uint32(items[k, near]), mean)
